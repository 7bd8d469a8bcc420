"""A PN532 on a pseudo terminal that speaks the chip's own frames, with cards on its antenna and faults to order.

Written from NXP's public user manual UM0701-02 (firmware V1.6): frames §6.2.1, UART §6.2.4 and §7.2.7, commands §7. It
models frames, acknowledgements, baud rates, the field and what InListPassiveTarget tells of cards; it knows no RF
timing: a command takes `command_s`, whatever it does. `Chip` is bytes in, bytes out; `Pn532` is the thread and the
terminal.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import pty
import select
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ACK = bytes.fromhex("0000ff00ff00")
NACK = bytes.fromhex("0000ffff0000")
SYNTAX_ERROR = bytes.fromhex("0000ff01ff7f8100")
RATES = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1288000)
IN_LIST = 0x4A
RF_CONFIGURATION = 0x32
_FIFO, _TX_CONTROL = 0x6339, 0x6304
_SENS_REQ = 0x26
_WAKE_BYTES = 5


@dataclass(frozen=True)
class TypeA:
    """An ISO 14443 A card. `ats` is sent only where automatic RATS is on, which nfcpy switches off."""

    uid: bytes
    sak: int = 0x20
    atqa: bytes = b"\x03\x44"
    extra: bytes = b""
    """Bytes that do not belong there, behind the UID."""

    def target(self) -> bytes:
        return self.atqa + bytes([self.sak, len(self.uid)]) + self.uid + self.extra


@dataclass(frozen=True)
class TypeB:
    """An ISO 14443 B card."""

    pupi: bytes

    @property
    def atqb(self) -> bytes:
        return b"\x50" + self.pupi + bytes.fromhex("00000000 008181")

    def target(self) -> bytes:
        return self.atqb + b"\x01\x00"


@dataclass(frozen=True)
class TypeF:
    """A FeliCa card at 212 kbps."""

    idm: bytes

    def target(self) -> bytes:
        answer = b"\x01" + self.idm + bytes.fromhex("014b024f4993ff12 12fc")  # PMm, system code
        return bytes([len(answer) + 1]) + answer


@dataclass(frozen=True)
class Jewel:
    """A Type 1 tag: it answers the first request, has no anticollision, and gives four bytes by RID."""

    uid: bytes

    def target(self) -> bytes:
        return b"\x0c\x00" + self.uid


Card = TypeA | TypeB | TypeF | Jewel
_BRTY: dict[int, type] = {0: TypeA, 1: TypeF, 3: TypeB, 4: Jewel}


class Bad(enum.Enum):
    """What the wire does to one exchange."""

    LOST_ACK = enum.auto()
    """The acknowledgement never comes; the answer does."""
    LATE_ACK = enum.auto()
    """It comes after the host's 100 ms."""
    NACK = enum.auto()
    """Not acknowledged, and nothing follows."""
    SHORT = enum.auto()
    """Three bytes, and nothing follows."""
    ERROR_FRAME = enum.auto()
    """The chip says: syntax error."""
    CHECKSUM = enum.auto()
    """One data byte of the answer is turned over."""
    LENGTH = enum.auto()
    """The length byte of the answer is wrong, its checksum too."""
    TRUNCATED = enum.auto()
    """The answer ends in its middle."""
    NOISE_ACK = enum.auto()
    """Garbage before the acknowledgement."""
    NOISE_ANSWER = enum.auto()
    """Garbage before the answer."""
    LATE = enum.auto()
    """The answer comes after `seconds`."""
    LOST = enum.auto()
    """The answer never comes."""
    SPLIT = enum.auto()
    """Byte by byte, with pauses."""
    OTHER_CODE = enum.auto()
    """A whole and correct answer to another command."""


@dataclass
class Fault:
    """`bad` happens to the next `times` exchanges of the command (any if None)."""

    bad: Bad
    times: int = 1
    command: int | None = IN_LIST
    seconds: float = 0.0


def frame(data: bytes) -> bytes:
    """An information frame, chip to host; extended where it must be."""
    body = b"\xd5" + data
    if len(body) < 256:
        head = bytes([len(body), -len(body) & 0xFF])
    else:
        size = len(body).to_bytes(2, "big")
        head = b"\xff\xff" + size + bytes([-sum(size) & 0xFF])
    return b"\x00\x00\xff" + head + body + bytes([-sum(body) & 0xFF, 0])


class Chip:
    """The chip without its terminal: `feed` takes the host's bytes, `send` gets the chip's.

    `wakes` says whether it comes out of power-down by what nfcpy sends; boards are reported that do not.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._buffer = b""
        self.baud = 115200
        self.pending_baud: int | None = None
        self.asleep = False
        self.wakes = False
        self.field_on = False
        self.cards: tuple[Card, ...] = ()
        self.coming: tuple[Card, ...] = ()
        self.max_targets = 2
        self.command_s = 0.0
        self.faults: list[Fault] = []
        self.commands: list[int] = []
        self.looks = 0
        self._registers: dict[int, int] = {}
        self._woken_by = 0

    def feed(self, data: bytes) -> None:
        if self.asleep:
            self._woken_by += len(data)
            if not self.wakes or self._woken_by < _WAKE_BYTES:
                return
            self.asleep = False
        self._buffer += data
        while (payload := self._next()) is not None:
            self._answer(payload)

    def _next(self) -> bytes | None:
        """The next whole command; acknowledgements and what is damaged are dealt with here."""
        while True:
            start = self._buffer.find(b"\x00\xff")
            if start < 0:
                self._buffer = self._buffer[-1:]
                return None
            self._buffer = self._buffer[start:]
            if len(self._buffer) < 4:
                return None
            length, check = self._buffer[2], self._buffer[3]
            if (length, check) == (0x00, 0xFF):  # the host's acknowledgement: ends what is under way
                self._buffer = self._buffer[4:]
                self.settle_baud()
                continue
            at = 4
            if (length, check) == (0xFF, 0xFF):
                if len(self._buffer) < 7:
                    return None
                length, at = int.from_bytes(self._buffer[4:6], "big"), 7
                good = sum(self._buffer[4:7]) & 0xFF == 0
            else:
                good = (length + check) & 0xFF == 0
            if not good or not length:
                self._buffer = self._buffer[2:]
                continue
            if len(self._buffer) < at + length + 1:
                return None
            body, rest = self._buffer[at : at + length], self._buffer[at + length + 1 :]
            if (sum(body) + self._buffer[at + length]) & 0xFF:
                self._buffer = self._buffer[2:]
                continue
            self._buffer = rest
            # nfcpy wakes the chip with frames of its own: SAMConfiguration comes from another identifier once.
            if body[0] in (0xD4, 0xFB):
                return body[1:]

    def settle_baud(self) -> None:
        """Change the rate, if a change was asked for."""
        if self.pending_baud is not None:
            self.baud, self.pending_baud = self.pending_baud, None

    def _answer(self, payload: bytes) -> None:
        code = payload[0]
        self.commands.append(code)
        fault = self._take_fault(code)
        bad = fault.bad if fault is not None else None
        if bad is Bad.NACK:
            self._send(NACK)
            return
        if bad is Bad.SHORT:
            self._send(b"\x00\x00\xff")
            return
        if bad is Bad.LATE_ACK:
            time.sleep(0.15)
        if bad is Bad.NOISE_ACK:
            self._send(b"\x55\xaa\x13")
        if bad is not Bad.LOST_ACK:
            self._emit(ACK, slowly=bad is Bad.SPLIT)
        data = self._run(code, payload[1:])  # what counts is what lies there when the command begins
        time.sleep(self.command_s + (fault.seconds if fault is not None else 0.0))
        if bad is Bad.LOST:
            return
        answer = SYNTAX_ERROR if data is None or bad is Bad.ERROR_FRAME else frame(bytes([code + 1]) + data)
        self._emit(_damaged(answer, bad), slowly=bad is Bad.SPLIT)

    def _emit(self, data: bytes, *, slowly: bool) -> None:
        if not slowly:
            self._send(data)
            return
        for byte in data:
            self._send(bytes([byte]))
            time.sleep(0.002)

    def _take_fault(self, code: int) -> Fault | None:
        for fault in self.faults:
            if fault.command in (None, code):
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                return fault
        return None

    # --- commands, by their chapters in the manual ----------------------------------------------------------------

    def _run(self, code: int, data: bytes) -> bytes | None:
        """The answer's data; None for a syntax error."""
        match code:
            case 0x00:  # Diagnose: communication line test
                return data if data[:1] == b"\x00" else b"\x00"
            case 0x02:  # GetFirmwareVersion
                return bytes.fromhex("32010607")
            case 0x06:  # ReadRegister
                return bytes(self._register(int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data), 2))
            case 0x08:  # WriteRegister
                for at in range(0, len(data), 3):
                    self._registers[int.from_bytes(data[at : at + 2], "big")] = data[at + 2]
                return b""
            case 0x10:  # SetSerialBaudRate: it changes when the host has acknowledged the answer
                self.pending_baud = RATES[data[0]]
                return b""
            case 0x12 | 0x14:  # SetParameters, SAMConfiguration
                return b""
            case 0x16:  # PowerDown
                self.asleep, self._woken_by, self.field_on = True, 0, False
                return b"\x00"
            case 0x32:  # RFConfiguration; item 1 is the field
                if data[:1] == b"\x01":
                    self.field_on = bool(data[1] & 1)
                return b""
            case 0x40:  # InDataExchange: RID of a Type 1 tag
                jewels = [card for card in self.cards if isinstance(card, Jewel)]
                return b"\x00\x11\x48" + jewels[0].uid if jewels and data[1:2] == b"\x78" else b"\x01"
            case 0x42:  # InCommunicateThru: DESELECT and WUPB of a Type B card
                cards = [card for card in self.cards if isinstance(card, TypeB)]
                if not cards:
                    return b"\x01"
                return b"\x00" + (cards[0].atqb if data[:1] == b"\x05" else data)
            case 0x4A:
                return self._list(data[0], data[1])
        return None

    def _register(self, address: int) -> int:
        if address == _TX_CONTROL:
            return 0x83 if self.field_on else 0x80
        return self._registers.get(address, 0)

    def _list(self, wanted: int, brty: int) -> bytes | None:
        """InListPassiveTarget."""
        if not 1 <= wanted <= self.max_targets or (brty == 4 and wanted != 1):
            return None
        self.field_on = True
        self.looks += 1
        found = [card for card in self.cards if isinstance(card, _BRTY.get(brty, ()))][:wanted]
        answered = bool(found) or (brty == 0 and any(isinstance(card, Jewel) for card in self.cards))
        self._registers[_FIFO] = 0x00 if answered else _SENS_REQ
        if not self.cards and self.coming:
            self.cards, self.coming = self.coming, ()
        targets = (bytes([number]) + card.target() for number, card in enumerate(found, 1))
        return bytes([len(found)]) + b"".join(targets)


def _damaged(answer: bytes, bad: Bad | None) -> bytes:
    match bad:
        case Bad.CHECKSUM:
            return answer[:-3] + bytes([answer[-3] ^ 0xFF]) + answer[-2:]
        case Bad.LENGTH:
            return answer[:3] + bytes([answer[3] ^ 0x02]) + answer[4:]
        case Bad.TRUNCATED:
            return answer[:-4]
        case Bad.NOISE_ANSWER:
            return b"\x55\xaa\x13" + answer
        case Bad.OTHER_CODE:
            return frame(b"\x03\x32\x01\x06\x07")
        case _:
            return answer


class Pn532:
    """The chip behind a terminal that `link` names, as a udev link names an adapter; a thread of its own serves it.

    What is sent at another baud rate than the receiver's arrives as garbage. The terminal is nobody's controlling one,
    and nothing here keeps its host side open.
    """

    def __init__(self, link: Path, *, command_s: float = 0.0) -> None:
        self.link = link
        self._command_s = command_s
        self._cards: tuple[Card, ...] = ()
        self._master = -1
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.plug()

    def __enter__(self) -> Pn532:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    @property
    def spec(self) -> str:
        """Selects it."""
        return f"nfcpy:tty:{self.link}:pn532"

    @property
    def node(self) -> Path:
        """The terminal it has just now."""
        return self.link.resolve()

    def plug(self) -> None:
        """A chip that was just powered, on a new terminal under the old link."""
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)
        os.close(slave)
        self.chip = Chip(self._send)
        self.chip.command_s = self._command_s
        self.chip.cards = self._cards
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="pn532", daemon=True)
        self._thread.start()
        os.symlink(name, self.link)

    def unplug(self) -> None:
        """The terminal hangs up and its link is gone."""
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join()
        self._thread = None
        self.link.unlink()
        os.close(self._master)
        self._master = -1

    def put(self, *cards: Card) -> float:
        """Lay these cards on, instead of what lay there; says when that was."""
        self.chip.coming, self.chip.cards, self._cards = (), cards, cards
        return time.monotonic()

    def swap(self, *cards: Card) -> None:
        """Take away what lies there, and lay these on as soon as the empty field was looked at: no hand is faster."""
        self.chip.coming, self.chip.cards, self._cards = cards, (), cards

    def looked(self, times: int = 1, patience_s: float = 5.0) -> bool:
        """Wait until the host has asked so many times more what lies there; False if it does not ask."""
        wanted = self.chip.looks + times
        deadline = time.monotonic() + patience_s
        while self.chip.looks < wanted:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.001)
        return True

    def babble(self, data: bytes) -> None:
        """Send something that nobody asked for."""
        self._send(data)

    def _serve(self) -> None:
        poller = select.poll()
        poller.register(self._master, select.POLLIN)
        while not self._stop.is_set():
            events = poller.poll(1 if self.chip.pending_baud is not None else 20)
            if self.chip.pending_baud == self._host_baud():
                # The host has changed over: its acknowledgement came at the old rate, or was flushed on the way, which
                # a terminal without a wire can do and a UART cannot.
                self.chip.settle_baud()
            for _, event in events:
                if event & select.POLLIN:
                    self._receive()
                elif event & select.POLLHUP:  # nobody has it open
                    self._stop.wait(0.002)

    def _receive(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return
        self.chip.feed(data if self._host_baud() == self.chip.baud else bytes(0x33 | byte & 0x40 for byte in data))

    def _send(self, data: bytes) -> None:
        if self._host_baud() != self.chip.baud:
            data = bytes(0x33 | byte & 0x40 for byte in data)
        with contextlib.suppress(OSError):
            os.write(self._master, data)

    def _host_baud(self) -> int:
        return _SPEEDS.get(termios.tcgetattr(self._master)[5], 0)


_SPEEDS = {getattr(termios, f"B{rate}"): rate for rate in (*RATES, 1500000) if hasattr(termios, f"B{rate}")}


@contextlib.contextmanager
def pn532(folder: Path, *, command_s: float = 0.0) -> Iterator[Pn532]:
    """A chip on a terminal, called as by udev."""
    with Pn532(folder / "usb-Some.UART_Bridge-if00-port0", command_s=command_s) as chip:
        yield chip
