"""The commands: what they print, where, and how they end; as processes where that is the point."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import called
from support.headless import entries, environment, tagsmith
from support.journal import entry as journal_entry
from support.journal import opened
from support.pn532 import Pn532, TypeA
from tagsmith.cli.read import _Taps
from tagsmith.model import LegName, LegState, Settlement, Tag
from tagsmith.readers import TagArrived
from tagsmith.uid import ByteOrder, Uid

NO_API = "http://127.0.0.1:9"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A journal of its own and an API that nobody answers for."""
    return environment(tmp_path, NO_API)


def answer(*arguments: str, env: dict[str, str]) -> dict[str, object]:
    """The one JSON object that a command prints."""
    done = called(*arguments, env=env)
    assert done.returncode == 0, done.stderr
    parsed = json.loads(done.stdout)
    assert isinstance(parsed, dict)
    return parsed


def test_uid_in_both_orders(env: dict[str, str]) -> None:
    """The seeds' pair: chip 4390b827 is sent as 27b89043."""
    assert answer("uid", "43:90:B8:27", "--json", env=env) == {
        "wire": "4390b827",
        "reversed": "27b89043",
        "api": "27b89043",
        "verdict": "accept",
        "reason": "four-byte-uid",
    }
    wire = {**env, "TAGSMITH_UID__ORDER": "wire"}
    assert answer("uid", "4390b827", env=wire)["api"] == "4390b827"


def test_visual_number(env: dict[str, str]) -> None:
    """A number is judged by hand as the station judges it."""
    good = answer("visual-number", "NL-TNM-012204-5", "--json", env=env)
    assert (good["format"], good["check"], good["emi3"], good["verdict"]) == ("din", "ok", "NL-TNM-C00122045-K", "ok")
    bad = answer("visual-number", "DE-8PS-C0CD0C002-Q", env=env)
    assert (bad["format"], bad["check"], bad["expected"], bad["verdict"]) == ("iso", "failed", "B", "warn")
    strict = {**env, "TAGSMITH_NUMBER__CHECK_DIGIT": "block"}
    assert answer("visual-number", "DE-8PS-C0CD0C002-Q", env=strict)["verdict"] == "block"
    assert answer("visual-number", "a\x1bb", env=env)["verdict"] == "block"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("uid", "xyz"), 1, "hexadecimal"),
        (("uid",), 2, "Missing argument"),
        (("nonsense",), 2, "No such command"),
        (("journal", "show", "nothing"), 1, "no entry"),
        (("journal", "list", "--state", "gone"), 2, "held"),
        (("run", "--headless", "--reader", "nfc:x"), 1, "nfc"),
        (("run", "--headless", "--user", "a/b"), 1, "user id"),
        (("run", "--headless", "--scanner", "evdev:x"), 1, "names no input device"),
        (("run", "--headless", "--scanner", "keyboard:"), 1, "scanner"),
        (("run",), 1, "--headless"),
        (("demo", "--auto", "0"), 2, "--auto"),
        (("uid", "04", "--config", "/nowhere.toml"), 1, "nowhere.toml"),
    ],
)
def test_wrong_use_is_told_in_words(env: dict[str, str], arguments: tuple[str, ...], code: int, said: str) -> None:
    """Errors go to standard error with 1, wrong usage with 2, and never as a traceback."""
    done = called(*arguments, env=env)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nonsense",), 2, "No such command"),
        (("read", "--reader", "sim:/nowhere.toml", "--count", "1"), 1, "cannot be read"),
    ],
)
def test_wrong_use_ends_the_process(env: dict[str, str], arguments: tuple[str, ...], code: int, said: str) -> None:
    """The exit code and the streams of the real program are those of the calls above."""
    done = tagsmith(*arguments, env=env)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_ours_is_no_traceback(tmp_path: Path) -> None:
    """What nobody foresaw is one line, and the details come with -v."""
    code = "import tagsmith.uid, tagsmith.cli; tagsmith.uid.judge = None; tagsmith.cli.run_command_line()"
    for flags, shown in ((), False), (("-v",), True):
        done = subprocess.run(
            [sys.executable, "-c", code, *flags, "uid", "04a1b2c3"],
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "this should not happen: TypeError" in done.stderr
        assert ("Traceback" in done.stderr) is shown


def test_no_api_is_no_default(tmp_path: Path) -> None:
    """Without a choice of API the station does not start: nothing is production by accident."""
    done = tagsmith("run", "--headless", env={**os.environ, "TAGSMITH_JOURNAL__URL": f"sqlite:///{tmp_path}/j.sqlite"})
    assert done.returncode == 1
    assert "environment" in done.stderr


def test_read_prints_a_line_per_tap(env: dict[str, str], tmp_path: Path) -> None:
    """One JSON line per tap with uid, uid_api, verdict, warnings, reader and at; it ends after --count."""
    path = tmp_path / "taps.toml"
    path.write_text('[[step]]\nput = "04a1b2c3d4e5f6"\nfor_s = 1.5\n\n[[step]]\nput = "08c0ffee"\n', encoding="utf-8")
    done = tagsmith("read", "--reader", f"sim:{path}", "--count", "2", env=env)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["uid"] for line in lines] == ["04a1b2c3d4e5f6", "08c0ffee"]
    assert [line["uid_api"] for line in lines] == ["f6e5d4c3b2a104", "eeffc008"]
    assert set(lines[0]) == {"uid", "uid_api", "verdict", "warnings", "reader", "at"}


def test_read_judges_each_tag(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """As the station would: what can be no charging key does not look like one; settings count."""
    judged = {
        "04a1b2c3d4e5f6": ("accept", []),
        "4390b827": ("accept", []),
        "01020304": ("warn", ["demonstration-uid"]),
        "0102030405": ("refuse", ["low-frequency-tag"]),
        "08c0ffee": ("refuse", ["random-uid"]),
        "e004010203040506": ("refuse", ["eight-byte-uid"]),
    }
    for allow in False, True:
        taps = _Taps("sim:", ByteOrder.REVERSED, allow_eight_bytes=allow)
        for uid in judged:
            taps.take(TagArrived(Tag(Uid.from_hex(uid)), 1.0))
        taps.take(TagArrived(Tag(Uid.from_hex("04a1b2c3d4e5f6"), sak=0x04), 1.0))
        lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
        assert (lines[-1]["verdict"], lines.pop()["warnings"]) == ("refuse", ["uid-incomplete"])
        assert {line["uid"]: (line["verdict"], line["warnings"]) for line in lines} == judged
        judged["e004010203040506"] = ("accept", [])


def test_a_tap_that_comes_early_counts(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A key that lies there at the start may be read before anybody waits for it: the command still ends in time."""
    taps = _Taps("sim:", ByteOrder.REVERSED, allow_eight_bytes=False, count=2)
    for uid in ("04a1b2c3d4e5f6", "4390b827", "04a1b2c3d4e5f7"):
        taps.take(TagArrived(Tag(Uid.from_hex(uid)), 1.0))
    taps.write()
    assert len(capfdbinary.readouterr().out.splitlines()) == 2


def _read(spec: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tagsmith", "read", "--reader", spec],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_read_closes_its_reader_when_it_is_ended(env: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    """A PN532 is set back to the speed it wakes up with: the next program would find it deaf. No traceback."""
    with Pn532(tmp_path / "pn532") as device:
        device.put(TypeA(bytes.fromhex("04a1b2c3d4e5f6")))
        with _read(device.spec, env) as process:
            assert process.stdout is not None
            try:
                assert json.loads(process.stdout.readline())["uid"] == "04a1b2c3d4e5f6"
                assert device.chip.baud != 115200
                process.send_signal(number)
                _, said = process.communicate(timeout=30)
            finally:
                process.kill()
        assert process.returncode == 128 + number
        assert b"Traceback" not in said
        assert device.chip.baud == 115200


def test_read_ends_although_nobody_takes_its_lines(env: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM while standard output is full."""
    path = tmp_path / "taps.toml"
    # The reader goes away after the tap, which is told.
    path.write_text('[[step]]\nput = "04a1b2c3d4e5f6"\nfor_s = 0.3\n\n[[step]]\nunplug = true\n', encoding="utf-8")
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, b"x" * 4096)
    os.set_blocking(theirs, True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tagsmith", "read", "--reader", f"sim:{path}"],
        env=env,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert [b"ready" in process.stderr.readline() for _ in range(2)] == [True, False]
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(theirs)
        os.close(ours)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"Traceback" not in said


def test_read_tells_what_is_in_the_way_and_what_to_do(env: dict[str, str], tmp_path: Path) -> None:
    """Message and remedy stand apart."""
    spec = f"serial:{tmp_path / 'nothing'}?frame=hex-line&length=7"
    with _read(spec, env) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline().decode()
        finally:
            process.kill()
    message, arrow, remedy = said.partition(" → ")
    assert message.startswith(f"{spec}: ")
    assert arrow
    assert remedy.strip()


def test_demo_by_itself(env: dict[str, str], tmp_path: Path) -> None:
    """`demo --auto N` plays N keys, loses none, and looks at no configuration, not even a broken one."""
    broken = {"TAGSMITH_API__URL": "nonsense", "TAGSMITH_BOGUS": "1", "TMPDIR": str(tmp_path)}
    done = tagsmith("demo", "--auto", "25", env={**env, **broken})
    assert done.returncode == 0, done.stderr
    assert "25 paired, 25 reserved, 0 left, 0 lost" in done.stdout
    assert "journal: sound, 25 entries" in done.stdout
    url = next(word for word in done.stdout.split() if word.startswith("TAGSMITH_JOURNAL__URL="))
    listed = entries({**env, "TAGSMITH_JOURNAL__URL": url.partition("=")[2]})
    assert {entry["state"] for entry in listed} == {"reserved"}
    shown = called("journal", "show", listed[0]["entry"], "--json", env={**env, "TAGSMITH_JOURNAL__URL": url[22:]})
    assert json.loads(shown.stdout)["entry"] == listed[0]["entry"]
    assert "events" in json.loads(shown.stdout)


def test_journal_verify_finds_an_edit(env: dict[str, str], tmp_path: Path) -> None:
    """An edited database is not sound: exit code 1, and the row is named."""
    with opened(tmp_path / "journal.sqlite") as journal:
        asyncio.run(journal.append(journal_entry(1)))
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {name}")
        database.execute("update entries set visual_number = 'N-666'")
    database.close()
    verified = called("journal", "verify", "--json", env=env)
    assert verified.returncode == 1
    assert "visual_number" in json.loads(verified.stdout)["problems"][0]


def test_looking_at_no_journal_makes_none(env: dict[str, str], tmp_path: Path) -> None:
    """A mistyped path is told, answers as an empty journal does, and leaves no file behind."""
    verified = called("journal", "verify", "--json", env=env)
    assert verified.returncode == 0
    assert json.loads(verified.stdout)["entries"] == 0
    assert str(tmp_path) in verified.stderr
    assert json.loads(called("journal", "list", "--json", env=env).stdout) == []
    assert not list(tmp_path.glob("journal*"))


def test_an_output_that_takes_no_more_is_told(env: dict[str, str]) -> None:
    """A full disc behind standard output is one line, not a traceback."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tagsmith", "uid", "04a1b2c3"],
            env=env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "cannot read or write" in done.stderr
    assert "Traceback" not in done.stderr


def test_export_is_safe_for_spreadsheets(env: dict[str, str], tmp_path: Path) -> None:
    """The header stands first, and --output writes a file."""
    done = called("journal", "export", "--format", "csv", "--output", str(tmp_path / "out.csv"), env=env)
    assert done.returncode == 0, done.stderr
    head = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head == "entry,uid,uid_api,visual_number,state,paired_at,delivered_at,user_id,contract_id,batch,operator"
    refused = called("journal", "export", "--output", str(tmp_path), env=env)
    assert refused.returncode in (1, 2)
    assert "Traceback" not in refused.stderr


def test_courier_once_with_nothing_to_send(env: dict[str, str]) -> None:
    """`courier --once` on an empty journal ends with 0, whether the API answers or not."""
    assert tagsmith("courier", "--once", env=env).returncode == 0


def test_journal_undo(env: dict[str, str], tmp_path: Path) -> None:
    """A pair that was never sent is taken back by command; one that was sent is not, and says so."""

    async def fill() -> None:
        with opened(tmp_path / "journal.sqlite") as journal:
            await journal.append(journal_entry(1))
            await journal.append(journal_entry(2))
            await journal.attempt("entry-2", LegName.RESERVATION, "{}")

    asyncio.run(fill())
    done = called("journal", "undo", "DE*8PS*000001", "--reason", "wrong batch", env=env)
    assert done.returncode == 0, done.stderr
    assert [entry["state"] for entry in entries(env)] == ["undone", "queued"]
    missing = called("journal", "undo", "nothing", env=env)
    assert (missing.returncode, "no entry nothing" in missing.stderr) == (1, True)
    refused = called("journal", "undo", "2", env=env)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_journal_brings_back_and_settles(env: dict[str, str], tmp_path: Path) -> None:
    """What was refused is retried and corrected, a doubt is settled by a word, each by command and with its reason."""
    outcomes = {
        1: Settlement(LegState.REFUSED, status=400),
        2: Settlement(LegState.REFUSED, status=400),
        3: Settlement(LegState.UNKNOWN, status=409),
    }

    async def fill() -> None:
        with opened(tmp_path / "journal.sqlite") as journal:
            for index, settlement in outcomes.items():
                await journal.append(journal_entry(index))
                attempt_id = await journal.attempt(f"entry-{index}", LegName.RESERVATION, "{}")
                await journal.settle(f"entry-{index}", LegName.RESERVATION, attempt_id, settlement)

    asyncio.run(fill())
    past = called("journal", "correct", "1", "--valid-to", "2001-01-01T00:00:00Z", env=env)
    assert (past.returncode, "past" in past.stderr, "Traceback" in past.stderr) == (1, True, False)
    assert called("journal", "correct", "1", "--valid-to", "2999-01-01T00:00:00Z", env=env).returncode == 0
    assert called("journal", "retry", "--refused", env=env).stdout.startswith("sent again: DE*8PS*000002")
    assert called("journal", "resolve", "3", "--reserved", "--reason", "seen", env=env).returncode == 0
    assert [entry["state"] for entry in entries(env)] == ["queued", "queued", "reserved"]
    assert called("journal", "resolve", "3", "--reserved", env=env).returncode == 2
    again = called("journal", "resolve", "3", "--not-reserved", "--reason", "no", env=env)
    assert (again.returncode, "Traceback" in again.stderr) == (1, False)


def test_journal_backup_and_adopt(env: dict[str, str], tmp_path: Path) -> None:
    """A backup is written by command, delivers nothing where it is restored, and is adopted with a reason."""
    with opened(tmp_path / "journal.sqlite") as journal:
        asyncio.run(journal.append(journal_entry(1)))
    copy = tmp_path / "copy.sqlite"
    assert called("journal", "backup", str(copy), env=env).returncode == 0
    assert called("journal", "backup", str(copy), env=env).returncode == 1
    at_home = called("journal", "adopt", "--reason", "none", env=env)
    assert "at home" in at_home.stdout
    env["TAGSMITH_JOURNAL__URL"] = f"sqlite:///{copy}"
    unasked = called("journal", "adopt", "--reason", "the disc died", env=env)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (1, True)
    adopted = called("journal", "adopt", "--reason", "the disc died", "--yes", env=env)
    assert "1 open deliveries were put in doubt" in adopted.stdout
    assert [entry["state"] for entry in entries(env)] == ["unknown"]
