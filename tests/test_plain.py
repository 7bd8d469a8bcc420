"""Plain mode as its user has it: a real process, numbers in, one sentence per event out."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.headless import entries, environment
from support.wire_server import WireServer
from tagsmith.lines.libraries import missing
from tagsmith.model import Event
from tagsmith.sentences import sentence


def run_plain(folder: Path, url: str, numbers: str, **more: str) -> tuple[str, dict[str, str]]:
    """Run a station in plain mode for one key and these lines; what it wrote."""
    scenario = folder / "scenario.toml"
    scenario.write_text('[[step]]\nput = "0400000000000180"\n'.replace("0400000000000180", "04000000000180"))
    env = environment(folder, url, **more)
    process = subprocess.Popen(
        [sys.executable, "-m", "tagsmith", "run", "--plain", f"--reader=sim:{scenario}"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stdin is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if " 04000000000180 " in line or ("80010000000004" in line and "N-1" not in line):
            process.stdin.write(numbers)
            process.stdin.close()
            process.stdin = None
            break
    lines += process.stdout
    assert process.wait(30) == 0
    process.stdout.close()
    return "".join(lines), env


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("C.UTF-8", "PAIRED: N-1 with 80010000000004, saved."),
        ("de_DE.UTF-8", "FERTIG: N-1 mit 80010000000004, gesichert."),
    ],
)
def test_one_sentence_per_event(tmp_path: Path, language: str, said: str) -> None:
    """Each event is one line without colour or cursor control, in the language of LANG; the journal holds the pair."""
    with WireServer(key="test-key") as server:
        text, env = run_plain(tmp_path, server.url, "N-1\n", LC_ALL=language, PYTHONUTF8="1")
    assert said in text
    assert text.endswith("\n")
    assert all(line.isprintable() and line[2] == line[5] == ":" for line in text.splitlines())
    assert [entry["visual_number"] for entry in entries(env)] == ["N-1"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event("unlocked", {"lane": "A", "supervisor": "Ada", "by": "badge"}), "lane A: Goes on: Ada has let it."),
        (Event("unlocked", {"lane": "A", "supervisor": None, "by": "anybody"}), "lane A: This lane goes on."),
        (Event("stopped", {"lane": "A", "message": "Stopped: 5 keys."}), "lane A: Stopped: 5 keys."),
        (Event("tapped", {"lane": "A", "badge": True, "warnings": []}), "lane A: A badge was tapped."),
        (Event("undone", {"lane": None, "message": "There is no such pair."}), ": There is no such pair."),
    ],
)
def test_what_is_told_of_rework(event: Event, said: str) -> None:
    """A lane that stops and goes on, a badge that is told of without its UID, an undo that is of no lane."""
    assert sentence(event, datetime(2026, 5, 4, tzinfo=UTC)).endswith(said)


def test_json_and_sentences_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both at once is refused, with what each is for."""
    done = CommandLine(monkeypatch, capsys)("run", "--plain", "--headless")
    assert done.code == 1
    assert "exclude each other" in done.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_serving_to_others_must_be_meant(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The browser's screen is for this machine unless a person says otherwise."""
    done = CommandLine(monkeypatch, capsys)("serve", "--host", host)
    assert done.code == 1
    assert "→" in done.err


def test_a_missing_library_is_named_with_the_line_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the extra there is no traceback but the line that installs it."""
    for name in [name for name in sys.modules if name.startswith("tagsmith.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    monkeypatch.setenv("TAGSMITH_API__ENVIRONMENT", "sandbox")
    done = CommandLine(monkeypatch, capsys)("serve")
    assert done.code == 1
    assert missing("web") in done.err
