"""Readers behind PC/SC (pcscd), by the low-level calls of `smartcard.scard`.

It owns one context per reader, because a waiting call locks its context for every other thread; how a UID is read
and validated; and the trouble a card can make. It never uses pyscard's CardMonitor, CardRequest or `readers()`: their
threads end silently when pcscd restarts, and cards are compared by ATR, so that a swap of two like cards is invisible.

How it waits: `SCardGetStatusChange` on the reader and the PnP pseudo-reader, at most `MAX_WAIT_S` at a time, because
an event between two calls can be missed and a cancel that finds nobody waiting does nothing. That is two states per
call, far from the service's limit of 16. The upper half of a reader's event state counts insertions and removals;
a swap that came back to the same state shows there.

What a reader can: it sees removal; it does not see two tags (it shows one of them, or none), and no SAK.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

from tagsmith.errors import ReaderError, ReaderMissing, ReaderUnsupported
from tagsmith.lines import libraries
from tagsmith.model import Field, ReaderInfo, ReaderState, ReaderStatus, Signal, Tag, Trouble
from tagsmith.readers.base import TRAFFIC, Reader, status_of
from tagsmith.readers.lock import ReaderLock, busy
from tagsmith.readers.pcsc_cards import GET_UID, Unread, tag_of, technology_of
from tagsmith.readers.pcsc_errors import Meaning, ScardError, failure, meaning
from tagsmith.readers.pcsc_feedback import Buzzer, ControlScard
from tagsmith.readers.pcsc_names import Slot, choose, slot_of

_log = logging.getLogger(__name__)

MAX_WAIT_S = 2.0
"""The longest single wait: what an event missed between two calls costs at worst."""
UNREAD_S = 1.0
"""How long a card may lie there unread before that is reported: a slow hand lays it on in less."""
FLICKER_S = 0.5
"""An absence shorter than this does not end such a stay: two keys on each other, or one in a weak field, flicker."""
RETRY_S = (0.05, 1.0)
"""First and longest pause between two tries to read a card that lies there: no event tells that another program let
go of it, or that a hand has laid it better."""

_CANCEL_EVERY_S = 0.005
_COMMAND = list(GET_UID)
_PNP = "\\\\?PnP?\\Notification"

# pcsclite.h; the same on every platform.
SCOPE_SYSTEM = 2
SHARE_SHARED = 2
PROTOCOL_ANY = 1 | 2
LEAVE_CARD = 0
STATE_CHANGED = 0x0002
STATE_UNKNOWN = 0x0004
STATE_UNAVAILABLE = 0x0008
STATE_PRESENT = 0x0020
STATE_EXCLUSIVE = 0x0080
STATE_INUSE = 0x0100
# Another client's comings and goings are no news: a state handed back without these bits does not report them.
_NO_NEWS = STATE_CHANGED | STATE_EXCLUSIVE | STATE_INUSE

ReaderStates = list[tuple[str, int, list[int]]]


class Scard(ControlScard, Protocol):
    """The calls of `smartcard.scard` that are used here; each returns the code first."""

    def SCardListReaders(self, context: int, groups: list[str]) -> tuple[int, list[str]]: ...
    def SCardGetStatusChange(
        self, context: int, timeout_ms: int, states: list[tuple[str, int]]
    ) -> tuple[int, ReaderStates]: ...
    def SCardCancel(self, context: int) -> int: ...
    def SCardTransmit(self, card: int, protocol: int, command: list[int]) -> tuple[int, list[int]]: ...


def load() -> Scard:
    """pyscard's low-level module.

    Raises:
        ReaderUnsupported: it, or the library underneath, is not installed.
    """
    try:
        from smartcard import scard
    except ImportError as error:
        if (error.name or "").split(".")[0] == "smartcard" and "pcsclite" not in str(error):
            message, remedy = "pyscard is not installed", libraries.missing("pcsc")
        else:
            message, remedy = f"pyscard cannot be loaded: {error}", "sudo apt install libpcsclite1"
        raise ReaderUnsupported(f"PC/SC readers cannot be used: {message}", remedy) from error
    return cast(Scard, scard)


class PcscReader(Reader):
    """A PC/SC reader. `wanted` is a part of its name (any case), or empty for the first contactless one."""

    def __init__(
        self,
        wanted: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        scard: Callable[[], Scard] = load,
    ) -> None:
        super().__init__(f"pcsc:{wanted}", clock=clock)
        self._wanted = wanted.strip()
        self._load = scard
        self._scard: Scard | None = None
        self._context: int | None = None
        self._card: int | None = None
        self._buzzer: Buzzer | None = None
        self._blocked = False
        self._forget()

    def _forget(self) -> None:
        """Know nothing about reader and card; the first wait then tells everything at once."""
        self._name = ""
        self._state = self._pnp = 0
        self._occupant: tuple[bool, int] | None = None
        self._atr: list[int] = []
        self._field = Field()
        self._known_since = 0.0
        self._unread_since: float | None = None
        self._pause_s = RETRY_S[0]
        self._retry_at: float | None = None

    # --- the backend's part ---------------------------------------------------------------------------------------

    def _open(self) -> ReaderInfo:
        self._scard = self._load()
        self._forget()
        self._context = _establish(self._scard)
        names = _list_readers(self._scard, self._context)
        found = choose(names, self._wanted)
        if not found:
            raise _nothing_found(names, self._wanted)
        if len(found) > 1:
            _log.info("%s: %d readers fit, taking %r", self.spec, len(found), found[0])
        self._claim(_identity(found[0]))
        self._name = found[0]
        return ReaderInfo(self._name, f"pcsc:{self._name}", sees_two=False, sees_removal=True, sees_sak=False)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        deadline = self._clock() + timeout_s
        while True:
            now = self._clock()
            until = deadline if self._retry_at is None else min(deadline, self._retry_at)
            # If the caller does not know yet what is known here, look only whether that is still true.
            block_s = 0.0 if self._field != last else min(MAX_WAIT_S, until - now)
            occupied = self._watch(max(0.0, block_s))
            if occupied or (self._retry_at is not None and self._clock() >= self._retry_at):
                self._field = self._take()
            if self._field != last:
                self._first_seen = self._known_since
                return self._field
            if self._interrupted or self._clock() >= deadline:
                return self._field

    def _close(self) -> None:
        self._let_go()
        context, self._context = self._context, None
        if context is not None and self._scard is not None:
            code = self._scard.SCardReleaseContext(context)
            _log.debug("%s: context released: 0x%08X", self.spec, code & 0xFFFFFFFF)
        self._forget()

    def _wake(self) -> None:
        if self._blocked:
            # Not from the caller's thread: SCardCancel opens a connection to pcscd and waits for its answer, and a
            # pcscd that hangs must not take the caller with it.
            threading.Thread(target=self._cancel, name=f"wake {self.spec}", daemon=True).start()

    def _signal(self, pattern: Signal) -> None:
        if self._buzzer is None or self._buzzer.name != self._name:
            self._buzzer = Buzzer(self._opened()[0], self._name, silent=self.silent)
        self._buzzer.play(pattern)

    def _translate(self, error: Exception) -> ReaderError | None:
        if isinstance(error, ScardError):
            return failure(error, was_open=self._info is not None)
        return None

    # --- waiting --------------------------------------------------------------------------------------------------

    def _watch(self, timeout_s: float) -> bool:
        """Wait for news of the reader. True if what lies on it is not what lay there before.

        Raises:
            ScardError: the reader or the service went away.
        """
        scard, context = self._opened()
        self._let_go()
        self._blocked = True  # before looking at `_interrupted`: whoever interrupts from here on knows to cancel
        timeout_ms = 0 if self._interrupted else math.ceil(timeout_s * 1000)
        code, states = scard.SCardGetStatusChange(context, timeout_ms, [(self._name, self._state), (_PNP, self._pnp)])
        self._blocked = False
        now = self._clock()
        if code and meaning(code) is not Meaning.NOTHING_NEW:
            raise ScardError(code, "SCardGetStatusChange")
        (_, state, atr), (_, pnp, _) = states
        if state & (STATE_UNKNOWN | STATE_UNAVAILABLE):
            raise ScardError(_READER_UNAVAILABLE, "SCardGetStatusChange")
        if not state & ~STATE_CHANGED:
            return False  # cancelled before the service told anything
        self._state, self._pnp = state & ~_NO_NEWS, pnp & ~_NO_NEWS
        if pnp & STATE_CHANGED and self._name not in _list_readers(scard, context):
            raise ScardError(_READER_UNAVAILABLE, "SCardListReaders")
        occupant = bool(state & STATE_PRESENT), state >> 16
        if occupant == self._occupant:
            return False
        self._occupant = occupant
        self._atr = atr
        self._known_since = now
        self._pause_s = RETRY_S[0]
        self._retry_at = None
        return True

    def _cancel(self) -> None:
        """End the wait under way. There is a moment before a wait can be cancelled, so until it has ended."""
        for _ in range(round(MAX_WAIT_S / _CANCEL_EVERY_S)):
            scard, context = self._scard, self._context
            if not self._blocked or scard is None or context is None:
                return
            scard.SCardCancel(context)
            time.sleep(_CANCEL_EVERY_S)

    def _let_go(self) -> None:
        """Disconnect from the card that was read last. Not at once: its UID is waited for, and this takes a while."""
        card, self._card = self._card, None
        if card is not None and self._scard is not None:
            # Anything but LEAVE_CARD would reset or unpower the card under another program.
            self._scard.SCardDisconnect(card, LEAVE_CARD)

    def _opened(self) -> tuple[Scard, int]:
        assert self._scard is not None, "the reader is open"
        assert self._context is not None, "the reader is open"
        return self._scard, self._context

    # --- reading --------------------------------------------------------------------------------------------------

    def _take(self) -> Field:
        """What lies on the reader, read; what cannot be read is not there, until it has lain there for a while."""
        assert self._occupant is not None, "a state came before"
        present, count = self._occupant
        now = self._clock()
        self._retry_at = None
        if not present:
            if self._unread_since is not None and now < (gone_at := self._known_since + FLICKER_S):
                self._retry_at = gone_at
                return self._field
            self._unread_since = None
            return Field()
        outcome = self._read()
        if isinstance(outcome, Tag):
            if self._field.trouble is not None:
                self._known_since = now  # it was not known all the time it lay there unread
            self._unread_since = None
            return Field((outcome,), count)
        if self._unread_since is None:
            self._unread_since = self._known_since
        self._retry_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, RETRY_S[1])
        if now < (reported_at := self._unread_since + UNREAD_S):
            self._retry_at = min(self._retry_at, reported_at)
            _log.debug("%s: not read: %s", self.spec, outcome.why)
            return Field()
        if self._field.trouble is not outcome.trouble:
            _log.warning("%s: what lies on the reader cannot be read: %s", self.spec, outcome.why)
        return Field((), count, outcome.trouble)

    def _read(self) -> Tag | Unread:
        """The tag on the reader, or why there is none.

        Raises:
            ScardError: reader or service failed, not the card.
        """
        scard, context = self._opened()
        code, card, protocol = scard.SCardConnect(context, self._name, SHARE_SHARED, PROTOCOL_ANY)
        if code:
            if meaning(code) is Meaning.FORBIDDEN:
                # Also said when pcscd was killed meanwhile; then this raises what is true.
                _list_readers(scard, context)
            return _trouble(code, "SCardConnect")
        self._card = card
        code, answer = scard.SCardTransmit(card, protocol, _COMMAND)
        if code:
            return _trouble(code, "SCardTransmit")
        received = bytes(answer)
        if _log.isEnabledFor(TRAFFIC):
            _log.log(TRAFFIC, "%s: > %s < %s", self.spec, GET_UID.hex(), received.hex())
        return tag_of(received, technology_of(bytes(self._atr)))


_READER_UNAVAILABLE = 0x80100017
_NO_READERS = 0x8010002E

_TROUBLES = {
    Meaning.CARD_LEFT: Trouble.MUTE,
    Meaning.CARD_MUTE: Trouble.MUTE,
    Meaning.CARD_RESET: Trouble.MUTE,
    Meaning.CARD_HELD: Trouble.HELD,
}


def _trouble(code: int, call: str) -> Unread:
    """The card's trouble. What is no card's trouble is the reader's.

    Raises:
        ScardError: it is the reader's or the service's.
    """
    error = ScardError(code, call)
    if error.meaning not in _TROUBLES:
        raise error
    return Unread(_TROUBLES[error.meaning], str(error))


# --- finding readers ----------------------------------------------------------------------------------------------


def discover(scard: Callable[[], Scard] = load) -> list[ReaderStatus]:
    """Every PC/SC reader that is there, with the spec that selects just it; or one status that says why there is none.

    Opens no reader and disturbs no station.
    """
    try:
        module = scard()
        with _context(module) as context:
            names = _list_readers(module, context)
    except ScardError as error:
        return [status_of("pcsc:", failure(error, was_open=False))]
    except ReaderUnsupported as error:
        return [status_of("pcsc:", error)]
    if not names:
        return [status_of("pcsc:", _nothing_found(names, ""))]
    return [_status_of(name) for name in names]


def _status_of(name: str) -> ReaderStatus:
    spec, slot = f"pcsc:{name}", slot_of(name)
    if slot in (Slot.SAM, Slot.CONTACT):
        message = f"a {slot.value}: not for charging keys, skipped unless named in full"
        return ReaderStatus(spec, ReaderState.UNSUPPORTED, message)
    holder = ReaderLock(_identity(name)).holder()
    return ReaderStatus(spec, ReaderState.READY) if holder is None else status_of(spec, busy(spec, holder))


def _nothing_found(names: Sequence[str], wanted: str) -> ReaderMissing:
    skipped = [name for name in names if wanted.casefold() in name.casefold()]
    if skipped:
        return ReaderMissing(
            "only contact and SAM slots are there"
            if not wanted
            else f"only contact and SAM slots are called {wanted!r}",
            f"to use one, give its whole name: {_listed(skipped)}",
        )
    if names:
        return ReaderMissing(f"no reader is called {wanted!r}", f"there is {_listed(names)}")
    return ReaderMissing(
        "no PC/SC reader is there",
        "plug it in; if it is, its driver may be missing: `sudo apt install libccid`",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _identity(name: str) -> str:
    """The device's name on this machine: reader names are unique per pcscd, and there may be several."""
    service = os.environ.get("PCSCLITE_CSOCK_NAME", "")
    return f"pcsc:{name} of {service}" if service else f"pcsc:{name}"


@contextlib.contextmanager
def _context(scard: Scard) -> Iterator[int]:
    context = _establish(scard)
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def _establish(scard: Scard) -> int:
    code, context = scard.SCardEstablishContext(SCOPE_SYSTEM)
    _check(code, "SCardEstablishContext")
    return context


def _list_readers(scard: Scard, context: int) -> list[str]:
    code, names = scard.SCardListReaders(context, [])
    if code & 0xFFFFFFFF == _NO_READERS:
        return []
    _check(code, "SCardListReaders")
    return names


def _check(code: int, call: str) -> None:
    if code:
        raise ScardError(code, call)
