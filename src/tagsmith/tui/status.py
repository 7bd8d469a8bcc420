"""The lines round the lanes: counters, what stops delivery, the last pairs, the keys. Pure.

Each function sets its lines for the cells it is given; what does not fit is said shorter before it is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.cells import cell_len

from tagsmith import words
from tagsmith.i18n import N_, Sentence, _, number, spoken
from tagsmith.model import (
    Delivery,
    DeliveryView,
    PairView,
    Phase,
    ReaderState,
    ScannerStatus,
    State,
    StationView,
)
from tagsmith.tui import keys
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.typeset import Ink, Row, Run, first_that_fits, fitted, padded, row, wrapped
from tagsmith.uid import ByteOrder

ONE_LINE_WIDTH = 120
"""From this width on the status stands in one line."""
_NARROW_WIDTH = 60
_ROOMY_WIDTH = 100

_DELIVERY: dict[Delivery, str] = {
    Delivery.ACTIVE: N_("API ok"),
    Delivery.STANDBY: N_("API standby"),
    Delivery.HELD_BACK: N_("API HELD BACK"),
    Delivery.PAUSED: N_("API PAUSED"),
    Delivery.STOPPED: N_("API STOPPED"),
}

_NOTHING_SENT: dict[Delivery, str] = {
    Delivery.STANDBY: N_("This station does not send: another process sends for this journal."),
    Delivery.HELD_BACK: N_("NOTHING IS SENT until a person has settled something. Pairs are kept."),
    Delivery.PAUSED: N_("NOTHING IS SENT: the API refused many pairs in a row. Pairs are kept."),
    Delivery.STOPPED: N_("NOTHING IS SENT: the API turned the key away. Pairs are kept."),
}

OPEN_PHASES = frozenset(
    {
        Phase.TAG_WAITS,
        Phase.NUMBER_WAITS,
        Phase.VERIFYING,
        Phase.CONFIRMING,
        Phase.COMMITTING,
        Phase.NOT_SAVED,
    }
)
"""Phases in which leaving would lose something."""


# --- the top ------------------------------------------------------------------------------------------------------


def status_rows(view: StationView, now: datetime, width: int) -> list[Row]:
    """Station, environment, counters, readers, API and clock: one line where it fits, else two."""
    clock = Safe(now.strftime("%H:%M:%S"))
    if width >= ONE_LINE_WIDTH and (line := _one_line(view, clock, width)):
        return [line]
    return [_where_line(view, clock, width), _counts_line(view, width)]


def _one_line(view: StationView, clock: Safe, width: int) -> Row | None:
    room = width - cell_len(_chip(view)) - cell_len(clock) - 2
    station, order = printable(view.station, 20), Safe(f"UID {_order(view)}")
    for host in (_host(view), EMPTY):
        for name_width in (30, 16, 0):
            groups = joined([station, host, order]), _counts(view), _readers(view, name_width), _api(view.delivery)
            if cell_len(text := joined(groups, " | ")) <= room:
                return _barred(view, text, clock, width)
    return None


def _barred(view: StationView, text: Safe, clock: Safe, width: int) -> Row:
    """The environment as a chip at the left, the clock at the right, the text between them."""
    chip = _chip(view)
    between = padded(f" {text}", width - cell_len(chip) - cell_len(clock) - 1)
    return ((chip, Ink.REVERSE), (between, Ink.PLAIN), (Safe(f" {clock}"), Ink.BOLD))


def _where_line(view: StationView, clock: Safe, width: int) -> Row:
    order = Safe(f"UID {_order(view)}")
    station, short = printable(view.station, 40), printable(view.station, 16)
    variants = (
        joined([station, _host(view), order]),
        joined([short, _host(view), order]),
        joined([short, order]),
        order,
    )
    return _barred(view, first_that_fits(width - cell_len(_chip(view)) - cell_len(clock) - 2, variants), clock, width)


def _counts_line(view: StationView, width: int) -> Row:
    counts, short = _counts(view), _short_counts(view)
    text = first_that_fits(
        width,
        (
            joined([counts, _readers(view, 30), _api(view.delivery)]),
            joined([counts, _readers(view, 16), _api(view.delivery)]),
            joined([counts, _readers(view, 0), _api(view.delivery)]),
            joined([short, _readers(view, 0), _api(view.delivery)]),
            joined([short, _readers(view, 0)]),
            short,
            joined([short], " ").replace(" ", ""),
        ),
    )
    return row(text)


def _chip(view: StationView) -> Safe:
    return Safe(f" {printable(view.environment, 16).upper()} ")


def _host(view: StationView) -> Safe:
    return printable(view.target.partition("://")[2] or view.target, 60)


def _order(view: StationView) -> str:
    return "reversed" if view.order is ByteOrder.REVERSED else "wire"


def _counts(view: StationView) -> Safe:
    delivery = view.delivery
    parts = [
        f"{_('paired')} {number(view.paired)}",
        f"{_('waiting')} {number(delivery.waiting)}",
        f"{_('reserved')} {number(delivery.reserved)}",
        f"{_('refused')} {number(delivery.refused)}",
        f"{_('UNKNOWN')} {number(delivery.unknown)}" if delivery.unknown else "",
        f"{number(view.per_hour)}/h",
    ]
    return joined(map(Safe, parts))


def _short_counts(view: StationView) -> Safe:
    delivery = view.delivery
    parts = [
        f"{_('pair')} {view.paired}",
        f"{_('wait')} {delivery.waiting}",
        f"{_('res')} {delivery.reserved}",
        f"{_('ref')} {delivery.refused}",
        f"{_('UNK')} {delivery.unknown}" if delivery.unknown else "",
        f"{view.per_hour}/h",
    ]
    return joined(map(Safe, parts), " ")


def _readers(view: StationView, name_width: int) -> Safe:
    """The readers in a few words; the name of the only one where there is room for it."""
    bad = [lane.reader for lane in view.lanes if lane.reader.state is not ReaderState.READY]
    if len(view.lanes) == 1:
        reader = view.lanes[0].reader
        name = fitted(printable(reader.info.name), name_width) if reader.info and name_width else Safe(_("reader"))
        return joined([name, Safe(_(words.READERS[reader.state]))], " ")
    ready = len(view.lanes) - len(bad)
    return Safe(spoken(Sentence("readers {ready} of {all} ready", ready=ready, all=len(view.lanes))))


def _api(delivery: DeliveryView) -> Safe:
    return Safe(_(_DELIVERY[delivery.delivery]))


# --- what must not be overlooked ----------------------------------------------------------------------------------


def banner_rows(view: StationView, width: int, *, settled: bool = True, alarm_seen: str = "") -> list[Row]:
    """What keeps pairs from being sent, every other word of the courier, and scanners that do not work; else nothing.

    `settled` is false in the first moments, when it is not yet known which process sends.
    """
    lines = [*_delivery_lines(view, settled, alarm_seen), *((_scanner(one), 1, Ink.BOLD) for one in _mute(view))]
    return [
        ((Safe(" "), Ink.PLAIN), (line, ink)) for text, most, ink in lines for line in wrapped(text, width - 2, most)
    ]


def _delivery_lines(view: StationView, settled: bool, alarm_seen: str) -> list[tuple[Safe, int, Ink]]:
    """Text, lines at most, and ink."""
    delivery = view.delivery
    if delivery.alarm != alarm_seen or (delivery.delivery is Delivery.STANDBY and not settled):
        return []  # an alarm nobody has seen takes the lanes themselves
    alarm = printable(spoken(delivery.alarm))
    message = printable(spoken(delivery.message)) if delivery.message != delivery.alarm else EMPTY
    headline = Safe(_(_NOTHING_SENT.get(delivery.delivery, "")))
    progress = Safe(words.progress(delivery))
    return [(headline, 2, Ink.BOLD), (alarm, 2, Ink.BOLD), (message, 1, Ink.PLAIN), (progress, 1, Ink.PLAIN)]


def _mute(view: StationView) -> list[ScannerStatus]:
    return [scanner for scanner in view.scanners if scanner.state is not ReaderState.READY]


def _scanner(status: ScannerStatus) -> Safe:
    where = spoken(Sentence("SCANNER of lane {lane}", lane=status.lane) if status.lane else N_("SCANNER"))
    # What is wrong and what to do first: a device's path may fill the line.
    state = _(words.READERS[status.state])
    return printable(f"{where} {state}: {spoken(status.remedy)} ({spoken(status.message)})")


def is_severe(view: StationView) -> bool:
    """Whether the banner tells of something a person must see to."""
    if _mute(view):
        return True
    return bool(view.delivery.alarm) or view.delivery.delivery in (
        Delivery.HELD_BACK,
        Delivery.PAUSED,
        Delivery.STOPPED,
    )


# --- the last pairs -----------------------------------------------------------------------------------------------

_STATE_WIDTH = 10


def pair_rows(view: StationView, now: datetime, width: int, height: int) -> list[Row]:
    """The last pairs, newest first, each with how far it got."""
    if height <= 0:
        return []
    head = [_pair_head(width)] if height > 2 else []
    several = len(view.lanes) > 1
    rows = [_pair_row(pair, view.order, now, width, several) for pair in view.pairs[: height - len(head)]]
    return head + (rows or [row(Safe(_("no pair yet")), Ink.DIM)])


def _columns(width: int) -> tuple[int, int, int]:
    """Widths of time, number and UID; a width of 0 leaves the column out."""
    if width < _NARROW_WIDTH:
        return 6, max(width - 6 - _STATE_WIDTH, 1), 0
    time, uid = 10, 22 if width >= _ROOMY_WIDTH else 16
    return time, min(max(width - time - uid - _STATE_WIDTH - 20, 12), 40), uid


def _pair_head(width: int) -> Row:
    time, label, uid = _columns(width)
    heads = padded(_("paired"), time) + padded(_("number"), label)
    text = heads + padded(_("UID as sent"), uid) + _("state")
    return row(fitted(text, width), Ink.DIM)


def _pair_row(pair: PairView, order: ByteOrder, now: datetime, width: int, several: bool) -> Row:
    time, label, uid = _columns(width)
    at = pair.paired_at.astimezone(now.tzinfo).strftime("%H:%M:%S" if uid else "%H:%M")
    text = f"{pair.lane}: {pair.visual_number}" if several else pair.visual_number
    left = padded(at, time) + padded(printable(text), label - 1) + " " + padded(pair.uid.for_api(order), uid)
    urgent = pair.state in (State.REFUSED, State.UNKNOWN)
    state = _(words.STATES[pair.state])
    runs: list[Run] = [
        (Safe(left), Ink.PLAIN),
        (Safe(state.upper() if urgent else state), Ink.BOLD if urgent else Ink.PLAIN),
    ]
    room = width - cell_len(left) - len(state) - 2
    notes = joined([printable(spoken(pair.message)), *(printable(spoken(warning)) for warning in pair.warnings)])
    if notes and room > 4:
        runs.append((Safe("  " + fitted(notes, room)), Ink.PLAIN))
    return tuple(runs)


# --- the number being typed, and the keys -------------------------------------------------------------------------


def entry_row(text: str, width: int) -> Row:
    """The line that is being typed: its end is what counts when it is long."""
    if not text:
        return row(fitted(_("Number: scan or type it, then Enter"), width), Ink.DIM)
    label = f"{_('Number:')} "
    shown = printable(text)
    room = max(width - len(label) - 1, 1)
    while cell_len(shown) > room:
        shown = Safe(".." + shown[3 + cell_len(shown) - room :]) if room > 2 else Safe(shown[-1:])
    return ((Safe(label), Ink.PLAIN), (shown, Ink.BOLD), (Safe("_"), Ink.BOLD))


def key_row(view: StationView, width: int, *, alarm_seen: str = "") -> Row:
    """The operator's keys, those that matter now first; as many as fit."""
    return _keys([keys.labelled_key(*one) for one in _operator_keys(view, width, alarm_seen)], width)


def key_at(view: StationView, width: int, x: int, *, alarm_seen: str = "") -> str:
    """The key that stands at a column of the row of keys, by the name it has as a key press; empty for none."""
    left = 0
    actions = _operator_keys(view, width, alarm_seen)
    labelled = [keys.labelled_key(*one) for one in actions]
    for (action, _label), (_key, cells) in zip(actions, _fitting(labelled, width), strict=False):
        if left <= x < left + cells:
            return keys.key(action)
        left += cells
    return ""


def _operator_keys(view: StationView, width: int, alarm_seen: str) -> list[tuple[str, str]]:
    """The actions and what they are called, the most important first; three of the usual ones on a narrow screen."""
    urgent = []
    if view.delivery.alarm and view.delivery.alarm != alarm_seen:
        urgent.append("acknowledge")
    if any(lane.phase is Phase.NOT_SAVED for lane in view.lanes):
        urgent.append("retry")
    if any(lane.stop for lane in view.lanes):
        urgent.append("choices")
    usual = ["help", "undo", "clear"]
    if width >= _NARROW_WIDTH:
        usual += ["leave", *(["work"] if view.work else []), "batches", "pairs", "reject", "shift", "work", "log"]
    labels = {"work": f"{_('work')} {len(view.work)}"} if view.work else {}
    return [(action, labels.get(action, "")) for action in dict.fromkeys([*urgent, *usual])]


def extra_key_row(extras: Sequence[ExtraKey], width: int) -> Row:
    """The keys that a demo adds; as many as fit."""
    return _keys([(keys.key_name(extra.key), printable(extra.label, 24)) for extra in extras], width)


def _keys(labelled: Sequence[tuple[str, str]], width: int) -> Row:
    runs: list[Run] = []
    for (key, label), _cells in _fitting(labelled, width):
        runs += [(Safe(f" {key} "), Ink.REVERSE), (Safe(f"{label} "), Ink.PLAIN)]
    return tuple(runs)


def _fitting(labelled: Sequence[tuple[str, str]], width: int) -> Iterator[tuple[tuple[str, str], int]]:
    """As many keys as fit, with the cells that each takes."""
    used = 0
    for key, label in labelled:
        cells = len(key) + cell_len(label) + 3
        if used + cells > width:
            return
        used += cells
        yield (key, label), cells
