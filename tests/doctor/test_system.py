"""The machine as it really is: commands, programs, folders, makers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from support.machine import machine, write
from tagsmith.doctor import Ran, System, system
from tagsmith.doctor.system import run_command, which


def test_a_command_is_run_without_shell_and_input() -> None:
    """Its code and what it said, in English, whichever way it said it."""
    code = "import os, sys; print(sys.stdin.read() + os.environ['LC_ALL'] + sys.argv[1], flush=True); sys.exit('oh')"
    assert run_command([sys.executable, "-c", code, "$HOME"]) == Ran(1, "C$HOME\noh")


def test_a_command_that_is_not_there_or_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """No code: it told nothing."""
    assert run_command(["/no/such/program"]) == Ran(None)
    monkeypatch.setattr(system, "COMMAND_TIMEOUT_S", 0.05)
    assert run_command([sys.executable, "-c", "import time; time.sleep(60)"]) == Ran(None)


def test_programs_of_the_administrator_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pcscd stands in /usr/sbin, which a normal user's PATH does not hold."""
    write(tmp_path / "here", "#!/bin/sh\n").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert which("here")
    assert which("chroot") == os.path.exists("/usr/sbin/chroot")
    assert not which("no-such-program")


def test_a_file_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    """The kernel's texts end in zeros; a folder, or nothing at all, is no text."""
    made = machine(tmp_path)
    assert made.read(write(tmp_path / "model", "Raspberry Pi 4\0")) == "Raspberry Pi 4"
    assert made.read(tmp_path) == made.read(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("words", "station"),
    [
        (["python3", "/usr/bin/tagsmith", "run", "--headless"], True),
        (["/opt/venv/bin/python", "-m", "tagsmith", "-vv", "demo"], True),
        (["/opt/venv/bin/python", "-m", "tagsmith", "-vv", "read"], False),
        (["tagsmith", "calibrate", "--user", "x"], False),
        (["python3", "/usr/bin/tagsmith", "journal", "run"], False),
        (["vim", "/etc/tagsmith/run"], False),
        (["tagsmith"], False),
        ([""], False),
    ],
)
def test_a_running_station_is_known_by_its_command(tmp_path: Path, words: list[str], station: bool) -> None:
    """Reading and calibrating hold readers, too, and a station cannot start beside them."""
    write(tmp_path / "proc/7/cmdline", "\0".join([*words, ""]))
    assert machine(tmp_path).is_station(7) is station
    assert not machine(tmp_path).is_station(8)


def test_makers_are_the_registries(tmp_path: Path) -> None:
    """What the settings may name, as the station makes it; readers are silent."""
    true = System()
    reader = true.create_reader("sim:")
    assert (reader.spec, reader.silent) == ("sim:", True)
    assert true.create_scanner(f"serial:{tmp_path}/ttyUSB0").spec == f"serial:{tmp_path}/ttyUSB0"
