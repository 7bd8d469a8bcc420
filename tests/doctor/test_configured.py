"""Configured readers and scanners: forbidden, busy and absent told apart, each by making it."""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.machine import NO_SERVICE, machine, only, patient, saying, settings, write
from support.sysfs import plug
from tagsmith.doctor import Finding, System, Verdict
from tagsmith.doctor.configured import readers, scanners
from tagsmith.errors import (
    ConfigError,
    DeviceBusy,
    ReaderBusy,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
    TagsmithError,
)
from tagsmith.lines.libraries import missing
from tagsmith.lines.nodes import Holder
from tagsmith.model import ReaderInfo

_HOLD = "import os, sys; held = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('held', flush=True); input()"


class Device:
    """A reader or scanner that opens, or fails to; it counts."""

    def __init__(self, spec: str, error: Exception | None = None) -> None:
        self.spec = spec
        self.error = error
        self.opened = self.closed = 0

    def open(self) -> ReaderInfo:
        self.opened += 1
        if self.error is not None:
            raise self.error
        return ReaderInfo("Reader of the test", self.spec, sees_two=False, sees_removal=True, sees_sak=False)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def terminal() -> Iterator[Path]:
    """A pty in place of a serial port."""
    master, slave = pty.openpty()
    yield Path(os.ttyname(slave))
    os.close(slave)
    os.close(master)


@pytest.fixture
def hold(terminal: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that has the pty open; it may call itself something else."""
    started: list[subprocess.Popen[str]] = []

    def start(*name: str) -> subprocess.Popen[str]:
        command = [*name, "-c", _HOLD, str(terminal)]
        process = subprocess.Popen(
            command, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def examined(system: System, root: Path, spec: str) -> list[Finding]:
    return readers(patient(system, settings(root, spec)))


def holding(root: Path, node: Path, pid: int, cmdline: str) -> None:
    """A process of this machine that has the node open."""
    write(root / f"proc/{pid}/cmdline", cmdline)
    (root / f"proc/{pid}/fd").mkdir()
    (root / f"proc/{pid}/fd/5").symlink_to(node)


def failing(root: Path, error: TagsmithError) -> tuple[System, Device]:
    """A machine whose reader fails so."""
    device = Device("spec", error)
    return machine(root, create_reader=lambda spec: device), device


def test_a_reader_that_works(tmp_path: Path) -> None:
    """Opened for an instant and closed again."""
    device = Device("pcsc:X")
    system = machine(tmp_path, create_reader=lambda spec: device)
    assert only(examined(system, tmp_path, "pcsc:X"), Verdict.OK).what == "pcsc:X works: Reader of the test"
    assert (device.opened, device.closed) == (1, 1)


def test_a_device_that_another_process_holds(
    tmp_path: Path, terminal: Path, hold: Callable[..., subprocess.Popen[str]]
) -> None:
    """Busy: who, and the line that ends it. It is not opened: that would take bytes from the other."""
    child = hold("minicom")
    device = Device("spec")
    system = machine(tmp_path, proc=Path("/proc"), create_reader=lambda spec: device)
    finding = only(examined(system, tmp_path, f"serial:{terminal}?frame=hex-line&length=7"), Verdict.BAD)
    assert f"is busy: held by process {child.pid} (minicom" in finding.what
    assert finding.remedy == f"sudo kill {child.pid}"
    assert device.opened == 0


def test_all_who_hold_a_device_are_named(
    tmp_path: Path, terminal: Path, hold: Callable[..., subprocess.Popen[str]]
) -> None:
    """Ending one of two would not free it."""
    pids = sorted(hold("one").pid for _ in range(2))
    finding = only(
        examined(machine(tmp_path, proc=Path("/proc"), create_reader=Device), tmp_path, f"serial:{terminal}"),
        Verdict.BAD,
    )
    assert finding.remedy == f"sudo kill {pids[0]} {pids[1]}"


def test_pcscd_keeps_a_reader(tmp_path: Path, terminal: Path, hold: Callable[..., subprocess.Popen[str]]) -> None:
    """Not killed but stopped: service and socket, or the reader is used through it."""
    hold("pcscd")
    system = machine(tmp_path, proc=Path("/proc"), create_reader=Device)
    finding = only(examined(system, tmp_path, f"nfcpy:tty:{terminal}:pn532"), Verdict.BAD)
    assert finding.remedy.startswith("sudo systemctl stop pcscd.socket pcscd.service\n")


def test_a_running_station_holds_its_readers_by_right(tmp_path: Path) -> None:
    """The doctor is asked beside it: nothing is wrong."""
    node = write(tmp_path / "dev/ttyUSB0", "")
    write(tmp_path / "proc/77/cmdline", "/usr/bin/python3\0/usr/bin/tagsmith\0run\0--headless\0")
    (tmp_path / "proc/77/fd").mkdir()
    (tmp_path / "proc/77/fd/5").symlink_to(node)
    finding = only(examined(machine(tmp_path, create_reader=Device), tmp_path, f"serial:{node}"), Verdict.OK)
    assert "in use by a running station, process 77" in finding.what
    write(tmp_path / "proc/77/cmdline", "vim\0tagsmith run.txt\0")
    only(examined(machine(tmp_path, create_reader=Device), tmp_path, f"serial:{node}"), Verdict.BAD)


@pytest.mark.parametrize("command", ["read", "calibrate"])
def test_a_tagsmith_that_is_no_station_is_in_the_way(tmp_path: Path, command: str) -> None:
    """A station that starts now does not get the reader: what holds it, and the line that ends that."""
    node = write(tmp_path / "dev/ttyUSB0", "")
    holding(tmp_path, node, 77, f"python3\0/usr/bin/tagsmith\0{command}\0")
    finding = only(examined(machine(tmp_path, create_reader=Device), tmp_path, f"serial:{node}"), Verdict.BAD)
    assert f"held by process 77 (python3 /usr/bin/tagsmith {command})" in finding.what
    assert finding.remedy == "sudo kill 77"


def test_whoever_has_it_beside_the_station_is_in_the_way(tmp_path: Path) -> None:
    """Two who read one port get half of it each: the other one is ended, and the station is not."""
    node = write(tmp_path / "dev/ttyUSB0", "")
    holding(tmp_path, node, 77, "tagsmith\0run\0")
    holding(tmp_path, node, 78, "minicom\0")
    finding = only(examined(machine(tmp_path, create_reader=Device), tmp_path, f"serial:{node}"), Verdict.BAD)
    assert finding.what.endswith("is busy: held by process 78 (minicom), beside the running station")
    assert finding.remedy == "sudo kill 78"


def test_pcscd_is_not_alone(tmp_path: Path) -> None:
    """The service is stopped and the other program is ended; one alone would not free the reader."""
    node = write(tmp_path / "dev/ttyUSB0", "")
    holding(tmp_path, node, 77, "/usr/sbin/pcscd\0")
    holding(tmp_path, node, 78, "minicom\0")
    finding = only(examined(machine(tmp_path, create_reader=Device), tmp_path, f"serial:{node}"), Verdict.BAD)
    stop, kill, _ = finding.remedy.splitlines()
    assert (stop, kill) == ("sudo systemctl stop pcscd.socket pcscd.service", "sudo kill 78")


def test_a_lock_that_names_a_station_is_by_right_too(tmp_path: Path) -> None:
    """PC/SC has no node: the lock's error carries the process. What only stands in its words is not taken for one."""
    write(tmp_path / "proc/78/cmdline", "python3\0/opt/tagsmith/bin/tagsmith\0-v\0run\0")
    system, device = failing(tmp_path, ReaderBusy("in use", "end that program", holders=(Holder(78, "tagsmith run"),)))
    assert "running station, process 78" in only(examined(system, tmp_path, "pcsc:X"), Verdict.OK).what
    assert device.closed == 1
    system, _ = failing(tmp_path, ReaderBusy("in use", "end that program", holders=(Holder(79, "other"),)))
    assert only(examined(system, tmp_path, "pcsc:X"), Verdict.BAD).remedy == "sudo kill 79"
    system, _ = failing(tmp_path, ReaderBusy("pcsc:X is in use by process 79", "end that program"))
    assert only(examined(system, tmp_path, "pcsc:X"), Verdict.BAD).remedy == "# end that program"


def test_nobody_is_told_to_end_an_unverified_process(tmp_path: Path) -> None:
    """Anybody may write a number into a lock file: what it is, is looked at first."""
    system, _ = failing(tmp_path, ReaderBusy("in use", "end it", holders=(Holder(79, verified=False),)))
    finding = only(examined(system, tmp_path, "pcsc:X"), Verdict.BAD)
    assert finding.what == "pcsc:X is busy: held by process 79 (not verified)"
    assert finding.remedy == "ps -fp 79\n# end that if it uses the reader"


def test_a_node_that_this_user_may_not_open(tmp_path: Path) -> None:
    """Forbidden: the steps of its group, before anything is opened."""
    node = write(tmp_path / "dev/ttyUSB0", "")
    node.chmod(0o600)
    device = Device("spec")
    system = machine(tmp_path, allowed=lambda path: False, create_reader=lambda spec: device)
    finding = only(examined(system, tmp_path, f"serial:{node}"), Verdict.BAD)
    assert finding.what == f"serial:{node} is forbidden: station may not open {node}"
    assert 'KERNEL=="ttyUSB[0-9]*", GROUP="dialout"' in finding.remedy
    assert device.opened == 0


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node itself cannot even be looked at: the line that shows which folder it is."""
    node = tmp_path / "dev/ttyUSB0"
    true_stat = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self == node:
            raise PermissionError(errno.EACCES, "Permission denied")
        return true_stat(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    finding = only(examined(machine(tmp_path, create_reader=Device), tmp_path, f"serial:{node}"), Verdict.BAD)
    assert "is forbidden: station may not enter the folders above" in finding.what
    assert finding.remedy == f"namei -l {node}"


def test_input_devices_are_open_everywhere(tmp_path: Path) -> None:
    """A desktop has every keyboard open without a grab: that is no holder. What is grabbed shows when opening."""
    node = write(tmp_path / "dev/input/event3", "")
    (tmp_path / "proc/9/fd").mkdir(parents=True)
    (tmp_path / "proc/9/fd/5").symlink_to(node)
    write(tmp_path / "proc/9/cmdline", "systemd-logind\0")
    only(examined(machine(tmp_path, create_reader=Device), tmp_path, f"evdev:{node}?length=7"), Verdict.OK)


@pytest.mark.parametrize(
    ("error", "said", "remedy"),
    [
        (ReaderMissing("/dev/ttyUSB0 is not there", "plug it in"), "is absent: /dev/ttyUSB0", "# plug it in"),
        (ReaderLost("it went away", ""), "is absent: it went away", ""),
        (ReaderForbidden("this user may not", "ask"), "is forbidden: this user", "# ask"),
        (ReaderBusy("held", "wait"), "is busy: held", "sudo fuser -v /dev/none\n# wait"),
        (DeviceBusy("held", "wait"), "is busy: held", "sudo fuser -v /dev/none\n# wait"),
        (ReaderUnsupported("no library", missing("serial")), "cannot be used: no library", missing("serial")),
        (ReaderUnsupported("no library", "sudo apt install x"), "cannot be used: no library", "sudo apt install x"),
    ],
)
def test_each_typed_error_has_its_word(tmp_path: Path, error: TagsmithError, said: str, remedy: str) -> None:
    """Forbidden, busy and absent never look alike."""
    system, _ = failing(tmp_path, error)
    finding = only(examined(system, tmp_path, "serial:/dev/none"), Verdict.BAD)
    assert said in finding.what
    assert finding.remedy == remedy


def test_a_pcsc_reader_is_mended_by_what_mends_pcscd(tmp_path: Path) -> None:
    """The exact line, not advice in a sentence."""
    device = Device("spec", ReaderMissing("no pcscd", "start it"))
    system = saying(tmp_path, NO_SERVICE, create_reader=lambda spec: device)
    finding = only(examined(system, tmp_path, "pcsc:"), Verdict.BAD)
    assert finding.remedy == "sudo systemctl enable --now pcscd.socket"


def test_a_chip_that_answers_at_no_speed(tmp_path: Path) -> None:
    """Time-outs behind the error: the baud rate that a killed program left, or wires. Other errors do not say so."""
    silent = ReaderMissing("the reader does not answer", "check the wires")
    silent.__cause__ = OSError(errno.ETIMEDOUT, "Connection timed out")
    system, _ = failing(tmp_path, silent)
    absent, baud = examined(system, tmp_path, "nfcpy:tty:USB0:pn532")
    assert (absent.check, baud.check) == ("reader", "baud")
    assert "921600 baud" in baud.what
    assert baud.remedy.startswith("# take its power away")
    only(examined(system, tmp_path, "nfcpy:usb:054c:06c3"), Verdict.BAD)
    system, _ = failing(tmp_path, ReaderMissing("not there", "plug it in"))
    only(examined(system, tmp_path, "nfcpy:tty:USB0:pn532"), Verdict.BAD)


def test_a_silent_port_and_the_real_nfcpy(tmp_path: Path, terminal: Path) -> None:
    """What nfcpy gives after every speed was tried is the time-out that is looked for. A serial reader just opens."""
    spec = f"nfcpy:tty:{terminal}:pn532"
    assert [finding.check for finding in examined(machine(tmp_path), tmp_path, spec)] == ["reader", "baud"]
    only(examined(machine(tmp_path), tmp_path, f"serial:{terminal}?frame=hex-line&length=7"), Verdict.OK)


def test_a_holder_that_does_not_show_is_found_by_root(tmp_path: Path) -> None:
    """Another user's process: the line that names it, for every node."""
    system, _ = failing(tmp_path, ReaderBusy("/dev/ttyUSB0 is in use by another program", "close that program"))
    finding = only(examined(system, tmp_path, "serial:/dev/ttyUSB0"), Verdict.BAD)
    assert finding.remedy == "sudo fuser -v /dev/ttyUSB0\n# close that program"


def test_a_reader_that_opens_once_a_plug_is_left_alone(tmp_path: Path) -> None:
    """An SCL3711 that the doctor had open would fail at the station's next start."""
    plug(tmp_path, "1-1", 0x04E6, 0x5591)
    device = Device("spec")
    system = machine(tmp_path, create_reader=lambda spec: device)
    assert "not opened" in only(examined(system, tmp_path, "nfcpy:usb:04e6:5591"), Verdict.OK).what
    assert device.opened == 0


def test_a_spec_that_names_nothing(tmp_path: Path) -> None:
    """The settings' own words."""

    def create(spec: str) -> Any:
        raise ConfigError(f"{spec!r} names no reader", "did you mean pcsc:?")

    finding = only(examined(machine(tmp_path, create_reader=create), tmp_path, "pscs:"), Verdict.BAD)
    assert finding.remedy == "# did you mean pcsc:?"


def test_what_is_no_hardware_is_not_examined(tmp_path: Path) -> None:
    """The simulator and standard input."""
    only(examined(machine(tmp_path), tmp_path, "sim:"), Verdict.SKIPPED)
    chosen = settings(tmp_path, "sim:", scanners=("stdin:",))
    only(scanners(patient(machine(tmp_path), chosen)), Verdict.SKIPPED)
    bare = patient(machine(tmp_path), settings(tmp_path))
    assert "typed into the screen" in only(scanners(bare), Verdict.SKIPPED).what


def test_scanners_are_examined_like_readers(tmp_path: Path) -> None:
    """By their own makers, and each by its check's word."""
    chosen = settings(tmp_path, "sim:", scanners=("serial:/dev/none", "serial:/dev/other"))
    error = DeviceBusy("/dev/other is in use by another program", "close that program")
    made = {"serial:/dev/none": Device("a"), "serial:/dev/other": Device("b", error)}
    well, busy = scanners(patient(machine(tmp_path, create_scanner=made.__getitem__), chosen))
    assert (well.check, well.verdict) == ("scanner", Verdict.OK)
    assert (busy.check, busy.verdict) == ("scanner", Verdict.BAD)
    assert "is busy" in busy.what


def test_a_station_whose_settings_name_none_takes_the_first_pcsc_reader(tmp_path: Path) -> None:
    """So that is what the doctor looks at."""
    system = machine(tmp_path, create_reader=Device)
    assert only(readers(patient(system, settings(tmp_path))), Verdict.OK).what.startswith("pcsc: works")


def test_without_settings_nothing_is_known(tmp_path: Path) -> None:
    """Settings that are wrong name no reader, not even the usual one: nothing is opened."""
    device = Device("spec")
    nobody = patient(machine(tmp_path, create_reader=lambda spec: device))
    assert only(readers(nobody), Verdict.SKIPPED).what == "without settings no reader is known"
    assert only(scanners(nobody), Verdict.SKIPPED).what == "without settings no scanner is known"
    assert device.opened == 0
