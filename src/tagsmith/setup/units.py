"""Which services start with the machine, and the lines to type where nobody here may start them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tagsmith.setup.answers import Answers, Mode

_UNIT_FOLDERS: Final = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_PATIENCE_S: Final = 60.0


def lines(answers: Answers, root: Path | None = None) -> list[list[str]]:
    """The commands that make the chosen service start, and no other; none where nothing is to start."""
    station, kiosk = "tagsmith-station.service", f"tagsmith-kiosk@{answers.tty}.service"
    wanted, other = (station, kiosk) if answers.mode is Mode.HEADLESS else (kiosk, station)
    if answers.mode is Mode.NONE:
        return []
    where = [f"--root={root}"] if root else []
    now = [] if root else ["--now"]
    # At most one of the two is wanted at boot: they would push one another out.
    return [["systemctl", *where, "disable", *now, other], ["systemctl", *where, "enable", *now, wanted]]


def enable(
    answers: Answers, root: Path | None = None, *, run: Callable[[list[str]], int | None] | None = None
) -> tuple[list[list[str]], list[list[str]]]:
    """Enable what was chosen, as far as that can be done here: the commands that were run, and those left to type."""
    wanted = lines(answers, root)
    if not wanted or not _can_enable(answers, root):
        return [], wanted
    run = run or _run
    done: list[list[str]] = []
    for place, command in enumerate(wanted):
        # To disable what was never enabled may fail, and harms nobody.
        if run(command) != 0 and command[-1] == wanted[-1][-1]:
            return done, wanted[place:]
        done.append(command)
    return done, []


def _can_enable(answers: Answers, root: Path | None) -> bool:
    """Whether systemctl is there, may be used by this user, and knows the unit."""
    if os.geteuid() != 0 or shutil.which("systemctl") is None:
        return False
    if root is None and not Path("/run/systemd/system").is_dir():
        return False
    unit = "tagsmith-station.service" if answers.mode is Mode.HEADLESS else "tagsmith-kiosk@.service"
    return any(((root or Path("/")) / folder / unit).exists() for folder in _UNIT_FOLDERS)


def _run(command: list[str]) -> int | None:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, timeout=_PATIENCE_S, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return None
