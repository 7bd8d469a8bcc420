"""A weak supply, a watchdog that is not used, and a journal in memory, on a machine of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.machine import machine, only, patient, settings, write
from tagsmith.doctor import Verdict
from tagsmith.doctor.power import root, supply, watchdog
from tagsmith.doctor.system import System

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("0", Verdict.OK),
        ("0x50005", Verdict.BAD),
        ("50000", Verdict.WARN),
        ("0x20000", Verdict.OK),
        ("none", Verdict.SKIPPED),
    ],
)
def test_the_firmware_tells_of_the_supply(tmp_path: Path, text: str, verdict: Verdict) -> None:
    """Now is bad, since the start a warning; a processor that was only hot is no weak supply."""
    write(tmp_path / THROTTLED, f"{text}\n")
    only(supply(patient(machine(tmp_path))), verdict)


@pytest.mark.parametrize(("alarm", "verdict"), [("1", Verdict.BAD), ("0", Verdict.OK)])
def test_the_kernel_s_sensor_tells_too(tmp_path: Path, alarm: str, verdict: Verdict) -> None:
    """Whatever number it has among the sensors; another sensor's alarm is not asked."""
    write(tmp_path / "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(tmp_path / "sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1\n")
    write(tmp_path / "sys/class/hwmon/hwmon2/name", "rpi_volt\n")
    write(tmp_path / "sys/class/hwmon/hwmon2/in0_lcrit_alarm", f"{alarm}\n")
    only(supply(patient(machine(tmp_path))), verdict)


def test_a_machine_without_either_is_not_judged(tmp_path: Path) -> None:
    """A PC."""
    only(supply(patient(machine(tmp_path))), Verdict.SKIPPED)
    only(watchdog(patient(machine(tmp_path))), Verdict.SKIPPED)


def test_the_watchdog_of_a_pi(tmp_path: Path) -> None:
    """Not used: the lines; used: after how long. The last file counts, a comment does not."""
    write(tmp_path / "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    write(tmp_path / "etc/systemd/system.conf", "[Manager]\n#RuntimeWatchdogSec=10\n")
    assert "RuntimeWatchdogSec=15" in only(watchdog(patient(machine(tmp_path))), Verdict.WARN).remedy
    write(tmp_path / "etc/systemd/system.conf.d/a.conf", "[Manager]\nRuntimeWatchdogSec=15\n")
    assert "15" in only(watchdog(patient(machine(tmp_path))), Verdict.OK).what
    write(tmp_path / "etc/systemd/system.conf.d/b.conf", "[Manager]\nRuntimeWatchdogSec=off\n")
    only(watchdog(patient(machine(tmp_path))), Verdict.WARN)


def mounted(tmp_path: Path, *mounts: tuple[str, str, str, str]) -> System:
    """A machine with these mounts: place, options, type, source."""
    lines = [
        f"1 1 8:1 / {place} {options} shared:1 - {kind} {source} {options}" for place, options, kind, source in mounts
    ]
    write(tmp_path / "proc/self/mountinfo", "\n".join(lines) + "\n")
    return machine(tmp_path)


@pytest.mark.parametrize(
    ("mounts", "verdict", "said"),
    [
        ([("/", "rw", "ext4", "/dev/sda")], Verdict.OK, "ext4"),
        ([("/", "ro", "ext4", "/dev/sda"), ("{0}", "rw", "ext4", "/dev/sdb")], Verdict.OK, "not written to"),
        ([("/", "rw", "ext4", "/dev/sda"), ("{0}", "rw", "tmpfs", "tmpfs")], Verdict.BAD, "in memory"),
        ([("/", "rw", "overlay", "overlayroot")], Verdict.BAD, "in memory"),
        ([("/", "rw", "overlay", "overlay")], Verdict.OK, "not written to"),
        ([("/", "rw", "overlay", "overlayroot"), ("{0}", "rw", "ext4", "/dev/sdb")], Verdict.OK, "not written to"),
        ([], Verdict.SKIPPED, "mounts"),
    ],
)
def test_a_journal_must_outlive_the_power(
    tmp_path: Path, mounts: list[tuple[str, str, str, str]], verdict: Verdict, said: str
) -> None:
    """On a partition of its own beside a read-only root it does; in memory it does not."""
    there = [(place.format(tmp_path), *rest) for place, *rest in mounts]
    system = mounted(tmp_path, *there)  # type: ignore[arg-type]
    assert said in only(root(patient(system, settings(tmp_path))), verdict).what
