"""From characters to keys, for input that may hold anything a label can be printed with.

Textual's parser answers to escape sequences wherever they stand: it drops some, turns others into letters, and waits
for ever for the end of a paste. In a scanned number each of these makes another number. Here nothing vanishes: what is
not plain text leaves a U+FFFD in its place, and a scan with one in it is refused.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Iterator

from textual import constants, events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.keys import Keys
from textual.message import Message
from textual.messages import TerminalSupportsSynchronizedOutput

MANGLED = "\ufffd"
"""The replacement character: what stood here was no text."""
PASTE_SILENCE_S = 1.0
"""A paste that brings nothing for so long is not a paste but a number that happened to begin one."""
PASTE_LIMIT = 65_536
"""Characters of one paste that are looked at; no number is in what comes after."""
FOCUS_KEY = "f35"
"""The key that a change of focus becomes: nobody has it. It may come while a person types, and spoils a scan only."""
REPORT_KEY = "terminal-report"
"""The key that every other answer of a terminal becomes; what stands in one line with it is refused."""

# What ends or mends a line when it is a character; as a sequence it is a keypad's, in a mode that is never asked for.
_LINE_KEYS = frozenset({"enter", "tab", "backspace"})
_CLICKS = (events.MouseDown, events.MouseUp, events.MouseScrollUp, events.MouseScrollDown)
_ESC = "\x1b"
_MARKER = len(BRACKETED_PASTE_START)


def forgo_kitty_keys() -> None:
    """Neither ask for the kitty keyboard protocol nor take its sequences: scanned text could spell letters by them."""
    setattr(constants, "DISABLE_KITTY_KEY", True)  # noqa: B010  (declared Final, but read at each use)


class ScanParser(XTermParser):
    """Textual's parser without its ways of losing or inventing a character. Yields keys, pastes, clicks.

    Whoever feeds it gives each read of the terminal as a whole: a terminal's own marks come whole, so the mark of a
    paste in two pieces was typed by a scanner, and so was a paste that came in one breath with text.
    """

    def __init__(self, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pasted_at = 0.0
        self._pasted = 0
        self._tail = ""
        super().__init__(debug)

    def feed(self, data: str) -> Iterator[Message]:
        """Yield what one read amounts to; never raises, whatever it is."""
        if not data:
            self._collect(super().feed(""))
            return
        tokens: list[Message] = []
        for part in self._bounded(data):
            tokens += self._parsed(part)
        yield from _sifted(tokens)

    def tick(self) -> Iterator[Message]:
        """Yield what becomes due without input: a lone escape, and the end of a paste that has none."""
        if self._pasting and self._clock() - self._pasted_at >= PASTE_SILENCE_S:
            self._tail = ""
            tokens = self._collect(super().feed(BRACKETED_PASTE_END))
            yield from _one_mangled_line("".join(token.text for token in tokens if isinstance(token, events.Paste)))
        yield from _sifted(self._collect(super().tick()))

    # --- pastes ---------------------------------------------------------------------------------------------------

    @property
    def _pasting(self) -> bool:
        # Textual's parser holds it in a local variable. Counting marks beside it would some day count differently, and
        # leave a screen that is deaf.
        return bool(inspect.getgeneratorlocals(self._gen).get("bracketed_paste"))

    def _bounded(self, data: str) -> Iterator[str]:
        """The data in parts up to each mark of a paste, without what lies beyond the limit of one."""
        while data:
            if self._pasting:
                part, data, ends = self._in_paste(data)
                part = part.replace("\0", MANGLED)  # Textual leaves them out
            else:
                part, data, ends = *self._outside_paste(data), False
            if part:
                yield part
            if ends and self._pasting:
                yield BRACKETED_PASTE_END  # it came in two pieces, too far apart for Textual to know it

    def _outside_paste(self, data: str) -> tuple[str, str]:
        start = data.find(BRACKETED_PASTE_START)
        if start < 0:
            split = BRACKETED_PASTE_START in self._tail + data
            self._tail = (self._tail + data)[1 - _MARKER :]
            return (MANGLED if split else "") + data, ""
        self._tail = ""
        self._pasted_at = self._clock()
        self._pasted = 0
        return data[: start + _MARKER], data[start + _MARKER :]

    def _in_paste(self, data: str) -> tuple[str, str, bool]:
        self._pasted_at = self._clock()
        seen = self._tail + data
        end = seen.find(BRACKETED_PASTE_END)
        room = max(PASTE_LIMIT - self._pasted, 0)
        if end < 0:
            self._tail = seen[1 - _MARKER :]
            self._pasted += len(data)
            return data[:room], "", False
        cut = end + _MARKER - len(self._tail)
        self._tail = ""
        return data[: min(cut, room)], data[cut:], True

    # --- keys -----------------------------------------------------------------------------------------------------

    def _parsed(self, part: str) -> list[Message]:
        """The tokens of a part, with a mark for each escape sequence that Textual knows and says nothing of."""
        if _ESC not in part and not self._in_sequence:
            return self._collect(super().feed(part))
        tokens: list[Message] = []
        for character in part:
            was_in_sequence = self._in_sequence
            new = self._collect(super().feed(character))
            swallowed = was_in_sequence and not self._in_sequence and not new and not self._pasting
            tokens += [_report()] if swallowed else new
        return tokens

    @property
    def _in_sequence(self) -> bool:
        # Textual waits with a timeout within a sequence only.
        return self._awaiting.timeout is not None

    def _collect(self, tokens: Iterable[Message]) -> list[Message]:
        """All tokens there are. A parser that raised is begun anew, and the line it raised in is marked."""
        collected: list[Message] = []
        try:
            collected.extend(tokens)
        except Exception:  # noqa: BLE001  (a crafted sequence must not end the only thread that listens)
            self._gen.close()
            self._tokens.clear()
            self._timeout_time = None
            self._gen = self.parse(self._tokens.append)
            self._awaiting = next(self._gen)
            collected.append(_mangled())
        return collected

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterator[events.Key]:
        if alt or sequence == _ESC:  # an escape that was left out, or that Textual writes a circumflex for
            yield _mangled()
        if sequence == _ESC:
            return
        for key in super()._sequence_to_key_events(sequence, alt=alt):
            swallowed = key.key == Keys.Ignore
            spelled = len(sequence) > 1 and (key.is_printable or key.key in _LINE_KEYS)
            yield _mangled() if swallowed or spelled else key


def _sifted(tokens: list[Message]) -> Iterator[Message]:
    """Keys and pastes of one read."""
    has_text = any(isinstance(token, events.Key) and token.is_printable for token in tokens)
    for token in tokens:
        if isinstance(token, events.Paste):
            if has_text or _ESC in token.text:
                yield from _one_mangled_line(token.text)
            else:
                yield token
                yield _report()
        elif isinstance(token, events.Key):
            yield token
        elif isinstance(token, events.AppFocus | events.AppBlur):
            yield events.Key(FOCUS_KEY, None)
        elif isinstance(token, _CLICKS) and not has_text:
            # In one breath with text it was printed on a label. Whoever gets it sees that no scan is under way.
            yield token
        else:
            # Answers, movements, sizes: sizes come by signal, so one of them only is of any use.
            if isinstance(token, TerminalSupportsSynchronizedOutput):
                yield token
            yield _report()


def _mangled() -> events.Key:
    return events.Key("mangled", MANGLED)


def _report() -> events.Key:
    return events.Key(REPORT_KEY, None)


def _one_mangled_line(text: str) -> Iterator[Message]:
    """A whole paste as one line that is refused: where it really began and ended is not known."""
    yield events.Paste(MANGLED + text.replace("\r", MANGLED).replace("\n", MANGLED) + "\r")
    yield _report()
