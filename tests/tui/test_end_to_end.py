"""The real process on a real pty, with what a scanner, a line and a kernel can do to it.

Textual alone dies, goes deaf, or spins in nearly all of these; they hold our drivers over its upgrades.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from support.terminal import GIVE_UP_S, TESTS, Terminal
from tagsmith.tui.terminal.driver import StationDriver, hardened
from tagsmith.tui.terminal.inflow import QUIET_S

READY = "Ready for the next key."
NUMBER = b"DE*8PS*CD0C00*2"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """The screen, up and started."""
    with Terminal(tmp_path) as made:
        made.read_until(READY)
        made.wait_for("start")
        yield made  # type: ignore[misc]


def test_a_click_is_one_and_the_terminal_is_asked_for_clicks_only(terminal: Terminal) -> None:
    """On the last row stands F2; a mouse that is only pushed would spoil the number that is being scanned."""
    assert b"\x1b[?1000h" in terminal.output
    assert b"\x1b[?1003h" not in terminal.output
    for end in b"Mm":
        terminal.press(b"\x1b[<0;12;24%c" % end)
    terminal.wait_for("undo")
    terminal.press(NUMBER + b"\r")
    (scan,) = terminal.wait_for("scan")
    assert (scan["text"], scan["fault"]) == (NUMBER.decode(), None)
    terminal.press(b"\x1b[21~")
    assert terminal.wait_for_end() == 0
    assert b"\x1b[?1000l" in terminal.output


def test_a_scan_ends_in_a_pair(terminal: Terminal) -> None:
    """Bytes in, green out, and F10 leaves the terminal as it was, with status 0."""
    terminal.type(NUMBER + b"\r")
    terminal.read_until("Saved DE*8PS*CD0C00*2.")
    assert terminal.calls("scan") == [{"call": "scan", "text": NUMBER.decode(), "fault": None, "source": "scanner"}]
    terminal.press(b"\x1b[21~")
    assert terminal.wait_for_end() == 0
    assert terminal.is_restored()
    assert terminal.calls()[-1] == {"call": "stop"}


@pytest.mark.parametrize(
    "data",
    [
        b"AB\xe9CD\r",
        b"AB\x9b31mCD\r",
        b"AB\x1bxCD\r",
        b"AB\x1bOPCD\r",
        b"AB\x1b[21~CD\r",
        b"AB\x1b]0;PWNED\x07CD\r",
        b"AB\x1b[48;50000;50000;1;1tCD\r",
        b"AB\x1b[99999999uCD\r",
        b"AB\x11CD\r",
        b"AB\x03CD\r",
        b"AB\x10CD\r",
        b"AB\x1aCD\r",
        b"AB\x1dCD\r",
        b"AB\x00CD\r",
        b"AB\x1b[200~CD\r",
    ],
    ids=lambda data: repr(data[2:-3]),
)
def test_nasty_bytes_are_refused_and_the_next_number_is_taken(terminal: Terminal, data: bytes) -> None:
    """It neither dies, nor quits, nor goes deaf, nor takes a wrong number; nothing of it comes back as an escape."""
    terminal.forget()
    terminal.type(data)
    (refused,) = terminal.wait_for("scan")
    assert refused["fault"]
    terminal.read_until("Refused:")
    terminal.press(NUMBER + b"\r")
    taken = terminal.wait_for("scan", 2)[1]
    assert (taken["text"], taken["fault"]) == (NUMBER.decode(), None)
    terminal.read_until("Saved DE*8PS*CD0C00*2.")
    assert b"PWNED\x07" not in terminal.output


def test_control_keys_alone_do_nothing(terminal: Terminal) -> None:
    """Ctrl-Q, Ctrl-C, Ctrl-Z and Tab, pressed by hand."""
    for key in (b"\x11", b"\x03", b"\x1a", b"\t"):
        terminal.press(key)
    terminal.press(b"\x1bOQ")
    terminal.wait_for("undo")
    assert [call["call"] for call in terminal.calls()] == ["start", "undo"]


def test_a_pasted_page_is_refused(terminal: Terminal) -> None:
    """Bracketed, as terminals send it, a hundred kilobytes of it."""
    page = b"\r".join(b"line %d of a page" % number for number in range(5000))
    for start in range(0, len(page), 2000):
        terminal.type((b"\x1b[200~" if start == 0 else b"") + page[start : start + 2000])
        terminal.read(0.0)
    terminal.type(b"\x1b[201~")
    (refused,) = terminal.wait_for("scan")
    assert refused["fault"] == "scan-too-long"
    terminal.press(NUMBER + b"\r")
    assert terminal.wait_for("scan", 2)[1]["fault"] is None


def flood(terminal: Terminal, lines: list[bytes]) -> None:
    """Lines as a paste without its marks brings them, as fast as they are taken."""
    page = b"".join(line + b"\r" for line in lines)
    os.set_blocking(terminal.master, False)
    while page:
        terminal.read(0.0)
        try:
            page = page[os.write(terminal.master, page) :]
        except BlockingIOError:
            terminal.read(0.01)
    os.set_blocking(terminal.master, True)


PAGE = [b"%06d/" % number + b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 2 for number in range(1500)]
"""Over 100 kB. Looked at key by key it would take minutes, and a test gives up after half of one."""


def test_a_page_without_the_marks_of_a_paste_is_dropped(terminal: Terminal) -> None:
    """Whole lines of its beginning, one refusal for the rest, and then the screen is there for the next number."""
    flood(terminal, PAGE)
    told = terminal.wait_for("scan")
    while told[-1]["fault"] is None:
        told = terminal.wait_for("scan", len(told) + 1)
    assert told[-1]["fault"] == "scan-too-long"
    assert [call["text"] for call in told[:-1]] == [line.decode() for line in PAGE[: len(told) - 1]]
    terminal.read_until("Refused: scan-too-long.")
    # When the last of it has been read is not known here, so the number is scanned until it is taken.
    until = time.monotonic() + GIVE_UP_S
    while len(taken := terminal.calls("scan")[len(told) :]) == 0:
        assert time.monotonic() < until
        threading.Event().wait(QUIET_S)
        terminal.press(NUMBER + b"\r")
        terminal.read(QUIET_S)
    assert {(call["text"], call["fault"]) for call in taken} == {(NUMBER.decode(), None)}
    terminal.press(b"\x1b[21~")
    assert terminal.wait_for_end() == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGHUP, 1)], ids=lambda value: str(value))
def test_a_signal_ends_it_whatever_waits(terminal: Terminal, number: signal.Signals, status: int) -> None:
    """Neither what is dropped nor what waits to be looked at comes first."""
    flood(terminal, PAGE)
    threading.Event().wait(QUIET_S)
    flood(terminal, PAGE[:90])
    terminal.signal(number)
    assert terminal.wait_for_end() == status
    assert terminal.is_restored()
    assert terminal.calls("stop")


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.long)])
def test_many_scans_in_one_breath_are_all_taken(terminal: Terminal, count: int) -> None:
    """No rate is too high for what may be meant; more than a window of keys is waiting all the time."""
    scans = [b"DE*8PS*%018d" % number for number in range(count)]
    flood(terminal, scans)
    told = terminal.wait_for("scan", len(scans))
    assert [(call["text"], call["fault"]) for call in told] == [(scan.decode(), None) for scan in scans]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 1)], ids=lambda value: str(value)
)
def test_a_signal_ends_it_in_order(terminal: Terminal, number: signal.Signals, status: int) -> None:
    """The terminal is given back, the station is stopped; a terminal that hangs up is no orderly end."""
    terminal.signal(number)
    assert terminal.wait_for_end() == status
    assert terminal.is_restored()
    assert terminal.calls("stop")


@pytest.mark.parametrize("controlling", [True, False], ids=["hang-up", "end of input"])
def test_a_closed_terminal_ends_it(tmp_path: Path, controlling: bool) -> None:
    """With the kernel's signal, and where there is none: it ends, and does not spin on an input that is no more."""
    with Terminal(tmp_path, controlling=controlling) as terminal:
        terminal.read_until(READY)
        terminal.wait_for("start")
        terminal.hang_up()
        terminal.process.wait(GIVE_UP_S)
        assert terminal.process.returncode == 1
        assert terminal.calls("stop")


STORM = "100"
"""Ten times as many pictures as may wait for a terminal."""


def test_a_stalled_terminal_holds_nobody_up(tmp_path: Path) -> None:
    """Nobody reads: the core goes on, scans are taken, and when it is read again the screen is right."""
    with Terminal(tmp_path, "--storm", STORM) as terminal:
        terminal.wait_for("calm", reading=False)
        terminal.type(NUMBER + b"\r")
        assert terminal.wait_for("scan", reading=False)[0]["text"] == NUMBER.decode()
        terminal.read_until("Saved DE*8PS*CD0C00*2.")
        assert b"Storm 99 of" not in terminal.output


def test_a_stalled_terminal_does_not_keep_it(tmp_path: Path) -> None:
    """It ends when it is told to, though nobody reads its last words."""
    with Terminal(tmp_path, "--storm", STORM) as terminal:
        terminal.wait_for("calm", reading=False)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_for_end(reading=False) == 0
        assert terminal.calls("stop")


def test_a_stalled_terminal_that_reads_again_in_time_is_given_back(tmp_path: Path) -> None:
    """What restores it is not dropped among the frames."""
    with Terminal(tmp_path, "--storm", STORM) as terminal:
        terminal.wait_for("calm", reading=False)
        terminal.signal(signal.SIGTERM)
        threading.Event().wait(0.4)
        assert terminal.wait_for_end() == 0
        assert terminal.is_restored()


def test_a_crash_leaves_one_line(tmp_path: Path) -> None:
    """Status 1, the terminal given back, one plain line; the traceback in the log; no value of a variable in either."""
    log = tmp_path / "station.log"
    with Terminal(tmp_path, "--crash", "--log", str(log)) as terminal:
        assert terminal.wait_for_end() == 1
        assert terminal.is_restored()
        assert terminal.calls("stop")
        after = terminal.output.rpartition(b"\x1b[?1004l")[2]
        assert after == b"tagsmith: the screen failed (KeyError): the log tells more\r\n"
        assert b"token-4711" not in terminal.output
    assert "Traceback" in log.read_text()
    assert "token-4711" not in log.read_text()


def test_standard_error_may_be_a_file(tmp_path: Path) -> None:
    """The screen is on standard output; a log that is led away holds no escape."""
    log = tmp_path / "errors"
    with log.open("wb") as stream, Terminal(tmp_path, stderr=stream.fileno()) as terminal:
        terminal.read_until(READY)
        terminal.press(b"\x1b[21~")
        assert terminal.wait_for_end() == 0
    assert log.read_bytes() == b""


def test_stopped_and_continued(terminal: Terminal) -> None:
    """Ctrl-Z of a shell: the terminal is given back meanwhile, and taken again."""
    terminal.signal(signal.SIGTSTP)
    until = time.monotonic() + GIVE_UP_S
    # Read meanwhile: to a terminal that is full the last words are said for a second only.
    while os.waitpid(terminal.process.pid, os.WUNTRACED | os.WNOHANG)[0] == 0:
        assert time.monotonic() < until
        terminal.read(0.02)
    terminal.read_until("\x1b[?1049l")
    terminal.forget()
    terminal.signal(signal.SIGCONT)
    terminal.read_until("\x1b[?1004h")  # written once the line is raw again; before, it would turn \r into \n
    terminal.type(NUMBER + b"\r")
    assert terminal.wait_for("scan")[0]["fault"] is None
    terminal.read_until("Saved DE*8PS*CD0C00*2.")


def test_a_console_without_unicode_gets_plain_characters(tmp_path: Path) -> None:
    """Nothing beyond ASCII is written, and the letters are still there."""
    with Terminal(tmp_path, PYTHONUTF8="0", PYTHONIOENCODING="ascii") as terminal:
        terminal.read_until(READY)
        assert terminal.output.isascii()
        assert b"####" in terminal.output


def test_a_linux_console_gets_its_sixteen_colours(tmp_path: Path) -> None:
    """No true colour, only glyphs that its fonts have, and a cleared screen at the end."""
    with Terminal(tmp_path, TERM="linux", COLORTERM="") as terminal:
        terminal.read_until(READY)
        assert b"38;2;" not in terminal.output
        assert b"48;2;" not in terminal.output
        assert {character for character in terminal.output.decode(errors="ignore") if ord(character) > 126} <= {"█"}
        terminal.press(b"\x1b[21~")
        assert terminal.wait_for_end() == 0
        assert b"\x1b[2J" in terminal.output


def test_no_kitty_keys_are_asked_for(terminal: Terminal) -> None:
    """In that protocol a scan could spell letters by their numbers."""
    assert b"\x1b[>" not in terminal.output


def test_in_a_browser(tmp_path: Path) -> None:
    """The driver behind a web server has the same hardening: bad bytes are refused, and it ends with its server."""
    calls = tmp_path / "calls.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "support.screen_process", str(calls)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=TESTS,
        env={**os.environ, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver", "PYTHONUTF8": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        seen = b""
        for data, answer in ((b"AB\xe9\x11CD\r", b"Refused:"), (NUMBER + b"\r", b"Saved DE*8PS*CD0C00*2.")):
            while (READY.encode() if not seen else b"") not in seen:
                seen += os.read(process.stdout.fileno(), 65536)
            process.stdin.write(b"D" + len(data).to_bytes(4, "big") + data)
            process.stdin.flush()
            while answer not in seen:
                seen += os.read(process.stdout.fileno(), 65536)
        process.stdin.close()
        assert process.wait(GIVE_UP_S) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert '"stop"' in calls.read_text()


def test_other_drivers_are_left_alone() -> None:
    """The headless one of tests, for instance."""
    from textual.drivers.headless_driver import HeadlessDriver
    from textual.drivers.linux_driver import LinuxDriver

    assert hardened(LinuxDriver) is StationDriver
    assert hardened(HeadlessDriver) is HeadlessDriver
