"""Checks at the lanes: keys that are tapped and scanned again, and what they cover, which is sent when they pass."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from tagsmith import batch, words
from tagsmith.batch import Asked, Check, Outcome
from tagsmith.bench.current import Current
from tagsmith.bench.lane import Lane
from tagsmith.errors import JournalError
from tagsmith.model import Notice, Record
from tagsmith.production import BatchKey
from tagsmith.uid import Uid
from tagsmith.visual_number import VisualNumber

_log = logging.getLogger(__name__)


class Checks:
    """The checks under way, one a lane at most. `after` is called for a lane when one of its checks is recorded."""

    def __init__(self, current: Current, after: Callable[[Lane], None]) -> None:
        self._current = current
        self._after = after
        self._checks: dict[str, Check] = {}
        self._passing = 0
        self._recorded = asyncio.Event()
        self._recorded.set()

    def clear(self) -> None:
        """Another batch: none is under way."""
        self._checks.clear()

    def drop(self, lane: Lane) -> None:
        """The check of a lane is over, undone."""
        self._checks.pop(lane.name, None)

    def of(self, name: str) -> Check | None:
        """The check that is under way on a lane."""
        return self._checks.get(name)

    def ask_due(self, lane: Lane) -> None:
        """Begin the check that the batch asks for now, if it does."""
        run = self._current.run
        if run is None or lane.name in self._checks or not run.check_due(lane.name):
            return
        made = run.run_of(lane.name)
        self.begin(lane, Asked.SAMPLE, made[-1:], made)

    def ask_last(self) -> tuple[str, int] | None:
        """Ask for a check of the last piece on each lane with pairs that wait for theirs; a lane and how many wait."""
        run = self._current.run
        waiting = list(run.unchecked()) if run is not None else []
        for name, made in waiting:
            lane = self._current.lanes[name]
            if lane.stop is None and name not in self._checks:
                self.begin(lane, Asked.LAST, made[-1:], made)
        return (waiting[0][0], sum(len(made) for _, made in waiting)) if waiting else None

    def ask_after_break(self) -> None:
        """Ask for a check of the last piece on each lane with pairs that wait for theirs.

        Nobody knows what became of the stack since, nor whether a check had failed that nobody remembers.
        """
        run = self._current.run
        for name, made in run.unchecked() if run is not None else ():
            if name not in self._checks:
                self.begin(self._current.lanes[name], Asked.SAMPLE, made[-1:], made)

    def begin(self, lane: Lane, asked: Asked, keys: tuple[BatchKey, ...], covers: tuple[BatchKey, ...]) -> None:
        """Have these keys tapped and scanned again; when all are right, what the check covers is sent."""
        # First, so that whatever comes of dropping the half pair finds the check.
        self._checks[lane.name] = Check(asked, keys, tuple(key.entry for key in covers))
        self._current.hands.drop_half(lane)
        self.show(lane)
        self._current.hands.say(
            "check-asked",
            lane,
            check=str(asked),
            numbers=[key.visual_number for key in keys],
            covers=len(covers),
            message=words.told(lane.notice) if lane.notice else "",
        )

    def show(self, lane: Lane) -> None:
        """Say what the check of a lane asks for now."""
        check = self._checks[lane.name]
        values = {"place": check.place + 1, "count": len(check.keys), "number": check.key.visual_number}
        lane.notice = words.batch_notice("check-scan" if check.tapped else "check-tap", **values)
        self._current.hands.changed()

    def takes_tap(self, lane: Lane, uid: Uid) -> bool:
        """Whether a tap belongs to a check that is under way."""
        if (check := self._checks.get(lane.name)) is None:
            return False
        self._checks[lane.name], outcome = check.tap(uid)
        self._came(lane, check, outcome, self._name_of(uid))
        return True

    def takes_scan(self, lane: Lane, number: VisualNumber) -> bool:
        """Whether a number belongs to a check that is under way."""
        if (check := self._checks.get(lane.name)) is None:
            return False
        self._checks[lane.name], outcome = check.scan(number.key)
        self._came(lane, check, outcome, number.text)
        return True

    def undone(self, record: Record) -> None:
        """A pair was taken back: no check looks at it, or covers it."""
        self._without(record.entry.id)

    def _without(self, entry: str) -> None:
        for name, check in list(self._checks.items()):
            left = check.without(entry)
            if left is None:
                del self._checks[name]
                self._current.lanes[name].notice = None
            elif left != check:
                self._checks[name] = left
                self.show(self._current.lanes[name])

    def refresh(self) -> None:
        """The batch was read anew: what is not in it any more is not looked at."""
        run = self._current.run
        live = {key.entry for key in run.made.values()} if run is not None else set()
        for check in list(self._checks.values()):
            for entry in {key.entry for key in check.keys}.union(check.covers) - live:
                self._without(entry)

    def passed(self, lane: Lane, entries: tuple[str, ...], how: str) -> None:
        """A check that covers these entries has passed, in this way: have them sent."""
        current = self._current
        assert current.run is not None
        # Before the journal knows: what comes next is not to be checked together with these once more.
        current.set(current.run.passed(entries, lane.name))
        self._passing += 1
        self._recorded.clear()
        current.hands.spawn(self._record(lane, entries, how, current.run.batch.id))

    async def recorded(self) -> None:
        """Return when the journal knows of every check that has passed, or does not take it."""
        await self._recorded.wait()

    def _came(self, lane: Lane, check: Check, outcome: Outcome, found: str) -> None:
        match outcome:
            case Outcome.GOES_ON:
                self.show(lane)
            case Outcome.PASSED:
                del self._checks[lane.name]
                self.passed(lane, check.covers, str(check.asked))
                lane.notice = replace(words.notice("check-passed"), good=True)
                self._current.hands.changed()
            case Outcome.TAP_FIRST:
                self._current.hands.refused(lane, words.notice("check-tap-first"), None, found)
            case Outcome.FAILED:
                self._current.hands.stop_lane(lane, batch.stop_failed(check, found))

    def _name_of(self, uid: Uid) -> str:
        """A key as people know it: by its number, where it is one of the batch."""
        made = self._current.run.made if self._current.run is not None else {}
        return next((key.visual_number for key in made.values() if key.uid == uid), uid.wire)

    async def _record(self, lane: Lane, entries: tuple[str, ...], how: str, of: str) -> None:
        """Where the journal cannot say now that a check has passed, what it covers waits for the next one."""
        current = self._current
        try:
            records = await current.journal.pass_check(entries, current.journal.acting)
        except JournalError as error:
            _log.error("the check has passed, and the journal does not take it: %s", error)
            lane.notice = Notice("check-not-saved", words.title("check-not-saved"), str(error))
            if current.run is not None and current.is_of(of):
                current.set(current.run.reopened(entries, lane.name))
            current.hands.changed()
            return
        finally:
            self._passing -= 1
            if not self._passing:
                self._recorded.set()
        for record in records:
            current.hands.checked(record)
        current.hands.say("check-passed", lane, check=how, entries=len(records))
        self._after(lane)
