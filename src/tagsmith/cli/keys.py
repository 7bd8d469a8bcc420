"""`tagsmith keys`: the charging keys of a user, at the API."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagsmith.cli.api import ask_api, confirm, shown, user_option, where, yes_option
from tagsmith.cli.output import (
    config_option,
    json_option,
    print_fields,
    print_table,
    printable,
    settings_from,
    write_json,
)
from tagsmith.cli.station import station_options, station_wanted

if TYPE_CHECKING:
    from tagsmith.config import Settings
    from tagsmith.drive import ChargingKey, KeyChange


@click.group()
def keys() -> None:
    """List, activate, rename, enable, disable and replace the keys of a user."""


@keys.command("list")
@user_option
@click.option("--virtual", is_flag=True, help="Also the virtual key, which is not for people.")
@json_option
@config_option
def list_(user_id: str, virtual: bool, as_json: bool, config: Path | None) -> None:
    """List the activated keys of a user."""
    from tagsmith.config import resolve_api

    settings = settings_from(config)
    found = ask_api(settings, resolve_api(settings), lambda drive: drive.list_keys(user_id, virtual=virtual))
    if as_json:
        write_json([_json(key) for key in found])
    else:
        print_table(
            ("NAME", "NUMBER", "KEY ID", "CONTRACT", "TYPE", "STATE", "VALID TO"),
            (
                (key.name, key.reference_id, key.key_id, key.contract_id, key.type, _state(key), shown(key.valid_to))
                for key in found
            ),
        )


@keys.command()
@click.argument("number")
@user_option
@yes_option
@json_option
@config_option
def activate(number: str, user_id: str, yes: bool, as_json: bool, config: Path | None) -> None:
    """Activate a reserved key for a user; this cannot be undone. NUMBER is the visual number, as it was reserved.

    Where the journal holds the number, it is checked that the API activated this very key. The journal is not changed.
    """
    from tagsmith.config import resolve_api
    from tagsmith.drive import check_user_id

    settings = settings_from(config)
    api = resolve_api(settings)
    check_user_id(user_id)
    reserved = _reserved_uid(settings, api.target, number)
    confirm(f"Activate {number} for user {user_id} ({where(api)})?", yes=yes)
    key = ask_api(settings, api, lambda drive: drive.activate(user_id, number), if_unknown=look_first(user_id))
    _show(key, as_json)
    _check_activated(key, number, reserved)


@keys.command()
@click.argument("key")
@click.argument("name")
@user_option
@json_option
@config_option
def rename(key: str, name: str, user_id: str, as_json: bool, config: Path | None) -> None:
    """Give a key of a user another name. KEY is its key id or its contract id, as `keys list` shows them."""
    from tagsmith.drive import KeyChange

    change(key, user_id, KeyChange(name=name), as_json=as_json, config=config)


@keys.command()
@click.argument("key")
@user_option
@json_option
@config_option
def enable(key: str, user_id: str, as_json: bool, config: Path | None) -> None:
    """Let a disabled key of a user work again. KEY is its key id or its contract id."""
    from tagsmith.drive import KeyChange

    change(key, user_id, KeyChange(enabled=True), as_json=as_json, config=config)


@keys.command()
@click.argument("key")
@user_option
@json_option
@config_option
def disable(key: str, user_id: str, as_json: bool, config: Path | None) -> None:
    """Stop a key of a user from working, at once. KEY is its key id or its contract id; `enable` takes it back."""
    from tagsmith.drive import KeyChange

    change(key, user_id, KeyChange(enabled=False), as_json=as_json, config=config)


@keys.command()
@click.argument("key")
@user_option
@yes_option
@station_options
@config_option
def replace(key: str, user_id: str, yes: bool, config: Path | None, **station: Any) -> None:
    """Disable a lost key of a user, then run the station, which enrolls the new one for the same user.

    KEY is its key id or its contract id. One that is disabled already is left as it is, so that the command can be
    repeated. The station runs as `tagsmith run --user ID` does, with the same options and exit codes.
    """
    from tagsmith.errors import TagsmithError

    wanted = station_wanted(user_id, config, **station)
    wanted.check()
    _disable_lost(wanted.settings, key, user_id, yes=yes)
    try:
        code = wanted.run()
    except TagsmithError:
        _old_one_is_disabled(key, user_id)
        raise
    if code == 1:
        _old_one_is_disabled(key, user_id)
    sys.exit(code)


def _disable_lost(settings: Settings, identifier: str, user_id: str, *, yes: bool) -> None:
    """Disable a key that has a chip, after a question, unless it is disabled already.

    Raises:
        Refused: the user has no such key, or it is none that can be lost.
        TagsmithError: it is not to be done, or nobody knows whether it was.
    """
    from tagsmith.config import resolve_api
    from tagsmith.drive import KeyChange, KeyKind
    from tagsmith.errors import Refused

    api = resolve_api(settings)
    found = ask_api(settings, api, lambda drive: drive.list_keys(user_id, virtual=True))
    lost = next((one for one in found if one.is_named(identifier)), None)
    if lost is None:
        raise Refused(
            f"user {user_id} has no key {printable(identifier[:80])}",
            f"a key is named by its key id or its contract id: tagsmith keys list --user {user_id}",
        )
    if lost.type in (KeyKind.VIRTUAL, KeyKind.PLUG_AND_CHARGE):
        raise Refused(f"{printable(identifier[:80])} is a {lost.type} key: there is no chip to replace")
    shown_as = printable(", ".join(filter(None, (lost.key_id, lost.reference_id, lost.name))))
    if not lost.enabled:
        click.echo(f"The old key ({shown_as}) is disabled already.", err=True)
        return
    confirm(f"Disable the key {shown_as} of user {user_id} at once ({where(api)}), and enroll another?", yes=yes)
    ask_api(
        settings,
        api,
        lambda drive: drive.change_key(user_id, lost.key_id, KeyChange(enabled=False)),
        if_unknown=look_first(user_id),
    )
    click.echo(f"The old key ({shown_as}) is disabled. Now the new one.", err=True)


def _old_one_is_disabled(identifier: str, user_id: str) -> None:
    click.echo(
        f"tagsmith: the old key {printable(identifier[:80])} is disabled already; to enroll the new one:"
        f" tagsmith run --user {user_id}",
        err=True,
    )


def change(identifier: str, user_id: str, wanted: KeyChange, *, as_json: bool, config: Path | None) -> None:
    """Change a key, and show it as the API has it now."""
    from tagsmith.config import resolve_api

    settings = settings_from(config)
    key = ask_api(
        settings,
        resolve_api(settings),
        lambda drive: drive.change_key(user_id, identifier, wanted),
        if_unknown=look_first(user_id),
    )
    _show(key, as_json)


def look_first(user_id: str) -> str:
    """What to do where nobody knows whether a user's keys were changed."""
    return f"look first whether it was done: tagsmith keys list --user {user_id}"


def _show(key: ChargingKey, as_json: bool) -> None:
    if as_json:
        write_json(_json(key))
        return
    print_fields(
        {
            "name": key.name,
            "number": key.reference_id,
            "key id": key.key_id,
            "contract": key.contract_id,
            "type": key.type,
            "state": _state(key),
            "valid from": shown(key.valid_from),
            "valid to": shown(key.valid_to),
        }
    )


def _json(key: ChargingKey) -> dict[str, object]:
    """The key with the API's field names, those that this version does not know included."""
    return key.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _state(key: ChargingKey) -> str:
    return "enabled" if key.enabled else "disabled"


def _reserved_uid(settings: Settings, target: str, number: str) -> str | None:
    """The uid that the journal holds for a number, as it was sent to this API; None where it holds none."""
    import asyncio

    from tagsmith.errors import JournalError
    from tagsmith.journal import Journal
    from tagsmith.visual_number import VisualNumber

    try:
        if not Journal.exists(settings.journal.url):
            return None
        journal = Journal.open(settings.journal.url, station=settings.station.name)
        try:
            record = asyncio.run(journal.find(target, number_key=VisualNumber.parse(number).key))
        finally:
            journal.close()
    except JournalError as error:
        click.echo(f"tagsmith: the journal cannot be read, so the uid is not compared: {error}", err=True)
        return None
    return None if record is None else record.entry.uid_api


def _check_activated(key: ChargingKey, number: str, reserved: str | None) -> None:
    """See that the key that is active now is the one that was meant.

    Raises:
        OutcomeUnknown: it is another one.
    """
    from tagsmith.errors import OutcomeUnknown

    if reserved is not None and key.key_id.lower() != reserved.lower():
        raise OutcomeUnknown(
            f"ALARM: the API activated another key: keyId {printable(key.key_id[:64])} came back,"
            f" {reserved} was reserved with this number",
            "check both keys before either is handed out",
            status=200,
        )
    if key.reference_id is not None and not _same_number(key.reference_id, number):
        raise OutcomeUnknown(
            f"ALARM: the API activated the number {printable(key.reference_id[:80])}, not {printable(number)}",
            "check both keys before either is handed out",
            status=200,
        )


def _same_number(one: str, other: str) -> bool:
    """Whether two numbers are one, as the journal has it."""
    from tagsmith.errors import NumberError
    from tagsmith.visual_number import VisualNumber

    try:
        return VisualNumber.parse(one).key == VisualNumber.parse(other).key
    except NumberError:
        return False
