"""`tagsmith setup`: from a file of answers, from a dialogue, and what a wrong answer is told."""

from __future__ import annotations

import os
import re
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cli import called
from support.headless import Headless, environment
from support.terminal import Terminal
from tagsmith.cli.setup import _credential
from tagsmith.config import load, resolve_api, settings_of
from tagsmith.errors import ConfigError
from tagsmith.sandbox import Sandbox
from tagsmith.setup import (
    Answers,
    KeyStore,
    Mode,
    Places,
    configuration,
    enable,
    give_journal,
    lines,
    places,
    put_settings,
    read,
)

KEY = "s3cret-key"
UID = "04a1b2c3d4e580"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An API with a key of its own."""
    made = Sandbox(key=KEY)
    made.start()
    yield made
    made.stop()


def answers(folder: Path, text: str) -> Path:
    """A file of answers."""
    path = folder / "answers.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- from a file --------------------------------------------------------------------------------------------------


def test_a_file_of_answers_ends_in_a_station_that_pairs(tmp_path: Path, sandbox: Sandbox) -> None:
    """An image is set up without a question; the station of its settings pairs and delivers to the sandbox."""
    (tmp_path / "scenario.toml").write_text(f'[[step]]\nput = "{UID}"\n')
    key = tmp_path / "line-3.key"
    key.touch(mode=0o600)
    key.write_text(KEY + "\n")
    root = tmp_path / "image"
    root.mkdir()
    source = answers(
        tmp_path,
        f"""[setup]
mode = "none"
key_from = "line-3.key"

[station]
name = "line 3 \\"left\\""

[api]
url = "{sandbox.url}"

[journal]
url = "sqlite:///{root}/journal.sqlite"

[courier]
hold_s = 0

[[reader]]
spec = "sim:{tmp_path}/scenario.toml"
lane = "A"

[[scanner]]
spec = "stdin:"
lane = "A"
""",
    )
    env = {name: value for name, value in environment(tmp_path, "").items() if not name.startswith("TAGSMITH_")}
    done = called("setup", "--from", str(source), "--root", str(root), env=env)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    settings = root / "etc/tagsmith/tagsmith.toml"
    stored = root / "etc/tagsmith/api-key"
    assert stored.stat().st_mode & 0o777 == 0o600
    assert KEY not in settings.read_text()
    with Headless("--config", str(settings), env=env) as station:
        station.expect("tapped", uid=UID)
        assert station.expect("ready")["station"] == 'line 3 "left"'
        station.send("DE-8PS-C0CD0C002-B")
        station.expect("paired")
        station.expect("delivered", state="reserved")
    again = called("setup", "--from", str(source), "--root", str(root), env=env)
    assert "stays as it is" in again.stdout
    assert not settings.with_name("tagsmith.toml.bak").exists()


BASE = '[setup]\nmode = "none"\n[api]\nenvironment = "sandbox"\n[[reader]]\nspec = "sim:"\n'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BASE.replace("none", "kioks"), 2, "mode is none of kiosk, headless, none"),
        (BASE.replace("sandbox", "sandbocks"), 4, "environment"),
        (BASE.replace('"sim:"', '"pscs:"'), 6, "pscs:"),
        (BASE + '[uid]\nordr = "wire"\n', 8, "ordr"),
        (BASE + "[courier]\n\nhold_s = -1\n", 9, "hold_s"),
        (BASE.replace('environment = "sandbox"', ""), 3, "environment is missing"),
        (BASE.replace("none", "headless"), 2, "no [[scanner]]"),
        (BASE.replace("mode", "mood"), 2, "unknown setting 'mood'"),
        (BASE.replace('mode = "none"', 'key_from = "nowhere"'), 2, "key_from"),
        (BASE + '[[scanner]]\nspec = "serial:/dev/x?bode=1"\n', 8, "bode"),
        ("[setup\n", 1, "TOML"),
    ],
)
def test_a_wrong_answer_is_told_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    """And nothing is written."""
    with pytest.raises(ConfigError) as caught:
        read(answers(tmp_path, text))
    assert f"line {line}" in caught.value.message
    assert message in caught.value.message


def test_a_key_in_the_answers_is_refused(tmp_path: Path) -> None:
    """A file that goes to many stations must not hold it; it is not repeated either."""
    with pytest.raises(ConfigError) as caught:
        read(answers(tmp_path, BASE.replace("[[reader]]", f'key = "{KEY}"\n[[reader]]')))
    assert "file of its own" in caught.value.message
    assert KEY not in str(caught.value)


def test_the_api_that_bills_needs_a_key(tmp_path: Path) -> None:
    """Before anything is written."""
    source = answers(tmp_path, BASE.replace("sandbox", "stage"))
    env = {name: value for name, value in environment(tmp_path, "").items() if not name.startswith("TAGSMITH_")}
    (tmp_path / "image").mkdir()
    done = called("setup", "--from", str(source), "--root", str(tmp_path / "image"), env=env)
    assert done.returncode == 1
    assert "no API key for stage" in done.stderr
    assert not any((tmp_path / "image").iterdir())


def test_the_documented_answers_are_answers(tmp_path: Path) -> None:
    """docs/setup.md shows a file that is taken as it stands."""
    page = (Path(__file__).parents[2] / "docs" / "setup.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "line-3.key").touch(mode=0o600)
    (tmp_path / "line-3.key").write_text(KEY)
    got = read(answers(tmp_path, example))
    assert (got.mode, got.key_store) == (Mode.HEADLESS, KeyStore.CREDENTIAL)
    assert "key_file" not in configuration(got, system=True)


# --- the pieces ---------------------------------------------------------------------------------------------------


def test_settings_come_back_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes, backslashes, lists and numbers survive; the machine's settings name the services' journal."""
    sections: dict[str, Any] = {
        "api": {"environment": "sandbox", "timeout_s": 7.5},
        "number": {"pattern": r'https://a\.b/"(?P<number>\d+)'},
        "calibration": {"not_for_pairing": ["04a1b2c3d4e5f6", "08c0ffee"]},
        "pairing": {"verify": True},
        "reader": [{"spec": "sim:", "lane": "Ä\\1"}],
        "scanner": [],
    }
    text = configuration(Answers(sections), system=True)
    assert tomllib.loads(text) == {
        **{name: value for name, value in sections.items() if value},
        "journal": {"url": "sqlite:////var/lib/tagsmith/journal.sqlite"},
    }
    path = tmp_path / "tagsmith.toml"
    path.write_text(text)
    assert load(path).reader[0].lane == "Ä\\1"


def test_what_was_there_is_kept(tmp_path: Path) -> None:
    """As .bak, and with its mode."""
    path = tmp_path / "tagsmith.toml"
    assert put_settings(path, "a = 1\n") is None
    path.chmod(0o640)
    assert put_settings(path, "a = 2\n") == tmp_path / "tagsmith.toml.bak"
    assert path.read_text() == "a = 2\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "tagsmith.toml.bak").read_text() == "a = 1\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_credential_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that name no key and a service's credentials make an API."""
    path = tmp_path / "tagsmith.toml"
    path.write_text(
        configuration(Answers({"api": {"environment": "stage"}}, key_store=KeyStore.CREDENTIAL), system=True)
    )
    (tmp_path / "api-key").write_text(KEY + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert resolve_api(load(path)).key.get_secret_value() == KEY


def test_the_doctor_finds_the_credential_as_a_service_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    """What is kept for the services alone is no missing key at the end of a set-up; nothing of it is left lying."""
    credential = tmp_path / "tagsmith.api-key"
    credential.write_text(KEY + "\n")
    where = Places(tmp_path / "t.toml", tmp_path / "api-key", credential, system=True, image=False)
    settings = settings_of(api={"url": sandbox.url}, journal={"url": "sqlite:////nowhere"})
    with _credential(where):
        assert resolve_api(settings).key.get_secret_value() == KEY
        folder = Path(os.environ["CREDENTIALS_DIRECTORY"])
    assert not folder.exists()
    assert "CREDENTIALS_DIRECTORY" not in os.environ
    assert credential.read_text() == KEY + "\n"


def test_what_root_has_made_of_a_journal_is_given_to_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever calibrates as root must leave no journal that the service cannot write to; others give nothing away."""
    monkeypatch.setattr("tagsmith.setup.applying.SERVICE_USER", "nobody")
    for name in ("journal.sqlite", "journal.sqlite.seen", "other"):
        (tmp_path / name).touch()
    give_journal(f"sqlite:///{tmp_path}/journal.sqlite")
    given = {path.name for path in tmp_path.iterdir() if path.stat().st_uid != os.geteuid()}
    assert given == ({"journal.sqlite", "journal.sqlite.seen"} if os.geteuid() == 0 else set())


def test_places_are_the_machine_s_for_root_and_one_s_own_for_others(tmp_path: Path) -> None:
    """An image's always lie below it."""
    assert places(None, uid=0).settings == Path("/etc/tagsmith/tagsmith.toml")
    assert not places(None, uid=1000).system
    image = places(tmp_path, uid=1000)
    assert (image.settings, image.credential) == (
        tmp_path / "etc/tagsmith/tagsmith.toml",
        tmp_path / "etc/credstore/tagsmith.api-key",
    )


def test_one_service_is_enabled_and_the_other_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where it may be, else left to type; a failure to enable is left to type, too."""
    headless, kiosk = Answers({}, mode=Mode.HEADLESS), Answers({}, mode=Mode.KIOSK, tty="tty2")
    assert lines(headless)[1] == ["systemctl", "enable", "--now", "tagsmith-station.service"]
    assert lines(kiosk, tmp_path) == [
        ["systemctl", f"--root={tmp_path}", "disable", "tagsmith-station.service"],
        ["systemctl", f"--root={tmp_path}", "enable", "tagsmith-kiosk@tty2.service"],
    ]
    assert lines(Answers({})) == []
    assert enable(kiosk, tmp_path, run=lambda command: 0) == ([], lines(kiosk, tmp_path)), "no such unit there"
    (tmp_path / "lib/systemd/system").mkdir(parents=True)
    (tmp_path / "lib/systemd/system/tagsmith-kiosk@.service").touch()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    assert enable(kiosk, tmp_path, run=lambda command: 0) == (lines(kiosk, tmp_path), [])
    done, left = enable(kiosk, tmp_path, run=lambda command: int("enable" in command))
    assert (len(done), len(left)) == (1, 1)


# --- the dialogue -------------------------------------------------------------------------------------------------


def test_a_dialogue_in_a_terminal(tmp_path: Path, sandbox: Sandbox) -> None:
    """A simulated reader is tried with a tap, a number is scanned, the key is typed unseen, and all is written."""
    (tmp_path / "scenario.toml").write_text(f'[[step]]\nput = "{UID}"\n')
    settings = tmp_path / "etc" / "tagsmith.toml"
    dialogue = [
        ("Name of this station", "line-4"),
        ("Reader (its spec)", f"sim:{tmp_path}/scenario.toml"),
        ("Name of its lane", "A"),
        ("Another reader", "-"),
        ("Scanner (its spec", "-"),
        ("Scan the number", "DE-8PS-C0CD0C002-B"),
        ("Which Drive API", "sandbox"),
        ("Address of the sandbox", sandbox.url),
        ("key of its own?", "y"),
        ("API key", KEY),
        ("Where is the key kept", "file"),
        ("What starts with the machine", "none"),
        ("Write this to", "y"),
    ]
    command = [sys.executable, "-m", "tagsmith", "setup", "--config", str(settings), "--write-only", "--timeout", "20"]
    # Readers of a daemon that happens to run here would be offered, too.
    nowhere = str(tmp_path / "pcscd.comm")
    with Terminal(tmp_path, command=command, size=(200, 50), PCSCLITE_CSOCK_NAME=nowhere) as terminal:
        answered = 0
        for question, answer in dialogue:
            deadline = time.monotonic() + 30
            while question.encode() not in terminal.output[answered:]:
                assert time.monotonic() < deadline, f"no {question!r} in {terminal.output[answered:]!r}"
                if question == "Where is the key kept" and b"What starts" in terminal.output[answered:]:
                    break
                terminal.read(0.1)
            if question.encode() in terminal.output[answered:]:
                time.sleep(0.05)  # the hidden prompt turns off the echo first
                answered = len(terminal.output)
                terminal.type(answer.encode() + b"\n")
        deadline = time.monotonic() + 30
        while terminal.process.poll() is None and time.monotonic() < deadline:
            terminal.read(0.1)
        output = terminal.output.decode()
    assert terminal.process.returncode == 0, output
    assert f"read: {UID}" in output
    assert re.search(r"scanned: DE", output)
    assert KEY not in output
    made = load(settings)
    assert (made.station.name, made.reader[0].lane) == ("line-4", "A")
    api = resolve_api(made)
    assert (api.url, api.key.get_secret_value()) == (sandbox.url, KEY)


def test_without_a_terminal_the_answers_come_from_a_file(tmp_path: Path) -> None:
    """Nobody is asked who is not there."""
    done = called("setup", env=environment(tmp_path, ""))
    assert done.returncode == 2
    assert "--from" in done.stderr
