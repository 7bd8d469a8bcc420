"""A real journal: sound, damaged, locked, newer; and what it says of the byte order."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from support.journal import calibration, entry, opened
from support.machine import machine, only, patient, settings
from tagsmith.doctor import Verdict
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.records import journal, order
from tagsmith.journal import schema, sqlite
from tagsmith.uid import ByteOrder

PRODUCTION = {"environment": "production", "key": "s3cret"}
STAGE = {"environment": "stage", "key": "s3cret"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one pair in it."""
    path = tmp_path / "state" / "journal.sqlite"
    with opened(path) as made:
        asyncio.run(made.append(entry(1)))
    return path


def examined(root: Path, **sections: Any) -> Patient:
    return patient(machine(root), settings(root, "sim:", **sections))


def change(path: Path, statement: str) -> None:
    """Change the database as no tagsmith would."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(statement)
    connection.close()


@pytest.mark.usefixtures("path")
def test_a_sound_journal(tmp_path: Path) -> None:
    """How much is in it."""
    assert "is sound: 1 entries, 2 events" in only(journal(examined(tmp_path)), Verdict.OK).what


def test_a_journal_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Looking changes nothing."""
    only(journal(examined(tmp_path)), Verdict.OK)
    assert not (tmp_path / "state").exists()


def test_a_changed_entry_is_bad(tmp_path: Path, path: Path) -> None:
    """Rows and events tell two stories: which row, and a copy before anything else."""
    change(
        path,
        "PRAGMA writable_schema = 1; DELETE FROM sqlite_master WHERE type = 'trigger'; PRAGMA writable_schema = RESET;",
    )
    change(path, "UPDATE entries SET visual_number = 'DE*8PS*999999';")
    finding = only(journal(examined(tmp_path)), Verdict.BAD)
    assert "is not sound" in finding.what
    assert finding.remedy.splitlines()[0] == "tagsmith journal verify"
    assert f"cp -a {path}*" in finding.remedy


def test_a_file_that_is_no_journal(tmp_path: Path, path: Path) -> None:
    """The journal's own words and remedy."""
    path.write_bytes(b"shopping list: coffee, solder\n" * 200)
    for rest in path.parent.glob("journal.sqlite-*"):
        rest.unlink()
    finding = only(journal(examined(tmp_path)), Verdict.BAD)
    assert "no journal" in finding.what
    assert finding.remedy.startswith("# ")


def test_a_journal_of_a_newer_tagsmith(tmp_path: Path, path: Path) -> None:
    """It is left as it is."""
    change(path, f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999';")
    finding = only(journal(examined(tmp_path)), Verdict.BAD)
    assert "newer" in finding.what


def test_a_locked_journal(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program has it for itself: said so, after SQLite's patience (shortened here)."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        finding = only(journal(examined(tmp_path)), Verdict.BAD)
    finally:
        holder.close()
    assert "locked" in finding.what


@pytest.mark.usefixtures("path")
def test_an_order_that_nobody_confirmed(tmp_path: Path) -> None:
    """Nothing goes to production so: bad. Elsewhere a warning. The line to type is the calibration."""
    finding = only(order(examined(tmp_path, api=PRODUCTION)), Verdict.BAD)
    assert "gets UIDs reversed was never confirmed: nothing is sent to production" in finding.what
    assert finding.remedy == "tagsmith calibrate --user ID"
    only(order(examined(tmp_path, api=STAGE)), Verdict.WARN)
    assert "s3cret" not in finding.what


def test_an_order_without_any_journal(tmp_path: Path) -> None:
    """A new station: as unconfirmed as any, and no journal is made to find out."""
    only(order(examined(tmp_path, api=PRODUCTION)), Verdict.BAD)
    assert not (tmp_path / "state").exists()


def test_an_order_that_a_calibration_proved(tmp_path: Path, path: Path) -> None:
    """Who, when, with which reader; for this API and no other."""
    target = "https://drive-api.plugsurfing.com/drive"
    with opened(path) as made:
        asyncio.run(made.record_calibration(calibration(1, target=target, order=ByteOrder.WIRE)))
    finding = only(order(examined(tmp_path, api=PRODUCTION)), Verdict.OK)
    assert f"{target} gets UIDs wire: calibrated by Ada on " in finding.what
    assert finding.what.endswith("with ACR1252 PICC")
    only(order(examined(tmp_path, api=STAGE)), Verdict.WARN)


def test_settings_that_contradict_the_calibration(tmp_path: Path, path: Path) -> None:
    """Nothing is sent, whatever uid.confirmed says: bad everywhere."""
    with opened(path) as made:
        target = "https://drive-api-stage.plugsurfing.com/drive"
        asyncio.run(made.record_calibration(calibration(1, target=target, order=ByteOrder.WIRE)))
    finding = only(order(examined(tmp_path, api=STAGE, uid={"order": "reversed", "confirmed": True})), Verdict.BAD)
    assert "the calibration found wire: nothing is sent" in finding.what
    assert "take `order` out of [uid]" in finding.remedy


def test_a_person_answers_for_the_order(tmp_path: Path) -> None:
    """The named override: it works, and a calibration would be better."""
    finding = only(order(examined(tmp_path, api=PRODUCTION, uid={"confirmed": True})), Verdict.WARN)
    assert "uid.confirmed" in finding.what


def test_an_order_that_cannot_be_read(tmp_path: Path, path: Path) -> None:
    """A broken journal: its own words."""
    path.write_bytes(b"x" * 9000)
    assert "cannot be read" in only(order(examined(tmp_path, api=PRODUCTION)), Verdict.BAD).what


def test_without_settings_or_api_there_is_nothing_to_say(tmp_path: Path) -> None:
    """What is missing is said elsewhere."""
    only(order(examined(tmp_path)), Verdict.SKIPPED)
    only(order(patient(machine(tmp_path))), Verdict.SKIPPED)
    only(journal(patient(machine(tmp_path))), Verdict.SKIPPED)
