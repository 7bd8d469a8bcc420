"""What is remembered of orders: before they are sent, for five minutes, across crashes, reboots and wrong clocks."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.drive import NoteState, OrderNotes
from tagsmith.drive.order_notes import APART_S, FILE, Moment, Note, now
from tagsmith.errors import OrderedTooSoon, Refused

API = "https://api"
START = Moment(datetime(2026, 1, 31, 12, 0, tzinfo=UTC), 1000.0, "boot-1")


class Clock:
    """A machine's three clocks, which tests set."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> Moment:
        return self.moment

    def passes(self, seconds: float) -> None:
        self.moment = replace(
            self.moment, at=self.moment.at + timedelta(seconds=seconds), since_boot_s=self.moment.since_boot_s + seconds
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notes(tmp_path: Path, clock: Clock) -> OrderNotes:
    return OrderNotes(tmp_path / "state", clock)


def test_one_order_per_user_in_five_minutes(notes: OrderNotes, clock: Clock) -> None:
    """Other users, and the same user at another API, are free; after five minutes so is this one."""
    note = notes.begin(API, "a")
    notes.settle(note, NoteState.PLACED, "o1")
    notes.begin(API, "b")
    notes.begin("https://stage", "a")
    clock.passes(APART_S - 1)
    for ask in (notes.check, notes.begin):
        with pytest.raises(OrderedTooSoon, match=r"'o1'.*299 seconds ago") as caught:
            ask(API, "a")
        assert (caught.value.status, caught.value.retry_after_s) == (None, 1.0)
        assert "orders list --user a" in caught.value.remedy
    clock.passes(1)
    notes.check(API, "a")
    assert notes.begin(API, "a").state is NoteState.UNKNOWN


def test_a_note_is_there_before_anything_is_sent(notes: OrderNotes, tmp_path: Path, clock: Clock) -> None:
    """A crash right after it leaves an order in doubt, which no time settles."""
    notes.begin(API, "a")
    clock.passes(10 * APART_S)
    after = OrderNotes(tmp_path / "state", clock)
    found = after.last(API, "a")
    assert found is not None
    assert (found.state, found.at) == (NoteState.UNKNOWN, "2026-01-31T12:00:00+00:00")
    after.check(API, "a")
    with pytest.raises(Refused, match="not known"):
        after.begin(API, "a")
    after.settle(found, NoteState.NOT_SEEN)
    after.begin(API, "a")


def test_an_order_that_was_proved_not_placed_is_forgotten(notes: OrderNotes) -> None:
    """The next may follow at once."""
    notes.forget(notes.begin(API, "a"))
    assert notes.last(API, "a") is None
    notes.begin(API, "a")


def test_an_order_that_nobody_saw_still_counts_for_five_minutes(notes: OrderNotes, clock: Clock) -> None:
    """The API's list may lag behind."""
    notes.settle(notes.begin(API, "a"), NoteState.NOT_SEEN)
    with pytest.raises(OrderedTooSoon):
        notes.begin(API, "a")
    clock.passes(APART_S)
    notes.begin(API, "a")


def test_nothing_is_remembered_for_longer_than_it_matters(notes: OrderNotes, clock: Clock, tmp_path: Path) -> None:
    """User ids are no archive; what is in doubt stays. The file is for its owner alone."""
    notes.settle(notes.begin(API, "old"), NoteState.PLACED)
    notes.begin(API, "doubt")
    clock.passes(APART_S)
    notes.begin(API, "new")
    path = tmp_path / "state" / FILE
    assert [row["user_id"] for row in json.loads(path.read_text())] == ["doubt", "new"]
    assert path.stat().st_mode & 0o777 == 0o600


@given(st.floats(0, 1e6), st.floats(-1e9, 1e9), st.booleans(), st.floats(0, 1e6))
def test_no_clock_that_is_set_shortens_the_five_minutes(
    passed_s: float, set_by_s: float, rebooted: bool, up_s: float
) -> None:
    """Within a boot the wall clock does not count; across one, the time since boot does at least.

    So nobody is locked out for longer than five minutes after a boot, however wrong the clock was.
    """
    note = Note(API, "a", START.at.isoformat(), START.boot, START.since_boot_s)
    at = START.at + timedelta(seconds=passed_s + set_by_s)
    if rebooted:
        age_s = note.age_s(Moment(at, up_s, "boot-2"))
        assert age_s >= up_s
        assert age_s >= passed_s + set_by_s - 1e-3
    else:
        assert note.age_s(Moment(at, START.since_boot_s + passed_s, START.boot)) == pytest.approx(passed_s)


def test_without_a_boot_id_the_wall_clock_counts() -> None:
    """Elsewhere than on Linux; a clock that was set back then makes people wait."""
    note = Note(API, "a", START.at.isoformat(), "", 50.0)
    assert note.age_s(Moment(START.at + timedelta(seconds=7), 1e6, "")) == 7
    assert note.age_s(Moment(START.at - timedelta(seconds=7), 1e6, "")) == -7


def test_this_machine_has_a_moment() -> None:
    """Time since boot goes on, and a boot has a name."""
    first, second = now(), now()
    assert second.since_boot_s >= first.since_boot_s > 0
    assert first.boot == second.boot != ""
    assert first.at.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[1]", "[{}]", '[{"state": "placed"}]', '[{"state": "lost"}]', "[[]]", "\udcff"]
)
def test_damaged_notes_stop_orders(notes: OrderNotes, tmp_path: Path, text: str) -> None:
    """Nobody can tell what they said, so nothing is ordered; the file is left for a person."""
    path = tmp_path / "state" / FILE
    path.parent.mkdir()
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    for ask in (notes.last, notes.check, notes.begin):
        with pytest.raises(Refused, match="damaged"):
            ask(API, "a")
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_notes_that_cannot_be_written_stop_orders(tmp_path: Path, clock: Clock) -> None:
    """A file where the folder should be: said before anything is sent."""
    (tmp_path / "state").write_text("")
    with pytest.raises(Refused, match="cannot be used") as caught:
        OrderNotes(tmp_path / "state", clock).begin(API, "a")
    assert caught.value.status is None
    folder = tmp_path / "other"
    (folder / "orders.new").mkdir(parents=True)
    with pytest.raises(Refused, match="cannot be used"):
        OrderNotes(folder, clock).begin(API, "a")
    assert OrderNotes(folder, clock).last(API, "a") is None


def test_of_two_commands_at_once_one_orders(tmp_path: Path) -> None:
    """Several terminals, one user: whoever comes second finds the note of the first."""
    go = threading.Barrier(8)

    def begin(_: int) -> bool:
        go.wait(10)
        try:
            OrderNotes(tmp_path).begin(API, "a")
        except OrderedTooSoon:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(begin, range(8))) == 1
