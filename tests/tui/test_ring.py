"""The log of the log screen, and its silence on the terminal that the screen has taken."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest

from tagsmith.tui.ring import LogRing, log_off_the_terminal


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def logger() -> logging.Logger:
    """A logger of ours."""
    return logging.getLogger("tagsmith.some.room")


def test_keeps_the_last_lines(logger: logging.Logger) -> None:
    """Old lines go, and a record of several lines counts as several."""
    ring = LogRing(lines=3)
    with log_off_the_terminal(ring):
        for text in ("one", "two", "three\nfour"):
            logger.info(text)
    assert [line.rpartition(" ")[2] for line in ring.lines()] == ["two", "three", "four"]


def test_wire_bytes_are_left_out(logger: logging.Logger) -> None:
    """What is below INFO is for a log file."""
    ring = LogRing()
    with log_off_the_terminal(ring):
        logger.setLevel(1)
        logger.log(5, "ff ca 00 00 00")
        logger.debug("detail")
        logger.info("said")
    logger.setLevel(logging.NOTSET)
    assert len(ring.lines()) == 1


@pytest.mark.parametrize(
    "text",
    ["X-API-Key: s3cret", "{'x-api-key': 's3cret'}", "api_key=s3cret", "Authorization: s3cret", "password = s3cret"],
)
def test_secrets_are_blotted_out(logger: logging.Logger, text: str) -> None:
    """Nothing of ours logs a key; should something else, the screen does not show it."""
    ring = LogRing()
    with log_off_the_terminal(ring):
        logger.warning("%s", text)
    assert "s3cret" not in ring.lines()[0]
    assert "***" in ring.lines()[0]


def test_tracebacks_come_without_locals(logger: logging.Logger) -> None:
    """The lines of code, not what the variables held."""
    ring = LogRing()
    token = "tok" + "en-4711"
    with log_off_the_terminal(ring):
        try:
            raise ValueError(len(token))
        except ValueError:
            logger.exception("broke")
    text = "\n".join(ring.lines())
    assert "ValueError" in text
    assert "token-4711" not in text


def test_a_follower_hears_of_each_record(logger: logging.Logger) -> None:
    """Until it asks not to."""
    ring = LogRing()
    heard: list[int] = []
    with log_off_the_terminal(ring):
        ring.follow(lambda: heard.append(len(ring.lines())))
        logger.info("one")
        ring.follow(None)
        logger.info("two")
    assert heard == [1]


def test_a_malformed_call_does_not_end_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every handler of logging: it complains, and goes on."""
    ring = LogRing()
    complaints: list[logging.LogRecord] = []
    monkeypatch.setattr(ring, "handleError", complaints.append)
    ring.emit(logging.LogRecord("tagsmith", logging.INFO, "", 0, "%d", ("x",), None))
    assert len(complaints) == 1
    assert ring.lines() == ()


def test_the_terminal_is_left_in_peace(logger: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers that write to the terminal are taken off and put back; log files stay on."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    root = logging.getLogger()
    on_terminal = logging.StreamHandler(terminal)
    in_file = logging.FileHandler(tmp_path / "station.log")
    before = list(root.handlers)
    root.addHandler(on_terminal)
    root.addHandler(in_file)
    try:
        ring = LogRing()
        with log_off_the_terminal(ring):
            logger.warning("quiet")
        logger.warning("loud")
        assert set(root.handlers) == {*before, on_terminal, in_file}
    finally:
        root.removeHandler(on_terminal)
        root.removeHandler(in_file)
        in_file.close()
    assert terminal.getvalue() == "loud\n"
    assert (tmp_path / "station.log").read_text() == "quiet\nloud\n"
    assert len(ring.lines()) == 1
