"""Who works at the station, and since when: sign-on, the checks at the start of a shift, its end and its report.

Lives on the core loop. A shift is in the journal from its start on, so that it outlives the station; who is signed on
is not, since nobody knows who stands there after a restart.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tagsmith import words
from tagsmith.errors import IllegalTransition, JournalError
from tagsmith.journal import Journal
from tagsmith.model import Event, LaneView, ReaderState
from tagsmith.production import CheckView, Operator, Shift, ShiftReport, ShiftView, report_fields
from tagsmith.scanners import CommandKind
from tagsmith.station import shift_checks, shift_files
from tagsmith.station.operators import Operators
from tagsmith.uid import Uid

_log = logging.getLogger(__name__)

SETTLE_S = 5.0
"""How long the start and the end of a shift wait for pairs that are being saved."""
AGAIN_S = 10.0
"""Between two tries of a check that is not passed."""


class Floor(Protocol):
    """The lanes, as far as shifts are concerned: the bench."""

    def views(self) -> tuple[LaneView, ...]: ...
    def ask_golden(self) -> None: ...
    def drop_halves(self) -> None: ...
    async def settled(self, timeout_s: float | None = None) -> bool: ...


class Shifts:
    """Operators and shifts of one station.

    `checks` are the slow ones, by name; the golden key (where `golden`) and the readers are seen on the floor. `emit`
    gets the lines of the event stream, `changed` is called when a view may look different, `began` when a shift has
    begun or goes on.
    """

    def __init__(
        self,
        journal: Journal,
        operators: Operators,
        *,
        target: str,
        station: str,
        required: bool,
        report_dir: Path | None,
        golden: bool,
        checks: dict[str, Callable[[], Awaitable[CheckView]]],
        emit: Callable[[Event], None],
        changed: Callable[[], None],
        began: Callable[[], None] = lambda: None,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._journal = journal
        self._operators = operators
        self._target = target
        self._station = station
        self._required = required
        self._report_dir = report_dir
        self._golden = golden
        self._slow = checks
        self._emit = emit
        self._changed = changed
        self._began = began
        self._utcnow = utcnow
        self._new_id = new_id
        self._sleep = sleep
        self._floor: Floor | None = None
        self._operator: Operator | None = None
        self._shift: Shift | None = None
        self._checks: dict[str, CheckView] = {}
        self._said_ready = False
        self._ending = False
        self._report: ShiftReport | None = None
        self._message = ""
        self._lost: set[object] = set()
        self._recoveries = 0
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._checking: asyncio.Task[None] | None = None

    # --- life -----------------------------------------------------------------------------------------------------

    async def resume(self, floor: Floor) -> None:
        """Take over the lanes, and go on with the shift that was running when the station ended, if one was.

        Raises:
            JournalError: it cannot be read.
        """
        self._floor = floor
        if (running := await self._journal.running_shift(self._station)) is not None:
            self._begin(running, resumed=True)

    async def close(self) -> None:
        """End what is under way; the shift goes on at the next start."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- signing on and off -----------------------------------------------------------------------------------------

    @property
    def who(self) -> str:
        """The name of whoever is signed on; empty for nobody."""
        return self._operator.name if self._operator else ""

    def badge(self, uid: Uid) -> bool:
        """A tag arrived: whether it is a badge. Its operator is signed on then."""
        found = self._operators.of_badge(uid)
        if found is not None:
            self._sign_on(found, "badge")
        return found is not None

    def code(self, text: str) -> bool:
        """Something was scanned: whether it is an operator's code, who is signed on then."""
        found = self._operators.of_code(text)
        if found is not None:
            self._sign_on(found, "code")
        return found is not None

    def sign_on(self, text: str) -> None:
        """Sign on by code or by name."""
        if self.code(text):
            return
        if (found := self._operators.of_name(text)) is None:
            self._cannot("unknown-operator")
        else:
            self._sign_on(found, "name")

    def sign_off(self) -> None:
        """Whoever is signed on goes; the shift goes on."""
        if self._operator is None:
            return
        gone, self._operator = self._operator, None
        self._journal.acting = ""
        self._message = ""
        if self._required and self._floor is not None:
            self._floor.drop_halves()
        self._say("signed-off", operator=gone.name)

    def _sign_on(self, operator: Operator, by: str) -> None:
        self._message = ""
        if operator == self._operator:
            self._changed()
            return
        if self._operator is not None:
            self.sign_off()
        self._operator = operator
        self._journal.acting = operator.name
        self._say("signed-on", operator=operator.name, supervisor=operator.supervisor, by=by)

    # --- the shift --------------------------------------------------------------------------------------------------

    def asked(self, kind: CommandKind) -> None:
        """A command's barcode."""
        match kind:
            case CommandKind.SIGN_OFF:
                self.sign_off()
            case CommandKind.SHIFT_START:
                self.start()
            case CommandKind.SHIFT_END:
                self.end()

    def start(self) -> None:
        """Start the shift: the golden key is asked for, and the checks are made."""
        self._spawn(self._start())

    def end(self) -> None:
        """End the shift, and make its report."""
        self._spawn(self._end())

    def shut(self) -> str:
        """By which reason nothing may be paired now; empty while it may."""
        if self._ending:
            return "shift-ending"
        if not self._required:
            return ""
        if self._operator is None:
            return "sign-on-first"
        if self._shift is None:
            return "shift-first"
        self.look()
        return "" if self.view().ready else "shift-checks"

    def hear(self, event: Event) -> None:
        """A line of the event stream: readers that were lost and came back are counted."""
        if event.event != "reader":
            return
        lane, state = event.fields.get("lane"), event.fields.get("state")
        if state == ReaderState.LOST:
            self._lost.add(lane)
        elif state == ReaderState.READY and lane in self._lost:
            self._lost.discard(lane)
            if self._shift is not None:
                self._recoveries += 1

    def look(self) -> None:
        """See how the lanes stand. What has passed stays passed: it is asked for at the start only."""
        if self._shift is None or self._floor is None or self._said_ready:
            return
        lanes = self._floor.views()
        if self._golden:
            self._found(shift_checks.golden(lanes))
        self._found(shift_checks.readers(lanes))

    def view(self) -> ShiftView:
        """Who works, and since when."""
        return ShiftView(
            operator=self._operator,
            shift=self._shift,
            required=self._required,
            checks=tuple(self._checks.values()),
            report=self._report,
            message=self._message,
        )

    async def _start(self) -> None:
        async with self._one_at_a_time:
            assert self._floor is not None
            if self._shift is not None:
                self._cannot("shift-runs")
                return
            if self._operator is None and self._operators:
                self._cannot("sign-on-first")
                return
            self._floor.drop_halves()
            if not await self._floor.settled(SETTLE_S):
                self._cannot("still-saving")
                return
            shift = Shift(self._new_id(), self._station, self.who, self._utcnow())
            try:
                await self._journal.start_shift(shift)
            except IllegalTransition as error:
                # Another process of the same name has begun one meanwhile: that is the one that runs.
                self._cannot("shift-runs", str(error))
                return
            except JournalError as error:
                self._cannot("shift-not-saved", str(error))
                return
            self._floor.ask_golden()
            self._begin(shift, resumed=False)

    def _begin(self, shift: Shift, *, resumed: bool) -> None:
        names = ([shift_checks.GOLDEN] if self._golden else []) + [shift_checks.READERS, *self._slow]
        self._shift, self._report, self._message = shift, None, ""
        self._checks = {name: CheckView(name, None) for name in names}
        self._said_ready = False
        self._recoveries = 0
        self._began()
        self._say("shift-started", shift=shift.id, operator=shift.operator, resumed=resumed)
        self._checking = self._spawn(self._check_until_passed())

    async def _check_until_passed(self) -> None:
        while True:
            self.look()
            for name, check in self._slow.items():
                if not self._checks[name].ok:
                    self._found(await check())
            if all(self._checks[name].ok for name in self._slow):
                return
            await self._sleep(AGAIN_S)

    def _found(self, check: CheckView) -> None:
        before = self._checks.get(check.what)
        if before is None or before.ok or before == check:
            return
        self._checks[check.what] = check
        if not self._said_ready and all(one.ok for one in self._checks.values()):
            self._said_ready = True
            self._say("shift-ready", checks=[_fields(one) for one in self._checks.values()])
        elif check.ok is False:
            self._say("shift-check", **_fields(check))
        self._changed()

    async def _end(self) -> None:
        async with self._one_at_a_time:
            assert self._floor is not None
            shift = self._shift
            if shift is None:
                self._cannot("no-shift")
                return
            self._ending = True
            try:
                self._floor.drop_halves()
                if not await self._floor.settled(SETTLE_S):
                    self._cannot("still-saving")
                    return
                ended = await self._journal.end_shift(shift.id, self._utcnow(), self._recoveries)
                self._over()
                self._report = await self._journal.report(
                    self._target,
                    station=self._station,
                    since=ended.started_at,
                    until=ended.ended_at,
                    title=words.shift_title(ended),
                    recoveries=ended.recoveries,
                )
            except JournalError as error:
                self._cannot("shift-not-saved", str(error))
                return
            finally:
                self._ending = False
            await self._tell(ended, self._report)

    def _over(self) -> None:
        self._shift = None
        self._checks = {}
        self._message = ""
        if self._checking is not None:
            self._checking.cancel()

    async def _tell(self, shift: Shift, report: ShiftReport) -> None:
        """Write the report where it is wanted, and say that the shift is over, whatever becomes of the files."""
        files: tuple[Path, ...] = ()
        fields: dict[str, object] = {}
        if self._report_dir is not None:
            try:
                files = await asyncio.to_thread(shift_files.write, self._report_dir, shift, report)
            except OSError as error:
                self._message = f"The report is not in {self._report_dir}: {error.strerror or error}."
                fields["message"] = self._message
                _log.error("%s", self._message)
        self._say(
            "shift-ended", shift=shift.id, report=report_fields(report), files=[str(file) for file in files], **fields
        )

    # --- what goes out ------------------------------------------------------------------------------------------------

    def _cannot(self, reason: str, why: str = "") -> None:
        notice = words.notice(reason)
        self._message = f"{notice.title} {why or notice.hint}".strip()
        self._say("shift-refused", reason=reason, message=self._message)

    def _say(self, name: str, **fields: object) -> None:
        stamp = self._utcnow().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._emit(Event(name, fields | {"at": stamp}))
        self._changed()

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # a task without a reference may be collected before it has run
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_heard)
        return task


def _fields(check: CheckView) -> dict[str, object]:
    return {"check": check.what, "ok": check.ok, "warning": check.warning, "message": check.message}


def _heard(task: asyncio.Task[None]) -> None:
    """A task that died is a fault of ours: it must at least be heard of."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a task of the shifts died", exc_info=error)
