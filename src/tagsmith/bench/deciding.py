"""What a person decides when a lane has stopped over its batch, and lines that are skipped."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

from tagsmith import words
from tagsmith.batch import Asked
from tagsmith.bench.checking import Checks
from tagsmith.bench.current import HALF, SAVING, Current
from tagsmith.bench.lane import Lane
from tagsmith.errors import IllegalTransition, JournalError
from tagsmith.model import Notice, Record
from tagsmith.production import Sequence, Stop
from tagsmith.uid import Uid

MISSING = "missing"
"""Why a line is skipped whose card was not in the stack."""


@dataclass(frozen=True, slots=True)
class _Stopped:
    """What a lane had in its hands when it stopped, and the place of the line that came next."""

    place: int | None
    uid: Uid | None
    number: str


class Decisions:
    """The stops of lanes over their batch, and how each goes on.

    `undone` is told of each pair that is taken back, `after` is called for a lane that goes on.
    """

    def __init__(
        self, current: Current, checks: Checks, undone: Callable[[Record], None], after: Callable[[Lane], None]
    ) -> None:
        self._current = current
        self._checks = checks
        self._undone = undone
        self._after = after
        self._stopped: dict[str, _Stopped] = {}
        self._under_way: set[str] = set()
        self.answers: dict[str, Callable[[Lane], None]] = {
            "skip-missing": self._skip_missing,
            "recheck-run": self._recheck_run,
            "undo-run": lambda lane: self._do(lane, self._undo_run(lane)),
            "scan-again": self._scan_again,
            "put-aside": self._put_aside,
        }

    def clear(self) -> None:
        """Another batch: stops over the one before are none any more."""
        self._stopped.clear()
        for lane in self._current.lanes.values():
            if lane.stop is not None and all(choice.id in self.answers for choice in lane.stop.choices):
                lane.stop = None

    def is_under_way(self, lane: Lane) -> bool:
        """Whether what was decided for a lane is being done."""
        return lane.name in self._under_way

    def halt(self, lane: Lane, stop: Stop, uid: Uid | None, number: str) -> None:
        """Stop a lane over a key or a number."""
        run = self._current.run
        self._stopped[lane.name] = _Stopped(run.expected(lane.name) if run is not None else None, uid, number)
        self._current.hands.stop_lane(lane, stop)

    # --- lines that are skipped -----------------------------------------------------------------------------------

    def skip_expected(self, why: str, said: Callable[[str], None]) -> None:
        """Skip the number that comes next on any lane; `said` gets why it could not be, empty when it was."""
        run = self._current.run
        if run is None:
            said(words.told(words.notice("no-batch")))
            return
        states = [lane.state for lane in self._current.lanes.values() if lane.state.phase in HALF | SAVING]
        waiting = {state.scan.number.key for state in states if state.scan is not None}
        places = range(run.open_from, len(run.roster.lines)) if run.order is not Sequence.FREE else ()
        place = next((at for at in places if run.is_open(at) and run.roster.lines[at].number_key not in waiting), None)
        if place is None:
            said(words.told(words.notice("no-expected")))
            return

        async def skip() -> None:
            error = await self._skip(place, why)
            said(words.told(words.batch_notice("batch-not-changed", why=error)) if error else "")

        self._current.hands.spawn(skip())

    async def _skip(self, place: int, why: str) -> str:
        """Skip a line; why it could not be, empty if it was."""
        current, run = self._current, self._current.run
        assert run is not None
        line = run.roster.lines[place]
        try:
            await current.journal.skip_line(run.batch.id, line.position, why, current.journal.acting)
        except JournalError as error:
            return str(error)
        if current.run is not None and current.is_of(run.batch.id):
            current.set(current.run.leave_out(place, why))
        notice = words.batch_notice("skipped-line", number=line.visual_number, why=why)
        current.hands.tell(
            "line-skipped",
            batch=run.batch.name,
            position=line.position,
            visual_number=line.visual_number,
            why=why,
            message=words.told(notice),
        )
        for lane in current.lanes.values():
            self._after(lane)
        return ""

    # --- decisions ------------------------------------------------------------------------------------------------

    def _skip_missing(self, lane: Lane) -> None:
        stopped = self._stopped.get(lane.name)
        if stopped is not None and stopped.place is not None:
            self._do(lane, self._skip_and_go_on(lane, stopped.place))

    async def _skip_and_go_on(self, lane: Lane, place: int) -> None:
        if error := await self._skip(place, MISSING):
            lane.notice = words.batch_notice("batch-not-changed", why=error)
            return
        self._go_on(lane)

    def _recheck_run(self, lane: Lane) -> None:
        made = self._current.run_of(lane)
        self._doubt(lane)
        lane.stop = None
        if made:
            self._checks.begin(lane, Asked.RUN, made, made)
        else:
            self._go_on(lane)

    def _scan_again(self, lane: Lane) -> None:
        lane.stop = None
        if self._checks.of(lane.name) is not None:
            self._checks.show(lane)
            return
        self._doubt(lane)
        self._go_on(lane)

    async def _undo_run(self, lane: Lane) -> None:
        """Take back what was made since the last check, newest first, as far as it was not sent."""
        current, made = self._current, self._current.run_of(lane)
        sent: list[str] = []
        self._checks.drop(lane)
        for key in reversed(made):
            try:
                record = await current.journal.undo(key.entry, reason="undone with its run")
            except IllegalTransition:
                sent.insert(0, key.visual_number)
                continue
            except JournalError as error:
                lane.notice = Notice("undo-failed", words.title("undo-failed"), str(error))
                return
            self._undone(record)
            current.hands.taken_back(record)
            current.hands.say("undone", lane, entry=key.entry, done=True, message=words.title("undone"))
        self._doubt(lane)
        # The run begins anew with its first key, and that is another one than lies there now.
        self._go_on(lane, look=False)
        said = words.batch_notice("run-partly-undone", numbers=", ".join(sent)) if sent else words.notice("run-undone")
        lane.notice = replace(said, good=not sent)
        current.hands.say("run-undone", lane, undone=len(made) - len(sent), sent=sent, message=words.told(said))

    def _put_aside(self, lane: Lane) -> None:
        """The key goes to the rejects; the lane waits for the next one."""
        stopped, why = self._stopped.get(lane.name), lane.stop.reason if lane.stop is not None else ""
        self._go_on(lane, look=False)
        uid, number = (stopped.uid, stopped.number) if stopped is not None else (None, "")
        self._current.hands.put_aside(lane, uid, number, why)

    def _doubt(self, lane: Lane) -> None:
        """Have every number scanned up to the one at which the lane stopped."""
        run, stopped = self._current.run, self._stopped.get(lane.name)
        if run is not None:
            self._current.set(run.doubt(run.expected(lane.name)).doubt(stopped.place if stopped else None))

    def _go_on(self, lane: Lane, *, look: bool = True) -> None:
        """The lane pairs again; what lies on its reader is looked at anew, where it is the key to go on with."""
        lane.stop = None
        lane.notice = None
        self._stopped.pop(lane.name, None)
        if look and self._checks.of(lane.name) is None:
            self._current.hands.look_again(lane)
        self._after(lane)

    def _do(self, lane: Lane, work: Coroutine[object, object, None]) -> None:
        """Do what was decided; the lane stays stopped until it is done."""
        if lane.name in self._under_way:
            work.close()
            return
        self._under_way.add(lane.name)

        async def decided() -> None:
            try:
                await work
            finally:
                self._under_way.discard(lane.name)
                self._after(lane)
                self._current.hands.changed()

        self._current.hands.spawn(decided())
