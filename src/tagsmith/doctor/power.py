"""What a small computer dies of: a weak supply, a hang that nobody ends, and a card that is written to without need.

Sources: raspberrypi.com/documentation, "vcgencmd get_throttled" (the bits); drivers/hwmon/raspberrypi-hwmon.c of Linux
(in0_lcrit_alarm); systemd-system.conf(5), RuntimeWatchdogSec.
"""

from __future__ import annotations

import re
from pathlib import Path

from tagsmith.doctor.finding import Finding, Section, bad, ok, skipped, warn
from tagsmith.doctor.machine import journal_folder
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.system import System

POWER = "power"
WATCHDOG = "hardware-watchdog"
ROOT = "root"

_NOW, _SINCE_BOOT = 1 << 0, 1 << 16
_THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"
_IN_MEMORY = ("tmpfs", "ramfs")
_MENDED = (
    "# use the maker's power supply and a short, thick cable; readers with a strong field on a powered hub\n"
    "vcgencmd get_throttled"
)


def supply(patient: Patient) -> list[Finding]:
    """Whether a Raspberry Pi has, or had, too little voltage: that is what spoils cards and drops readers."""
    system = patient.system
    bits = _bits(system)
    alarms = [
        system.read(folder / "in0_lcrit_alarm") == "1"
        for folder in sorted((system.sys / "class/hwmon").glob("hwmon*"))
        if system.read(folder / "name") == "rpi_volt"
    ]
    if any(alarms) or (bits or 0) & _NOW:
        return [bad(POWER, "the supply is too weak: the voltage is too low now", _MENDED, Section.POWER)]
    if (bits or 0) & _SINCE_BOOT:
        return [warn(POWER, "the supply is weak: the voltage was too low since the start", _MENDED, Section.POWER)]
    if bits is None and not alarms:
        return [skipped(POWER, "nothing here tells of the supply", Section.POWER)]
    return [ok(POWER, "the voltage is as it should be", Section.POWER)]


def _bits(system: System) -> int | None:
    """What the firmware says of its supply; None where there is no such firmware."""
    text = system.read(system.sys / _THROTTLED)
    return int(text, 16) if re.fullmatch(r"(0x)?[0-9a-fA-F]{1,8}", text, re.ASCII) else None


def watchdog(patient: Patient) -> list[Finding]:
    """Whether a Raspberry Pi that hangs starts itself again."""
    system = patient.system
    model = system.read(system.proc / "device-tree/model")
    if not model.startswith("Raspberry Pi"):
        return [skipped(WATCHDOG, "only asked for on a Raspberry Pi", Section.POWER)]
    files = [system.etc / "systemd/system.conf", *sorted((system.etc / "systemd/system.conf.d").glob("*.conf"))]
    found = [match for file in files for match in re.findall(r"(?m)^\s*RuntimeWatchdogSec=(\S*)", system.read(file))]
    if found and found[-1] not in ("", "0", "off"):
        return [ok(WATCHDOG, f"a machine that hangs is started again after {found[-1]}", Section.POWER)]
    lines = (
        "sudo mkdir -p /etc/systemd/system.conf.d\n"
        "printf '[Manager]\\nRuntimeWatchdogSec=15\\n' | sudo tee /etc/systemd/system.conf.d/tagsmith-watchdog.conf\n"
        "sudo systemctl daemon-reexec"
    )
    return [
        warn(
            WATCHDOG,
            f"the watchdog of this {model} is not used: a hang lasts until somebody comes",
            lines,
            Section.POWER,
        )
    ]


def root(patient: Patient) -> list[Finding]:
    """Whether the journal lies on something that outlives the power, above all where the root is read-only."""
    mounts = _mounts(patient.system)
    folder = journal_folder(patient)
    if not mounts or folder is None:
        return [skipped(ROOT, "no journal in a file is set, or no mounts are told", Section.READ_ONLY)]
    place, kind, _ = _mount_of(folder, mounts)
    lines = '# lay the journal on a partition of its own: [journal] url = "sqlite:////data/tagsmith/journal.sqlite"'
    _, root_kind, options = _mount_of(Path("/"), mounts)
    # An overlay with its upper half in memory is how raspi-config makes a root read-only; elsewhere it is a container.
    in_overlay = kind == "overlay" and place == Path("/") and "overlayroot" in _root_source(patient.system)
    if kind in _IN_MEMORY or in_overlay:
        what = f"the journal in {folder} is in memory ({kind} on {place}): it is gone when the power is"
        return [bad(ROOT, what, lines, Section.READ_ONLY)]
    if "ro" in options.split(",") or root_kind == "overlay":
        return [ok(ROOT, f"the root is not written to; the journal is on {place}", Section.READ_ONLY)]
    return [ok(ROOT, f"the journal is on {place} ({kind})", Section.READ_ONLY)]


def _mounts(system: System) -> list[tuple[Path, str, str]]:
    """Mount points with type and options, as the kernel lists them (proc_pid_mountinfo(5))."""
    found = []
    for line in system.read(system.proc / "self/mountinfo").splitlines():
        before, dash, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if dash and len(fields) > 5 and len(rest) > 0:
            place = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4])
            found.append((Path(place), rest[0], fields[5]))
    return found


def _mount_of(path: Path, mounts: list[tuple[Path, str, str]]) -> tuple[Path, str, str]:
    """The mount that a path lies on; of several on one place the last one counts."""
    over = [mount for mount in mounts if path == mount[0] or mount[0] in path.parents]
    return max(reversed(over), key=lambda mount: len(mount[0].parts), default=(Path("/"), "", ""))


def _root_source(system: System) -> str:
    """What the root is made of, by name."""
    lines = system.read(system.proc / "self/mountinfo").splitlines()
    return " ".join(line.partition(" - ")[2] for line in lines if line.split(" ")[4:5] == ["/"])
