"""Where scans come in: the scanners' pumps, which lane a scan is for, and what is no number but a command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from tagsmith import words
from tagsmith.bench.addressing import Addressing
from tagsmith.bench.lane import Lane
from tagsmith.model import ReaderState, Scan, ScannerStatus
from tagsmith.production import RejectCause
from tagsmith.scanners import Command, CommandKind, ScannerDevice, ScannerPump, recognise
from tagsmith.scanners.commands import CHOICES, OF_REJECTS, OF_SHIFTS

_Where = TypeVar("_Where")
_What = TypeVar("_What")


class Counter(Protocol):
    """Whom the intake serves: the bench, as far as it is needed here."""

    def scan(self, scan: Scan, lane_name: str | None) -> None: ...
    def number(self, lane: Lane, scan: Scan) -> None: ...
    def undo(self, lane_name: str) -> None: ...
    def clear(self, lane_name: str) -> None: ...
    def retry(self, lane_name: str) -> None: ...
    def verify_next(self, lane_name: str) -> None: ...
    def decide(self, lane_name: str, choice: str) -> None: ...
    def acknowledge(self) -> None: ...
    def shift_asked(self, kind: CommandKind) -> None: ...
    def reject(self, lane_name: str, cause: RejectCause) -> None: ...
    def unlock_asked(self, lane_name: str) -> None: ...
    def reject_without_lane(self, scan: Scan, lane_name: str | None, reason: str) -> None: ...
    def say(self, name: str, **fields: object) -> None: ...


class Intake:
    """Takes scans from wherever they come and brings each to its lane, or refuses it.

    `scanners` are devices with the lane each is bound to (None: it names the lane by a barcode before each number).
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        scanners: Sequence[tuple[ScannerDevice, str | None]],
        valid_s: float,
        counter: Counter,
    ) -> None:
        self._lanes = lanes
        self._names = tuple(lanes)
        self._addressing = Addressing(self._names, valid_s)
        self._scanners = scanners
        self._counter = counter
        self._views: dict[str, ScannerStatus] = {}
        self.pumps: list[ScannerPump] = []
        """The threads of the scanners, to be closed by whoever started them."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start one pump per scanner; one that is not there is taken when it comes."""
        for device, bound in self._scanners:
            sink = hand_over(loop, self._scanned, bound)
            pump = ScannerPump(device, sink, hand_over(loop, self._scanner_changed, bound), lane=bound or "")
            self.pumps.append(pump)
            pump.start()

    @property
    def alive_at(self) -> dict[str, float]:
        """When each pump last turned, in monotonic seconds, by the scanner it reads."""
        return {f"scanner {pump.spec}": pump.alive_at for pump in self.pumps}

    def views(self) -> tuple[ScannerStatus, ...]:
        """The scanner devices as they stand now."""
        return tuple(self._views.values())

    def take(self, scan: Scan, bound: str | None) -> None:
        """One scan, with the lane it is bound to, if it is. A command is never a number, whatever becomes of it."""
        command = recognise(scan.text, self._names) if scan.fault is None else None
        if command is None:
            if (lane := self._addressed(scan, bound)) is not None:
                self._counter.number(lane, scan)
        elif command.kind is CommandKind.UNKNOWN:
            # It may be another lane's barcode with its number glued to it: nothing that was chosen before counts.
            self._addressing.forget(scan.scanner)
            self._counter.reject_without_lane(scan, bound, "unknown-command")
        elif command.kind is CommandKind.ACK:
            self._counter.say("command", lane=None, command=str(command.kind))
            self._counter.acknowledge()
        elif command.kind in OF_SHIFTS:
            self._counter.say("command", lane=None, command=str(command.kind))
            self._counter.shift_asked(command.kind)
        elif command.kind is CommandKind.LANE:
            self._choose(command, scan, bound)
        elif (lane := self._addressed(scan, bound)) is not None:
            self._obey(command.kind, lane)

    def _choose(self, command: Command, scan: Scan, bound: str | None) -> None:
        """The barcode of a lane: the scanner's next scan is for that one."""
        if bound is not None and bound != command.lane:
            self._counter.reject_without_lane(scan, bound, "other-lane")
            return
        if not self._addressing.choose(scan.scanner, command.lane, scan.at):
            self._counter.reject_without_lane(scan, bound, "two-lanes-chosen")
            return
        if len(self._lanes) > 1:
            self._lanes[command.lane].notice = words.notice("lane-chosen")
        self._counter.say("command", lane=command.lane, command=str(command.kind))

    def _obey(self, kind: CommandKind, lane: Lane) -> None:
        self._counter.say("command", lane=lane.name, command=str(kind))
        match kind:
            case CommandKind.UNDO:
                self._counter.undo(lane.name)
            case CommandKind.CLEAR:
                self._counter.clear(lane.name)
            case CommandKind.RETRY:
                self._counter.retry(lane.name)
            case CommandKind.VERIFY:
                self._counter.verify_next(lane.name)
            case CommandKind.UNLOCK:
                self._counter.unlock_asked(lane.name)
            case _ if (cause := OF_REJECTS.get(kind)) is not None:
                self._counter.reject(lane.name, cause)
            case _ if kind in CHOICES:
                self._counter.decide(lane.name, CHOICES[kind])

    def meant(self, scan: Scan, bound: str | None) -> str | None:
        """The lane that a scan is for; None where nobody can know. What was chosen for it is used up."""
        return self._addressing.lane_of(scan.scanner, bound, scan.at)

    def _addressed(self, scan: Scan, bound: str | None) -> Lane | None:
        """The lane that a scan is for. None, and said so, where nobody can know."""
        name = self._addressing.lane_of(scan.scanner, bound, scan.at)
        if name is None:
            said = "unknown-lane" if bound is not None or scan.source == "stdin" else "lane-first"
            self._counter.reject_without_lane(scan, bound, said)
            return None
        return self._lanes[name]

    def _scanned(self, bound: str | None, scan: Scan) -> None:
        self._counter.scan(scan, bound)

    def _scanner_changed(self, bound: str | None, status: ScannerStatus) -> None:
        self._views[status.spec] = status
        fields = {"lane": bound, "scanner": status.name or status.spec, "state": str(status.state)}
        if status.state is not ReaderState.READY:
            # What was chosen with it may have been meant for a number that never came.
            self._addressing.forget(status.spec)
            fields |= {"message": status.message, "remedy": status.remedy}
        self._counter.say("scanner", **fields)


def hand_over(
    loop: asyncio.AbstractEventLoop, handle: Callable[[_Where, _What], None], where: _Where
) -> Callable[[_What], None]:
    """A sink for a pump's thread that hands each thing to the core loop, as long as there is one."""

    def sink(what: _What) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(handle, where, what)

    return sink
