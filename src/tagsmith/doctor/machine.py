"""The machine under the station: its clock and its disc."""

from __future__ import annotations

import pwd
import shlex
from pathlib import Path

from tagsmith import disc as disc_room
from tagsmith.doctor.finding import Finding, bad, ok, skipped, warn
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.system import System
from tagsmith.wall_clock import SET_IT

CLOCK = "clock"
DISC = "disc"


def clock(patient: Patient) -> list[Finding]:
    """Whether the clock is right. A wrong one dates records wrongly, and certificates look expired or not valid yet."""
    found = patient.system.clock()
    if found.impossible:
        return [bad(CLOCK, f"the clock says {found.now:%Y-%m-%d}: it was never set", SET_IT)]
    if found.synchronised is None:
        return [skipped(CLOCK, "nothing here tells whether the clock is synchronised")]
    if not found.synchronised:
        return [warn(CLOCK, "the clock is not synchronised with a time server", SET_IT)]
    return [ok(CLOCK, "the clock is synchronised")]


def disc(patient: Patient) -> list[Finding]:
    """Whether the journal's disc takes more: nearly full, read-only, or a folder that may not be written."""
    folder = journal_folder(patient)
    if folder is None:
        return [skipped(DISC, "no journal in a file is set")]
    system = patient.system
    found = disc_room.look(folder, statvfs=system.statvfs, writable=system.writable)
    there = found.there
    if found.read_only:
        lines = f"sudo mount -o remount,rw $(findmnt -n -o TARGET --target {_word(there)})\nsudo dmesg | grep -i error"
        return [bad(DISC, f"the disc with {folder} is mounted read-only: it may be failing", lines)]
    if not found.writable:
        return [
            bad(DISC, f"{system.user} may not write to {there}, where the journal is", _ours(system, there, folder))
        ]
    where = f"sudo du -xh / 2>/dev/null | sort -h | tail -n 20\ndf -h {_word(there)}"
    if found.nearly_full:
        return [bad(DISC, f"the disc is nearly full: {found}", where)]
    if found.fills_up:
        return [warn(DISC, f"the disc fills up: {found}", where)]
    return [ok(DISC, str(found))]


def _ours(system: System, there: Path, folder: Path) -> str:
    """What to type so that the journal's folder may be written. Another user's folder is not taken away from them."""
    if there != folder:
        return f"sudo install -d -m 700 -o {system.user} {_word(folder)}"
    owner = there.stat().st_uid
    if owner == system.uid:
        return f"chmod u+rwx {_word(there)}"
    if owner == 0:
        return f"sudo chown {system.user} {_word(there)}"
    return f"# the station's user is another one; ask as that:\nsudo -u {_name(owner)} tagsmith doctor"


def _word(path: Path) -> str:
    """A path as one word of a command line."""
    return shlex.quote(str(path))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"'#{uid}'"


def journal_folder(patient: Patient) -> Path | None:
    """The folder of the journal's file; None where it is in no file."""
    return None if patient.settings is None else disc_room.folder_of(patient.settings.journal.url)
