"""The whole examination: order, what a failing check becomes, and settings that are wrong."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from support.machine import machine, only, write
from tagsmith.doctor import CHECKS, Check, Finding, Section, Verdict, examine
from tagsmith.doctor.finding import lines_of
from tagsmith.doctor.patient import Patient
from tagsmith.errors import JournalError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings without hardware, with an API that nobody is asked for."""
    return write(
        tmp_path / "tagsmith.toml", f'[[reader]]\nspec = "sim:"\n[journal]\nurl = "sqlite:///{tmp_path}/j.db"\n'
    )


def fails(error: BaseException) -> Check:
    def ask(patient: Patient) -> list[Finding]:
        raise error

    return Check("broken", ask)


def test_the_worst_comes_first(tmp_path: Path, config: Path) -> None:
    """And what is equally bad stays in the order in which it was asked."""

    def all_kinds(patient: Patient) -> list[Finding]:
        return [Finding(str(verdict), verdict, "") for verdict in reversed(Verdict)]

    found = examine(machine(tmp_path), config, checks=(Check("one", all_kinds), Check("two", all_kinds)))
    verdicts = [finding.verdict for finding in found if finding.check != "api-settings"]
    assert verdicts == [verdict for verdict in Verdict for _ in range(2)]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (JournalError("no room left on the disc"), "no room left on the disc"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (ZeroDivisionError("k3y"), "ZeroDivisionError"),
    ],
)
def test_a_check_that_fails_becomes_a_finding(tmp_path: Path, config: Path, error: Exception, said: str) -> None:
    """The others have their say; an unexpected error's own text, which may hold anything, is not shown."""
    sound = Check("sound", lambda patient: [Finding("sound", Verdict.OK, "well")])
    found = {one.check: one for one in examine(machine(tmp_path), config, checks=(fails(error), sound))}
    assert found["sound"].what == "well"
    assert (found["broken"].verdict, found["broken"].what) == (Verdict.WARN, f"could not be checked: {said}")


def test_a_check_that_hangs_does_not_stop_the_others(tmp_path: Path, config: Path) -> None:
    """A driver that never answers: said so, and the examination goes on."""
    release = threading.Event()

    def hang(patient: Patient) -> list[Finding]:
        release.wait(10)
        return []

    found = examine(machine(tmp_path), config, checks=(Check("stuck", hang, patience_s=0.01),))
    release.set()
    (finding,) = (one for one in found if one.check == "stuck")
    assert finding.what == "could not be checked: no answer within 0.01 s"


def test_wrong_settings_are_a_finding_and_the_machine_is_examined_all_the_same(tmp_path: Path) -> None:
    """The complaint of the settings, in their words; every check that needs none has its say."""
    config = write(tmp_path / "tagsmith.toml", "[uid]\nordre = 'wire'\n")
    found = examine(machine(tmp_path), config)
    assert found[0].check == "settings"
    assert found[0].verdict is Verdict.BAD
    assert "'ordre'" in found[0].what
    assert "did you mean `order`?" in found[0].remedy
    assert {"kernel-modules", "pcscd", "clock"} <= {finding.check for finding in found}
    assert "reader" not in {finding.check for finding in found if finding.verdict is Verdict.BAD}


def first(root: Path, text: str) -> Finding:
    """What is said first of a machine with this settings file."""
    file = write(root / "tagsmith.toml", f'{text}\n[journal]\nurl = "sqlite:///{root}/j.db"\n')
    return examine(machine(root), file, checks=())[0]


def test_two_readers_with_one_lane(tmp_path: Path) -> None:
    """What to write, and not only what is wrong; so too for any other complaint."""
    finding = first(tmp_path, '[[reader]]\nspec = "sim:a"\nlane = "A"\n[[reader]]\nspec = "sim:b"\nlane = "a"')
    assert (finding.check, finding.verdict) == ("settings", Verdict.BAD)
    assert 'lane = "A" in the first, lane = "B" in the second' in finding.remedy
    assert first(tmp_path, "[pairing]\ntimeout_s = 0").remedy.startswith("# ")


def test_a_settings_file_that_is_not_there(tmp_path: Path) -> None:
    """A finding like any other."""
    finding = examine(machine(tmp_path), tmp_path / "none.toml", checks=())[0]
    assert finding.what == f"there is no configuration file {tmp_path}/none.toml"
    assert finding.remedy == "# check the path given with --config"


def test_no_api_is_chosen(tmp_path: Path) -> None:
    """The variable to set, as it is typed, and the line to write."""
    command, line = first(tmp_path, "[uid]").remedy.splitlines()
    assert command == "export TAGSMITH_API__ENVIRONMENT=sandbox"
    assert 'environment = "sandbox"' in line


def test_a_key_file_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is a command is typed as it stands: no sign of a comment before it. An empty file is filled."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    key = tmp_path / "key"
    api = f'[api]\nenvironment = "stage"\nkey_file = "{key}"'
    assert first(tmp_path, api).remedy == f"ls -l {key}"
    key.touch(0o644)
    assert first(tmp_path, api).remedy == f"chmod 600 {key}"
    key.chmod(0o600)
    assert first(tmp_path, api).remedy == f"cat > {key}\n# now paste the key, press Enter, then Ctrl-D"
    key.unlink()
    key.mkdir()
    assert "key_file = " in first(tmp_path, api).remedy
    assert first(tmp_path, '[api]\nenvironment = "stage"').remedy.startswith("# put it into a file")


@pytest.mark.parametrize(
    ("remedy", "lines"),
    [
        ("", ""),
        ("`sudo true`", "sudo true"),
        ("`sudo true`, or `false`", "# `sudo true`, or `false`"),
        ("plug it in\nand wait", "# plug it in\n# and wait"),
        ("sudoers are asked", "# sudoers are asked"),
    ],
)
def test_commands_are_told_from_words(remedy: str, lines: str) -> None:
    """No shell takes a sentence for a command, and no command hides behind a sign of a comment."""
    assert lines_of(remedy) == lines


def test_settings_without_an_api_are_examined_without_one(tmp_path: Path, config: Path) -> None:
    """Journal, readers and disc are looked at; the API and the order are passed over."""
    found = {finding.check: finding for finding in examine(machine(tmp_path), config)}
    assert found["api-settings"].verdict is Verdict.BAD
    assert found["journal"].verdict is Verdict.OK
    assert found["api"].verdict is found["byte-order"].verdict is Verdict.SKIPPED


def test_a_check_of_its_own_always_has_a_name_and_asks_a_sound_machine_well(tmp_path: Path, config: Path) -> None:
    """On a machine without any fault nothing is bad but what the settings lack, and every check has its say."""
    found = examine(machine(tmp_path), config)
    assert [finding.check for finding in found if finding.verdict is Verdict.BAD] == ["api-settings"]
    assert {finding.check for finding in found} == {check.name for check in CHECKS} | {"api-settings"}
    assert only([one for one in found if one.check == "reader"], Verdict.SKIPPED).what == "sim: is no hardware"


def test_every_section_is_in_the_manual() -> None:
    """A message leads to an anchor that is there: a mark of its own, or a heading as GitHub writes it."""
    text = (ROOT / "hardware.md").read_text(encoding="utf-8")
    anchors = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        anchors.add(re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-"))
    assert {str(section) for section in Section if section} <= anchors
