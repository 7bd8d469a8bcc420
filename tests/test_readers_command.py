"""`tagsmith readers` as a process: the list, and --watch, which follows plugging and ends cleanly."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from support.pcscd import EVENT, Pcscd, Plan

PATIENCE_S = 20.0

# The command with pyserial's list of ports made of a folder's files, and with short pauses.
WITH_PORTS = """
import pathlib, sys
import serial.tools.list_ports as listing
from serial.tools.list_ports_common import ListPortInfo
import tagsmith.cli.readers as command
folder = pathlib.Path(sys.argv.pop(1))
listing.comports = lambda: [ListPortInfo(str(path)) for path in folder.iterdir()]
command.LOOK_S, command.SHARE = 0.1, 1.0
command.readers.main(sys.argv[1:], standalone_mode=False)
"""


@pytest.fixture
def ports(tmp_path: Path) -> Path:
    """The folder whose files are the serial ports."""
    folder = tmp_path / "ports"
    folder.mkdir()
    return folder


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No pcscd, unless a test brings one."""
    return {**os.environ, "PCSCLITE_CSOCK_NAME": str(tmp_path / "nobody")}


@contextlib.contextmanager
def plugged(ports: Path, name: str = "ttyUSB0") -> Iterator[tuple[Path, int]]:
    """A serial port while it lasts: a pty behind a symbolic link, and its other end."""
    other, slave = os.openpty()
    link = ports / name
    link.symlink_to(os.ttyname(slave))
    os.close(slave)
    try:
        yield link, other
    finally:
        link.unlink()
        os.close(other)


class Watching:
    """A `readers --watch --json` that runs; its lines as they come."""

    def __init__(self, ports: Path, env: Mapping[str, str], *more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WITH_PORTS, str(ports), "--watch", *more],
            env=dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()

    def line(self) -> str:
        """The next line."""
        return self._lines.get(timeout=PATIENCE_S)

    def until(self, **fields: str) -> dict[str, Any]:
        """The next JSON line with these fields; others are passed over."""
        while True:
            row: dict[str, Any] = json.loads(self.line())
            if row.items() >= fields.items():
                return row

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; the exit code and what was said on standard error."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stderr is not None
        return code, self.process.stderr.read()


def listed(ports: Path, env: Mapping[str, str], *arguments: str) -> str:
    """What the command prints without --watch."""
    done = subprocess.run(
        [sys.executable, "-c", WITH_PORTS, str(ports), *arguments],
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list(ports: Path, env: dict[str, str]) -> None:
    """A port as reader and as scanner, with the spec for each; and why there is no PC/SC reader."""
    with plugged(ports) as (link, _):
        rows = json.loads(listed(ports, env, "--json"))
        table = listed(ports, env)
    assert set(rows[0]) == {"device", "kind", "spec", "state", "name", "message", "remedy"}
    by_spec = {row["spec"]: row for row in rows}
    reader, scanner, pcsc = (
        by_spec[f"serial:{link}?frame=hex-line&length=4,7"],
        by_spec[f"serial:{link}"],
        by_spec["pcsc:"],
    )
    assert (reader["device"], reader["kind"], reader["state"]) == ("reader", "serial", "ready")
    assert (scanner["device"], scanner["kind"], scanner["state"]) == ("scanner", "serial", "ready")
    assert (pcsc["device"], pcsc["state"]) == ("reader", "missing")
    assert "pcscd" in pcsc["remedy"]
    for row in rows:
        assert row["spec"] in table
        assert row["remedy"] in table
    assert table.startswith("READER")
    assert "\nSCANNER" in table


def test_who_holds_it(ports: Path, env: dict[str, str]) -> None:
    """A port that somebody has open is busy, and says who: this very process."""
    with plugged(ports) as (link, _):
        held = os.open(link, os.O_RDWR | os.O_NOCTTY)
        rows = [row for row in json.loads(listed(ports, env, "--json")) if str(link) in row["spec"]]
        os.close(held)
    assert len(rows) == 2
    for row in rows:
        assert row["state"] == "busy"
        assert f"process {os.getpid()}" in row["message"]
        assert row["remedy"]


def test_what_a_device_says_of_itself_is_plain_text(ports: Path, env: dict[str, str]) -> None:
    """An escape sequence in a name reaches no terminal."""
    with plugged(ports, "tty\x1b[31mUSB0"):
        for arguments in ((), ("--json",)):
            assert "\x1b" not in listed(ports, env, *arguments)


# --- watching -----------------------------------------------------------------------------------------------------


def test_a_port_comes_changes_and_goes(ports: Path, env: dict[str, str]) -> None:
    """One line each for what is there, comes, is opened by somebody, is let go, and goes."""
    with plugged(ports, "ttyUSB0") as (old, _), Watching(ports, env, "--json") as watching:
        watching.until(change="present", spec=f"serial:{old}?frame=hex-line&length=4,7", state="ready")
        watching.until(change="present", spec=f"serial:{old}")
        with plugged(ports, "ttyUSB1") as (link, _):
            spec = f"serial:{link}?frame=hex-line&length=4,7"
            assert watching.until(change="came", device="reader")["spec"] == spec
            assert watching.until(change="came")["device"] == "scanner"
            held = os.open(link, os.O_RDWR | os.O_NOCTTY)
            row = watching.until(change="changed", device="reader", state="busy")
            assert row["spec"] == spec
            assert f"process {os.getpid()}" in row["message"]
            os.close(held)
            assert watching.until(change="changed", device="reader", state="ready")["spec"] == spec
        assert watching.until(change="gone", device="reader")["spec"] == spec
        assert watching.end(signal.SIGTERM) == (0, "")


def test_for_people(ports: Path, env: dict[str, str]) -> None:
    """Without --json the same as plain lines."""
    with Watching(ports, env) as watching:
        assert watching.line().startswith("present  reader   pcsc:  missing")
        with plugged(ports) as (link, _):
            while (line := watching.line()).startswith("present"):
                pass
            assert line.split()[:4] == ["came", "reader", f"serial:{link}?frame=hex-line&length=4,7", "ready"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(ports: Path, env: dict[str, str], number: signal.Signals) -> None:
    """At once, with 0 and nothing on standard error."""
    with Watching(ports, env) as watching:
        watching.line()
        assert watching.end(number) == (0, "")


def test_it_ends_when_nobody_reads(ports: Path, env: dict[str, str]) -> None:
    """A closed standard output is seen without anything to write; no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_PORTS, str(ports), "--watch"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == b""


@pytest.mark.pcsc
def test_a_pcsc_reader_is_unplugged_and_plugged(ports: Path) -> None:
    """It goes and comes; and pcscd's own end and return show, too."""
    with Pcscd([Plan("Virtual PICC", driver=EVENT), Plan("Second PICC", driver=EVENT)]) as pcscd:
        device = pcscd.reader("Virtual PICC")
        with Watching(ports, pcscd.environment, "--json") as watching:
            spec = watching.until(change="present", kind="pcsc", state="ready")["spec"]
            assert spec.startswith(("pcsc:Virtual PICC", "pcsc:Second PICC"))
            device.unplug()
            assert "Virtual PICC" in watching.until(change="gone", kind="pcsc")["spec"]
            device.plug()
            assert "Virtual PICC" in watching.until(change="came", kind="pcsc", state="ready")["spec"]
            pcscd.kill()
            assert "not running" in watching.until(change="came", spec="pcsc:", state="missing")["message"]
            pcscd.start()
            watching.until(change="gone", spec="pcsc:")
            watching.until(change="came", kind="pcsc", state="ready")
            assert watching.end(signal.SIGTERM) == (0, "")
