"""Start, stop, stand-by, take-over and draining, in memory, on a loop whose time jumps."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courier.fakes import FakeDrive, FakeJournal, Scene, entry, now, play, until
from tagsmith.drive import Receipt
from tagsmith.errors import JournalFull, JournalUnavailable, NotProcessed, OutcomeUnknown, Refused, Unauthorised
from tagsmith.model import Delivery, LegName, LegState, Mark, Settlement

FAILED = OutcomeUnknown("the API failed (500)", status=500)
UNREACHABLE = NotProcessed("no connection to the API")
LIMITED = NotProcessed("the API asks to wait (429)", status=429)
KEY_WRONG = Unauthorised("the API turned the key away (401)", status=401)


# --- restart -----------------------------------------------------------------------------------------------------


async def _left_sending(journal: FakeJournal) -> None:
    """A process died between the attempt and its outcome."""
    journal.add(entry(1))
    await journal.attempt("e1", LegName.RESERVATION, '{"visualNumber":"N-00001"}')


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, "reserved"),
        (Refused("taken (409)", status=409), "unknown"),
        (Refused("bad (400)", status=400), "unknown"),
    ],
)
def test_what_a_dead_process_left_is_repeated(answer: Exception | None, state: str) -> None:
    """An attempt that was cut short is unknown: its very body is repeated at once, and a refusal proves nothing."""

    async def scene() -> None:
        journal = FakeJournal()
        await _left_sending(journal)
        async with Scene(journal=journal, drive=FakeDrive(lambda sent: answer)) as one:
            await asyncio.sleep(1000.0)
            assert one.drive.bodies("N-00001") == ['{"visualNumber":"N-00001"}']
            assert one.state(1) == state
            assert not journal.leg("e1").repeat

    play(scene)


def test_not_processed_does_not_make_an_unknown_outcome_known() -> None:
    """A leg left by a dead process stays unknown while the API cannot be reached."""

    async def scene() -> None:
        journal = FakeJournal()
        await _left_sending(journal)
        async with Scene(journal=journal, drive=FakeDrive(lambda sent: UNREACHABLE)) as one:
            await asyncio.sleep(100.0)
            assert len(one.drive.sent) > 2
            assert {settlement.state for _, _, settlement in journal.settlements} == {LegState.UNKNOWN}
            assert journal.leg("e1").repeat

    play(scene)


# --- stopping ----------------------------------------------------------------------------------------------------


def test_a_stop_lets_what_is_under_way_settle() -> None:
    """Requests under way get their grace and are written; nothing new is started; run returns as soon as it can."""

    async def scene() -> None:
        one = Scene(hold_s=0.0, concurrency=2, drive=FakeDrive(latency_s=1.0))
        one.start()
        for index in range(1, 6):
            one.pair(index)
        await asyncio.sleep(0.5)
        await one.stop(grace_s=30.0)
        assert now() < 2.0
        assert [one.state(index) for index in range(1, 6)] == ["reserved", "reserved", "held", "held", "held"]
        assert len(one.drive.sent) == 2
        assert one.journal.lock_holder is None

    play(scene)


def test_a_request_that_outlasts_the_grace_is_not_settled() -> None:
    """A cancelled request is left as it is, `sending`: never proved, never denied; the next start repeats it."""

    async def scene() -> None:
        journal = FakeJournal()
        one = Scene(hold_s=0.0, journal=journal, drive=FakeDrive(latency_s=100.0))
        one.start()
        one.pair(1)
        await asyncio.sleep(0.5)
        began = now()
        await one.stop(grace_s=2.0)
        assert now() - began == pytest.approx(2.0, abs=0.1)
        assert journal.leg("e1").state is LegState.SENDING
        assert journal.settlements == []
        async with Scene(journal=journal) as two:
            await asyncio.sleep(1.0)
            assert two.state(1) == "reserved"

    play(scene)


def test_a_second_stop_may_be_more_urgent() -> None:
    """The shorter grace holds."""

    async def scene() -> None:
        one = Scene(hold_s=0.0, drive=FakeDrive(latency_s=100.0))
        one.start()
        one.pair(1)
        await asyncio.sleep(0.5)
        one.courier.request_stop(60.0)
        await asyncio.sleep(0.5)
        await one.stop(grace_s=1.0)
        assert now() < 3.0

    play(scene)


def test_an_attempt_that_was_recorded_when_the_stop_came_is_not_sent() -> None:
    """Nothing leaves after the stop, and since nothing left the outcome is no secret: the entry is queued."""

    async def scene() -> None:
        journal = FakeJournal()
        journal.latency_s = 0.5
        one = Scene(hold_s=0.0, journal=journal)
        one.start()
        one.pair(1)
        await until(lambda: bool(journal.calls) and journal.calls[-1][1] == "attempt")
        await one.stop(grace_s=10.0)
        assert one.drive.sent == []
        assert journal.leg("e1").state is LegState.QUEUED

    play(scene)


def test_a_stop_before_the_start() -> None:
    """Run returns at once and touches nothing."""

    async def scene() -> None:
        one = Scene()
        one.courier.request_stop()
        await one.courier.run()
        assert one.journal.calls == []

    play(scene)


def test_a_cancelled_run_lets_go_of_everything() -> None:
    """Cancelling ends requests without a grace, settles none, and lets another courier take over."""

    async def scene() -> None:
        one = Scene(hold_s=0.0, drive=FakeDrive(latency_s=100.0))
        running = one.start()
        one.pair(1)
        await asyncio.sleep(0.5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert one.drive.under_way == 0
        assert one.journal.settlements == []
        assert one.journal.lock_holder is None
        assert one.view.alarm == ""

    play(scene)


# --- standing by -------------------------------------------------------------------------------------------------


def test_one_delivers_and_the_other_stands_by() -> None:
    """The second courier says who delivers, sends nothing, and takes over within seconds after the first."""

    async def scene() -> None:
        journal, drive = FakeJournal(), FakeDrive()
        first = Scene(hold_s=0.0, journal=journal, drive=drive)
        first.start()
        await asyncio.sleep(1.0)
        async with Scene(hold_s=0.0, journal=journal, drive=drive) as second:
            first.pair(1)
            await asyncio.sleep(10.0)
            assert second.view.delivery is Delivery.STANDBY
            assert "4711 tagsmith run" in second.view.message
            second.pair(2)
            await asyncio.sleep(10.0)
            assert (second.state(1), second.state(2)) == ("reserved", "reserved")
            assert (first.view.reserved, second.view.reserved) == (2, 0)
            await first.stop()
            second.pair(3)
            await asyncio.sleep(3.0)
            assert second.view.delivery is Delivery.ACTIVE
            assert second.view.message == ""
            assert second.state(3) == "reserved"
        assert [sent.what for sent in drive.sent] == ["N-00001", "N-00002", "N-00003"]

    play(scene)


def test_who_takes_over_first_makes_unknown_what_was_under_way() -> None:
    """Recovery comes before anything is sent, and is tried until it works."""

    async def scene() -> None:
        journal = FakeJournal()
        await _left_sending(journal)

        def away(call: str, done: bool) -> None:
            if call == "recover" and now() < 60.0:
                raise JournalUnavailable("not there")

        journal.fault = away
        async with Scene(hold_s=0.0, journal=journal) as one:
            one.pair(2)
            await asyncio.sleep(50.0)
            assert one.drive.sent == []
            assert "not there" in one.view.message
            await asyncio.sleep(60.0)
            assert (one.state(1), one.state(2)) == ("reserved", "reserved")

    play(scene)


# --- draining ----------------------------------------------------------------------------------------------------


def test_drain_waits_for_holds_and_answers() -> None:
    """It ends when the last outcome has been written and told, and says that nothing is left."""

    async def scene() -> None:
        async with Scene(hold_s=10.0, drive=FakeDrive(latency_s=5.0)) as one:
            for index in range(1, 4):
                one.pair(index, user="u")
            pending = await one.courier.drain(60.0)
            assert (pending.waiting, pending.sendable) == (0, False)
            assert 20.0 <= now() < 21.0
            assert sum(record is not None for record, _ in one.told) == 6

    play(scene)


def test_drain_ends_at_its_time() -> None:
    """With time up it says what is left and that it would have been sent."""

    async def scene() -> None:
        async with Scene(hold_s=100.0) as one:
            one.pair(1)
            pending = await one.courier.drain(30.0)
            assert now() == pytest.approx(30.0, abs=0.1)
            assert (pending.waiting, pending.sendable) == (1, True)

    play(scene)


def test_drain_with_a_time_waits_through_an_outage() -> None:
    """Whoever gives a time wants it used."""

    async def scene() -> None:
        async with Scene(hold_s=0.0, drive=FakeDrive(lambda sent: UNREACHABLE if sent.at < 200.0 else None)) as one:
            one.pair(1)
            assert (await one.courier.drain(400.0)).waiting == 0
            assert now() > 200.0

    play(scene)


@pytest.mark.parametrize("timeout_s", [None, 1000.0])
def test_drain_does_not_wait_for_what_is_held_back(timeout_s: float | None) -> None:
    """Held back is held back, whatever time there is."""

    async def scene() -> None:
        async with Scene(hold_back="byte order not confirmed") as one:
            one.pair(1)
            pending = await one.courier.drain(timeout_s)
            assert (pending.waiting, pending.sendable, pending.why) == (1, False, "byte order not confirmed")
            assert now() < 5.0

    play(scene)


def test_drain_ends_when_all_has_been_told() -> None:
    """Nothing left in the journal is not the end: who drains wants to have heard of each delivery."""

    async def scene() -> None:
        journal = FakeJournal()
        journal.latency_s = 3.0
        async with Scene(hold_s=0.0, journal=journal) as one:
            one.pair(1)
            assert (await one.courier.drain(600.0)).waiting == 0
            assert [record.state for record, _ in one.told if record] == ["reserved"]

    play(scene)


@pytest.mark.parametrize("timeout_s", [None, 1000.0])
def test_drain_waits_for_what_is_under_way_when_the_key_is_turned_away(timeout_s: float | None) -> None:
    """A request that left before the stop may still be answered, and its answer is worth waiting for."""

    async def scene() -> None:
        drive = FakeDrive(lambda sent: KEY_WRONG if sent.what == "N-00001" else None, slow={"N-00002": 15.0})
        async with Scene(hold_s=0.0, drive=drive) as one:
            one.pair(1)
            one.pair(2)
            pending = await one.courier.drain(timeout_s)
            assert (pending.waiting, pending.sendable) == (1, False)
            assert (one.state(1), one.state(2)) == ("queued", "reserved")

    play(scene)


@pytest.mark.parametrize("timeout_s", [None, 1000.0])
def test_drain_ends_when_the_key_is_turned_away(timeout_s: float | None) -> None:
    """A key that is turned away stays so until somebody acts; the requests under way are still waited for."""

    async def scene() -> None:
        drive = FakeDrive(lambda sent: KEY_WRONG)
        async with Scene(hold_s=0.0, drive=drive) as one:
            for index in range(1, 4):
                one.pair(index)
            pending = await one.courier.drain(timeout_s)
            assert len(drive.sent) == 3
            assert (pending.waiting, pending.sendable) == (3, False)
            assert "401" in pending.why
            assert "alarms" not in one.view.alarm, "one is enough"
            assert drive.under_way == 0
            assert now() < 5.0

    play(scene)


def test_once_with_nothing_to_do() -> None:
    """Nothing left is nothing left, at once; also with a reason to hold back."""

    async def scene() -> None:
        for hold_back in ("", "not confirmed"):
            pending = await Scene(hold_back=hold_back).courier.run_until_drained()
            assert (pending.waiting, pending.why) == (0, "")
        assert now() < 1.0

    play(scene)


def test_once_delivers_everything() -> None:
    """Delivery alone ends when all is sent, faults on the way included, and lets go of the lock."""

    async def scene() -> None:
        journal = FakeJournal()
        for index in range(1, 31):
            journal.add(entry(index, user="u"))
        rng = random.Random(5)
        one = Scene(journal=journal, drive=FakeDrive(lambda sent: FAILED if rng.random() < 0.3 else None))
        pending = await one.courier.run_until_drained()
        assert pending.waiting == 0
        assert {one.state(index) for index in range(1, 31)} == {"active"}
        assert journal.lock_holder is None

    play(scene)


def test_once_gives_up_on_an_api_that_cannot_be_reached() -> None:
    """Three pauses in a row without an answer are enough; nothing is lost."""

    async def scene() -> None:
        journal = FakeJournal()
        for index in range(1, 101):
            journal.add(entry(index))
        one = Scene(journal=journal, hold_s=0.0, drive=FakeDrive(lambda sent: UNREACHABLE))
        pending = await one.courier.run_until_drained()
        assert (pending.waiting, pending.sendable) == (100, False)
        assert "cannot be reached" in pending.why
        assert 3 <= len(one.drive.sent) < 20
        assert now() < 60.0
        assert not any(journal.leg(f"e{index}").state is LegState.SENDING for index in range(1, 101))

    play(scene)


def test_once_tries_each_entry_several_times_that_gets_no_answer() -> None:
    """Entries that the API never answers do not keep it going for ever, nor from sending the others."""

    async def scene() -> None:
        journal = FakeJournal()
        for index in range(1, 31):
            journal.add(entry(index))
        bad = {"N-00003", "N-00020"}
        one = Scene(journal=journal, drive=FakeDrive(lambda sent: FAILED if sent.what in bad else None))
        pending = await one.courier.run_until_drained()
        assert (pending.waiting, pending.sendable) == (2, False)
        assert pending.why
        assert one.view.reserved == 28
        assert all(len(one.drive.bodies(number)) >= 3 for number in bad)

    play(scene)


def test_once_waits_for_one_limit_but_not_for_the_day() -> None:
    """A minute's limit is waited for; a limit that goes on, or opens much later, is not."""

    async def scene() -> None:
        one = Scene(hold_s=0.0, drive=FakeDrive(lambda sent: LIMITED if sent.at < 30.0 else None))
        one.pair(1)
        assert (await one.courier.run_until_drained()).waiting == 0
        assert 60.0 <= now() < 70.0
        two = Scene(hold_s=0.0, drive=FakeDrive(lambda sent: LIMITED))
        two.pair(1)
        pending = await two.courier.run_until_drained()
        assert pending.waiting == 1
        assert "limits" in pending.why
        assert len(two.drive.sent) == 3
        later = NotProcessed("wait (429)", status=429, retry_after_s=4000.0)
        three = Scene(hold_s=0.0, drive=FakeDrive(lambda sent: later))
        three.pair(1)
        began = now()
        assert (await three.courier.run_until_drained()).waiting == 1
        assert now() - began < 10.0

    play(scene)


def test_once_ends_when_another_process_delivers() -> None:
    """It names the other; with a time limit it waits for the other's work."""

    async def scene() -> None:
        journal = FakeJournal()
        async with Scene(hold_s=20.0, journal=journal) as other:
            await asyncio.sleep(1.0)
            other.pair(1)
            pending = await Scene(journal=journal).courier.run_until_drained()
            assert (pending.waiting, pending.sendable) == (1, False)
            assert "4711" in pending.why
            assert now() < 5.0
            assert (await Scene(journal=journal).courier.run_until_drained(60.0)).waiting == 0

    play(scene)


@pytest.mark.parametrize("call", ["attempt", "waiting", "due", "recover"])
def test_once_ends_when_the_journal_fails(call: str) -> None:
    """A journal that fails again and again ends it, with its words; nothing was sent."""

    async def scene() -> None:
        journal = FakeJournal()
        journal.add(entry(1))

        def broken(name: str, done: bool) -> None:
            if name == call:
                raise JournalFull("no room on the disc")

        journal.fault = broken
        one = Scene(hold_s=0.0, journal=journal)
        pending = await one.courier.run_until_drained()
        assert not pending.sendable
        assert "no room on the disc" in pending.why
        assert one.drive.sent == []

    play(scene)


def test_once_ends_when_the_journal_goes_away_under_a_request() -> None:
    """A disc that is gone when the answer comes ends it too, though that request cannot be settled."""

    async def scene() -> None:
        journal = FakeJournal()
        journal.add(entry(1))

        def gone(name: str, done: bool) -> None:
            if one.drive.sent:
                raise JournalUnavailable("the disc is gone")

        one = Scene(hold_s=0.0, journal=journal)
        journal.fault = gone
        async with asyncio.timeout(600.0):
            pending = await one.courier.run_until_drained()
        assert "the disc is gone" in pending.why
        assert len(one.drive.sent) == 1

    play(scene)


def test_once_can_be_stopped() -> None:
    """A stop ends it, whatever is left."""

    async def scene() -> None:
        one = Scene(hold_s=1000.0)
        one.pair(1)
        work = asyncio.create_task(one.courier.run_until_drained())
        await asyncio.sleep(5.0)
        one.courier.request_stop()
        pending = await work
        assert (pending.waiting, pending.sendable) == (1, False)
        assert now() < 8.0

    play(scene)


def test_pending() -> None:
    """What is left and whether it will be sent: held and repeated entries are, those for a person are not counted."""

    async def scene() -> None:
        async with Scene(hold_s=100.0) as one:
            one.pair(1)
            await asyncio.sleep(1.0)
            pending = await one.courier.pending()
            assert (pending.waiting, pending.sendable, pending.why) == (1, True, "")
            await one.journal.attempt("e1", LegName.RESERVATION, "{}")
            assert (await one.courier.pending()).waiting == 1
            await one.journal.settle("e1", LegName.RESERVATION, "a1", Settlement(LegState.UNKNOWN))
            assert (await one.courier.pending()).waiting == 0

    play(scene)


# --- everything at once ------------------------------------------------------------------------------------------


class Api:
    """An API that keeps what it is given, and goes wrong on its way in and out."""

    def __init__(self, rng: random.Random, duplicate: int) -> None:
        self._rng = rng
        self._duplicate = duplicate
        self.stored: set[str] = set()
        self.calm = False

    def __call__(self, sent: object) -> Receipt | Exception:
        what = sent.what  # type: ignore[attr-defined]
        fate = 0.0 if self.calm else self._rng.random()
        if fate > 0.95:
            return UNREACHABLE
        if fate > 0.92:
            return NotProcessed("wait (429)", status=429, retry_after_s=self._rng.choice([None, 0.0, 3.0]))
        if fate > 0.8:
            return FAILED
        duplicate = what in self.stored
        self.stored.add(what)
        if fate > 0.6:
            return OutcomeUnknown("the connection broke")
        if duplicate and self._duplicate != 201:
            return Refused("taken", status=self._duplicate)
        return Receipt(201)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([201, 400, 409]))
def test_whatever_happens_nothing_is_lost_and_nothing_falsely_reserved(seed: int, duplicate: int) -> None:
    """Faults of API and journal, kills and restarts at random: what is called reserved is; any doubt is on record."""

    async def scene() -> None:
        rng = random.Random(seed)
        journal, api = FakeJournal(), Api(rng, duplicate)

        def failing(call: str, done: bool) -> None:
            if not api.calm and rng.random() < 0.05:
                raise JournalUnavailable("not now", perhaps=True)

        journal.fault = failing
        numbers = itertools.count(1)
        for _ in range(6):
            scene = Scene(journal=journal, hold_s=rng.choice([0.0, 0.5]), drive=FakeDrive(api), rng=rng)
            running = scene.start()
            for _ in range(rng.randrange(6)):
                record = scene.pair(next(numbers))
                if rng.random() < 0.2 and record.reservation.attempts == 0:
                    journal.undo(record.entry.id)
                await asyncio.sleep(rng.uniform(0, 1))
            await asyncio.sleep(rng.uniform(0, 5))
            running.cancel()  # as good as killed: nothing is settled that was not
            await asyncio.gather(running, return_exceptions=True)
        api.calm = True
        last = Scene(journal=journal, hold_s=0.0, drive=FakeDrive(api), rng=rng)
        assert (await last.courier.run_until_drained(3600.0)).waiting == 0

        for record in journal.records.values():
            number, leg = record.entry.visual_number, record.reservation
            if record.mark is Mark.UNDONE:
                assert number not in api.stored
            elif leg.state is LegState.DONE:
                assert number in api.stored
            else:
                # Only a refusal after an unknown outcome leaves a doubt, and the doubt is on record.
                assert (leg.state, leg.repeat) == (LegState.UNKNOWN, False)
                assert duplicate != 201
            assert len(set(last.drive.bodies(number))) <= 1

    play(scene)
