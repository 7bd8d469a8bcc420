"""The same for a screen that is shown in a browser: keys come in packets on standard input."""

from __future__ import annotations

import codecs
import logging
import os
import selectors
import sys

from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver, _ExitInput

from tagsmith.tui.terminal.driver import TerminalLost
from tagsmith.tui.terminal.inflow import Inflow
from tagsmith.tui.terminal.parser import ScanParser, forgo_kitty_keys

_log = logging.getLogger(__name__)

_READ_BYTES = 4096
_POLL_S = 0.1


class StationWebDriver(WebDriver):
    """The driver of a screen in a browser, which ends when the server that holds it does."""

    def start_application_mode(self) -> None:
        """Begin to talk with the server."""
        forgo_kitty_keys()
        super().start_application_mode()
        # Textual has asked for every movement, too: each would spoil a number that is half typed.
        self.write("\x1b[?1003l\x1b[?1000h\x1b[?1006h")
        self.flush()

    def run_input_thread(self) -> None:
        """Turn packets into keys until told to stop or the server is gone."""
        try:
            self._listen()
        except _ExitInput:
            return
        except Exception as error:  # noqa: BLE001  (a dead input thread would leave a screen that is deaf and looks alive)
            _log.exception("the input thread died")
            self.send_message(TerminalLost(type(error).__name__))

    def _listen(self) -> None:
        stdin = sys.__stdin__
        assert stdin is not None
        parser = ScanParser()
        inflow = Inflow(self.process_message)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        packets = ByteStream()
        with selectors.DefaultSelector() as selector:
            selector.register(stdin.fileno(), selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_POLL_S):
                    data = os.read(stdin.fileno(), _READ_BYTES)
                    if not data:
                        self.send_message(TerminalLost("end of input"))
                        return
                    for kind, payload in packets.feed(data):
                        if kind != "D":
                            self._on_meta(kind, payload)
                        elif text := decode(payload):
                            inflow.put(parser.feed(text))
                inflow.put(parser.tick())
