"""Any sequence of changes, legal or not, against a model of what must then be recorded."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from support.journal import TARGET, CountingClock, entry, lay, url
from tagsmith.errors import DuplicateNumber, DuplicateUid, IllegalTransition
from tagsmith.journal import Journal
from tagsmith.model import LegName, LegState, Mark, Settlement

LEGS = st.sampled_from(LegName)
SELDOM = st.sampled_from([False, False, False, True])
"""Marks end what can be done to an entry."""
SETTLED = (LegState.DONE, LegState.REFUSED, LegState.QUEUED, LegState.UNKNOWN)
# What leads on comes more often than what is refused, or few sequences would get as far as an activation.
SETTLEMENTS = st.builds(
    Settlement,
    st.sampled_from([LegState.DONE] * 8 + [LegState.UNKNOWN] * 3 + list(LegState)),
    repeat=st.sampled_from([True, True, False]),
    status=st.sampled_from([None, 201, 400]),
)


@dataclass
class Expected:
    """What the model knows of one leg."""

    state: LegState
    attempts: int = 0
    attempt_id: str | None = None
    body: str | None = None
    repeat: bool = False
    settlement: tuple[LegState, bool, int | None] | None = None
    """What the last attempt was settled as."""

    def may_be_sent(self) -> bool:
        return self.state in (LegState.HELD, LegState.QUEUED) or (self.state is LegState.UNKNOWN and self.repeat)


@dataclass
class Pair:
    """What the model knows of one entry."""

    uid: int
    number: int
    checked: bool = True
    mark: Mark | None = None
    legs: dict[LegName, Expected] = field(default_factory=dict)

    def due(self) -> bool:
        reservation, activation = self.legs[LegName.RESERVATION], self.legs[LegName.ACTIVATION]
        if self.mark is not None or not self.checked:
            return False
        return reservation.may_be_sent() or (reservation.state is LegState.DONE and activation.may_be_sent())

    def sending(self) -> bool:
        return any(leg.state is LegState.SENDING for leg in self.legs.values())


class JournalMachine(RuleBasedStateMachine):
    """Drives a journal on the disc; restarts it now and then."""

    pairs = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tagsmith-"))
        self.runner = asyncio.Runner()
        self.model: dict[str, Pair] = {}

    @initialize(target=pairs)
    def begin(self) -> object:
        lay(self.folder / "journal.db")
        self.open()
        # Or most sequences would deal with nothing but appends.
        return multiple(*(self.append(index, index, True, False) for index in range(3, 9)))

    def open(self) -> None:
        self.journal = Journal.open(url(self.folder / "journal.db"), station="one", clock_utc=CountingClock())

    def teardown(self) -> None:
        verification = self.journal.verify()
        self.journal.close()
        self.runner.close()
        shutil.rmtree(self.folder)
        assert verification.problems == ()
        assert verification.entries == len(self.model)

    def _run(self, legal: bool, change: Callable[[], Awaitable[object]]) -> object:
        """The answer of a legal change; an illegal one has to be refused."""

        async def scene() -> object:
            return await change()

        try:
            answer = self.runner.run(scene())
        except IllegalTransition:
            assert not legal
            return None
        assert legal
        return answer

    @rule(
        target=pairs,
        uid=st.integers(1, 8),
        number=st.integers(1, 8),
        user=st.sampled_from([True, True, False]),
        check=st.booleans(),
    )
    def append(self, uid: int, number: int, user: bool, check: bool) -> object:
        index = len(self.model) + 1
        more = {"user_id": "u" if user else None, "needs_check": check}
        new = entry(index, uid=entry(uid).uid, number_key=f"n{number}", **more)
        live = [pair for pair in self.model.values() if pair.mark is not Mark.UNDONE]
        taken = (
            DuplicateUid
            if any(pair.uid == uid for pair in live)
            else DuplicateNumber
            if any(pair.number == number for pair in live)
            else None
        )
        if taken is not None:
            with pytest.raises(taken) as refused:
                self.runner.run(self.journal.append(new))
            known = refused.value.record.entry
            assert known.uid == new.uid if taken is DuplicateUid else known.number_key == new.number_key
            return multiple()
        assert not self.runner.run(self.journal.append(new)).again
        wanted = Expected(LegState.HELD if user else LegState.NONE)
        self.model[new.id] = Pair(
            uid, number, not check, legs={LegName.RESERVATION: Expected(LegState.HELD), LegName.ACTIVATION: wanted}
        )
        return new.id

    @rule(entry_id=pairs, name=LEGS, body=st.sampled_from(["body"] * 5 + ["other"]))
    def attempt(self, entry_id: str, name: LegName, body: str) -> None:
        pair = self.model[entry_id]
        leg = pair.legs[name]
        legal = pair.mark is None and pair.checked and leg.may_be_sent() and leg.body in (None, body)
        if name is LegName.ACTIVATION and pair.legs[LegName.RESERVATION].state is not LegState.DONE:
            legal = False
        answer = self._run(legal, lambda: self.journal.attempt(entry_id, name, body))
        if answer is not None:
            leg.state, leg.attempt_id, leg.body, leg.settlement = LegState.SENDING, str(answer), body, None
            leg.attempts += 1

    @rule(
        entry_id=pairs,
        name=LEGS,
        settlement=SETTLEMENTS,
        current=st.sampled_from([True, True, True, False]),
    )
    def settle(self, entry_id: str, name: LegName, settlement: Settlement, current: bool) -> None:
        leg = self.model[entry_id].legs[name]
        attempt_id = leg.attempt_id if current and leg.attempt_id is not None else "another"
        legal = attempt_id == leg.attempt_id and settlement.state in SETTLED
        if leg.state is not LegState.SENDING:
            # The very same again is no change, and is no mistake either; all else would be one.
            legal = legal and leg.settlement == (settlement.state, self._repeat(leg, settlement), settlement.status)
        self._run(legal, lambda: self.journal.settle(entry_id, name, attempt_id, settlement))
        if legal:
            leg.repeat = self._repeat(leg, settlement)
            leg.state, leg.settlement = settlement.state, (settlement.state, leg.repeat, settlement.status)

    @staticmethod
    def _repeat(leg: Expected, settlement: Settlement) -> bool:
        match settlement.state:
            case LegState.UNKNOWN:
                return settlement.repeat
            case LegState.QUEUED:
                return settlement.repeat or leg.repeat
            case _:
                return False

    @rule(entry_id=pairs, name=LEGS, settlement=SETTLEMENTS)
    def deliver(self, entry_id: str, name: LegName, settlement: Settlement) -> None:
        self.attempt(entry_id, name, "body")
        self.settle(entry_id, name, settlement, True)

    @rule(entry_id=pairs)
    def pass_check(self, entry_id: str) -> None:
        pair = self.model[entry_id]
        (record,) = self.runner.run(self.journal.pass_check([entry_id], "Ada"))
        pair.checked = pair.checked or pair.mark is None
        assert record.checked is pair.checked

    @rule(entry_id=pairs, seldom=SELDOM)
    def undo(self, entry_id: str, seldom: bool) -> None:
        if not seldom:
            return
        pair = self.model[entry_id]
        legal = pair.mark is Mark.UNDONE or pair.legs[LegName.RESERVATION].attempts == 0
        self._run(legal, lambda: self.journal.undo(entry_id, "a reason"))
        if legal:
            pair.mark = Mark.UNDONE

    @rule(entry_id=pairs, seldom=SELDOM)
    def void(self, entry_id: str, seldom: bool) -> None:
        if not seldom:
            return
        pair = self.model[entry_id]
        legal = pair.mark is not Mark.UNDONE and pair.legs[LegName.RESERVATION].attempts > 0
        self._run(legal, lambda: self.journal.void(entry_id, "a reason"))
        if legal:
            pair.mark = Mark.VOID

    @rule()
    def recover(self) -> None:
        legs = [leg for pair in self.model.values() for leg in pair.legs.values() if leg.state is LegState.SENDING]
        assert self.runner.run(self.journal.recover()) == len(legs)
        for leg in legs:
            leg.state, leg.repeat, leg.settlement = LegState.UNKNOWN, True, None

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.open()

    @invariant()
    def the_record_is_the_model(self) -> None:
        if not hasattr(self, "journal"):
            return
        records = {record.entry.id: record for record in self.journal.records()}
        assert set(records) == set(self.model)
        for entry_id, pair in self.model.items():
            record = records[entry_id]
            assert (record.mark, record.checked) == (pair.mark, pair.checked)
            for name, leg in ((LegName.RESERVATION, record.reservation), (LegName.ACTIVATION, record.activation)):
                expected = pair.legs[name]
                assert (leg.state, leg.attempts, leg.attempt_id, leg.body, leg.repeat) == (
                    expected.state,
                    expected.attempts,
                    expected.attempt_id,
                    expected.body,
                    expected.repeat,
                )
        due = self.runner.run(self.journal.due(TARGET, 100))
        assert [record.entry.id for record in due] == [
            entry_id for entry_id, pair in self.model.items() if pair.due() and not pair.sending()
        ]
        assert self.runner.run(self.journal.waiting(TARGET)) == sum(
            pair.due() or pair.sending() for pair in self.model.values()
        )


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
