"""`tagsmith pnc`: Plug&Charge keys, by which vehicles are known at chargers."""

from __future__ import annotations

from pathlib import Path

import click

from tagsmith.cli.api import ask_api, confirm, user_option, where, yes_option
from tagsmith.cli.output import config_option, json_option, print_fields, settings_from, write_json


@click.group()
def pnc() -> None:
    """Create, enable and disable Plug&Charge keys of a user's vehicles."""


@pnc.command()
@click.argument("pcid")
@click.option(
    "--contract-id", metavar="EMAID", help="The contract of the vehicle's certificate; else the API makes one."
)
@user_option
@yes_option
@json_option
@config_option
def create(pcid: str, contract_id: str | None, user_id: str, yes: bool, as_json: bool, config: Path | None) -> None:
    """Make a Plug&Charge key for a vehicle. PCID has 17 or 18 letters and digits. It can be disabled, not deleted."""
    from tagsmith.cli.keys import look_first
    from tagsmith.config import resolve_api
    from tagsmith.drive import PlugAndChargeRequest, check_user_id, pcid_hint

    settings = settings_from(config)
    api = resolve_api(settings)
    check_user_id(user_id)
    request = PlugAndChargeRequest(pcid=pcid, contract_id=contract_id)
    request.body()
    if hint := pcid_hint(pcid):
        click.echo(f"note: {hint}", err=True)
    contract = f"contract {contract_id}" if contract_id else "a new contract"
    confirm(f"Make a key for vehicle {pcid.upper()} with {contract} for user {user_id} ({where(api)})?", yes=yes)
    key = ask_api(
        settings,
        api,
        lambda drive: drive.create_plug_and_charge(user_id, request),
        if_unknown=look_first(user_id),
    )
    if as_json:
        write_json(key.model_dump(mode="json", by_alias=True))
    else:
        print_fields({"contract": key.contract_id, "pcid": key.pcid, "key id": key.key_id})


@pnc.command()
@click.argument("contract")
@user_option
@json_option
@config_option
def enable(contract: str, user_id: str, as_json: bool, config: Path | None) -> None:
    """Let a vehicle with this contract charge again."""
    from tagsmith.cli.keys import change
    from tagsmith.drive import KeyChange

    change(contract, user_id, KeyChange(enabled=True), as_json=as_json, config=config)


@pnc.command()
@click.argument("contract")
@user_option
@json_option
@config_option
def disable(contract: str, user_id: str, as_json: bool, config: Path | None) -> None:
    """Stop a vehicle with this contract from charging, at once; as when its certificate was revoked or has expired."""
    from tagsmith.cli.keys import change
    from tagsmith.drive import KeyChange

    change(contract, user_id, KeyChange(enabled=False), as_json=as_json, config=config)
