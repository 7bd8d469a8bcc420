"""What the doctor says: one finding per thing that was looked at. No behaviour."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from tagsmith.lines.libraries import pip_line

_COMMANDS = ("chmod ", "ls ", "sudo ", pip_line())
"""How the remedies begin that are commands. All others are a worker's words."""


class Verdict(enum.StrEnum):
    """How bad it is. Only `bad` makes the doctor's exit code 1."""

    BAD = "bad"
    """The station cannot work so, or not safely."""
    WARN = "warn"
    """It works, but somebody should look at this."""
    OK = "ok"
    """Looked at, and well."""
    SKIPPED = "skipped"
    """Not looked at: it does not apply here, or cannot be told."""


class Section(enum.StrEnum):
    """The sections of hardware.md that messages lead to, by their anchors."""

    NONE = ""
    """Nothing that hardware.md is about."""
    KERNEL_MODULES = "kernel-modules"
    """Drivers of the kernel that take a reader away."""
    PCSC = "pcsc"
    """pcscd, its drivers and who may use it."""
    READERS = "readers"
    """The readers that are known."""
    PERMISSIONS = "permissions"
    """Groups and udev rules."""
    BUSY = "busy"
    """Who holds a device."""
    UART = "uart"
    """The serial port of a Raspberry Pi."""
    PN532 = "pn532"
    """PN532 boards: wiring, speed."""
    SERIAL = "serial"
    """Serial readers and scanners."""
    KEYBOARD = "keyboard"
    """Readers and scanners that type."""
    LOW_FREQUENCY = "125-khz"
    """Readers that never see a charging key."""
    POWER = "power"
    """The supply of a Raspberry Pi, and its watchdog."""
    READ_ONLY = "read-only-root"
    """A root that nobody writes to, and where the journal lies then."""
    BYTE_ORDER = "byte-order"
    """How it is proved in which order the API gets UIDs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `check` is a stable word; `what` one sentence.

    `remedy` is what to type, one command a line; a line that begins with `#` is to be done by hand. Empty where
    nothing is wrong.
    """

    check: str
    verdict: Verdict
    what: str
    remedy: str = ""
    section: Section = Section.NONE


def lines_of(remedy: str) -> str:
    """An error's remedy as a finding's: a command as it is, anything else as a line that no shell takes for one."""
    quoted = re.fullmatch(r"`([^`]+)`", remedy)
    if quoted or remedy.startswith(_COMMANDS):
        return quoted[1] if quoted else remedy
    return "\n".join(f"# {line}" for line in remedy.splitlines())


def bad(check: str, what: str, remedy: str, section: Section = Section.NONE) -> Finding:
    """A finding that stops the station."""
    return Finding(check, Verdict.BAD, what, remedy, section)


def warn(check: str, what: str, remedy: str, section: Section = Section.NONE) -> Finding:
    """A finding that somebody should look at."""
    return Finding(check, Verdict.WARN, what, remedy, section)


def ok(check: str, what: str, section: Section = Section.NONE) -> Finding:
    """A finding that all is well."""
    return Finding(check, Verdict.OK, what, "", section)


def skipped(check: str, what: str, section: Section = Section.NONE) -> Finding:
    """A finding that nothing was looked at."""
    return Finding(check, Verdict.SKIPPED, what, "", section)
