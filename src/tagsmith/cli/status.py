"""`tagsmith status`: how a station stands, on one screen, whether it runs or not."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagsmith.cli.output import config_option, json_option, print_fields, settings_from, write_json

if TYPE_CHECKING:
    from tagsmith.config import Api, Settings
    from tagsmith.journal import Journal

NEEDS_A_PERSON = 3
"""Exit code: somebody must do something; `attention` says what."""


@click.command()
@json_option
@config_option
def status(as_json: bool, config: Path | None) -> None:
    """Show what stands in the journal, who delivers, the byte order, who has the readers, and whose settings these are.

    It changes nothing and may be used beside a running station.

    Exit code 0: nothing needs a person. 3: something does (refused or unknown pairs, nobody delivers what waits,
    nothing may be delivered), and is said below ATTENTION. 1: it cannot be told, and why.
    """
    from tagsmith import __version__
    from tagsmith.config import places, resolve_api

    settings = settings_from(config)
    api = resolve_api(settings)
    document: dict[str, Any] = {
        "version": __version__,
        "station": settings.station.name,
        "target": api.target,
        "environment": str(api.environment),
        "settings": list(places(config)),
        **_journal(settings, api),
        "readers": _readers(settings),
    }
    document["attention"] = _attention(document)
    if as_json:
        write_json(document)
    else:
        _print(document)
    sys.exit(NEEDS_A_PERSON if document["attention"] else 0)


def _journal(settings: Settings, api: Api) -> dict[str, Any]:
    """What the journal says. Looking makes none."""
    from tagsmith.journal import Journal

    url = settings.journal.url
    if not Journal.exists(url):
        return {"journal": Journal.place_of(url), "there": False, **_nothing(settings)}
    journal = Journal.open(url, station=settings.station.name)
    try:
        return {"journal": journal.place, "there": True, **asyncio.run(_ask(journal, settings, api))}
    finally:
        journal.close()


def _nothing(settings: Settings) -> dict[str, Any]:
    order = settings.uid.order
    return {
        "pairs": {},
        "waiting": 0,
        "oldest_waiting_s": None,
        "last_pair": None,
        "delivered_by": None,
        "may_not_deliver": "",
        "uid_order": {"order": str(order) if order else "reversed", "confirmed": settings.uid.confirmed, "by": None},
    }


async def _ask(journal: Journal, settings: Settings, api: Api) -> dict[str, Any]:
    from tagsmith.station import footing

    target, now = api.target, datetime.now(UTC)
    oldest = next(iter(await journal.due(target, 1)), None)
    last = next(iter(await journal.recent(target, 1)), None)
    stands_on = await footing(journal, settings, api)
    calibration = await journal.calibration(target)
    holder = await asyncio.to_thread(journal.courier_lock().holder)
    return {
        "pairs": {str(state): total for state, total in (await journal.tally(target)).items()},
        "waiting": await journal.waiting(target),
        "oldest_waiting_s": None if oldest is None else round((now - oldest.entry.paired_at).total_seconds()),
        "last_pair": None
        if last is None
        else {
            "entry": last.entry.id,
            "uid": last.entry.uid.wire,
            "visual_number": last.entry.visual_number,
            "state": str(last.state),
            "lane": last.entry.lane,
            "at": last.entry.paired_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
        "delivered_by": holder or None,
        "may_not_deliver": (await journal.stranger()) or stands_on.hold_back,
        "uid_order": {
            "order": str(stands_on.order.order),
            "confirmed": stands_on.order.confirmed or settings.uid.confirmed,
            "by": None if calibration is None else f"{calibration.by}, {calibration.at:%Y-%m-%d}, {calibration.reader}",
        },
    }


def _readers(settings: Settings) -> dict[str, Any]:
    """The readers that the settings name, and every one that some process of ours holds now."""
    from tagsmith.config import DEFAULT_READER
    from tagsmith.readers.lock import held

    wanted = [{"lane": one.lane, "spec": one.spec} for one in settings.reader] or [
        {"lane": "1", "spec": DEFAULT_READER}
    ]
    return {"configured": wanted, "held": [{"reader": device, "by": str(holder)} for device, holder in held()]}


def _attention(document: dict[str, Any]) -> list[str]:
    """What a person must do, the worst first."""
    found = []
    if document["may_not_deliver"]:
        found.append(document["may_not_deliver"])
    pairs = document["pairs"]
    if unknown := pairs.get("unknown", 0):
        found.append(f"{unknown} unknown: tagsmith journal list --state unknown, then tagsmith journal resolve")
    if refused := pairs.get("refused", 0):
        found.append(f"{refused} refused: tagsmith journal list --state refused, then correct, retry or void them")
    if document["waiting"] and not document["delivered_by"]:
        found.append(f"{document['waiting']} wait and nobody delivers: tagsmith run, or tagsmith courier --once")
    return found


def _print(document: dict[str, Any]) -> None:
    order, last = document["uid_order"], document["last_pair"]
    pairs = ", ".join(f"{total} {state}" for state, total in document["pairs"].items() if total)
    waiting = str(document["waiting"])
    if (age := document["oldest_waiting_s"]) is not None:
        waiting += f", the oldest that may be sent for {_span(age)}"
    print_fields(
        {
            "station": f"{document['station']} (tagsmith {document['version']})",
            "API": f"{document['environment']}: {document['target']}",
            "settings": ", ".join(document["settings"]) or "none: defaults",
            "journal": document["journal"] + ("" if document["there"] else " (not there yet)"),
            "pairs": pairs or "none",
            "waiting": waiting,
            "last pair": "none"
            if last is None
            else f"{last['visual_number']}  {last['uid']}  {last['state']}  {last['at']}",
            "delivered by": document["delivered_by"] or "nobody now",
            "byte order": f"{order['order']}, {'confirmed' if order['confirmed'] else 'not confirmed'}"
            + (f" ({order['by']})" if order["by"] else ""),
            "readers": ", ".join(f"{one['lane']}: {one['spec']}" for one in document["readers"]["configured"]),
            "held": "; ".join(f"{one['reader']} by {one['by']}" for one in document["readers"]["held"]) or "no reader",
        }
    )
    if document["attention"]:
        click.echo("\nATTENTION")
        for line in document["attention"]:
            click.echo(f"  {line}")


def _span(seconds: int) -> str:
    """A time for people: its largest unit."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
