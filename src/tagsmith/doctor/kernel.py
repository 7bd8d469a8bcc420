"""Kernel modules that take NFC readers before user space gets them.

Source: drivers/nfc/pn533/usb.c and drivers/nfc/port100.c of Linux. With one of them bound nfcpy gets EBUSY and pcscd
sees no reader (measured).
"""

from __future__ import annotations

import re
from pathlib import Path

from tagsmith.doctor.finding import Finding, Section, bad, ok, warn
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.system import System
from tagsmith.lines.known import DEVICES, NFC_MODULES

CHECK = "kernel-modules"
_USB = {device.module for device in DEVICES if device.module}
_BLACKLIST = Path("/etc/modprobe.d/tagsmith-nfc.conf")


def modules(patient: Patient) -> list[Finding]:
    """Whether one of them holds a plugged reader, or waits for one."""
    system = patient.system
    loaded = {line.split(" ", 1)[0] for line in system.read(system.proc / "modules").splitlines()}
    in_the_way = [name for name in NFC_MODULES if name in loaded]
    findings = [
        bad(
            CHECK,
            f"the kernel's {driver} holds the {device.product or 'reader'} ({device.ids}), so that nothing else can",
            _lines(system, [name for name in NFC_MODULES if name in loaded or name == driver], plugged=True),
            Section.KERNEL_MODULES,
        )
        for device in system.usb_devices()
        for driver in device.drivers
        if driver in _USB
    ]
    if findings:
        return findings
    if in_the_way:
        return [
            warn(
                CHECK,
                f"{' and '.join(in_the_way)} would take an NFC reader that is plugged in: a kernel module is loaded",
                _lines(system, in_the_way, plugged=False),
                Section.KERNEL_MODULES,
            )
        ]
    return [ok(CHECK, "no kernel module takes NFC readers away", Section.KERNEL_MODULES)]


def _lines(system: System, names: list[str], *, plugged: bool) -> str:
    # modprobe -r takes what a module alone needed with it, so that the order (users first) is all that matters.
    lines = [f"sudo modprobe -r {' '.join(names)}"]
    open_doors = [name for name in NFC_MODULES if not _shut_out(system, name)]
    if open_doors:
        # A mere `blacklist` is passed over when another module asks for this one; `install` is not (modprobe.d(5)).
        text = "".join(f"install {name} /bin/false\\n" for name in open_doors)
        lines.append(f"printf '{text}' | sudo tee -a {_BLACKLIST}")
    if plugged:
        lines.append("# then unplug the reader and plug it in again")
    return "\n".join(lines)


def _shut_out(system: System, module: str) -> bool:
    pattern = re.compile(rf"^\s*install\s+{module}\s+(/usr)?/bin/(false|true)\b", re.MULTILINE)
    folders = (system.etc / "modprobe.d", system.usr / "lib" / "modprobe.d")
    return any(pattern.search(system.read(file)) for folder in folders for file in sorted(folder.glob("*.conf")))
