"""Readers that act as keyboards and type the UID, read past the console: `evdev:…`.

Owns the turn from typed lines to what lies on the reader; grabbing and decoding are in `lines.typist`, the ways to
write a UID in `written`. What such a reader can: it types once when a key comes near. It sees no removal, no second
key, no SAK, and what it types is whatever its maker or its settings made of the UID.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagsmith.errors import UidError
from tagsmith.lines import nodes
from tagsmith.lines.inputs import InputInfo, inputs, spec_of
from tagsmith.lines.keymap import Line
from tagsmith.lines.known import Access, Kind, KnownDevice, find
from tagsmith.lines.spec import Spec, with_options
from tagsmith.lines.typist import Device, Typist
from tagsmith.model import Field, ReaderInfo, ReaderState, ReaderStatus, Tag, Trouble
from tagsmith.readers.base import Reader
from tagsmith.readers.lock import ReaderLock, busy
from tagsmith.readers.written import text_of

_log = logging.getLogger(__name__)

STAY_S = 0.5
"""How long a key counts as lying there after its line ended."""


@dataclass(frozen=True, slots=True)
class _Tap:
    """One line: its tag, or None where there is no UID in it."""

    tag: Tag | None
    at: float
    ended_at: float


class EvdevReader(Reader):
    """A reader as an input device. `rest` is `ADDRESS?options`.

    Options, beside those of `Typist` and those of `written` (`base`, `order`, `length`, which must be there, …):
        prefix, suffix  what stands before and behind the UID; it must be there
        stay            how long a key lies there, 0.2 to 10 s

    A key lies there from the end of its line on for `stay`; each line is another arrival. A line without a UID is shown
    as such for as long. A line that ends by `silence` may be half of one, so all must have the same number of digits.

    Raises:
        ConfigError: `rest` names no input device, or an option is wrong.
    """

    def __init__(self, rest: str, *, device: Device | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(f"evdev:{rest}", clock=clock)
        spec = Spec(self.spec)
        self._typist = Typist(spec, device=device, clock=clock)
        self._writing = text_of(spec)
        self._prefix, self._suffix = spec.text_of("prefix"), spec.text_of("suffix")
        self._stay_s = spec.seconds("stay", STAY_S, 0.2, 10.0)
        spec.finish()
        if self._typist.silence_s is not None and not self._writing.is_fixed:
            remedy = "write one length, like length=7, and no digits=any; or have the reader send Enter"
            raise spec.error("half a line may look whole where silence ends it", remedy)
        self._forget()

    def _forget(self) -> None:
        self._taps: deque[_Tap] = deque()
        self._field = Field()
        self._count = 0
        self._known_since = 0.0
        self._gone_at = 0.0

    # --- the backend's part ---------------------------------------------------------------------------------------

    def _open(self) -> ReaderInfo:
        self._forget()
        self._claim(_identity(self._typist.find()))
        name = self._typist.open()
        return ReaderInfo(name, self.spec, sees_two=False, sees_removal=False, sees_sak=False)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        deadline = self._clock() + timeout_s
        while True:
            self._turn()
            if self._field != last:
                self._first_seen = self._known_since
            if self._field != last or self._interrupted:
                return self._field
            now = self._clock()
            until = deadline if self._empty else min(deadline, self._gone_at)
            lines = self._typist.read(max(0.0, until - now))
            self._taps.extend(self._tap(line) for line in lines)
            # A stay is over only if no line of that time waits: `now` is older than the look that found none.
            if not lines and not self._empty and now >= self._gone_at:
                self._leave()
            elif not lines and now >= deadline:
                return self._field

    def _close(self) -> None:
        self._typist.close()
        self._forget()

    def _wake(self) -> None:
        self._typist.wake()

    # --- what lies there ------------------------------------------------------------------------------------------

    @property
    def _empty(self) -> bool:
        return self._field == Field()

    def _turn(self) -> None:
        """The next line has its turn, however late it is looked at: it shows, after the absence that came before it."""
        if not self._taps:
            return
        tap = self._taps[0]
        if not self._empty and tap.at >= self._gone_at:
            self._leave()
            return
        self._taps.popleft()
        self._count += 1
        self._field = Field((tap.tag,), self._count) if tap.tag else Field((), self._count, Trouble.NO_UID)
        self._known_since = tap.at
        self._gone_at = tap.ended_at + self._stay_s

    def _leave(self) -> None:
        self._field = Field()
        self._known_since = self._gone_at

    def _tap(self, line: Line) -> _Tap:
        try:
            tag = self._read(line)
        except UidError as error:
            _log.warning("%s: a line without a UID: %s", self.spec, error)
            tag = None
        return _Tap(tag, line.at, line.ended_at)

    def _read(self, line: Line) -> Tag:
        """The tag that a line tells of.

        Raises:
            UidError: it tells of none, or came damaged.
        """
        if line.fault is not None:
            raise UidError(f"{line.text!r} came damaged: {line.fault.value}")
        digits = line.text[len(self._prefix) : len(line.text) - len(self._suffix)]
        if line.text != self._prefix + digits + self._suffix:
            raise UidError(f"{line.text!r} is not framed by {self._prefix!r} and {self._suffix!r}")
        return dataclasses.replace(self._writing.read(digits.encode()), raw=line.text)


def _identity(node: Path) -> str:
    """The device's name on this machine, whichever link led to it."""
    return f"evdev:{os.path.realpath(node)}"


# --- finding readers ----------------------------------------------------------------------------------------------


def discover() -> list[ReaderStatus]:
    """The readers that type and are known as such, each with the spec that selects just it.

    Other keyboards are not listed: nobody can tell a scanner, or a person's keyboard, from a reader. Opens nothing.
    """
    there = inputs()
    known = ((info, _known(info)) for info in there)
    return [_status_of(info, device, _spec_of(info, there)) for info, device in known if device is not None]


def _spec_of(info: InputInfo, among: Sequence[InputInfo]) -> str:
    """The spec to begin with: hex of the two lengths that charging keys have."""
    return with_options(spec_of(info, among), "length=4,7")


def _known(info: InputInfo) -> KnownDevice | None:
    known = find(info.vid, info.pid)
    if known is None or Access.KEYBOARD not in known.access:
        return None
    return known if known.kind in (Kind.READER, Kind.KEYBOARD_READER, Kind.LOW_FREQUENCY) else None


def _status_of(info: InputInfo, known: KnownDevice, spec: str) -> ReaderStatus:
    if known.kind is Kind.LOW_FREQUENCY:
        message = f"{known.name}: reads 125 kHz tags, which are no charging keys"
        return ReaderStatus(spec, ReaderState.UNSUPPORTED, message, "use a 13.56 MHz reader")
    if not info.readable:
        error = nodes.forbidden(info.node)
        return ReaderStatus(spec, ReaderState.FORBIDDEN, error.message, error.remedy)
    holder = ReaderLock(_identity(info.node)).holder()
    if holder is not None:
        held = busy(spec, holder)
        return ReaderStatus(spec, ReaderState.BUSY, held.message, held.remedy)
    message = f"{known.name}: it types; set base=, order= and length= to how it writes a UID"
    return ReaderStatus(spec, ReaderState.READY, message)
