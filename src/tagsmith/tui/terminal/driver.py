"""Textual's drivers with our parser and our writer in them, and with an end when the terminal is gone.

Leans on names of Textual that are not public; the exact version is pinned and the end-to-end tests hold them.
"""

from __future__ import annotations

import codecs
import logging
import os
import selectors
import sys
from itertools import chain

from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tagsmith.tui.terminal.inflow import Inflow
from tagsmith.tui.terminal.parser import ScanParser, forgo_kitty_keys
from tagsmith.tui.terminal.writer import Writer

_log = logging.getLogger(__name__)

_READ_BYTES = 4096
_POLL_S = 0.1
_LAST_WORDS_S = 1.0
"""How long the end waits for a terminal that does not read."""


class TerminalLost(Message):
    """Nothing will ever come from the terminal again."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class TerminalCaughtUp(Message):
    """The terminal reads again after frames were dropped: what it shows is not what it should."""


class StationDriver(LinuxDriver):
    """The terminal of an operator's station. Writes to standard output, so that standard error may be a log."""

    _out: Writer | None = None
    _clicks_asked = False

    def start_application_mode(self) -> None:
        """Take the terminal over."""
        forgo_kitty_keys()
        stdout = sys.__stdout__
        assert stdout is not None
        self._out = Writer(
            stdout.fileno(), lambda: self.send_message(TerminalCaughtUp()), encoding=stdout.encoding or "utf-8"
        )
        self._out.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def _enable_mouse_support(self) -> None:
        """Ask for clicks and the wheel only: a mouse that is pushed must not spoil a number that is half scanned."""
        if self._mouse:
            self._clicks_asked = True
            self.write("\x1b[?1000h\x1b[?1006h")

    def _disable_mouse_support(self) -> None:
        """Ask for nothing any more. Textual calls it once more when the terminal was given back already."""
        if self._clicks_asked:
            self._clicks_asked = False
            self.write("\x1b[?1000l\x1b[?1006l")

    def write(self, data: str) -> None:
        """Write without ever waiting."""
        if self._out is not None:
            self._out.write(data)

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        if self._out is not None:
            self._out.last_words()
        if os.environ.get("TERM") == "linux":
            self.write("\x1b[2J\x1b[H")  # older consoles have no second screen to leave
        super().stop_application_mode()

    def close(self) -> None:
        """Let the writer finish, as far as the terminal lets it."""
        if self._out is not None and not self._out.stop(_LAST_WORDS_S):
            _log.warning("the terminal does not read: it may be left as it is")
        super().close()

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:  # noqa: BLE001  (a dead input thread would leave a screen that is deaf and looks alive)
            _log.exception("the input thread died")
            self.send_message(TerminalLost(type(error).__name__))

    def run_input_thread(self) -> None:
        """Turn what comes into keys until told to stop or nothing can come any more."""
        parser = ScanParser()
        inflow = Inflow(self.process_message)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with selectors.PollSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                text = ""
                if selector.select(_POLL_S):
                    data = self._read()
                    if data is None:
                        return
                    text = decode(data)
                inflow.put(chain(parser.feed(text) if text else (), parser.tick()))

    def _read(self) -> bytes | None:
        """What came; nothing if there was nothing after all; None when there will be nothing any more."""
        try:
            data = os.read(self.fileno, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            self.send_message(TerminalLost(error.strerror or "input error"))
            return None
        if not data:
            self.send_message(TerminalLost("end of input"))
            return None
        return data


def hardened(driver: type[Driver]) -> type[Driver]:
    """Our form of a driver that Textual has chosen; others (the headless one of tests) as they are."""
    if driver is LinuxDriver:
        return StationDriver
    if driver.__name__ == "WebDriver":
        from tagsmith.tui.terminal.web import StationWebDriver

        return StationWebDriver
    return driver
