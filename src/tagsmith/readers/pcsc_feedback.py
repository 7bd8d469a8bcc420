"""Buzzer and light of PC/SC readers: which reader obeys which bytes, and how they reach it without being in the way.

It owns the escape commands, one small class per family of readers, and the thread that plays them. It never touches
the card: it connects to the reader alone (`SCARD_SHARE_DIRECT`), with a context of its own, and leaves the card as it
is. A reader that cannot be made to beep is silent from then on; nothing else follows from it.

How an escape command reaches a reader: the driver says by `CM_IOCTL_GET_FEATURE_REQUEST` (PC/SC part 10) which control
code it takes for it. acsccid always names one. libccid names `SCARD_CTL_CODE(1)`, and obeys it, only where
`ifdDriverOptions` in its Info.plist has the bit DRIVER_OPTION_CCID_EXCHANGE_AUTHORIZED (0x0001), which it has not as it
is delivered (src/ifdhandler.c of both, IFDHControl; SCARDCONTOL.md of libccid).
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from tagsmith.model import Signal
from tagsmith.readers.pcsc_errors import Meaning, ScardError

_log = logging.getLogger(__name__)

TRAFFIC = 5
WAITING = 2
"""Signals that may wait while one is played; the oldest gives way."""

# pcsclite.h, reader.h: SCARD_CTL_CODE(code) is 0x42000000 + code on Linux.
_SCOPE_SYSTEM = 2
_SHARE_DIRECT = 3
_LEAVE_CARD = 0
_GET_FEATURES = 0x42000000 + 3400
_FEATURE_ESCAPE = 0x13
_VENDOR_EXCHANGE = 0x42000000 + 1


class ControlScard(Protocol):
    """The calls of `smartcard.scard` that are used here; each returns the code first."""

    def SCardEstablishContext(self, scope: int) -> tuple[int, int]: ...
    def SCardReleaseContext(self, context: int) -> int: ...
    def SCardConnect(self, context: int, name: str, share: int, protocols: int) -> tuple[int, int, int]: ...
    def SCardControl(self, card: int, code: int, command: list[int]) -> tuple[int, list[int]]: ...
    def SCardDisconnect(self, card: int, disposition: int) -> int: ...


# --- what is played -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tones:
    """What a signal looks and sounds like: how many tones, how long each and the pause after it, and the colours."""

    count: int
    on_ms: int
    off_ms: int
    red: bool = False
    green: bool = False


TONES: Mapping[Signal, Tones] = {
    Signal.PAIRED: Tones(1, 100, 0, green=True),
    Signal.REFUSED: Tones(3, 100, 100, red=True),
    Signal.ALARM: Tones(2, 400, 100, red=True, green=True),
}
"""Short on purpose: an ACR122U may read no card until its pattern has ended."""

Send = Callable[[bytes], bytes]
"""Sends one escape command and gives the answer."""
Pause = Callable[[float], object]


class BadAnswer(Exception):
    """The reader understood a command otherwise than it should; stays in this module."""


class Quirk(ABC):
    """How one family of readers is told to beep. `name` is what their PC/SC names have in common."""

    name: ClassVar[str]

    @abstractmethod
    def play(self, tones: Tones, silent: bool, send: Send, pause: Pause) -> None:
        """Play it; `silent` means light alone.

        Raises:
            BadAnswer: the reader refused.
        """


class Acr122u(Quirk):
    """ACR122U: `FF 00 40 P2 04 T1 T2 repetitions link`, one command for light and buzzer together.

    P2, bits 0-1: final state of red, green; 2-3: their masks; 4-5: initial blinking state; 6-7: blinking masks. Times
    are in 100 ms; link 01: the buzzer sounds during T1. Answer: 90 and the light's state, or 63 00. Without final masks
    the light goes back to what the firmware shows. Source: ACS, ACR122U Application Programming Interface, Bi-color LED
    and Buzzer Control; the same in the ACM1252U-Y3 Reference Manual V1.03, 5.6.1.
    """

    name = "ACR122U"

    def play(self, tones: Tones, silent: bool, send: Send, pause: Pause) -> None:
        """One command; the reader does the timing."""
        lights = tones.red * 0x50 | tones.green * 0xA0
        times = (tones.on_ms // 100, tones.off_ms // 100, tones.count, 0x00 if silent else 0x01)
        answer = send(bytes([0xFF, 0x00, 0x40, lights, 0x04, *times]))
        if len(answer) != 2 or answer[0] != 0x90:
            raise BadAnswer(answer.hex())


class Acr1252u(Quirk):
    """ACR1252U: `E0 00 00 28 01 duration` sounds the buzzer, `E0 00 00 29 01 lights` sets the lights.

    The duration is in 10 ms, 00 is off; the lights are bit 0 red, bit 1 green; `E0 00 00 29 00` asks for them. Each is
    answered at once by `E1 00 00 00 01` and a byte. The lights stay as they are set, so they are put back. Source: ACS,
    ACR1252U Reference Manual, Peripherals Control; the same bytes in the manuals of ACM1252U-Y3 (V1.03, 5.3.2) and
    ACR1281U-C1 (V1.08, 5.3.4).
    """

    name = "ACR1252"

    def play(self, tones: Tones, silent: bool, send: Send, pause: Pause) -> None:
        """Tone by tone, timed here."""
        before = self._ask(send, 0x29)
        for _ in range(tones.count):
            self._ask(send, 0x29, tones.red * 0x01 | tones.green * 0x02)
            if not silent:
                self._ask(send, 0x28, tones.on_ms // 10)
            pause(tones.on_ms / 1000)
            self._ask(send, 0x29, before)
            pause(tones.off_ms / 1000)

    def _ask(self, send: Send, what: int, *value: int) -> int:
        answer = send(bytes([0xE0, 0x00, 0x00, what, len(value), *value]))
        if len(answer) != 6 or answer[:5] != b"\xe1\x00\x00\x00\x01":
            raise BadAnswer(answer.hex())
        return answer[5]


QUIRKS: tuple[type[Quirk], ...] = (Acr122u, Acr1252u)


def quirk_of(name: str) -> Quirk | None:
    """How the reader of this PC/SC name is told to beep; None for one of which nothing is known."""
    return next((kind() for kind in QUIRKS if kind.name in name), None)


# --- how it is played ---------------------------------------------------------------------------------------------

_REMEDY = (
    "its driver lets no command for it through: `sudo apt install libacsccid1`, or set ifdDriverOptions to 0x0001 in "
    "/etc/libccid_Info.plist and restart pcscd"
)
_PASSING = (Meaning.CARD_HELD, Meaning.NO_READER, Meaning.NO_SERVICE, Meaning.BUSY)
"""What says nothing of the buzzer: another program has the reader, or it is gone, which its reader reports."""


class Buzzer:
    """Buzzer and light of one reader, played on daemon threads. Never raises, never blocks, never touches a card.

    On a thread of its own, because acsccid waits for the answer to an escape command without a limit, and because tones
    take time. The thread ends when nothing is left to play, so there is nothing to close.
    """

    def __init__(self, scard: ControlScard, name: str, *, silent: bool = False, pause: Pause = time.sleep) -> None:
        self.name = name
        self._scard = scard
        self._silent = silent
        self._pause = pause
        self._quirk = quirk_of(name)
        self._code: int | None = None
        self._waiting: deque[Signal] = deque(maxlen=WAITING)
        self._guard = threading.Lock()
        self._playing = False

    @property
    def works(self) -> bool:
        """Whether the reader has one and, as far as is known, obeys."""
        return self._quirk is not None

    def play(self, signal: Signal) -> None:
        """Play this as soon as the one before has ended."""
        with self._guard:
            if self._quirk is None:
                return
            self._waiting.append(signal)
            if not self._playing:
                self._playing = True
                threading.Thread(target=self._run, name=f"buzzer {self.name}", daemon=True).start()

    def _run(self) -> None:
        while (task := self._next()) is not None:
            try:
                self._connected(*task)
            except ScardError as error:
                if error.meaning in _PASSING:
                    _log.debug("%s: no feedback now: %s", self.name, error)
                else:
                    self._give_up(f"{error}; {_REMEDY}")
            except BadAnswer as error:
                self._give_up(f"the reader answered {str(error) or 'nothing'}")

    def _next(self) -> tuple[Quirk, Tones] | None:
        """What to play now; None when nothing is left, and whoever has more then starts another thread."""
        with self._guard:
            self._playing = bool(self._waiting) and self._quirk is not None
            if not self._playing or self._quirk is None:
                return None
            return self._quirk, TONES[self._waiting.popleft()]

    def _give_up(self, why: str) -> None:
        _log.warning("%s: no buzzer and no light of its own from now on: %s", self.name, why)
        self._quirk = None

    def _connected(self, quirk: Quirk, tones: Tones) -> None:
        """Play it over a connection to the reader, whether a card lies there or not.

        Raises:
            ScardError: a call failed.
            BadAnswer: the reader refused.
        """
        code, context = self._scard.SCardEstablishContext(_SCOPE_SYSTEM)
        _check(code, "SCardEstablishContext")
        try:
            code, card, _ = self._scard.SCardConnect(context, self.name, _SHARE_DIRECT, 0)
            _check(code, "SCardConnect")
            try:
                quirk.play(tones, self._silent, lambda command: self._send(card, command), self._pause)
            finally:
                # Anything but LEAVE_CARD would reset or unpower the card that lies there.
                self._scard.SCardDisconnect(card, _LEAVE_CARD)
        finally:
            self._scard.SCardReleaseContext(context)

    def _send(self, card: int, command: bytes) -> bytes:
        if self._code is None:
            self._code = self._escape_code(card)
        code, answer = self._scard.SCardControl(card, self._code, list(command))
        _check(code, "SCardControl")
        if _log.isEnabledFor(TRAFFIC):
            _log.log(TRAFFIC, "%s: > %s < %s", self.name, command.hex(), bytes(answer).hex())
        return bytes(answer)

    def _escape_code(self, card: int) -> int:
        """The control code that the driver takes for escape commands; libccid's where it does not say.

        Features come as tag, length 4, and a code, big-endian (PC/SC part 10, 2.2).
        """
        code, answer = self._scard.SCardControl(card, _GET_FEATURES, [])
        features = bytes(answer) if code == 0 else b""
        for start in range(0, len(features) - 5, 6):
            if features[start] == _FEATURE_ESCAPE and features[start + 1] == 4:
                return int.from_bytes(features[start + 2 : start + 6], "big")
        return _VENDOR_EXCHANGE


def _check(code: int, call: str) -> None:
    if code:
        raise ScardError(code, call)
