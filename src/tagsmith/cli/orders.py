"""`tagsmith orders`: keys that are ordered for users, who are charged for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.api import agrees, ask_api, confirm, shown, somebody_is_there, user_option, where, yes_option
from tagsmith.cli.output import config_option, json_option, print_fields, print_table, settings_from, write_json

if TYPE_CHECKING:
    from tagsmith.config import Api, Settings
    from tagsmith.drive import KeyOrder, Note, Order, OrderNotes, PlacedOrder

NOBODY_KNOWS = 3
"""Exit code: whether an order was placed is not known, and a person has to look."""


@click.group()
def orders() -> None:
    """Order keys for users, list the orders, and show receipts and prices."""


@orders.command()
@user_option
@click.option("--address-line1", required=True, help="Street and house number.")
@click.option("--address-line2", help="What else belongs there.")
@click.option("--postal-code", required=True)
@click.option("--city", required=True)
@click.option("--country", required=True, help="The country's name, as on a letter.")
@click.option("--first-name")
@click.option("--last-name")
@click.option("--company-name")
@click.option("--taxation-country", metavar="CODE", required=True, help="Two letters, like DE.")
@click.option("--payment-option-id", metavar="ID", help="How the user pays; else by their default way.")
@yes_option
@json_option
@config_option
def place(
    user_id: str,
    taxation_country: str,
    payment_option_id: str | None,
    yes: bool,
    as_json: bool,
    config: Path | None,
    **address: str | None,
) -> None:
    """Order one key for a user, who is charged for it; this cannot be undone. One order per user in 5 minutes.

    An order is sent once. If its answer is lost, the user's orders are shown and you are asked whether it is among
    them; with nobody to ask the exit code is 3. Before that is settled no other order is sent for this user.
    """
    from tagsmith.config import resolve_api, state_folder
    from tagsmith.drive import Address, KeyOrder, OrderNotes, check_user_id
    from tagsmith.errors import ConfigError

    settings = settings_from(config)
    api = resolve_api(settings)
    check_user_id(user_id)
    order = KeyOrder(address=Address(**address), taxation_country=taxation_country, payment_option_id=payment_option_id)
    order.body()
    folder = state_folder()
    if folder is None:
        raise ConfigError("there is no folder to note orders in", "set XDG_STATE_HOME")
    notes = OrderNotes(folder)
    _settle_last(settings, api, notes, user_id, yes=yes)
    notes.check(api.target, user_id)
    lines = ", ".join(order.address.lines())
    confirm(f"Order a key for user {user_id}, who is charged for it ({where(api)}), to: {lines}?", yes=yes)
    _show_placed(_send(settings, api, notes, user_id, order, yes=yes), as_json)


@orders.command("list")
@user_option
@json_option
@config_option
def list_(user_id: str, as_json: bool, config: Path | None) -> None:
    """List the orders of a user."""
    from tagsmith.config import resolve_api

    settings = settings_from(config)
    found = ask_api(settings, resolve_api(settings), lambda drive: drive.list_orders(user_id))
    if as_json:
        write_json([_json(order) for order in found])
    else:
        _print_orders(found)


@orders.command()
@click.argument("order")
@user_option
@json_option
@config_option
def receipt(order: str, user_id: str, as_json: bool, config: Path | None) -> None:
    """Print the URL of an order's receipt. ORDER is its id, as `orders list` shows it."""
    from tagsmith.config import resolve_api

    settings = settings_from(config)
    url = ask_api(settings, resolve_api(settings), lambda drive: drive.receipt_url(user_id, order))
    if as_json:
        write_json({"url": url})
    else:
        print_fields({"receipt": url})


@orders.command()
@json_option
@config_option
def prices(as_json: bool, config: Path | None) -> None:
    """Show what a key costs in each country that is set up for your organisation, VAT included."""
    from tagsmith.config import resolve_api

    settings = settings_from(config)
    found = ask_api(settings, resolve_api(settings), lambda drive: drive.prices())
    if as_json:
        write_json([price.model_dump(mode="json", by_alias=True) | {"amount": str(price.amount)} for price in found])
        return
    print_table(
        ("COUNTRY", "AMOUNT", "CURRENCY", "VAT", "RAW"),
        ((price.country, price.amount, price.currency, f"{price.vat} %", price.raw) for price in found),
    )
    if found:
        first = found[0]
        click.echo(
            "AMOUNT takes RAW (priceMinorInclVat) for the smallest unit, as its name says. The API's own sample takes"
            f" it for whole units: {first.raw} would be {first.amount_if_major} then. Compare with your contract.",
            err=True,
        )


# --- placing ------------------------------------------------------------------------------------------------------


def _send(settings: Settings, api: Api, notes: OrderNotes, user_id: str, order: KeyOrder, *, yes: bool) -> PlacedOrder:
    """Send an order, once, and note what became of it; ends the process where nobody knows."""
    from tagsmith.drive import NoteState
    from tagsmith.errors import ConfigError, DriveError, OutcomeUnknown

    note = notes.begin(api.target, user_id)
    try:
        placed = ask_api(settings, api, lambda drive: drive.place_order(user_id, order))
    except OutcomeUnknown as error:
        click.echo(f"tagsmith: nobody knows whether this order was placed: {error.message}", err=True)
        _settle(settings, api, notes, note, yes=yes)
        sys.exit(NOBODY_KNOWS)
    except (DriveError, ConfigError):
        # Everything else proves that it was not placed.
        notes.forget(note)
        raise
    notes.settle(note, NoteState.PLACED, placed.id)
    return placed


def _settle_last(settings: Settings, api: Api, notes: OrderNotes, user_id: str, *, yes: bool) -> None:
    """Have a person settle an earlier order whose answer was lost, if there is one. Ends the process unless it is."""
    from tagsmith.drive import NoteState

    note = notes.last(api.target, user_id)
    if note is None or note.state is not NoteState.UNKNOWN:
        return
    click.echo(f"tagsmith: nobody knows whether the order of {_when(note)} for this user was placed", err=True)
    _settle(settings, api, notes, note, yes=yes)
    if yes or not somebody_is_there():
        sys.exit(NOBODY_KNOWS)


def _settle(settings: Settings, api: Api, notes: OrderNotes, note: Note, *, yes: bool) -> None:
    """Show the orders that the API has, and ask whether this one is among them; ends the process with 0 if it is.

    A person's no lets the next order be placed, but not before the five minutes are over: the list may lag behind.
    """
    from tagsmith.drive import NoteState
    from tagsmith.errors import DriveError

    click.echo("The orders that the API has for this user:", err=True)
    try:
        found = ask_api(settings, api, lambda drive: drive.list_orders(note.user_id))
    except DriveError as error:
        click.echo(f"  they cannot be listed: {error}", err=True)
        click.echo("  → run the same command again later: it asks before it orders anything", err=True)
        sys.exit(NOBODY_KNOWS)
    _print_orders(found, err=True)
    if yes or not somebody_is_there():
        click.echo("  → run the same command at a terminal: it asks before it orders anything", err=True)
        return
    if agrees(f"Is the order of {_when(note)} among them?"):
        notes.settle(note, NoteState.PLACED)
        click.echo("It was placed; nothing more is ordered.", err=True)
        sys.exit(0)
    notes.settle(note, NoteState.NOT_SEEN)
    click.echo("It was not placed, as far as can be seen; it is not sent again by itself.", err=True)


def _when(note: Note) -> str:
    from datetime import datetime

    return shown(datetime.fromisoformat(note.at))


def _show_placed(placed: PlacedOrder, as_json: bool) -> None:
    if as_json:
        write_json(_json(placed))
    else:
        print_fields({"order": placed.id, "state": _state(placed)})


def _print_orders(found: list[Order], *, err: bool = False) -> None:
    print_table(
        ("ORDER", "CREATED", "STATE", "QUANTITY", "RECEIPT", "TO"),
        (
            (
                order.id,
                shown(order.created),
                _state(order),
                order.quantity,
                {True: "yes", False: "no", None: ""}[order.has_receipt],
                ", ".join(order.address.lines()) if order.address else "",
            )
            for order in found
        ),
        err=err,
    )


def _state(order: PlacedOrder) -> str:
    """The state; the API's own word beside it where this version does not know it."""
    unknown = order.state.value != order.raw_state
    return f"{order.state} ({order.raw_state})" if unknown and order.raw_state else str(order.state)


def _json(order: PlacedOrder) -> dict[str, object]:
    """The order with the API's field names; an unknown state is UNKNOWN, with the API's word as `rawState`."""
    fields = order.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**fields, "state": str(order.state), "rawState": order.raw_state}
