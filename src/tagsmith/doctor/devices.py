"""What is plugged in: known readers, who may open them, readers that type, readers for other tags."""

from __future__ import annotations

import os
from pathlib import Path

from tagsmith.doctor.finding import Finding, Section, bad, ok, skipped, warn
from tagsmith.doctor.patient import Patient, Plugged
from tagsmith.lines import nodes
from tagsmith.lines.known import Access, Kind

PLUGGED = "plugged"
PERMISSION = "permission"
KEYBOARD = "keyboard-mode"
FREQUENCY = "frequency"


def plugged(patient: Patient) -> list[Finding]:
    """One finding for each known reader and scanner that is plugged in by USB."""
    found = [one for one in patient.plugged() if one.known.kind is not Kind.BRIDGE]
    if not found:
        return [skipped(PLUGGED, "no known reader or scanner is plugged in by USB", Section.READERS)]
    return [
        ok(PLUGGED, f"{one} is plugged in" + (f": {one.known.note}" if one.known.note else ""), Section.READERS)
        for one in found
    ]


def permissions(patient: Patient) -> list[Finding]:
    """Whether this user may open the plugged readers that the station itself would open (pcscd opens its own).

    Nodes that a setting leads to are left to the check of that reader.
    """
    if patient.system.uid == 0:
        what = "root may open everything: run the doctor as the station's user to judge permissions"
        return [skipped(PERMISSION, what, Section.PERMISSIONS)]
    configured = {node.resolve() for spec in (*patient.readers, *patient.scanners) for node in patient.nodes(spec)}
    say = warn if patient.chosen else bad
    findings = []
    for one in patient.plugged():
        for node in _opened_by_us(one):
            if os.path.exists(node) and node.resolve() not in configured and not patient.system.allowed(node):
                what = f"{patient.system.user} may not open {node}, the {one}"
                steps = nodes.permission_steps(node, sys=patient.system.sys)
                findings.append(say(PERMISSION, what, "\n".join(steps), Section.PERMISSIONS))
    return findings or [ok(PERMISSION, "this user may open what is plugged in", Section.PERMISSIONS)]


def _opened_by_us(one: Plugged) -> list[Path]:
    """The nodes that a station opens for a device. What is reached by pcscd as well is best reached so."""
    if one.known.kind is not Kind.READER or Access.PCSC in one.known.access:
        return []
    if Access.NFCPY in one.known.access:
        return [one.device.node]
    return [port for port in one.device.ports if port.name.startswith("tty")]


def keyboards(patient: Patient) -> list[Finding]:
    """Readers that type: usable by `evdev:`, or to be switched to another mode."""
    findings = []
    for one in patient.plugged():
        if not _types(one):
            continue
        events = [port for port in one.device.ports if port.name.startswith("event")]
        taken = {node.resolve() for spec in patient.readers for node in patient.nodes(spec)}
        if taken & {port.resolve() for port in events}:
            findings.append(ok(KEYBOARD, f"the {one} types, and its keys are read as a reader", Section.KEYBOARD))
            continue
        what = f"the {one} is in keyboard mode: it types what it reads, and what is typed is never taken for a chip"
        spec = f"evdev:{one.device.ids}?length=4,7"
        remedy = f'# use it as it is: [[reader]] spec = "{spec}"; or switch it to CCID or serial mode'
        findings.append((warn if patient.chosen else bad)(KEYBOARD, what, remedy, Section.KEYBOARD))
    return findings or [ok(KEYBOARD, "no reader is in keyboard mode", Section.KEYBOARD)]


def _types(one: Plugged) -> bool:
    if one.known.kind is Kind.KEYBOARD_READER:
        return True
    can_type = one.known.kind is Kind.READER and Access.KEYBOARD in one.known.access
    return can_type and "usbhid" in one.device.drivers and not one.device.smart_card


def low_frequency(patient: Patient) -> list[Finding]:
    """125 kHz readers, by their ids or by what is set for them: they never see a charging key."""
    findings = []
    remedy = "# use a 13.56 MHz reader (ISO 14443)"
    used = {node.resolve() for spec in patient.readers for node in patient.nodes(spec)}
    for one in patient.plugged():
        if one.known.kind is Kind.LOW_FREQUENCY:
            in_use = bool(used & {node.resolve() for node in one.device.ports})
            say = warn if patient.chosen and not in_use else bad
            what = f"the {one} reads 125 kHz tags only, and charging keys are 13.56 MHz"
            findings.append(say(FREQUENCY, what, remedy, Section.LOW_FREQUENCY))
    for spec in patient.readers:
        if spec.startswith("serial:") and "frame=stx-etx" in spec.partition("?")[2].split("&"):
            what = f"{spec} is set for an RDM6300 or ID-12: 125 kHz readers, and charging keys are 13.56 MHz"
            findings.append(warn(FREQUENCY, what, remedy, Section.LOW_FREQUENCY))
    return findings or [ok(FREQUENCY, "no 125 kHz reader is plugged in", Section.LOW_FREQUENCY)]
