"""`tagsmith shift` beside the station: what the journal knows of shifts, and the page of a report."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.headless import environment
from support.journal import laid
from tagsmith import words
from tagsmith.journal import Journal
from tagsmith.production import RejectCause, Shift, ShiftReport

START = datetime(2031, 5, 6, 6, 0, tzinfo=UTC)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line, with a journal that holds a shift that has ended and one that runs."""
    for name, value in environment(tmp_path, "http://127.0.0.1:1", TAGSMITH_STATION__NAME="line-3").items():
        monkeypatch.setenv(name, value)
    journal = Journal.open(laid(tmp_path / "journal.sqlite"), station="line-3")

    async def fill() -> None:
        await journal.start_shift(Shift("aa01", "line-3", "Ada", START))
        await journal.end_shift("aa01", START + timedelta(hours=8), 2)
        await journal.start_shift(Shift("ab02", "line-3", "Bo", START + timedelta(hours=9)))

    asyncio.run(fill())
    journal.close()
    return CommandLine(monkeypatch, capsys)


def test_shifts_are_listed_and_reported(run: CommandLine) -> None:
    """Newest first; by the beginning of an id; one that is meant by nobody is an error that says what to do."""
    listed = json.loads(run("shift", "list", "--json").out)
    assert [(one["shift"], one["operator"], one["ended_at"] is None) for one in listed] == [
        ("ab02", "Bo", True),
        ("aa01", "Ada", False),
    ]
    assert "Shift of Bo at line-3" in run("shift", "report").out
    assert json.loads(run("shift", "report", "aa", "--json").out)["recoveries"] == 2
    for wrong in ("a", "zz"):
        failed = run("shift", "report", wrong)
        assert failed.code == 1
        assert "tagsmith shift list" in failed.err


def test_the_page_is_narrow_whatever_stands_in_it() -> None:
    """Sixty columns, with names and causes of any length."""
    report = ShiftReport(
        title="Shift of " + "x" * 80,
        operators=("A" * 64, "B" * 30),
        started_at=START,
        ended_at=None,
        paired=9,
        undone=1,
        rejects=((RejectCause.DEAD_CHIP, 3), ("y" * 90, 1)),
        first_pass_yield=0.875,
        median_cycle_s=6.25,
        per_hour=480,
        recoveries=1,
        waiting=4,
    )
    page = words.shift_page(report)
    assert max(map(len, page.splitlines())) <= words.PAGE
    for line in ("Pairs                 9", "Rejected keys         4", "  dead chip           3"):
        assert line in page.splitlines()
    assert "First-pass yield      87.5 %" in page
    assert page.count("A") >= 64
