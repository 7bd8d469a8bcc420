"""A clumsy worker at a lane: whatever he does, rejected keys are counted, and not his scans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.still_bench import StillBench
from tagsmith import pairing
from tagsmith.model import ScanFault
from tagsmith.production import RejectCause

STOP_AFTER = 3
NO_KEY = {"cancelled", "reader-lost", "stalled", "busy", "lane-stopped"}
UIDS = ["04000000000180", "04000000000280", "08000003", "08000004", "04000000000580", None, None]
"""Two good keys, two phones, one that is paired already, and two that do not answer."""
LABELS = ["N-1", "N\x07-2", "N-3", "N-USED", "N-5", "N-6", "N\x07-7"]
"""What each has printed on it: two are mangled, and one is used already."""
keys = st.integers(0, len(UIDS) - 1)


class Lane(RuleBasedStateMachine):
    """A lane, the keys on its table, and what may be counted at most and at least."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.on_reader: int | None = None
        self.uids: set[int] = set()
        """The keys that came onto the reader since the last pair."""
        self.numbers: set[int] = set()
        self.nameless = 0
        """How often something lay there, or was put aside, of which nothing is known."""
        self.refused: set[str] = set()
        """The UIDs of which the lane said that it refuses them."""
        self.heard = 0

    def teardown(self) -> None:
        self.loop.run_until_complete(self.still.bench.stop())
        self.loop.close()

    def do(self, what: Callable[[], None]) -> None:
        """Have something done, let it end, and hear what is said of it."""

        async def run() -> None:
            what()
            await self.still.settle()

        self.run(run())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.still.now += 3.5
        self.loop.run_until_complete(work)
        for event in self.still.events[self.heard :]:
            uid = event.fields.get("uid")
            if event.event in ("paired", "unlocked"):
                self.uids, self.numbers, self.nameless, self.refused = set(), set(), 0, set()
                if event.event == "paired":
                    assert self.still.view().stop is None
            elif uid and (
                event.event == "put-aside" or (event.event == "rejected" and event.fields["reason"] not in NO_KEY)
            ):
                self.refused.add(str(uid))
        self.heard = len(self.still.events)

    @initialize(order=st.sampled_from(pairing.Order))
    def begin(self, order: pairing.Order) -> None:
        self.order = order

        async def make() -> None:
            self.still = StillBench(rules=pairing.Rules(order=order), stop_after=STOP_AFTER)
            self.still.plug()
            pair = self.still.pair_scan_first if order is pairing.Order.SCAN_FIRST else self.still.pair
            await pair(UIDS[4] or "", "N-USED")

        self.still: StillBench
        self.loop.run_until_complete(make())
        self.heard = len(self.still.events)

    @precondition(lambda self: self.on_reader is None)
    @rule(key=keys)
    def lay(self, key: int) -> None:
        """A key is laid on the reader."""
        self.on_reader = key
        uid = UIDS[key]
        if uid is None:
            self.nameless += 1
            self.do(self.still.lay_together)
        else:
            self.uids.add(key)
            self.do(lambda: self.still.arrive(uid))

    @precondition(lambda self: self.on_reader is not None)
    @rule()
    def lift(self) -> None:
        """It is taken away."""
        assert self.on_reader is not None
        uid, self.on_reader = UIDS[self.on_reader], None
        if uid is not None:
            self.do(lambda: self.still.leave(uid))

    @rule(key=keys, times=st.integers(1, 3))
    def scan(self, key: int, times: int) -> None:
        """A label is scanned, perhaps again and again, of whichever key."""
        self.numbers.add(key)
        for _ in range(times):
            self.do(lambda: self.still.scan(LABELS[key]))

    @rule(fault=st.sampled_from(ScanFault))
    def scan_badly(self, fault: ScanFault) -> None:
        """A scan comes to pieces."""
        self.do(lambda: self.still.scan("N-\ufffd", fault=fault))

    @rule()
    def scan_for_nobody(self) -> None:
        """A scan names a lane that there is none of."""
        self.do(lambda: self.still.scan("N-8", "no such lane"))

    @precondition(lambda self: self.on_reader is None)
    @rule(first=keys, second=keys)
    def lay_two(self, first: int, second: int) -> None:
        """Two keys are laid on the reader at once."""
        pair = [uid for uid in (UIDS[first], UIDS[second]) if uid is not None]
        if len(set(pair)) == 2:
            self.uids |= {first, second}
            self.do(lambda: self.still.lay_together(*pair))

    @rule()
    def clear(self) -> None:
        """Esc."""
        self.do(lambda: self.still.bench.clear("1"))

    @rule()
    def lose_the_reader(self) -> None:
        """It is pulled out and plugged in; whatever lay there must be laid anew."""
        self.on_reader = None
        self.do(self.still.lose)

    @rule()
    def stand_still(self) -> None:
        """The station stood still for a moment."""
        self.do(self.still.bench._stood_still)

    @rule(cause=st.sampled_from(RejectCause))
    def put_aside(self, cause: RejectCause) -> None:
        """Some key is put aside; one that the lane knows, or one in the hand."""
        recorded = len(self.still.journal.rejected)
        self.do(lambda: self.still.bench.reject("1", cause))
        for _, rejected in self.still.journal.rejected[recorded:]:
            self.nameless += rejected.uid is None and not rejected.visual_number

    @precondition(lambda self: self.still.view().stop is not None)
    @rule()
    def unlock(self) -> None:
        """Somebody has looked."""
        self.do(lambda: None if self.still.bench.unlock("1", "Ada", "badge") else self.fail())

    def fail(self) -> None:
        raise AssertionError("a lane that has stopped goes on when it may")

    @invariant()
    def no_more_than_there_were_keys(self) -> None:
        """Where the tap comes first, numbers never count; else each key may count once by number and once by UID."""
        most = len(self.uids) + self.nameless
        if self.order is not pairing.Order.TAP_FIRST:
            most += len(self.numbers)
        assert self.still.view().rejected_in_row <= most

    @invariant()
    def each_key_that_was_refused(self) -> None:
        """None is forgotten, so that a lane that refuses key after key stops."""
        count, stop = self.still.view().rejected_in_row, self.still.view().stop
        assert count >= len(self.refused)
        assert (stop is not None) == (count >= STOP_AFTER)


TestKeysNotScans = Lane.TestCase
TestKeysNotScans.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
