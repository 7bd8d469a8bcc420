"""The courier at work: what it sends, when, and what it writes down. In memory, on a loop whose time jumps."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from courier.fakes import (
    Answer,
    FakeDrive,
    FakeJournal,
    Scene,
    Sent,
    charging_key,
    entry,
    now,
    play,
    until,
)
from tagsmith import words
from tagsmith.courier.policy import is_misordered
from tagsmith.errors import (
    IllegalTransition,
    JournalFull,
    JournalUnavailable,
    NotProcessed,
    OutcomeUnknown,
    Refused,
    Unauthorised,
)
from tagsmith.model import Delivery, LegName, LegState, Mark, Record, Settlement
from tagsmith.uid import ByteOrder, Uid

REFUSED = Refused("the API refused this (400)", status=400)
TAKEN = Refused("the API refused this (409)", status=409)
FAILED = OutcomeUnknown("the API failed (500)", status=500)
UNREACHABLE = NotProcessed("no connection to the API")
LIMITED = NotProcessed("the API asks to wait (429)", status=429)
KEY_WRONG = Unauthorised("the API turned the key away (401)", status=401)


def in_turn(*answers: Answer) -> Callable[[Sent], Answer]:
    """These answers one after the other, then what the API documents."""
    left = iter(answers)
    return lambda sent: next(left, None)


def in_order(numbers: list[str], *, slack: int) -> bool:
    """Whether entries come oldest first, each at most so many places from its own: some are under way together."""
    return all(abs(place - due) <= slack for due, place in enumerate(map(numbers.index, sorted(numbers))))


# --- the undo window ---------------------------------------------------------------------------------------------


def test_nothing_is_sent_in_the_undo_window() -> None:
    """An entry leaves when its window since the commit has passed, not before and not much later."""

    async def scene() -> None:
        async with Scene(hold_s=10.0) as one:
            await asyncio.sleep(3.0)
            one.pair(1)
            await asyncio.sleep(9.99)
            assert one.drive.sent == []
            assert one.view.waiting == 1
            await asyncio.sleep(0.5)
            assert [sent.at for sent in one.drive.sent] == [pytest.approx(13.0, abs=0.1)]
            assert one.state(1) == "reserved"

    play(scene)


def test_entries_found_at_start_get_a_whole_window() -> None:
    """After a restart the window starts again: nobody knows how long ago the commit was."""

    async def scene() -> None:
        journal = FakeJournal()
        journal.add(entry(1))
        await asyncio.sleep(1000.0)
        async with Scene(journal=journal) as one:
            await asyncio.sleep(9.9)
            assert one.drive.sent == []
            await asyncio.sleep(1.0)
            assert one.state(1) == "reserved"

    play(scene)


def test_what_was_attempted_before_needs_no_window() -> None:
    """An entry that can no longer be undone goes out at once after a restart, behind nothing."""

    async def scene() -> None:
        journal = FakeJournal()
        journal.add(entry(1))
        journal.add(entry(2))
        attempt_id = await journal.attempt("e2", LegName.RESERVATION, '{"visualNumber":"N-00002"}')
        await journal.settle("e2", LegName.RESERVATION, attempt_id, Settlement(LegState.QUEUED))
        async with Scene(journal=journal) as one:
            await asyncio.sleep(5.0)
            assert (one.state(1), one.state(2)) == ("held", "reserved")
            await asyncio.sleep(7.0)
            assert one.state(1) == "reserved"

    play(scene)


def test_an_entry_taken_back_is_never_sent() -> None:
    """What was undone in its window stays at home, without a word."""

    async def scene() -> None:
        async with Scene() as one:
            one.pair(1)
            await asyncio.sleep(9.0)
            one.journal.undo("e1")
            await asyncio.sleep(100.0)
            assert one.drive.sent == []
            assert one.view.alarm == one.view.message == ""
            assert one.view.waiting == 0
            assert len(one.journal.calls) < 100, "and its window, over long ago, keeps nobody busy"

    play(scene)


def test_an_entry_taken_back_at_the_last_moment() -> None:
    """An undo between the look and the attempt wins: the journal says no, nothing is sent, nobody is alarmed."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:

            def undo_first(call: str, done: bool) -> None:
                if call == "attempt" and not done and one.journal.records["e1"].mark is None:
                    one.journal.undo("e1")

            one.journal.fault = undo_first
            one.pair(1)
            one.pair(2)
            await asyncio.sleep(60.0)
            assert [sent.what for sent in one.drive.sent] == ["N-00002"]
            assert one.view.alarm == one.view.message == ""

    play(scene)


def test_an_entry_that_the_journal_does_not_let_go() -> None:
    """An attempt that is refused again and again is no loop: it is asked for now and then, and the others pass."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:

            def no(call: str, done: bool) -> None:
                if call == "attempt" and one.state(2) == "reserved":
                    raise IllegalTransition("not this one")

            one.pair(2)
            await asyncio.sleep(1.0)
            one.journal.fault = no
            one.pair(1)
            one.journal.calls.clear()
            await asyncio.sleep(60.0)
            assert 20 < sum(call == "attempt" for _, call in one.journal.calls) <= 31
            assert one.view.alarm == one.view.message == ""

    play(scene)


# --- order, number and bodies ------------------------------------------------------------------------------------


def test_oldest_first_and_never_more_at_once_than_allowed() -> None:
    """Entries leave in the order of their commits, as many at a time as set."""

    async def scene() -> None:
        drive = FakeDrive()
        async with Scene(hold_s=1.0, concurrency=3, drive=drive) as one:
            for index in range(1, 41):
                one.pair(index)
            await until(lambda: one.view.waiting == 0 and bool(drive.sent))
            assert in_order([sent.what for sent in drive.sent], slack=2)
            assert drive.most == 3
            assert one.view.reserved == 40

    play(scene)


def test_the_attempt_is_on_the_disc_before_the_request_leaves() -> None:
    """When a request arrives, its leg stands as `sending` in the journal with exactly its body."""

    async def scene() -> None:
        journal = FakeJournal()

        def look(sent: Sent) -> Answer:
            name = "e" + str(int(sent.what.removeprefix("N-")))
            leg = journal.leg(name, sent.leg)
            assert leg.state is LegState.SENDING
            assert leg.body == (sent.body or "")
            return None

        async with Scene(hold_s=0.0, journal=journal, drive=FakeDrive(look)) as one:
            for index in range(1, 6):
                one.pair(index, user="u")
            await asyncio.sleep(10.0)
            assert {one.state(index) for index in range(1, 6)} == {"active"}

    play(scene)


def test_a_repetition_is_the_identical_body() -> None:
    """After an unknown outcome, and also after a restart, exactly the frozen text is sent again."""

    async def scene() -> None:
        journal = FakeJournal()
        drive = FakeDrive(in_turn(FAILED, UNREACHABLE, FAILED))
        async with Scene(hold_s=0.0, journal=journal, drive=drive) as one:
            one.pair(1)
            await until(lambda: len(drive.sent) >= 2)
        async with Scene(hold_s=0.0, journal=journal, drive=drive) as one:
            await until(lambda: one.state(1) == "reserved")
        assert len(drive.sent) == 4
        assert len(set(drive.bodies("N-00001"))) == 1

    play(scene)


# --- activation --------------------------------------------------------------------------------------------------


def test_activation_follows_at_once() -> None:
    """An entry with a user is activated right after its reservation, without another hold; its contract is recorded."""

    async def scene() -> None:
        async with Scene(hold_s=5.0) as one:
            one.pair(1, user="u-1")
            one.pair(2)
            await asyncio.sleep(8.0)
            assert [(sent.leg, sent.what) for sent in one.drive.sent] == [
                (LegName.RESERVATION, "N-00001"),
                (LegName.RESERVATION, "N-00002"),
                (LegName.ACTIVATION, "N-00001"),
            ]
            assert one.drive.sent[2].at - one.drive.sent[0].at < 0.3
            assert (one.state(1), one.state(2)) == ("active", "reserved")
            record = one.journal.records["e1"]
            assert record.contract_id == f"DE-8PS-{record.entry.uid_api}"
            assert one.view.reserved == 2

    play(scene)


def test_no_activation_without_a_reservation() -> None:
    """A refused or unknown reservation is followed by no activation."""

    async def scene() -> None:
        drive = FakeDrive(in_turn(REFUSED, FAILED, TAKEN))
        async with Scene(hold_s=0.0, concurrency=1, drive=drive) as one:
            one.pair(1, user="u")
            one.pair(2, user="u")
            await asyncio.sleep(300.0)
            assert {sent.leg for sent in drive.sent} == {LegName.RESERVATION}
            assert (one.state(1), one.state(2)) == ("refused", "unknown")

    play(scene)


def test_another_key_came_back() -> None:
    """A wrong key id is a loud alarm and a leg for a person; the others go on, and it is not tried again."""

    async def scene() -> None:
        def swapped(sent: Sent) -> Answer:
            wrong = sent.leg is LegName.ACTIVATION and sent.what == "N-00001"
            return charging_key("deadbeef") if wrong else None

        async with Scene(hold_s=0.0, drive=FakeDrive(swapped)) as one:
            one.pair(1, user="u")
            one.pair(2, user="u")
            await asyncio.sleep(300.0)
            assert (one.state(1), one.state(2)) == ("unknown", "active")
            assert "deadbeef" in one.view.alarm
            assert entry(1).uid_api in one.view.alarm
            assert "deadbeef" in one.journal.leg("e1", LegName.ACTIVATION).message
            assert one.journal.records["e1"].contract_id is None
            assert sum(sent.leg is LegName.ACTIVATION for sent in one.drive.sent) == 2
            assert (one.view.reserved, one.view.unknown) == (2, 1)

    play(scene)


# --- outcomes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "state", "requests"),
    [
        ([], "reserved", 1),
        ([REFUSED], "refused", 1),
        ([TAKEN], "refused", 1),
        ([UNREACHABLE], "reserved", 2),
        ([LIMITED], "reserved", 2),
        ([UNREACHABLE, REFUSED], "refused", 2),
        ([FAILED], "reserved", 2),
        ([FAILED, FAILED, FAILED, FAILED], "reserved", 5),
        ([FAILED, REFUSED], "unknown", 2),
        ([FAILED, TAKEN], "unknown", 2),
        ([FAILED, UNREACHABLE, TAKEN], "unknown", 3),
        ([FAILED, LIMITED, TAKEN], "unknown", 3),
        ([FAILED, UNREACHABLE, LIMITED], "reserved", 4),
    ],
)
def test_the_way_of_one_reservation(answers: list[Answer], state: str, requests: int) -> None:
    """Each row of outcomes ends in the state the rules name, after so many requests and no more."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, drive=FakeDrive(in_turn(*answers))) as one:
            one.pair(1)
            await asyncio.sleep(3600.0)
            assert one.state(1) == state
            assert len(one.drive.sent) == requests
            leg = one.journal.leg("e1")
            assert (leg.attempts, leg.repeat) == (requests, False)
            counted = (one.view.reserved, one.view.refused, one.view.unknown)
            assert counted == (state == "reserved", state == "refused", state == "unknown")
            assert one.view.message == one.view.alarm == ""

    play(scene)


@pytest.mark.parametrize(
    ("answers", "state", "requests"),
    [
        ([REFUSED], "reserved", 1),
        ([FAILED], "active", 2),
        ([FAILED, Refused("not found (404)", status=404)], "reserved", 2),
        ([FAILED, TAKEN], "reserved", 2),
        ([TAKEN], "reserved", 1),
        ([UNREACHABLE, TAKEN], "reserved", 2),
    ],
)
def test_the_way_of_one_activation(answers: list[Answer], state: str, requests: int) -> None:
    """An activation follows the same rules; what is shown is the reservation's state until it is active."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, drive=FakeDrive(in_turn(None, *answers))) as one:
            one.pair(1, user="u")
            await asyncio.sleep(3600.0)
            assert one.state(1) == state
            assert len(one.drive.sent) == 1 + requests
            assert one.view.reserved == 1
            assert one.view.waiting == 0

    play(scene)


@pytest.mark.parametrize("lost", [FAILED, TAKEN])
def test_a_doubtful_activation_is_settled_by_the_users_keys(lost: Answer) -> None:
    """After a lost answer, and after "in use", the user's keys show that it is active: it is not asked for again."""

    async def scene() -> None:
        drive = FakeDrive(in_turn(None, lost))
        drive.keys = lambda user: (
            [charging_key(entry(2).uid_api), charging_key(entry(1).uid_api)] if user == "u" else []
        )
        async with Scene(hold_s=0.0, drive=drive) as one:
            one.pair(1, user="u")
            await asyncio.sleep(3600.0)
            assert one.state(1) == "active"
            assert (len(drive.sent), len(drive.looks)) == (2, 1)
            assert one.journal.records["e1"].contract_id is not None
            assert one.view.unknown == 0

    play(scene)


def test_keys_that_cannot_be_seen_settle_nothing() -> None:
    """While the user's keys cannot be looked at the activation stays in doubt and is not sent again."""

    async def scene() -> None:
        drive = FakeDrive(in_turn(None, FAILED), keys=lambda user: Refused("no (400)", status=400))
        async with Scene(hold_s=0.0, drive=drive) as one:
            one.pair(1, user="u")
            await asyncio.sleep(600.0)
            assert one.state(1) == "unknown"
            assert len(drive.sent) == 2
            assert 5 < len(drive.looks) < 100
            drive.keys = lambda user: []
            await asyncio.sleep(600.0)
            assert one.state(1) == "active"

    play(scene)


def test_another_pair_of_the_user_is_an_alarm() -> None:
    """The user's list shows our number with another key: for a person, at once, and never asked for again."""

    async def scene() -> None:
        other = charging_key(entry(2).uid_api).model_copy(update={"reference_id": entry(1).visual_number})
        drive = FakeDrive(in_turn(None, TAKEN), keys=lambda user: [other])
        async with Scene(hold_s=0.0, drive=drive) as one:
            one.pair(1, user="u")
            await asyncio.sleep(600.0)
            assert one.state(1) == "unknown"
            assert (len(drive.sent), len(drive.looks)) == (2, 1)
            assert "another pair" in one.view.alarm

    play(scene)


def test_the_key_is_turned_away() -> None:
    """401 stops everything at once with an alarm; nothing is lost, nothing more is tried, others may take over."""

    async def scene() -> None:
        first = entry(1).visual_number
        drive = FakeDrive(lambda sent: KEY_WRONG if sent.what == first else None)
        async with Scene(hold_s=0.0, concurrency=2, drive=drive) as one:
            for index in range(1, 8):
                one.pair(index)
            await asyncio.sleep(5.0)
            assert one.view.delivery is Delivery.STOPPED
            assert "401" in one.view.message
            assert "401" in one.view.alarm
            seen = len(drive.sent)
            await asyncio.sleep(100_000.0)
            assert len(drive.sent) == seen == 2
            assert [one.state(index) for index in (1, 2, 3)] == ["queued", "reserved", "held"]
            assert one.view.waiting == 6
            assert one.journal.lock_holder is None
            one.pair(8)
            await asyncio.sleep(100.0)
            assert len(drive.sent) == seen
            assert one.view.waiting == 7

    play(scene)


def test_the_key_is_turned_away_after_an_unknown_outcome() -> None:
    """The leg stays unknown and is repeated by the next process."""

    async def scene() -> None:
        journal = FakeJournal()
        drive = FakeDrive(in_turn(FAILED, FAILED, KEY_WRONG, KEY_WRONG))
        async with Scene(hold_s=0.0, concurrency=2, journal=journal, drive=drive) as one:
            one.pair(1)
            one.pair(2)
            await asyncio.sleep(100.0)
            assert one.view.delivery is Delivery.STOPPED
            for name in ("e1", "e2"):
                assert (journal.leg(name).state, journal.leg(name).repeat) == (LegState.UNKNOWN, True)
        async with Scene(hold_s=10.0, journal=journal) as one:
            await asyncio.sleep(5.0)
            assert (one.state(1), one.state(2)) == ("reserved", "reserved")

    play(scene)


def test_held_back() -> None:
    """With a reason to hold back nothing is sent and no other courier is hindered; what waits is counted."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, hold_back="byte order not confirmed") as one:
            for index in range(1, 4):
                one.pair(index)
            await asyncio.sleep(1000.0)
            assert one.drive.sent == []
            assert one.view.delivery is Delivery.HELD_BACK
            assert one.view.message == "byte order not confirmed"
            assert one.view.waiting == 3
            assert one.journal.lock_holder is None
            assert not any(call in ("attempt", "recover") for _, call in one.journal.calls)

    play(scene)


# --- limits and outages ------------------------------------------------------------------------------------------


def test_a_limit_pauses_everything_to_the_next_minute() -> None:
    """After a 429 nothing at all leaves before the next clock minute; then everything does."""

    async def scene() -> None:
        drive = FakeDrive(in_turn(LIMITED))
        await asyncio.sleep(20.0)
        async with Scene(hold_s=0.0, concurrency=1, drive=drive) as one:
            for index in range(1, 6):
                one.pair(index)
            await asyncio.sleep(1.0)
            assert "limits requests" in one.view.message
            await until(lambda: one.view.reserved == 5)
            assert drive.sent[0].at < 21.0
            assert all(60.0 <= sent.at < 67.0 for sent in drive.sent[1:])
            assert one.view.message == ""

    play(scene)


def test_retry_after_is_waited_for() -> None:
    """What the API asks for is what it gets, for all entries."""

    async def scene() -> None:
        asked = NotProcessed("the API asks to wait (429)", status=429, retry_after_s=300.0)
        drive = FakeDrive(in_turn(asked))
        async with Scene(hold_s=0.0, concurrency=1, drive=drive) as one:
            for index in range(1, 6):
                one.pair(index)
            await until(lambda: one.view.reserved == 5)
            assert all(300.0 <= sent.at < 305.0 for sent in drive.sent[1:])

    play(scene)


def test_an_api_that_is_down_costs_a_probe_not_a_storm() -> None:
    """A day without the API: one request at a time, a few hundred a day whatever waits; then all goes out in order."""

    async def scene() -> None:
        day_s = 86_400.0
        drive = FakeDrive(lambda sent: UNREACHABLE if sent.at < day_s else None)
        async with Scene(hold_s=0.0, drive=drive, requests_per_minute=3000) as one:
            for index in range(1, 101):
                one.pair(index)
            await asyncio.sleep(1.0)
            drive.most = 0
            await asyncio.sleep(day_s - 10.0)
            assert len(drive.sent) < 5000
            assert drive.most == 1
            assert "cannot be reached" in one.view.message
            assert one.view.waiting == 100
            seen = len(drive.sent)
            await until(lambda: one.view.reserved == 100, step_s=1.0)
            # The one that was tried in vain last still rests when the others go.
            rests = drive.sent[seen - 1].what
            assert in_order([sent.what for sent in drive.sent[seen:] if sent.what != rests], slack=10)
            assert one.view.message == ""

    play(scene)


def test_an_outage_does_not_make_an_unknown_of_everything() -> None:
    """An API that answers every request with 500 for an hour leaves few entries unknown, and in the end none."""

    async def scene() -> None:
        drive = FakeDrive(lambda sent: FAILED if sent.at < 3600.0 else None)
        async with Scene(hold_s=0.0, drive=drive) as one:
            for index in range(1, 501):
                one.pair(index)
            await asyncio.sleep(3500.0)
            assert 0 < one.view.unknown < 30
            await until(lambda: one.view.reserved == 500, step_s=1.0)
            assert one.view.unknown == 0

    play(scene)


def test_one_poisonous_entry_hinders_no_other() -> None:
    """An entry to which the API never answers properly is repeated for ever, while all others pass."""

    async def scene() -> None:
        drive = FakeDrive(lambda sent: FAILED if sent.what == "N-00001" else None)
        async with Scene(hold_s=0.0, drive=drive) as one:
            for index in range(1, 101):
                one.pair(index)
            await until(lambda: one.view.reserved == 99)
            assert len(drive.bodies("N-00001")) < 10
            assert one.state(1) == "unknown"
            await asyncio.sleep(3600.0)
            assert 60 < len(drive.bodies("N-00001")) < 400

    play(scene)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_never_more_requests_in_a_minute_than_set(concurrency: int) -> None:
    """Every request counts, also those that fail, and no minute holds more than the limit."""

    async def scene() -> None:
        answers = itertools.cycle([None, REFUSED, None, FAILED])
        drive = FakeDrive(lambda sent: next(answers))
        async with Scene(hold_s=0.0, concurrency=concurrency, requests_per_minute=7, drive=drive) as one:
            for index in range(1, 61):
                one.pair(index, user="u")
            await until(lambda: one.view.waiting == 0 and bool(drive.sent), step_s=1.0)
            times = sorted([*(sent.at for sent in drive.sent), *drive.looks])
            assert max(sum(first <= at < first + 60.0 for at in times) for first in times) == 7
            assert times[-1] < 60.5 * (len(times) / 7 + 1)

    play(scene)


# --- the journal fails -------------------------------------------------------------------------------------------


def test_what_cannot_be_recorded_is_not_sent() -> None:
    """On a full disc nothing leaves; it is shown, tried again with patience, and goes on when there is room."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:

            def full(call: str, done: bool) -> None:
                if call == "attempt" and now() < 600.0:
                    raise JournalFull("no room on the disc")

            one.journal.fault = full
            for index in range(1, 20):
                one.pair(index)
            await asyncio.sleep(590.0)
            assert one.drive.sent == []
            assert "no room on the disc" in one.view.message
            assert sum(call == "attempt" for _, call in one.journal.calls) < 600
            await asyncio.sleep(30.0)
            assert one.view.reserved == 19
            assert one.view.message == ""

    play(scene)


def test_an_attempt_that_was_recorded_though_it_raised_is_withdrawn() -> None:
    """When the answer to `attempt` is lost nothing is sent, and the leg does not stay `sending` for ever."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:
            faults = iter([True])

            def lost(call: str, done: bool) -> None:
                if call == "attempt" and done and next(faults, False):
                    raise JournalUnavailable("the answer was lost", perhaps=True)

            one.journal.fault = lost
            one.pair(1)
            await asyncio.sleep(60.0)
            assert [(leg, one_of.state) for _, leg, one_of in one.journal.settlements] == [
                (LegName.RESERVATION, LegState.QUEUED),
                (LegName.RESERVATION, LegState.DONE),
            ]
            assert len(one.drive.sent) == 1

    play(scene)


def test_an_outcome_in_hand_is_written_until_it_is_written() -> None:
    """A journal that cannot settle makes no second request, and the outcome is not lost."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:

            def busy(call: str, done: bool) -> None:
                if call == "settle" and now() < 300.0:
                    raise JournalUnavailable("locked")

            one.journal.fault = busy
            one.pair(1)
            await asyncio.sleep(290.0)
            assert one.state(1) == "queued"
            assert "locked" in one.view.message
            await asyncio.sleep(60.0)
            assert one.state(1) == "reserved"
            assert len(one.drive.sent) == 1
            assert one.view.message == ""

    play(scene)


def test_an_outcome_that_was_written_though_it_raised() -> None:
    """A settlement whose answer was lost is written again: it is shown once, and nobody is alarmed."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:
            faults = iter([True])

            def lost(call: str, done: bool) -> None:
                if call == "settle" and done and next(faults, False):
                    raise JournalUnavailable("the answer was lost", perhaps=True)

            one.journal.fault = lost
            one.pair(1)
            await asyncio.sleep(60.0)
            assert one.state(1) == "reserved"
            assert (one.view.reserved, one.view.alarm) == (1, "")
            assert [record.state for record, _ in one.told if record] == ["reserved"]

    play(scene)


def test_an_outcome_that_is_no_longer_ours_to_write() -> None:
    """An entry that somebody else has changed under our hands is an alarm, and delivery goes on."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:

            def changed(call: str, done: bool) -> None:
                if call == "settle" and not done and one.state(1) != "reserved":
                    raise IllegalTransition("not this attempt")

            one.journal.fault = changed
            one.pair(1)
            await asyncio.sleep(10.0)
            assert "not recorded" in one.view.alarm
            one.journal.fault = lambda call, done: None
            one.pair(2)
            await asyncio.sleep(10.0)
            assert one.state(2) == "reserved"
            assert len(one.drive.sent) == 2

    play(scene)


def test_a_journal_that_cannot_be_read() -> None:
    """While the journal does not answer nothing is sent; it is shown, and all goes on by itself."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:

            def away(call: str, done: bool) -> None:
                if 5.0 < now() < 500.0:
                    raise JournalUnavailable("not there")

            one.journal.fault = away
            await asyncio.sleep(6.0)
            one.pair(1)
            await asyncio.sleep(480.0)
            assert one.drive.sent == []
            assert "not there" in one.view.message
            await asyncio.sleep(60.0)
            assert one.state(1) == "reserved"
            assert one.view.message == ""

    play(scene)


# --- mistakes of our own -----------------------------------------------------------------------------------------


def test_a_request_that_fails_in_an_unforeseen_way() -> None:
    """Whatever the client raises, the request may have left: unknown, repeated, shown; the others go on."""

    async def scene() -> None:
        drive = FakeDrive(in_turn(ValueError("a mistake")))
        async with Scene(hold_s=0.0, drive=drive, concurrency=1) as one:
            one.pair(1)
            one.pair(2)
            await until(lambda: one.journal.leg("e1").state is LegState.UNKNOWN)
            assert one.journal.leg("e1").repeat
            assert "ValueError" in one.view.alarm
            await asyncio.sleep(10.0)
            assert (one.state(1), one.state(2)) == ("reserved", "reserved")

    play(scene)


def test_a_task_that_dies() -> None:
    """A delivery that ends by a mistake is an alarm, its entry is tried later, and the others go on."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, concurrency=1) as one:
            faults = iter([True])

            def mistaken(call: str, done: bool) -> None:
                if call == "attempt" and not done and next(faults, False):
                    raise ZeroDivisionError("a mistake")

            one.journal.fault = mistaken
            one.pair(1)
            one.pair(2)
            await asyncio.sleep(10.0)
            assert (one.state(1), one.state(2)) == ("held", "reserved")
            assert "ZeroDivisionError" in one.view.alarm
            await asyncio.sleep(60.0)
            assert one.state(1) == "reserved"

    play(scene)


def test_a_round_that_fails() -> None:
    """A mistake in the loop itself is an alarm, and the loop goes on."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:
            faults = iter([True])

            def mistaken(call: str, done: bool) -> None:
                if call == "due" and next(faults, False):
                    raise ZeroDivisionError("a mistake")

            one.journal.fault = mistaken
            one.pair(1)
            await asyncio.sleep(100.0)
            assert one.state(1) == "reserved"
            assert "ZeroDivisionError" in one.view.alarm

    play(scene)


def test_a_listener_that_fails() -> None:
    """Whoever shows delivery cannot end it."""

    async def scene() -> None:
        def broken(record: Record | None, view: object) -> None:
            raise RuntimeError("the screen is gone")

        async with Scene(hold_s=0.0, listener=broken) as one:
            one.pair(1)
            await asyncio.sleep(10.0)
            assert one.state(1) == "reserved"

    play(scene)


def test_an_entry_that_cannot_be_sent_as_it_is() -> None:
    """An entry past its validity is never attempted, so it can be undone; it is an alarm once, and the others go on."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:
            one.pair(1, valid_to="2001-01-01T00:00:00Z")
            one.pair(2)
            await asyncio.sleep(1000.0)
            assert (one.state(1), one.state(2)) == ("held", "reserved")
            assert "e1 cannot be sent" in one.view.alarm
            assert "alarms" not in one.view.alarm
            one.journal.undo("e1")

    play(scene)


# --- what is told, and what it costs -----------------------------------------------------------------------------


def test_the_listener_hears_of_each_settled_leg() -> None:
    """Each settled change is told once with its record, and the view changes only when there is news."""

    async def scene() -> None:
        drive = FakeDrive(in_turn(FAILED))
        async with Scene(hold_s=0.0, drive=drive) as one:
            one.pair(1, user="u")
            await asyncio.sleep(1000.0)
            settled = [
                (record.reservation.state, record.activation.state) for record, _ in one.told if record is not None
            ]
            assert settled == [
                (LegState.UNKNOWN, LegState.HELD),
                (LegState.DONE, LegState.HELD),
                (LegState.DONE, LegState.DONE),
            ]
            views = [view for record, view in one.told if record is None]
            assert all(first != second for first, second in itertools.pairwise(views))
            assert len(views) < 10
            assert one.told[-1][1].waiting == 0

    play(scene)


def test_entries_of_other_processes_are_found() -> None:
    """What another process commits to the same journal goes out without a nudge, after a whole window."""

    async def scene() -> None:
        async with Scene(hold_s=10.0) as one:
            await asyncio.sleep(100.0)
            one.journal.add(entry(1))
            await asyncio.sleep(9.9)
            assert one.drive.sent == []
            await asyncio.sleep(3.0)
            assert one.state(1) == "reserved"

    play(scene)


def test_what_a_person_releases_is_found() -> None:
    """An entry that becomes due again without a new commit is found within half a minute."""

    async def scene() -> None:
        drive = FakeDrive(in_turn(FAILED, TAKEN))
        async with Scene(hold_s=0.0, drive=drive) as one:
            one.pair(1)
            await until(lambda: one.journal.leg("e1").status == 409)
            await asyncio.sleep(100.0)
            record = one.journal.records["e1"]
            await one.journal.recover()
            one.journal.records["e1"] = _released(record)
            await asyncio.sleep(30.0)
            assert one.state(1) == "reserved"

    play(scene)


BAD = Refused("the API refused this (400: validTo)", status=400)


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_a_batch_is_not_burnt(concurrency: int) -> None:
    """Ten first attempts refused with 400 in a row and no more; then the rest waits, across a restart, for a person."""

    async def scene() -> None:
        bad = FakeDrive(lambda sent: BAD)
        async with Scene(hold_s=0.0, concurrency=concurrency, drive=bad) as one:
            for index in range(1, 41):
                one.pair(index)
            await asyncio.sleep(600.0)
            assert len(bad.sent) == 10
            assert one.courier.view.delivery is Delivery.PAUSED
            assert (await one.courier.drain()).waiting == 30
        async with Scene(hold_s=0.0, concurrency=concurrency, journal=one.journal) as again:
            await asyncio.sleep(600.0)
            assert again.drive.sent == []
            record = again.journal.records["e3"]
            again.journal.records["e3"] = replace(record, mark=Mark.VOID)
            await until(lambda: len(again.drive.sent) == 30)

    play(scene)


def test_progress_is_told() -> None:
    """How many were settled in the last minute, and how long the rest takes at that pace; nothing when all is done."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, requests_per_minute=30) as one:
            for index in range(1, 101):
                one.pair(index)
            await asyncio.sleep(50.0)
            assert (one.view.waiting, one.view.per_minute, one.view.left_s) == (70, 30, 140.0)
            assert words.progress(one.view) == "70 wait to be sent, 30 a minute, about 2 minutes left"
            await until(lambda: one.view.waiting == 0)
            await asyncio.sleep(100.0)
            assert (one.view.per_minute, one.view.left_s, words.progress(one.view)) == (0, None, "")

    play(scene)


def test_single_refusals_pause_nothing() -> None:
    """Refusals with receipts between them are single bad entries: delivery goes on."""

    async def scene() -> None:
        answers = itertools.cycle([*[BAD] * 9, None])
        drive = FakeDrive(lambda sent: next(answers))
        async with Scene(hold_s=0.0, concurrency=1, drive=drive) as one:
            for index in range(1, 41):
                one.pair(index)
            await until(lambda: len(drive.sent) == 40)

    play(scene)


def test_a_journal_that_is_not_at_home_delivers_nothing() -> None:
    """A copy or an older state of a journal holds delivery back and says why; adopted, it goes on by itself."""

    async def scene() -> None:
        one = Scene(hold_s=0.0)
        one.journal.strange = "this journal was copied here from another place"
        async with one:
            one.pair(1)
            await asyncio.sleep(60.0)
            assert one.drive.sent == []
            assert one.courier.view.delivery is Delivery.HELD_BACK
            assert "copied here" in one.courier.view.message
            one.journal.strange = ""
            await asyncio.sleep(3.0)
            assert one.state(1) == "reserved"

    play(scene)


def test_a_courier_that_was_replaced_sends_nothing() -> None:
    """Where another process has begun a term and holds the lock, this one's attempts are not recorded, and not sent."""

    async def scene() -> None:
        async with Scene(hold_s=0.0) as one:
            one.pair(1)
            await until(lambda: one.state(1) == "reserved")
            other = one.journal.courier_lock()
            one.journal.lock_holder = other
            await one.journal.take_over("", "another")
            one.pair(2)
            await asyncio.sleep(60.0)
            assert [sent.what for sent in one.drive.sent] == ["N-00001"]
            assert one.courier.view.delivery is Delivery.STANDBY
            other.release()
            await asyncio.sleep(10.0)
            assert one.state(2) == "reserved"

    play(scene)


def _released(record: Record) -> Record:
    return replace(record, reservation=replace(record.reservation, repeat=True))


def test_an_idle_courier_costs_a_small_query_now_and_then() -> None:
    """In an hour without work: a probe every two seconds, and a whole look three times a minute."""

    async def scene() -> None:
        async with Scene() as one:
            await asyncio.sleep(10.0)
            one.journal.calls.clear()
            await asyncio.sleep(3600.0)
            calls = [call for _, call in one.journal.calls]
            assert calls.count("changes") <= 1801
            assert calls.count("due") <= 181
            assert calls.count("waiting") <= 181
            assert len(calls) <= 2200
            assert not any(record for record, _ in one.told)

    play(scene)


def test_a_waiting_courier_does_not_spin() -> None:
    """Holds, pauses and back-off are slept through, not asked for again and again."""

    async def scene() -> None:
        async with Scene(hold_s=600.0, drive=FakeDrive(lambda sent: FAILED)) as one:
            for index in range(1, 51):
                one.pair(index)
            await asyncio.sleep(3600.0)
            assert sum(call == "due" for _, call in one.journal.calls) < 1500
            assert len(one.journal.calls) < 6000

    play(scene)


def test_a_long_queue_is_counted_less_often() -> None:
    """Counting a hundred thousand after each delivery would cost more than delivering."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, requests_per_minute=3000) as one:
            for index in range(1, 3001):
                one.journal.add(entry(index))
            await asyncio.sleep(10.0)
            counts = sum(call == "waiting" for _, call in one.journal.calls)
            delivered = one.view.reserved
            assert delivered > 100
            assert counts < delivered / 10
            await until(lambda: one.view.reserved == 3000, step_s=1.0)
            assert one.view.waiting == 0

    play(scene)


def test_a_reason_to_hold_back_may_come_and_go() -> None:
    """A calibration of another process lets delivery begin; a contradiction stops it again."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, hold_back="byte order not confirmed") as one:
            one.pair(1)
            await asyncio.sleep(100.0)
            assert one.drive.sent == []
            one.courier.hold_back("")
            await until(lambda: one.state(1) == "reserved")
            one.courier.hold_back("settings and calibration contradict each other")
            one.pair(2)
            await asyncio.sleep(100.0)
            assert one.state(2) == "held"
            assert one.view.delivery is Delivery.HELD_BACK

    play(scene)


def test_a_pair_of_the_other_byte_order_is_never_sent() -> None:
    """It was made before the order was found out: it would be accepted and never work. The others go on; it is told."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, order=ByteOrder.WIRE) as one:
            one.pair(1)
            one.pair(2, uid_order=ByteOrder.WIRE)
            one.pair(3, uid=Uid.from_hex("04a1a104"))
            await until(lambda: one.state(2) == "reserved" and one.state(3) == "reserved")
            await asyncio.sleep(200.0)
            assert one.state(1) == "held"
            assert "other byte order (reversed)" in one.view.alarm

    play(scene)


def test_proved_not_processed_is_not_sent_in_the_other_byte_order_either() -> None:
    """An attempt that never reached the API changes nothing; one that may have reached it must be found out."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, order=ByteOrder.REVERSED) as one:
            one.drive.plan = lambda _sent: NotProcessed("no connection")
            one.pair(1)
            await until(lambda: one.journal.records["e1"].reservation.state is LegState.QUEUED)
            record = one.journal.records["e1"]
            assert is_misordered(record, ByteOrder.WIRE)
            unknown = replace(record, reservation=replace(record.reservation, state=LegState.UNKNOWN, repeat=True))
            assert not is_misordered(unknown, ByteOrder.WIRE)
            assert not is_misordered(
                replace(record, reservation=replace(record.reservation, repeat=True)), ByteOrder.WIRE
            )

    play(scene)


def test_draining_does_not_wait_for_the_other_byte_order() -> None:
    """What will never be sent ends the wait, with the reason."""

    async def scene() -> None:
        one = Scene(hold_s=0.0, order=ByteOrder.WIRE)
        one.pair(1)
        pending = await one.courier.run_until_drained()
        assert (pending.waiting, pending.sendable) == (1, False)
        assert "other byte order" in pending.why

    play(scene)
