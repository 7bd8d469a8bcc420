"""The units, as systemd itself judges them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

UNITS = Path(__file__).parents[2] / "systemd"
HARDENED = ("tagsmith-station.service", "tagsmith-kiosk@.service", "tagsmith-courier.service")
MAX_EXPOSURE = 1.5


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says, without a running systemd."""
    return subprocess.run(["systemd-analyze", *arguments], check=False, capture_output=True, text=True, timeout=30)


def copied(folder: Path) -> list[str]:
    """The units with programs that this machine has, a template as one for tty1."""
    for unit in UNITS.glob("tagsmith*"):
        text = unit.read_text(encoding="utf-8").replace("/usr/bin/tagsmith", "/bin/true")
        (folder / unit.name.replace("@.", "@tty1.")).write_text(text, encoding="utf-8")
    return sorted(str(path) for path in folder.iterdir())


def test_every_unit_is_sound(tmp_path: Path) -> None:
    """No unknown setting, no value out of place, no unit that is named and not there."""
    units = copied(tmp_path)
    done = analyze("verify", "--man=no", *units)
    assert (len(units), done.returncode, done.stdout + done.stderr) == (6, 0, "")


@pytest.mark.parametrize("name", HARDENED)
def test_every_service_is_locked_in(tmp_path: Path, name: str) -> None:
    """As systemd counts it, 1.5 at most of 10."""
    copied(tmp_path)
    done = analyze("security", "--offline=true", "--no-pager", str(tmp_path / name.replace("@.", "@tty1.")))
    found = re.search(r"Overall exposure level for .*: ([0-9.]+) ", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MAX_EXPOSURE
