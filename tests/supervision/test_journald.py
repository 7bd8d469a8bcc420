"""Log records as journald gets them, at a real socket of our own."""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import CommandLine
from tagsmith.cli.courier import _tell
from tagsmith.cli.output import log_to_journald, log_to_stderr
from tagsmith.errors import StationError
from tagsmith.model import Delivery, DeliveryView, Event
from tagsmith.station.attending import Counting
from tagsmith.supervision.journald import JournaldHandler, priority, under_journald


class Journald:
    """A socket that reads the native protocol, memory files included."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(5)
        self.by_file = 0

    def next(self) -> dict[str, str]:
        """The fields of the next record."""
        data, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 20, 1)
        if not data and descriptors:
            self.by_file += 1
            with os.fdopen(descriptors[0], "rb") as file:
                file.seek(0)  # journald reads from the start, too, wherever the writer left off
                data = file.read()
        fields = {}
        while data:
            line, _, rest = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                (length,) = struct.unpack("<Q", rest[:8])
                value, rest = rest[8 : 8 + length], rest[9 + length :]
            fields[name.decode()] = value.decode()
            data = rest
        return fields

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    """A listening journald."""
    made = Journald(tmp_path / "socket")
    yield made
    made.close()


@pytest.fixture
def log(journald: Journald) -> Iterator[logging.Logger]:
    """A logger that leads to it alone."""
    logger = logging.getLogger("supervision-test")
    handler = JournaldHandler(journald.path)
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(handler)
    handler.close()


def test_a_record_brings_its_fields(journald: Journald, log: logging.Logger) -> None:
    """Priority as syslog has it; lane, entry and reader where the record says them."""
    log.warning("refused %s", "N-1", extra={"lane": "A", "entry": "e1", "reader": "ACR1252"})
    fields = journald.next()
    assert fields["MESSAGE"] == "refused N-1"
    assert fields["PRIORITY"] == "4"
    assert fields["SYSLOG_IDENTIFIER"] == "tagsmith"
    assert [fields[f"TAGSMITH_{name}"] for name in ("LANE", "ENTRY", "READER")] == ["A", "e1", "ACR1252"]
    log.info("plain")
    fields = journald.next()
    assert fields["PRIORITY"] == "6"
    assert not [name for name in fields if name.startswith("TAGSMITH_")]


def test_lines_and_tracebacks_stay_one_record(journald: Journald, log: logging.Logger) -> None:
    """What has line ends inside cannot pass for other fields."""
    try:
        raise ValueError("no\nPRIORITY=0")
    except ValueError:
        log.exception("it failed")
    fields = journald.next()
    assert fields["PRIORITY"] == "3"
    assert "ValueError: no\nPRIORITY=0" in fields["MESSAGE"]


def test_what_no_datagram_holds_goes_as_a_file(journald: Journald, log: logging.Logger) -> None:
    """A sealed memory file, whose descriptor is sent."""
    log.error("x" * 400_000)
    assert len(journald.next()["MESSAGE"]) == 400_000
    assert journald.by_file == 1


def test_a_journald_that_is_away_stops_nobody(
    journald: Journald, log: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    """The record is lost, and nothing is printed over a screen."""
    os.unlink(journald.path)
    log.error("nobody hears this")
    assert capfd.readouterr().err == ""


def test_the_stream_is_told_by_its_file(tmp_path: Path) -> None:
    """JOURNAL_STREAM outlives a redirection of standard error: only the file itself tells."""
    with (tmp_path / "a").open("w") as stream, (tmp_path / "b").open("w") as other:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert under_journald(environ, stream.fileno())
        assert not under_journald(environ, other.fileno())
        assert not under_journald({}, stream.fileno())
        assert not under_journald({"JOURNAL_STREAM": "nonsense"}, stream.fileno())


@pytest.fixture
def clean_root() -> Iterator[logging.Logger]:
    """The root logger, which is put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield root
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level = handlers, level


def test_a_service_logs_there_by_itself(
    tmp_path: Path, journald: Journald, clean_root: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard error that leads to the journal is left alone; events come with all their plain values as fields, for
    the unit throws the JSON lines away; refusals are warnings."""
    monkeypatch.setattr("tagsmith.supervision.journald.SOCKET", journald.path)
    clean_root.handlers = []
    with (tmp_path / "stderr").open("w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        status = os.fstat(stderr.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        log_to_stderr(logging.INFO)
        counting = Counting(None, ("A",))
        counting.take(
            Event("paired", {"lane": "A", "entry": "e1", "visual_number": "N-1", "uid": "04a1", "saved_ms": 2})
        )
        counting.take(Event("rejected", {"lane": "A", "reason": "no-tag", "message": "Tap first.", "user_id": None}))
    fields = journald.next()
    assert fields["MESSAGE"] == "paired N-1 04a1"
    assert (fields["TAGSMITH_ENTRY"], fields["TAGSMITH_LANE"], fields["PRIORITY"]) == ("e1", "A", "6")
    assert (fields["TAGSMITH_EVENT"], fields["TAGSMITH_SAVED_MS"]) == ("paired", "2")
    fields = journald.next()
    assert (fields["PRIORITY"], fields["MESSAGE"]) == ("4", "rejected no-tag Tap first.")
    assert (fields["TAGSMITH_REASON"], fields["TAGSMITH_MESSAGE"]) == ("no-tag", "Tap first.")
    assert "TAGSMITH_USER_ID" not in fields
    assert (tmp_path / "stderr").read_text() == ""


def test_elsewhere_standard_error_gets_the_lines(
    tmp_path: Path, journald: Journald, clean_root: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no event twice: they are on standard output already."""
    monkeypatch.setattr("tagsmith.supervision.journald.SOCKET", journald.path)
    clean_root.handlers = []
    with (tmp_path / "stderr").open("w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        log_to_stderr(logging.INFO)
        logging.getLogger("tagsmith.test").info("a line")
        Counting(None, ("A",)).take(Event("paired", {"lane": "A"}))
    assert [line.rpartition(": ")[2] for line in (tmp_path / "stderr").read_text().splitlines()] == ["a line"]


def test_asked_for_where_there_is_none_is_an_error(
    tmp_path: Path, clean_root: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--log-journal` without a journald is told, and does not lose the log in silence."""
    monkeypatch.setattr("tagsmith.supervision.journald.SOCKET", str(tmp_path / "nobody"))
    clean_root.handlers = []
    with pytest.raises(StationError, match="no journald"):
        log_to_journald(logging.INFO)


def test_why_a_kiosk_ends_is_a_record(
    tmp_path: Path,
    journald: Journald,
    clean_root: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is printed on its terminal is wiped by the next start."""
    monkeypatch.setattr("tagsmith.supervision.journald.SOCKET", journald.path)
    clean_root.handlers = []
    wrong = tmp_path / "tagsmith.toml"
    wrong.write_text("nonsense = 1\n")
    done = CommandLine(monkeypatch, capsys)("--log-journal", "run", "--config", str(wrong), typed=())
    fields = journald.next()
    assert (done.code, fields["PRIORITY"]) == (1, "3")
    assert "nonsense" in fields["MESSAGE"]
    assert "nonsense" in done.err


@pytest.mark.parametrize("listening", [True, False])
def test_a_courier_says_each_thing_once(
    listening: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A record where the log goes to journald, a line on standard error elsewhere."""
    monkeypatch.setattr("tagsmith.supervision.journald.listening", lambda: listening)
    with caplog.at_level(logging.INFO):
        tell = _tell(progress=False)
        tell(None, DeliveryView(Delivery.ACTIVE))
        tell(None, DeliveryView(Delivery.STOPPED, alarm="The key is refused."))
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert logged == [("INFO", "delivery active"), ("WARNING", "delivery stopped The key is refused.")][: 2 * listening]
    assert capsys.readouterr().err.splitlines() == ["active", "stopped The key is refused."][2 * listening :]


def test_priorities_are_those_of_syslog() -> None:
    """syslog(3)."""
    assert [priority(level) for level in (50, 40, 30, 20, 10, 5)] == [2, 3, 4, 6, 7, 7]
