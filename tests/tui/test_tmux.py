"""The screen in tmux, as a station has it: what really stands on the glass, at the three sizes that are promised."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.terminal import GIVE_UP_S, TESTS

pytestmark = pytest.mark.tmux

NUMBER = "DE*8PS*CD0C00*2"


class Tmux:
    """A tmux server of our own with one shell in it."""

    def __init__(self, folder: Path, columns: int, rows: int) -> None:
        self._pause = threading.Event()
        self._socket = str(folder / "tmux")
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "PS1='shell> ' sh")
        self.run("set", "-g", "status", "off")
        self.run("set", "-g", "prefix", "None")

    def run(self, *arguments: str) -> str:
        """One command; its output."""
        clean = {name: value for name, value in os.environ.items() if name not in ("TMUX", "COLUMNS", "NO_COLOR")}
        command = ["tmux", "-S", self._socket, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=GIVE_UP_S, env={**clean, "LC_ALL": "C.UTF-8"}
        ).stdout

    def keys(self, *names: str) -> None:
        """Press keys by name."""
        self.run("send-keys", *names)

    def pause(self) -> None:
        """As long as a person takes from one key to the next."""
        self._pause.wait(0.3)

    def text(self) -> str:
        """What stands on the screen."""
        return self.run("capture-pane", "-p")

    def wait_for(self, part: str, *, pressing: str = "") -> str:
        """The screen, once this stands on it. `pressing` is pressed until it does, as slowly as by a person."""
        until = time.monotonic() + GIVE_UP_S
        while part not in (text := self.text()):
            assert time.monotonic() < until, text
            self._pause.wait(0.1 if pressing else 0.02)
            if pressing:
                self.keys(pressing)
        return text


@pytest.fixture
def tmux(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tmux]:
    """A server of the size asked for, ended by us."""
    made = Tmux(tmp_path, *getattr(request, "param", (80, 24)))
    yield made
    made.run("kill-server")


def start(tmux: Tmux, folder: Path, *options: str) -> None:
    """The screen on its fake station, from a shell with something on it."""
    command = [sys.executable, "-m", "support.screen_process", str(folder / "calls"), *options]
    tmux.wait_for("shell>")  # before, the terminal itself would show what is typed
    tmux.keys(f"cd {shlex.quote(str(TESTS))}; echo before-the-screen", "Enter")
    tmux.wait_for("\nbefore-the-screen")
    tmux.keys(f"{shlex.join(command)}; echo status-$?", "Enter")
    tmux.wait_for("Ready for the next key.")


@pytest.mark.parametrize("tmux", [(40, 15), (80, 24), (120, 40)], indirect=True, ids=["40x15", "80x24", "120x40"])
def test_tap_scan_paired_and_out(tmux: Tmux, tmp_path: Path) -> None:
    """Letters of five rows or more, the sentences under them, a scan that ends in a pair, and the shell back again."""
    start(tmux, tmp_path)
    text = tmux.wait_for("Tap a key on the reader.")
    assert sum("█" in line for line in text.splitlines()) >= 5
    assert "F1" in text
    tmux.keys("-l", NUMBER)
    tmux.wait_for(f"Number: {NUMBER}_")
    tmux.keys("Enter")
    text = tmux.wait_for(f"Saved {NUMBER}.")
    assert sum("█" in line for line in text.splitlines()) >= 5
    text = tmux.wait_for("status-0", pressing="F10")
    assert "before-the-screen" in text
    assert "█" not in text


def test_a_lane_of_eight_that_has_stopped_goes_on(tmux: Tmux, tmp_path: Path) -> None:
    """By the key that the screen names and a digit; a number that is scanned meanwhile is one."""
    start(tmux, tmp_path, "--lanes", "8", "--stopped")
    tmux.wait_for("lane 8: STOP")
    tmux.keys("F11")
    tmux.wait_for("1  card #250 is missing: skip it")
    tmux.pause()
    tmux.keys("-l", NUMBER)
    tmux.keys("Enter")
    tmux.pause()
    tmux.keys("2")
    tmux.wait_for("lane 8: TAP")
    calls = (tmp_path / "calls").read_text()
    assert '"choice": "recheck-run"' in calls
    assert calls.count('"call": "scan"') == 1


def test_markup_in_a_number_is_shown_as_it_is(tmux: Tmux, tmp_path: Path) -> None:
    """`[/]` and the like, typed at the screen."""
    start(tmux, tmp_path)
    tmux.keys("-l", "[/]A[@click=app.bell]x[/]")
    tmux.wait_for("Number: [/]A[@click=app.bell]x[/]_")
    tmux.keys("Enter")
    tmux.wait_for("Saved [/]A[@click=app.bell]x[/].")


def test_a_paste_without_its_marks_does_not_keep_the_screen(tmux: Tmux, tmp_path: Path) -> None:
    """What `paste-buffer` sends; F10 is pressed while it comes and after."""
    page = tmp_path / "page"
    page.write_text("".join(f"{number:06d}/{'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo' * 2}\n" for number in range(1500)))
    start(tmux, tmp_path)
    tmux.run("load-buffer", str(page))
    tmux.run("paste-buffer")
    tmux.wait_for("status-0", pressing="F10")
