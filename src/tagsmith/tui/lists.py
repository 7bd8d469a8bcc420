"""The lines of the lists that are picked from: pairs, work, batches, causes. Pure.

Each function gives items; what an item means to the station its screen knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len

from tagsmith import words
from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.model import LaneView, PairView, State, StationView
from tagsmith.production import BatchStand, RejectCause
from tagsmith.tui.day import progress_text
from tagsmith.tui.glyphs import FULL, Glyphs
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.typeset import Ink, Row, fitted, hanging, padded, row


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list: the columns left and right, and what stays the same when the list changes.

    `left` gives way to `right` where there is not room for both. `open` is false for what cannot be picked.
    """

    key: str
    left: Safe
    right: Safe = EMPTY
    open: bool = True
    below: Safe = EMPTY
    """What is said of it when it is the marked one."""


# --- a list of any kind -------------------------------------------------------------------------------------------


def first_in_sight(at: int, first: int, count: int, height: int) -> int:
    """The first item that is shown, so that the marked one is in sight, moved as little as possible."""
    if height <= 0 or count <= height:
        return 0
    return max(0, min(max(first, at - height + 1), at, count - height))


def pick_rows(items: Sequence[Item], at: int, first: int, width: int, height: int, empty: Safe) -> list[Row]:
    """The rows in sight. What is above and below the sight is counted at the right edge."""
    if not items:
        return [row(fitted(empty, width), Ink.DIM)]
    rows: list[Row] = []
    # The right column stands close to the left one: an eye must not travel far along a line.
    seen = items[first : first + height]
    column = max(cell_len(item.left) for item in seen) + 2
    beside = max(cell_len(item.right) for item in seen)
    for place, item in enumerate(seen, first):
        edge = first + height < len(items) and place == first + height - 1
        more = f" +{len(items) - first - height}" if edge else f" +{first}" if first and place == first else ""
        text = padded(_line(item, place == at, width - len(more), column, beside), width - len(more)) + more
        ink = Ink.REVERSE if place == at else Ink.PLAIN if item.open else Ink.DIM
        rows.append(row(Safe(padded(text, width)), ink))
    return rows


def _line(item: Item, marked: bool, width: int, column: int, beside: int) -> str:
    """Both columns, which begin at the same cell in all lines; the right one is cut only when the left one is short."""
    mark = "> " if marked else "  "
    room = width - len(mark)
    beside = min(beside, max(room - 12, room // 2))
    column = min(column, max(room - beside - 2, 0)) if beside else room
    if not item.right:
        return f"{mark}{fitted(item.left, room)}"
    return f"{mark}{padded(item.left, column)}  {fitted(item.right, room - column - 2)}"


def choice_rows(items: Sequence[Item], at: int, width: int, height: int) -> tuple[list[int], list[Row]]:
    """A few choices in full, as far as there is room; and to which of them each row belongs."""
    lines = [hanging(item.left, max(width - 3, 1), 2) for item in items]
    if sum(map(len, lines)) > height:
        lines = [hanging(item.left, max(width - 3, 1), 1) for item in items]
    places = [place for place, texts in enumerate(lines) for _text in texts]
    rows: list[Row] = []
    for place, texts in enumerate(lines):
        for row_of, text in enumerate(texts):
            mark = "> " if place == at and row_of == 0 else "  "
            rows.append(row(padded(f"{mark}{text}", width), Ink.REVERSE if place == at else Ink.BOLD))
    return places, rows


# --- pairs --------------------------------------------------------------------------------------------------------


def pair_items(view: StationView, now: datetime) -> list[Item]:
    """The last pairs, newest first; those that were never sent can be taken back."""
    several = len(view.lanes) > 1
    return [_pair_item(pair, now, several, can=pair.can_undo) for pair in view.pairs]


def work_items(view: StationView, now: datetime) -> list[Item]:
    """What was refused or is unknown, oldest first, with what a person is to do about it."""
    several = len(view.lanes) > 1
    return [_pair_item(pair, now, several, can=True) for pair in view.work]


def _pair_item(pair: PairView, now: datetime, several: bool, *, can: bool) -> Item:
    at = pair.paired_at.astimezone(now.tzinfo).strftime("%H:%M")
    where = printable(f"{pair.lane}:") if several else EMPTY
    state = _(words.STATES[pair.state])
    urgent = pair.state in (State.REFUSED, State.UNKNOWN)
    said = joined([printable(spoken(pair.message)), *(printable(spoken(text)) for text in pair.warnings)])
    return Item(
        key=pair.entry,
        left=joined([Safe(at), joined([where, printable(pair.visual_number)], " ")]),
        right=Safe(state.upper() if urgent else state),
        open=can,
        below=joined([printable(spoken(pair.todo)), said]),
    )


# --- rejected keys ------------------------------------------------------------------------------------------------


def lane_items(lanes: Sequence[LaneView]) -> list[Item]:
    """The lanes, with what waits on each."""
    return [
        Item(
            key=lane.lane,
            left=printable(spoken(Sentence("lane {lane}", lane=lane.lane))),
            right=printable(lane.number) or (Safe(lane.uid.wire) if lane.uid else EMPTY),
        )
        for lane in lanes
    ]


def cause_items() -> list[Item]:
    """Why a key is put aside."""
    return [Item(key=cause.value, left=Safe(_(words.CAUSES[cause]))) for cause in RejectCause]


# --- batches ------------------------------------------------------------------------------------------------------

CREATE, LEAVE, SKIP, CLOSE = "+create", "+leave", "+skip", "+close"
"""Items of the list of batches that are no batch. No id begins so."""

_ACTIONS = {
    CREATE: N_("make a new batch"),
    LEAVE: N_("go on without a batch"),
    SKIP: N_("skip the next number"),
    CLOSE: N_("close this batch"),
}


def batch_items(view: StationView, width: int, signs: Glyphs = FULL) -> list[Item]:
    """The open batches, the one under way first; then what else can be done."""
    under_way = view.batch.stand if view.batch else None
    stands = [stand for stand in view.batches if under_way is None or stand.batch.id != under_way.batch.id]
    items = [_batch_item(stand, width, signs) for stand in stands]
    if under_way is not None:
        items.insert(0, _batch_item(under_way, width, signs, under_way=True))
        expected = next((lane.expected for lane in view.lanes if lane.expected), "")
        if expected:
            items.append(Item(SKIP, Safe(_(_ACTIONS[SKIP])), printable(expected)))
        items.append(Item(CLOSE, Safe(_(_ACTIONS[CLOSE]))))
        items.append(Item(LEAVE, Safe(_(_ACTIONS[LEAVE]))))
    return [*items, Item(CREATE, Safe(_(_ACTIONS[CREATE])))]


def _batch_item(stand: BatchStand, width: int, signs: Glyphs, *, under_way: bool = False) -> Item:
    batch = stand.batch
    name = printable(batch.name, 60)
    facts = joined([printable(batch.key_type or ""), Safe(_("manifest") if batch.size else "")])
    left = joined([name, Safe(_("UNDER WAY")) if under_way else EMPTY, facts if width >= 100 else EMPTY])
    room = max(width - 2 - cell_len(name) - 4, 12) if width >= 60 else 12
    return Item(key=batch.id, left=left, right=progress_text(stand, room, signs))
