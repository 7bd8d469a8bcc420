"""The serial port of a Raspberry Pi's header: taken by Bluetooth or by a console, or switched off.

Source: raspberrypi.com/documentation/computers/configuration.html, "Configure UARTs": on models with Bluetooth (Zero W,
3, 4) the PL011, ttyAMA0, belongs to Bluetooth until the overlay disable-bt; the header has the mini UART, ttyS0, then.
/dev/serial0 is the header's port, /dev/serial1 Bluetooth's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tagsmith.doctor.finding import Finding, Section, bad, ok, skipped
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.system import System

CHECK = "uart"
_PORTS = re.compile(r"(ttyAMA|ttyS|serial)[0-9]+", re.ASCII)


def uart(patient: Patient) -> list[Finding]:
    """Whether the serial ports of the board that are to be used are free."""
    specs = [spec for spec in (*patient.readers, *patient.scanners) if _board_ports(patient, spec)]
    if not specs:
        return [skipped(CHECK, "no serial port of the board is used", Section.UART)]
    findings = []
    for node in dict.fromkeys(node for spec in specs for node in _board_ports(patient, spec)):
        findings += _console(patient.system, node)
        # A port that Bluetooth has may have no node of its own: that is not switched off.
        findings += _bluetooth(patient.system, node) or _switched_off(patient.system, node)
    return findings or [ok(CHECK, "neither Bluetooth nor a console is on the serial port", Section.UART)]


def _board_ports(patient: Patient, spec: str) -> list[Path]:
    return [node for node in patient.nodes(spec) if _PORTS.fullmatch(node.name)]


def _console(system: System, node: Path) -> list[Finding]:
    names = _names(system, node)
    words = system.read(system.proc / "cmdline").split()
    consoles = [word for word in words if word.startswith("console=") and word[8:].partition(",")[0] in names]
    logins = [
        name
        for name in sorted(names)
        if system.run(["systemctl", "is-active", f"serial-getty@{name}.service"]).output == "active"
    ]
    if not consoles and not logins:
        return []
    lines = [f"sudo systemctl disable --now serial-getty@{name}.service" for name in logins]
    if consoles:
        # The firmware writes the true name in place of serial0, so the file may hold either.
        names_in_file = "|".join(sorted({"serial0", *names}))
        file = system.boot_folder / "cmdline.txt"
        lines += [f"sudo sed -i -E 's/console=({names_in_file})[^ ]* ?//g' {file}", "sudo reboot"]
    by = " and ".join([*(f"the kernel ({word})" for word in consoles), *(f"a login ({name})" for name in logins)])
    return [bad(CHECK, f"{node} is used as a console by {by}", "\n".join(lines), Section.UART)]


def _bluetooth(system: System, node: Path) -> list[Finding]:
    name = node.resolve().name
    if name not in _bluetooth_ports(system):
        return []
    lines = []
    if not _has_overlay(system):
        lines.append(_append(system, "dtoverlay=disable-bt"))
    lines += ["sudo systemctl disable --now hciuart", "sudo reboot"]
    return [bad(CHECK, f"Bluetooth has {node}: the header's pins are not on it", "\n".join(lines), Section.UART)]


_NAMES = {"uart-pl011": "ttyAMA0", "bcm2835-aux-uart": "ttyS0"}
"""The drivers of a Raspberry Pi's two ports, and the names of the ports."""


def _driver(device: Path) -> str:
    """The kernel driver of a device; empty where it has none."""
    return (device / "driver").resolve().name if (device / "driver").exists() else ""


def _bluetooth_ports(system: System) -> set[str]:
    """The ports that Bluetooth has: by the link that the system makes, and by what the kernel bound."""
    ports = set()
    link = system.dev / "serial1"
    if link.exists():
        ports.add(link.resolve().name)
    for device in (system.sys / "bus" / "serial" / "devices").glob("serial*-*"):
        # A port that a kernel driver sits on has no node, and so no name: its own driver tells which one it is.
        if _driver(device).startswith("hci_uart"):
            ports.update(_NAMES[kind] for parent in device.resolve().parents if (kind := _driver(parent)) in _NAMES)
    for device in (system.sys / "class" / "bluetooth").glob("hci*"):
        ports.update(re.findall(r"ttyAMA[0-9]+|ttyS[0-9]+", str((device / "device").resolve())))
    return ports


def _switched_off(system: System, node: Path) -> list[Finding]:
    """A port that is not there because it is switched off: only a Raspberry Pi is known to do that."""
    model = system.read(system.proc / "device-tree" / "model")
    if os.path.exists(node) or "Raspberry Pi" not in model:
        return []
    # From the Pi 5 on the header's port is not the primary one, which enable_uart means.
    setting = "dtparam=uart0=on" if re.search(r"Raspberry Pi (5|500|Compute Module 5)\b", model) else "enable_uart=1"
    text = system.read(system.boot_folder / "config.txt")
    if re.search(rf"^\s*{setting}\b", text, re.MULTILINE):
        return []
    lines = f"{_append(system, setting)}\nsudo reboot"
    return [bad(CHECK, f"{node} is not there: the serial port is switched off", lines, Section.UART)]


def _append(system: System, setting: str) -> str:
    """The line that adds a boot setting. `[all]`, because the file may end in a part for other models."""
    return f"printf '\\n[all]\\n{setting}\\n' | sudo tee -a {system.boot_folder / 'config.txt'}"


def _has_overlay(system: System) -> bool:
    text = system.read(system.boot_folder / "config.txt")
    return re.search(r"^\s*dtoverlay=(pi3-)?disable-bt\b", text, re.MULTILINE) is not None


def _names(system: System, node: Path) -> set[str]:
    """Every name of a port: its own, where its links lead, and the links that lead to it."""
    names = {node.name, node.resolve().name}
    for link in ("serial0", "serial1"):
        path = system.dev / link
        if path.exists() and path.resolve().name in names:
            names.add(link)
    return names
