"""Barcode scanners on a serial line, also those that are a serial port on USB (CDC): `serial:/dev/ttyACM0?…`.

Owns the turn from a port's bytes to scans. Where lines begin and end, and what a torn one is, is decided in `lines`.

| option | meaning |
|---|---|
| `frame` | `line`, as all scanners send numbers; what a line holds beside one is `[number] pattern`'s to say |
| `end` | what the scanner sends behind a number: `any` (CR, LF or both; default), `cr`, `lf`, `crlf`, `tab`, `etx` |
| `prefix`, `suffix` | fixed text around the number, percent-encoded, which must be there; it is taken off |
| `encoding` | `utf-8` (default), `ascii`, `latin-1`, `cp1252` |
| `baud`, `bits`, `parity`, `stop` | how the port is set: 9600, 8, none, 1 |
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tagsmith.lines.framing import End, Fault, Frame, Lines
from tagsmith.lines.ports import Port, Settings, address_of
from tagsmith.lines.spec import Spec
from tagsmith.model import Scan, ScanFault
from tagsmith.scanners.base import ScannerDevice
from tagsmith.scanners.buffer import LIMIT, is_clean

_UTF8_LENGTH = 4
_BLANKS = " \t\r\n"
_FAULTS = {
    Fault.TORN: ScanFault.PARTIAL,
    Fault.ENDLESS: ScanFault.OVERFLOW,
    Fault.MANGLED: ScanFault.DIRTY,
    Fault.CHECKSUM: ScanFault.DIRTY,
}


class SerialScanner(ScannerDevice):
    """A barcode scanner on a serial line. `spec` is `serial:ADDRESS?options`.

    Blanks at the ends of a number are dropped; a line of nothing else is ignored. `Scan.at` is the time right after the
    first byte had been read. A number that was torn is told as incomplete when its end does not come, and so is what
    follows it up to the next end: nobody can say whether it is a number or the rest of one. Half a line that is under
    way when the device goes away is dropped; the loss is what is told then.

    Raises:
        ConfigError: the spec names no port, or an option is wrong.
    """

    def __init__(
        self,
        spec: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        port: Callable[[str, Settings], Port] | None = None,
    ) -> None:
        super().__init__(spec)
        options = Spec(spec)
        address, settings = address_of(options), Settings.read(options)
        self._encoding = options.choice("encoding", ("utf-8", "ascii", "latin-1", "cp1252"), "utf-8")
        options.choice("frame", ("line",), "line")
        end = End(options.choice("end", tuple(End), End.ANY))
        prefix, suffix = (self._encoded(options, name) for name in ("prefix", "suffix"))
        options.finish()
        self._clock = clock
        self._port = Port(address, settings, clock=clock) if port is None else port(address, settings)
        # One character more than the longest number shows as such.
        limit = _UTF8_LENGTH * (LIMIT + 1)
        # No number holds a control character, so one in front of it (STX) tells a number from the rest of one.
        is_told = not is_clean(options.text_of("prefix")[:1])
        self._lines = Lines(end, prefix=prefix, suffix=suffix, limit=limit, rests_are_told=is_told)

    def _encoded(self, options: Spec, name: str) -> bytes:
        text = options.text_of(name)
        try:
            return text.encode(self._encoding)
        except UnicodeEncodeError as error:
            raise options.error(f"{name}={text} cannot be written in {self._encoding}") from error

    def open(self) -> str:
        """Open the port for this process alone; its address is its name."""
        self._port.open()
        self._lines.start(self._clock())
        return self._port.address

    def read(self, timeout_s: float) -> list[Scan]:
        """The scans that have ended; a number that will not end is one, too, with a fault."""
        deadline = self._clock() + timeout_s
        while True:
            until = deadline if self._lines.due is None else min(deadline, self._lines.due)
            data, at = self._port.read(max(0.0, until - self._clock()))
            scans = [scan for frame in self._lines.feed(data, at) if (scan := self._scan(frame)) is not None]
            is_woken = not data and at < until
            if scans or is_woken or at >= deadline:
                return scans

    def wake(self) -> None:
        """Make a read under way return soon."""
        self._port.wake()

    def close(self) -> None:
        """Let the port go."""
        self._port.close()

    def _scan(self, frame: Frame) -> Scan | None:
        text = frame.payload.decode(self._encoding, errors="replace").strip(_BLANKS)
        fault = None if frame.fault is None else _FAULTS[frame.fault]
        if not text and fault is not ScanFault.OVERFLOW:
            return None
        if fault is None and not is_clean(text):
            fault = ScanFault.DIRTY
        if len(text) > LIMIT:
            fault = ScanFault.OVERFLOW
        return Scan(text[:LIMIT], frame.began, "scanner", fault, self.spec)
