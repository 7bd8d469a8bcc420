"""`tagsmith batch` as people and programs use it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import shlex
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import openpyxl
import pytest

from support.cli import CommandLine
from support.headless import tagsmith
from support.journal import entry as journal_entry
from support.journal import laid, reject
from tagsmith.journal import Journal
from tagsmith.manifest.titles import NUMBER_NAMES, UID_NAMES
from tagsmith.model import Entry

TARGET = "http://127.0.0.1:9"
_T = TypeVar("_T")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line, with a journal of its own that is not there yet, and an API that nobody asks."""
    monkeypatch.setenv("TAGSMITH_API__KEY", "k")
    monkeypatch.setenv("TAGSMITH_API__URL", TARGET)
    monkeypatch.setenv("TAGSMITH_JOURNAL__URL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    monkeypatch.setenv("TAGSMITH_STATION__NAME", "one")
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
def in_journal(tmp_path: Path) -> Callable[[Callable[[Journal], Awaitable[Any]]], Any]:
    """Does something with the journal that the commands use."""

    def do(work: Callable[[Journal], Awaitable[_T]]) -> _T:
        journal = Journal.open(laid(tmp_path / "journal.sqlite"), station="one")

        async def wrapped() -> _T:
            return await work(journal)

        try:
            return asyncio.run(wrapped())
        finally:
            journal.close()

    return do


def numbers(folder: Path, *lines: str) -> str:
    """A file with these lines."""
    path = folder / "numbers.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def of_batch(run: CommandLine, name: str) -> dict[str, Any]:
    """The batch as `show --json --lines` has it."""
    shown: dict[str, Any] = run("batch", "show", name, "--json", "--lines").json
    return shown


# --- create ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_made_as_it_is_asked_for(run: CommandLine, tmp_path: Path) -> None:
    """Every option is kept, and the manifest with it."""
    file = numbers(tmp_path, "visualNumber,uid", "ab1,04a1b2c3d4e5f6", "ab2,")
    done = run(
        *("batch", "create", "Autumn", "--type", "card", "--valid-from", "2031-01-01", "--valid-to", "2099-12-31"),
        *("--user", "user-7", "--goal", "3", "--pattern", r"[A-Z]{2}\d", "--check-digit", "off", "--upper-case"),
        *("--sequence", "auto", "--verification", "sample", "--every", "20", "--manifest", file),
    )
    assert (done.code, done.out, done.err) == (0, "created: Autumn, 2 numbers\n", "")
    shown = of_batch(run, "Autumn")
    assert shown["created_at"].endswith("+00:00")
    assert shown["created_by"]
    assert {name: shown[name] for name in shown.keys() - {"created_at", "created_by", "id", "valid_from"}} == {
        "name": "Autumn",
        "target": TARGET,
        "goal": 3,
        "size": 2,
        "paired": 0,
        "left": 3,
        "skipped": 0,
        "rejected": 0,
        "unchecked": 0,
        "key_type": "CARD",
        "valid_to": "2099-12-31T23:59:59.999Z",
        "user_id": "user-7",
        "pattern": r"[A-Z]{2}\d",
        "check_digit": "off",
        "upper_case": True,
        "sequence": "auto",
        "verification": "sample",
        "every": 20,
        "closed_at": None,
        "closed_by": "",
        "lines": [
            {
                "position": 1,
                "visual_number": "AB1",
                "uid": "04a1b2c3d4e5f6",
                "state": "expected",
                "note": "",
                "entry": None,
            },
            {"position": 2, "visual_number": "AB2", "uid": None, "state": "expected", "note": "", "entry": None},
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pattern", "["], "no regular expression"),
        (["--valid-to", "2001-01-01"], "past"),
        (["--user", "user 7"], "user"),
        (["--manifest", "/nowhere/numbers.csv"], "numbers.csv cannot be read: No such file"),
        (["--manifest", "/"], "/ cannot be read: Is a directory"),
    ],
)
def test_what_cannot_hold_is_refused_before_anything_is_made(
    run: CommandLine, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """With the reason, no traceback, and no batch."""
    done = run("batch", "create", "Autumn", *arguments)
    assert done.code == 1
    assert words in done.err
    assert run("batch", "list", "--all", "--json").json == []


def test_a_name_is_taken_once(run: CommandLine) -> None:
    """Also by a batch that is closed."""
    assert run("batch", "create", "Autumn").code == 0
    again = run("batch", "create", "Autumn")
    assert (again.code, "there is a batch Autumn already" in again.err) == (1, True)


def test_an_order_needs_a_manifest(run: CommandLine) -> None:
    """Who asks for an order and gives no numbers is told how to give them."""
    done = run("batch", "create", "Autumn 2", "--sequence", "ordered")
    assert done.code == 0
    assert "tagsmith batch import 'Autumn 2' FILE" in done.err


# --- import ----------------------------------------------------------------------------------------------------------


def test_nothing_is_imported_where_a_row_is_bad(run: CommandLine, tmp_path: Path, in_journal: Any) -> None:
    """Each bad row is told by its number; with --skip-bad the others are imported."""

    async def before(journal: Journal) -> None:
        await journal.append(journal_entry(3, target=TARGET))

    in_journal(before)
    run("batch", "create", "Other", "--manifest", numbers(tmp_path, "DE*8PS*000009"))
    run("batch", "create", "Autumn")
    file = numbers(
        tmp_path, "number", "DE*8PS*000001", "", "DE*8PS*000003", "A\u200bB", "DE*8PS*000001", "DE*8PS*000009", "X1"
    )
    refused = run("batch", "import", "Autumn", file)
    assert refused.code == 1
    assert refused.out == ""
    assert refused.err.splitlines() == [
        "error: row 4 (DE*8PS*000003): DE*8PS*000003 was paired on 2031-05-06",
        "error: row 5 (A<200B>B): the number holds a character that cannot be seen",
        "error: row 6 (DE*8PS*000001): the number of row 2 again",
        "error: row 7 (DE*8PS*000009): DE*8PS*000009 stands in batch Other",
        f"tagsmith: 4 of 6 rows of {file} are not good: nothing was imported",
        "  → correct them, or leave them out with --skip-bad",
    ]
    assert of_batch(run, "Autumn")["size"] == 0
    skipped = run("batch", "import", "Autumn", file, "--skip-bad")
    assert (skipped.code, skipped.out) == (0, "imported: 2 numbers into Autumn\n")
    assert skipped.err.startswith("left out: row 4")
    assert [line["visual_number"] for line in of_batch(run, "Autumn")["lines"]] == ["DE*8PS*000001", "X1"]
    again = run("batch", "import", "Autumn", file, "--skip-bad")
    assert (again.code, "has a manifest of 2 numbers already" in again.err) == (1, True)


def test_a_preview_imports_nothing(run: CommandLine, tmp_path: Path) -> None:
    """It shows how the file was read, the first lines, and what is wrong, and ends as the import would."""
    run("batch", "create", "Autumn")
    file = numbers(tmp_path, "Nummer;uid;Ort", *(f"A{index};;x" for index in range(1, 13)), "DE-8PS-C0CD0C002-Q;;")
    done = run("batch", "import", "Autumn", file, "--preview")
    assert done.code == 0
    assert f"file       {file} (CSV, semicolon between columns)" in done.out
    assert "numbers    Nummer" in done.out
    assert "not used   Ort" in done.out
    assert "good rows  13" in done.out
    assert "… and 3 more" in done.out
    assert "warning: row 14 (DE-8PS-C0CD0C002-Q): the last character is wrong: B is the right one" in done.err
    assert "nothing was imported" in done.err
    assert of_batch(run, "Autumn")["size"] == 0
    bad = numbers(tmp_path, "number", "A1", "A1")
    assert run("batch", "import", "Autumn", bad, "--preview").code == 1
    assert run("batch", "import", "Autumn", bad, "--preview", "--skip-bad").code == 0


def test_a_workbook_is_imported(run: CommandLine, tmp_path: Path) -> None:
    """From the sheet that is named, with UIDs in the order that is told."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("cards")
    for row in (["visualNumber", "uid"], ["A1", "f6e5d4c3b2a104"]):
        sheet.append(row)
    book.save(tmp_path / "numbers.xlsx")
    options = ("--manifest", str(tmp_path / "numbers.xlsx"), "--sheet", "cards", "--uid-order", "reversed")
    assert run("batch", "create", "Autumn", *options).code == 0
    assert [line["uid"] for line in of_batch(run, "Autumn")["lines"]] == ["04a1b2c3d4e5f6"]


def test_many_bad_rows_are_not_all_told(run: CommandLine, tmp_path: Path) -> None:
    """A file of another kind does not flood the terminal; and where nothing is good nothing is skipped."""
    run("batch", "create", "Autumn", "--pattern", r"\d+")
    done = run("batch", "import", "Autumn", numbers(tmp_path, "number", *(f"A{i}" for i in range(99))), "--skip-bad")
    assert done.code == 1
    assert len(done.err.splitlines()) == 53
    assert "error: … and 49 more rows" in done.err
    assert "has no good row" in done.err


@pytest.mark.parametrize("command", ["import", "show", "close", "report"])
def test_a_batch_that_is_not_there_is_told(run: CommandLine, tmp_path: Path, command: str) -> None:
    """With the way to those that are."""
    file = [numbers(tmp_path, "A1")] if command == "import" else []
    done = run("batch", command, "Winter\x1b", *file)
    assert done.code == 1
    assert "there is no batch Winter<1B>" in done.err
    assert "tagsmith batch list --all" in done.err


# --- what becomes of it ----------------------------------------------------------------------------------------------


def made(run: CommandLine, tmp_path: Path, in_journal: Any) -> None:
    """A batch of four numbers: paired, paired and unchecked, skipped, left. And a stranger, and a rejected key."""
    file = numbers(tmp_path, *(journal_entry(index).visual_number for index in (1, 2, 3, 4)))
    assert run("batch", "create", "Autumn", "--manifest", file).code == 0

    async def work(journal: Journal) -> None:
        stand = await journal.batch(TARGET, "Autumn")
        assert stand is not None
        now = datetime.now(UTC)

        def pair(index: int, **fields: Any) -> Entry:
            known = {"target": TARGET, "batch": stand.batch.id, "operator": "Ada"}
            return journal_entry(index, paired_at=now + timedelta(seconds=20 * index), **known, **fields)

        await journal.append(pair(1))
        await journal.append(pair(2, needs_check=True))
        await journal.append(pair(9))
        await journal.skip_line(stand.batch.id, 3, "damaged", "Ada")
        await journal.reject_key(TARGET, reject(3, at=now, batch=stand.batch.id, cause="damaged-print"))

    in_journal(work)


def test_a_batch_is_shown_with_what_became_of_its_lines(run: CommandLine, tmp_path: Path, in_journal: Any) -> None:
    """For people and for programs."""
    made(run, tmp_path, in_journal)
    lines = of_batch(run, "Autumn")["lines"]
    assert [(line["position"], line["state"], line["note"], line["entry"]) for line in lines] == [
        (1, "paired", "", "entry-1"),
        (2, "unchecked", "", "entry-2"),
        (3, "skipped", "damaged", None),
        (4, "expected", "", None),
        (None, "paired", "", "entry-9"),
    ]
    shown = run("batch", "show", "Autumn", "--lines").out
    assert "unchecked     1" in shown
    assert "3         DE*8PS*000003" in shown
    assert "skipped    damaged" in shown
    assert "POSITION" not in run("batch", "show", "Autumn").out
    (listed,) = run("batch", "list", "--json").json
    assert (listed["paired"], listed["left"], listed["skipped"], listed["rejected"], listed["unchecked"]) == (
        3,
        0,
        1,
        1,
        1,
    )
    assert run("batch", "list").out.splitlines()[1].split()[:6] == ["Autumn", "3", "0", "1", "1", "1"]


def test_closing_names_what_stays_behind_and_asks(run: CommandLine, tmp_path: Path, in_journal: Any) -> None:
    """Pairs that are never sent then, and numbers that are left; without a yes nothing is done."""
    made(run, tmp_path, in_journal)
    nobody = run("batch", "close", "Autumn")
    assert (nobody.code, "--yes" in nobody.err) == (1, True)
    asked = run("batch", "close", "Autumn", typed=["n"])
    assert asked.code == 1
    assert asked.err.splitlines()[:2] == [
        "1 pairs wait for their check and are not sent: DE*8PS*000002",
        "1 numbers are left: DE*8PS*000004",
    ]
    assert "Close batch Autumn (3 paired)?" in asked.err
    assert of_batch(run, "Autumn")["closed_at"] is None
    assert run("batch", "close", "Autumn", typed=["y"]).out == "closed: Autumn, 3 paired\n"
    assert run("batch", "close", "Autumn").out.startswith("closed already: Autumn")
    assert run("batch", "list", "--json").json == []
    (closed,) = run("batch", "list", "--all", "--json").json
    assert closed["closed_by"]


def test_a_batch_without_a_manifest_tells_how_many_are_left(run: CommandLine) -> None:
    """Nobody knows which."""
    run("batch", "create", "Autumn", "--goal", "5")
    assert "5 of 5 keys are left" in run("batch", "close", "Autumn", "--yes").err


def test_a_batch_is_reported(run: CommandLine, tmp_path: Path, in_journal: Any) -> None:
    """For people, as JSON and as CSV, with the same figures."""
    made(run, tmp_path, in_journal)
    found = run("batch", "report", "Autumn", "--json").json
    assert {name: found[name] for name in found.keys() - {"started_at"}} == {
        "title": "Autumn",
        "operators": ["Ada"],
        "ended_at": None,
        "paired": 3,
        "undone": 0,
        "rejected": 1,
        "rejects": {"damaged-print": 1},
        "first_pass_yield": 0.75,
        "median_cycle_s": 80.0,
        "per_hour": 68,
        "recoveries": 0,
        "waiting": 2,
    }
    people = run("batch", "report", "Autumn").out
    assert "first-pass yield    75.0 %" in people
    assert "  damaged-print     1" in people
    rows = dict(csv.reader(io.StringIO(run("batch", "report", "Autumn", "--csv").out)))
    assert (rows["field"], rows["paired"], rows["rejected: damaged-print"], rows["ended_at"]) == ("value", "3", "1", "")
    assert run("batch", "report", "Autumn", "--csv", "--json").code == 2


def test_a_name_runs_no_formula(run: CommandLine) -> None:
    """A title that a spreadsheet would calculate is defused in CSV."""
    run("batch", "create", "=1+1")
    assert "title,'=1+1" in run("batch", "report", "=1+1", "--csv").out


def test_what_was_exported_has_the_batch_and_the_operator(run: CommandLine, tmp_path: Path, in_journal: Any) -> None:
    """By its name, and in the entry's own page too."""
    made(run, tmp_path, in_journal)
    lines = run("journal", "export", "--format", "jsonl").out.splitlines()
    assert [(row["batch"], row["operator"]) for row in map(json.loads, lines)] == [("Autumn", "Ada")] * 3
    shown = run("journal", "show", "entry-2", "--json").json
    assert (shown["batch"], shown["needs_check"], shown["checked"]) == ("Autumn", True, False)


def test_every_command_of_the_page_works(run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/batches.md from top to bottom, with the file that it shows; its columns are those that are known."""
    page = (Path(__file__).parent.parent / "docs" / "batches.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shown = [line.strip() for line in re.findall(r"^    (?!tagsmith)(.*)$", page, re.MULTILINE)]
    assert shown[0] == "visualNumber;uid"
    Path("fobs.csv").write_text("\n".join(shown), encoding="utf-8")
    Path("winter.csv").write_text("\n".join(line.replace("0001", "0002") for line in shown[:1] + shown[2:]))
    commands = re.findall(r"^    tagsmith (.*)$", page, re.MULTILINE)
    assert len(commands) >= 9
    for command in commands:
        done = run(*shlex.split(command, comments=True))
        assert done.code == 0, (command, done.err)
    assert {one["name"]: one["size"] for one in run("batch", "list", "--all", "--json").json} == {
        "Autumn": 0,
        "Fobs 7": 2,
        "Winter": 1,
    }
    for kind, names in (("the numbers", NUMBER_NAMES), ("the UIDs", UID_NAMES)):
        (row,) = re.findall(rf"^\| {kind}.*\| (.*) \|$", page, re.MULTILINE)
        assert {name.casefold() for name in re.findall("`([^`]+)`", row)} == {
            name.replace("visual_number", "visualNumber").casefold() for name in names
        }


def test_the_help_is_there_in_a_process_of_its_own(run: CommandLine) -> None:
    """Every command of the group says what it does."""
    import os

    done = tagsmith("batch", "--help", env=os.environ)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if line.strip()] == [
        *("close", "create", "import", "list", "report", "show")
    ]
