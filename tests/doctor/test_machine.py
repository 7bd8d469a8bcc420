"""Clock and disc."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.machine import filesystem, machine, only, patient, settings
from tagsmith.doctor import Verdict
from tagsmith.doctor.machine import clock, disc
from tagsmith.doctor.patient import Patient

GB = 1_000_000_000


def test_a_clock_that_was_never_set(tmp_path: Path) -> None:
    """A Pi without network starts in the past: bad even where somebody claims that it is synchronised."""
    system = machine(tmp_path, now_utc=lambda: datetime(2023, 12, 31, tzinfo=UTC), synchronised=lambda runtime: True)
    finding = only(clock(patient(system)), Verdict.BAD)
    assert finding.what == "the clock says 2023-12-31: it was never set"
    assert finding.remedy.splitlines()[0] == "sudo timedatectl set-ntp true"


@pytest.mark.parametrize(
    ("told", "verdict"),
    [(False, Verdict.WARN), (True, Verdict.OK), (None, Verdict.SKIPPED)],
    ids=["no", "yes", "nobody"],
)
def test_whether_it_is_synchronised(tmp_path: Path, told: bool | None, verdict: Verdict) -> None:
    """As the machine tells; where nothing tells, as in some containers, there is no judgement."""
    only(clock(patient(machine(tmp_path, synchronised=lambda runtime: told))), verdict)


def discs(tmp_path: Path, *, free: int, size: int, read_only: bool = False) -> Patient:
    status = filesystem(free=free, size=size, read_only=read_only)
    return patient(machine(tmp_path, statvfs=lambda path: status), settings(tmp_path, "sim:"))


@pytest.mark.parametrize(
    ("free", "size", "verdict"),
    [
        (90_000_000, 32 * GB, Verdict.BAD),
        (90_000_000, GB, Verdict.BAD),
        (GB, 32 * GB, Verdict.WARN),
        (2 * GB, 32 * GB, Verdict.OK),
        (110_000_000, GB, Verdict.OK),
    ],
)
def test_a_disc_that_is_nearly_full(tmp_path: Path, free: int, size: int, verdict: Verdict) -> None:
    """Bad below 100 MB, a warning below 5 %, with the command that finds what fills it."""
    finding = only(disc(discs(tmp_path, free=free, size=size)), verdict)
    assert f"{free / 1e6:.0f} MB" in finding.what
    assert ("sudo du -xh" in finding.remedy) == (verdict is not Verdict.OK)


def test_a_disc_that_is_mounted_read_only(tmp_path: Path) -> None:
    """A failing card is remounted so by the kernel: said before anything about room."""
    finding = only(disc(discs(tmp_path, free=0, size=GB, read_only=True)), Verdict.BAD)
    assert "read-only" in finding.what
    assert finding.remedy.startswith("sudo mount -o remount,rw ")


def test_a_folder_that_may_not_be_made(tmp_path: Path) -> None:
    """It is not there, and the folder above is not this user's."""
    system = machine(tmp_path, writable=lambda folder: False)
    finding = only(disc(patient(system, settings(tmp_path, "sim:"))), Verdict.BAD)
    assert finding.remedy == f"sudo install -d -m 700 -o station {tmp_path}/state"
    blank = settings(tmp_path, "sim:", journal={"url": f"sqlite:///{tmp_path}/of mine/j.sqlite"})
    assert only(disc(patient(system, blank)), Verdict.BAD).remedy.endswith(f" -o station '{tmp_path}/of mine'")


@pytest.mark.parametrize(
    ("owner", "remedy"),
    [
        (1000, "chmod u+rwx {folder}"),
        (0, "sudo chown station {folder}"),
        (1, "# the station's user is another one; ask as that:\nsudo -u daemon tagsmith doctor"),
        (4_000_000, "# the station's user is another one; ask as that:\nsudo -u '#4000000' tagsmith doctor"),
    ],
)
def test_a_folder_that_may_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, remedy: str
) -> None:
    """Mended for the one whose folder it is; never taken away from another user."""
    folder = tmp_path / "state"
    folder.mkdir()
    system = machine(tmp_path, writable=lambda folder: False)
    examined = patient(system, settings(tmp_path, "sim:"))
    true_stat = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        fields = list(true_stat(self, follow_symlinks=follow_symlinks))
        fields[4] = owner
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)
    assert only(disc(examined), Verdict.BAD).remedy == remedy.format(folder=folder)


def test_a_folder_of_this_machine(tmp_path: Path) -> None:
    """The real questions to a real disc: what the system itself says of it is told."""
    (tmp_path / "state").mkdir()
    (finding,) = disc(patient(machine(tmp_path), settings(tmp_path, "sim:")))
    status = os.statvfs(tmp_path)
    assert f"of {status.f_blocks * status.f_frsize / 1e9:.1f} GB" in finding.what


def test_a_journal_that_is_no_file_has_no_disc(tmp_path: Path) -> None:
    """And neither have settings that cannot be read."""
    chosen = settings(tmp_path, "sim:", journal={"url": "postgresql://db/journal"})
    only(disc(patient(machine(tmp_path), chosen)), Verdict.SKIPPED)
    only(disc(patient(machine(tmp_path))), Verdict.SKIPPED)
