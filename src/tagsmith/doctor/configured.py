"""The readers and scanners of the settings: forbidden, busy or absent, each told apart.

It opens each for an instant, as a station would, unless somebody holds it or opening it would do harm.
"""

from __future__ import annotations

import errno
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tagsmith.doctor import smartcards
from tagsmith.doctor.finding import Finding, Section, Verdict, bad, lines_of, ok, skipped
from tagsmith.doctor.patient import Patient
from tagsmith.errors import (
    ConfigError,
    DeviceBusy,
    DeviceForbidden,
    DeviceUnsupported,
    ReaderBusy,
    ReaderForbidden,
    ReaderUnsupported,
    TagsmithError,
)
from tagsmith.lines import nodes
from tagsmith.lines.nodes import Holder

READER = "reader"
SCANNER = "scanner"
BAUD = "baud"

_SECTIONS = {"pcsc": Section.PCSC, "nfcpy": Section.PN532, "serial": Section.SERIAL, "evdev": Section.KEYBOARD}


class _Device(Protocol):
    """What readers and scanners have in common here."""

    def open(self) -> object: ...
    def close(self) -> None: ...


def readers(patient: Patient) -> list[Finding]:
    """One finding for each reader that a station would take."""
    if patient.settings is None:
        return [skipped(READER, "without settings no reader is known")]
    return [finding for spec in patient.readers for finding in _examine(patient, READER, spec)]


def scanners(patient: Patient) -> list[Finding]:
    """One finding for each scanner of the settings."""
    if patient.settings is None:
        return [skipped(SCANNER, "without settings no scanner is known")]
    found = [finding for spec in patient.scanners for finding in _examine(patient, SCANNER, spec)]
    return found or [skipped(SCANNER, "no scanner is set: numbers are typed into the screen")]


def _examine(patient: Patient, check: str, spec: str) -> list[Finding]:
    system = patient.system
    scheme = spec.strip().partition(":")[0]
    if scheme in ("sim", "stdin"):
        return [skipped(check, f"{spec} is no hardware")]
    section = _SECTIONS.get(scheme, Section.READERS)
    create: Callable[[str], _Device] = system.create_reader if check == READER else system.create_scanner
    try:
        device = create(spec)
    except ConfigError as error:
        return [bad(check, error.message, lines_of(error.remedy) or "# correct it in the settings")]
    in_the_way = [finding for node in patient.nodes(spec) for finding in _node(patient, check, spec, node)]
    if in_the_way:
        return in_the_way[:1]
    plugged = patient.device_of(spec)
    if scheme == "nfcpy" and plugged is not None and not plugged.known.reopens:
        return [ok(check, f"{spec}: {plugged} is there; not opened, since it can be opened once a plug only", section)]
    try:
        info = device.open()
    except TagsmithError as error:
        return _failed(patient, check, spec, error, section)
    finally:
        device.close()
    name = getattr(info, "name", info)
    return [ok(check, f"{spec} works: {name}", section)]


def _node(patient: Patient, check: str, spec: str, node: Path) -> list[Finding]:
    """What stands between this user and a node, seen without opening it."""
    system = patient.system
    try:
        node.stat()
    except PermissionError:
        what = f"{spec} is forbidden: {system.user} may not enter the folders above {node}"
        return [bad(check, what, f"namei -l {_word(node)}", Section.PERMISSIONS)]
    except OSError:
        return []  # opening it says so, in the words of its kind
    if not system.allowed(node):
        steps = nodes.permission_steps(node, sys=system.sys)
        what = f"{spec} is forbidden: {system.user} may not open {node}"
        return [bad(check, what, "\n".join(steps), Section.PERMISSIONS)]
    if spec.startswith("evdev:"):
        return []  # the desktop has every input device open; only a grab is in the way, and that shows when opening
    held = system.holders(node)
    return [_held(patient, check, spec, held)] if held else []


def _held(patient: Patient, check: str, spec: str, holders: Sequence[Holder]) -> Finding:
    """A station holds its reader by right; whoever else has it, if only beside the station, is in the way."""
    who = " and ".join(map(str, holders))
    others = [holder for holder in holders if not patient.system.is_station(holder.pid)]
    if not others:
        return ok(check, f"{spec} is in use by a running station, {who}", Section.BUSY)
    what = f"{spec} is busy: held by {' and '.join(map(str, others))}"
    if len(others) < len(holders):
        what += ", beside the running station"
    services = [holder for holder in others if holder.command.split(" ")[0] == "pcscd"]
    lines = []
    if services:
        what += "; pcscd keeps a reader that it has used once"
        lines.append("sudo systemctl stop pcscd.socket pcscd.service")
    if known := [str(holder.pid) for holder in others if holder.verified and holder not in services]:
        lines.append(f"sudo kill {' '.join(known)}")
    if unsure := [str(holder.pid) for holder in others if not holder.verified]:
        lines += [f"ps -fp {','.join(unsure)}", "# end that if it uses the reader"]
    if services:
        lines.append('# or use the reader through it: spec = "pcsc:"')
    return bad(check, what, "\n".join(lines), Section.BUSY)


def _failed(patient: Patient, check: str, spec: str, error: TagsmithError, section: Section) -> list[Finding]:
    """The finding for a device that could not be opened: busy, forbidden, unusable or absent."""
    if isinstance(error, ReaderBusy | DeviceBusy):
        if error.holders:
            return [_held(patient, check, spec, error.holders)]
        asked = [f"sudo fuser -v {_word(node)}" for node in patient.nodes(spec)]
        lines = "\n".join(filter(None, [*asked, lines_of(error.remedy)]))
        return [bad(check, f"{spec} is busy: {error.message}", lines, Section.BUSY)]
    remedy = lines_of(error.remedy)
    if section is Section.PCSC:
        # pcscd stands between: what mends it mends this, and is better known there.
        remedy = next((one.remedy for one in smartcards.service(patient) if one.verdict is Verdict.BAD), remedy)
    if isinstance(error, ReaderForbidden | DeviceForbidden):
        where = section if section is Section.PCSC else Section.PERMISSIONS
        return [bad(check, f"{spec} is forbidden: {error.message}", remedy, where)]
    if isinstance(error, ReaderUnsupported | DeviceUnsupported):
        return [bad(check, f"{spec} cannot be used: {error.message}", remedy, section)]
    findings = [bad(check, f"{spec} is absent: {error.message}", remedy, section)]
    if spec.startswith("nfcpy:tty:") and _timed_out(error):
        what = f"{spec} answers at no speed: its wires are wrong, or a killed program left it at 921600 baud"
        lines = "# take its power away for five seconds\n# then check: TX to RX, RX to TX, ground, 3.3 V, set to HSU"
        findings.append(bad(BAUD, what, lines, Section.PN532))
    return findings


def _word(node: Path) -> str:
    """A path as one word of a command line."""
    return shlex.quote(str(node))


def _timed_out(error: BaseException | None) -> bool:
    """Whether a time-out stands behind an error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:
            return True
        error = error.__cause__ or error.__context__
    return False
