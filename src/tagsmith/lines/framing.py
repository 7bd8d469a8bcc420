"""Bytes to frames: where what a serial device sends begins and ends, and whether it came whole. Pure, without I/O.

It owns cutting, marks around a frame, checksums, and what to do on a bad wire: bytes that are lost, torn apart, glued
together or mangled, noise before and between them, lines that never end. It knows neither UIDs nor numbers; what a
payload means is for those who asked for it.

Rules that hold for every framing:

- However the stream is cut into chunks, the frames are the same.
- After `start` (the port was opened) what comes may be the rest of a frame. It is not used, up to the next sign of a
  beginning: a terminator, a start mark, or a silence before the first byte.
- What stays without its end for `SILENCE_S` never gets one, and nothing that follows is glued to it.
- Something that came and cannot be used is a frame with a fault, so that somebody can say so.
- No more than a limit of bytes is kept, whatever comes.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import reduce
from operator import xor

SILENCE_S = 0.25
"""A pause inside a frame after which it is torn: far longer than a USB bridge or a busy machine makes one, and shorter
than a hand needs to change keys."""
QUIET_S = 0.02
"""The pause that ends a frame which has no end mark. Not below the 16 ms after which a common USB bridge hands over
what it has (latency timer of FTDI chips), which would cut frames in two."""
LIMIT = 512
"""Bytes of the longest frame by default; the longest UID with all its marks has far fewer."""

STX, ETX, CR, LF, TAB = 0x02, 0x03, 0x0D, 0x0A, 0x09
_HEX_DIGITS = frozenset(b"0123456789ABCDEFabcdef")


class Fault(enum.StrEnum):
    """Why a frame cannot be used."""

    TORN = "torn"
    """Its beginning or its end is missing, or may be."""
    ENDLESS = "endless"
    """Longer than any frame is."""
    MANGLED = "mangled"
    """What stands in it is not what such a frame is made of."""
    CHECKSUM = "checksum"
    """Its checksum is not that of its bytes."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands between a frame's marks, without its checksum; with a fault it only serves to show what came.

    `began` and `at` are the times at which the chunks with its first and with its last byte had been read.
    """

    payload: bytes
    began: float
    at: float
    fault: Fault | None = None


class Framing(ABC):
    """Cuts the bytes of one port into frames. `start` comes first, and again whenever the port was opened again.

    `due` is when `feed(b"", at)` may give frames though nothing came; None while it cannot.
    """

    due: float | None = None

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self.start(0.0)

    def start(self, at: float) -> None:
        """The port was opened at this time. Nothing is known of what came before."""
        self._last_at = at
        self.due = None
        self._forget()

    @abstractmethod
    def feed(self, data: bytes, at: float) -> list[Frame]:
        """The frames that these bytes end, which had been read at this time.

        Empty `data` says that the line is silent: only to be given after a read that found nothing.
        """

    def _forget(self) -> None:
        self._kept = bytearray()
        self._began = 0.0

    def _keep(self, byte: int, at: float) -> None:
        if not self._kept:
            self._began = at
        self._kept.append(byte)

    def _take(self, at: float, fault: Fault | None = None) -> Frame:
        """What is kept, as a frame; nothing is kept then."""
        frame = Frame(bytes(self._kept), self._began, at, fault)
        self._forget()
        return frame


# --- lines --------------------------------------------------------------------------------------------------------


class End(enum.StrEnum):
    """What ends a line. The other marks are characters like any, and mangle what they stand in."""

    ANY = "any"
    """CR, LF or CR LF."""
    CR = "cr"
    """CR alone."""
    LF = "lf"
    """LF alone."""
    CRLF = "crlf"
    """CR and LF, both."""
    TAB = "tab"
    """A tab."""
    ETX = "etx"
    """The control character ETX (03)."""


_SINGLE_ENDS = {End.ANY: {CR, LF}, End.CR: {CR}, End.LF: {LF}, End.TAB: {TAB}, End.ETX: {ETX}}


class _State(enum.Enum):
    """What is known of the line under way."""

    UNKNOWN = enum.auto()
    """The port was just opened: a silence, or a terminator, tells where a line begins."""
    LINE = enum.auto()
    """Its beginning was seen."""
    REST = enum.auto()
    """It may be the rest of a torn line: only a terminator tells."""
    DROPPED = enum.auto()
    """It is too long and was said to be; nothing of it is kept."""


class Lines(Framing):
    """Lines with a terminator and, where they have them, a fixed prefix and suffix, which must be there.

    An empty line is nothing. `rests_are_told`: whoever takes the lines knows one that has lost its beginning from a
    whole one, because their length is fixed, or because they have a prefix that stands nowhere else. The line after a
    torn one is used then; else it is taken for the torn one's rest, because a part of a line may look like a line.
    """

    def __init__(
        self,
        end: End = End.ANY,
        *,
        prefix: bytes = b"",
        suffix: bytes = b"",
        limit: int = LIMIT,
        rests_are_told: bool = False,
    ) -> None:
        self._single_ends = _SINGLE_ENDS.get(end, set())
        self._prefix = prefix
        self._suffix = suffix
        self._after_torn = _State.LINE if rests_are_told else _State.REST
        super().__init__(limit + len(prefix) + len(suffix))

    def start(self, at: float) -> None:
        super().start(at)
        self._state = _State.UNKNOWN
        self._previous = -1
        self.due = at + SILENCE_S

    def feed(self, data: bytes, at: float) -> list[Frame]:
        # That nothing was under way when the port was opened is proved by a read that found nothing, not by a late one.
        waits = self._state is _State.UNKNOWN and not self._kept
        frames = self._silence() if at >= self._last_at + SILENCE_S and not (waits and data) else []
        for byte in data:
            if byte in self._single_ends:
                frames += self._end(at)
            elif not self._single_ends and (self._previous, byte) == (CR, LF):
                del self._kept[-1:]
                frames += self._end(at)
            elif self._state is not _State.DROPPED:
                self._keep(byte, at)
                # The CR of a CR LF that is still to come is no part of the line.
                if len(self._kept) > self._limit + (byte == CR):
                    frames.append(self._take(at, Fault.ENDLESS))
                    self._state = _State.DROPPED
            self._previous = byte
        if data:
            self._last_at = at
        self.due = self._last_at + SILENCE_S if self._kept or self._state is _State.UNKNOWN else None
        return frames

    def _silence(self) -> list[Frame]:
        """Nothing came for long: a line under way gets no end any more."""
        if self._kept:
            self._state = self._after_torn
            return [self._take(self._last_at, Fault.TORN)]
        if self._state is _State.UNKNOWN:
            self._state = _State.LINE
        elif self._state is _State.DROPPED:
            self._state = self._after_torn
        return []

    def _end(self, at: float) -> list[Frame]:
        """The terminator of the line under way: whatever it was, the next one begins behind it."""
        state, self._state = self._state, _State.LINE
        if not self._kept:
            return []
        if state is not _State.LINE:
            return [self._take(at, Fault.TORN)]
        frame = self._take(at)
        inner = frame.payload[len(self._prefix) : len(frame.payload) - len(self._suffix)]
        if frame.payload != self._prefix + inner + self._suffix:
            return [Frame(frame.payload, frame.began, at, Fault.MANGLED)]
        return [Frame(inner, frame.began, at)]


# --- STX … ETX ----------------------------------------------------------------------------------------------------


class StxEtx(Framing):
    """STX, hex digits, two more of a checksum, perhaps CR LF, ETX. The checksum is the XOR of the payload's bytes.

    As RDM6300 (14 bytes: STX, ten digits, checksum, ETX) and ID-12 modules (16 bytes, with CR LF) send; source: their
    data sheets. A pair of zeros may be lost without the checksum noticing, so the payload's length must be known to
    whoever takes the frames. Without `checksum` any text may stand between the marks.

    What stands outside the marks is ignored. An STX always begins a frame: there is none inside.
    """

    def __init__(self, *, checksum: bool = True, limit: int = LIMIT) -> None:
        self._checksum = checksum
        super().__init__(limit)

    def start(self, at: float) -> None:
        super().start(at)
        self._inside = False

    def feed(self, data: bytes, at: float) -> list[Frame]:
        frames = []
        if self._inside and at >= self._last_at + SILENCE_S:
            frames.append(self._leave(self._last_at, Fault.TORN))
        for byte in data:
            if byte == STX:
                if self._inside:
                    frames.append(self._leave(at, Fault.TORN))
                self._inside = True
                self._began = at
            elif self._inside and byte == ETX:
                frames.append(self._leave(at))
            elif self._inside:
                self._kept.append(byte)
                if len(self._kept) > self._limit:
                    frames.append(self._leave(at, Fault.ENDLESS))
        if data:
            self._last_at = at
        self.due = self._last_at + SILENCE_S if self._inside else None
        return frames

    def _leave(self, at: float, fault: Fault | None = None) -> Frame:
        self._inside = False
        frame = self._take(at, fault)
        if fault is not None:
            return frame
        text = frame.payload.removesuffix(b"\r\n")
        if not self._checksum:
            return Frame(text, frame.began, at)
        if len(text) < 4 or len(text) % 2 or not _HEX_DIGITS.issuperset(text):
            return Frame(text, frame.began, at, Fault.MANGLED)
        *payload, check = bytes.fromhex(text.decode("ascii"))
        wrong = None if reduce(xor, payload) == check else Fault.CHECKSUM
        return Frame(text[:-2], frame.began, at, wrong)


# --- a length, then that many bytes -------------------------------------------------------------------------------


class Check(enum.StrEnum):
    """The last of the bytes that a length counts."""

    NONE = "none"
    """No checksum; it belongs to the payload."""
    XOR = "xor"
    """The XOR of the payload's bytes."""
    XOR_ALL = "xor-all"
    """The XOR of all bytes before it, the length too."""


class LengthPrefixed(Framing):
    """A byte that says how many bytes follow, then those. There are no marks: only a silence tells where one begins.

    So a frame ends with a pause of `quiet_s`, and comes that much late. All that came without such a pause must be
    whole frames of one length, and without a checksum of one content (a reader that repeats itself): a byte that was
    lost or mangled would else shift the frames behind it, and a payload byte would be taken for a length.
    """

    def __init__(self, check: Check = Check.NONE, *, quiet_s: float = QUIET_S, limit: int = LIMIT) -> None:
        self._check = check
        self._quiet_s = quiet_s
        super().__init__(limit)

    def start(self, at: float) -> None:
        super().start(at)
        self._torn = True
        self._endless = False
        self.due = at + SILENCE_S

    def feed(self, data: bytes, at: float) -> list[Frame]:
        waits = self._torn and not self._kept and not self._endless
        # Without a read between them that found nothing, a short gap between two chunks may be a busy machine's, and
        # a long one after opening proves nothing.
        least_s = SILENCE_S if waits or data else self._quiet_s
        frames = self._silence() if at >= self._last_at + least_s and not (waits and data) else []
        for byte in data:
            if not self._endless:
                self._keep(byte, at)
            if len(self._kept) > self._limit:
                self._endless = True
                frames.append(self._take(at, Fault.ENDLESS))
        if data:
            self._last_at = at
        if self._kept or self._endless:
            self.due = self._last_at + self._quiet_s
        else:
            self.due = self._last_at + SILENCE_S if self._torn else None
        return frames

    def _silence(self) -> list[Frame]:
        """What came before the pause is complete."""
        torn, self._torn = self._torn, False
        self._endless = False
        if not self._kept:
            return []
        burst = self._take(self._last_at, Fault.TORN if torn else None)
        return [burst] if torn else self._split(burst)

    def _split(self, burst: Frame) -> list[Frame]:
        """The frames of a burst; the burst itself with a fault if it does not divide evenly into them."""
        data, payloads = burst.payload, []
        size = data[0] + 1
        fault = None if len(data) % size == 0 and set(data[::size]) == {data[0]} else Fault.MANGLED
        if fault is None and size <= (1 if self._check is Check.NONE else 2):
            fault = Fault.MANGLED
        if fault is None:
            payloads = [data[start : start + size] for start in range(0, len(data), size)]
            if self._check is Check.NONE:
                fault = Fault.MANGLED if len(set(payloads)) > 1 else None
            elif any(reduce(xor, self._checked(payload)) for payload in payloads):
                fault = Fault.CHECKSUM
        if fault is not None:
            return [Frame(data, burst.began, burst.at, fault)]
        end = None if self._check is Check.NONE else -1
        return [Frame(payload[1:end], burst.began, burst.at) for payload in payloads]

    def _checked(self, frame: bytes) -> bytes:
        """The bytes whose XOR is zero in a frame that is whole."""
        return frame if self._check is Check.XOR_ALL else frame[1:]
