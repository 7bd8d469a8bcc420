"""The sections, their limits, and where settings are read."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tagsmith.config import Environment, Settings, load, settings_of, sources
from tagsmith.errors import ConfigError
from tagsmith.uid import ByteOrder

JOURNAL = {"url": "sqlite:////tmp/j.sqlite"}
SECRET = "s3cret-value-of-a-key"


class Files:
    """The three places of configuration files, in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.system = folder / "etc.toml"
        self.user = Path(os.environ["XDG_CONFIG_HOME"]) / "tagsmith" / "tagsmith.toml"
        self.user.parent.mkdir(parents=True)
        self.given = folder / "given.toml"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    places = Files(tmp_path)
    monkeypatch.setattr(sources, "SYSTEM_FILE", places.system)
    return places


def refusal(**sections: Any) -> str:
    """The words with which these sections are refused."""
    with pytest.raises(ConfigError) as caught:
        settings_of(**{"journal": JOURNAL} | sections)
    return str(caught.value)


def test_defaults(files: Files) -> None:
    """Without any configuration the documented defaults hold, and no API is chosen."""
    found = load()
    assert (found.api.url, found.api.environment, found.api.key_file, found.api.key) == (None, None, None, None)
    assert (found.api.timeout_s, found.uid.order, found.uid.confirmed) == (20, None, False)
    assert not found.uid.allow_eight_bytes
    assert (found.pairing.order, found.pairing.timeout_s) == ("tap-first", 30)
    assert (found.pairing.verify, found.pairing.keep_removed) == (False, True)
    assert (found.number.check_digit, found.number.pattern) == ("warn", None)
    assert (found.courier.hold_s, found.courier.drain_s) == (10, 30)
    assert (found.courier.concurrency, found.courier.requests_per_minute) == (4, 600)
    assert found.station.name == socket.gethostname()
    assert (found.reader, found.scanner) == ((), ())
    assert found.journal.url == f"sqlite:///{os.environ['XDG_STATE_HOME']}/tagsmith/journal.sqlite"


def test_the_service_has_its_journal_in_its_state_directory(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """$STATE_DIRECTORY (the first of several) comes before the user's state folder; the path is absolute."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/tagsmith:/var/lib/other")
    assert load().journal.url == "sqlite:////var/lib/tagsmith/journal.sqlite"


def test_relative_base_directories_are_ignored(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG specification says to ignore relative paths: the journal must not land in the current folder."""
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert load().journal.url == f"sqlite:///{os.environ['HOME']}/.local/state/tagsmith/journal.sqlite"


def test_without_a_home_the_journal_must_be_named(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no folder for the journal, that is said; nothing is guessed and nothing else raised."""

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    with pytest.raises(ConfigError, match=r"\[journal\] url is missing"):
        load()
    assert load(overrides={"journal": JOURNAL}).journal.url == JOURNAL["url"]


def test_the_order_of_sources(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source overrides the one below it: defaults, machine, user, --config, environment, flags."""
    found = []
    found.append(load().courier.hold_s)
    files.system.write_text("[courier]\nhold_s = 1\n")
    found.append(load().courier.hold_s)
    files.user.write_text("[courier]\nhold_s = 2\n")
    found.append(load().courier.hold_s)
    files.given.write_text("[courier]\nhold_s = 3\n")
    found.append(load(files.given).courier.hold_s)
    monkeypatch.setenv("TAGSMITH_COURIER__HOLD_S", "4")
    found.append(load(files.given).courier.hold_s)
    found.append(load(files.given, {"courier": {"hold_s": 5}}).courier.hold_s)
    assert found == [10, 1, 2, 3, 4, 5]


def test_files_are_merged_deeply(files: Files) -> None:
    """A second file that sets one field of a section keeps the others of the first: the environment never gets lost."""
    files.system.write_text('[api]\nenvironment = "stage"\ntimeout_s = 7\n[uid]\nconfirmed = true\n')
    files.user.write_text('[api]\nkey_file = "/run/key"\n')
    found = load()
    assert (found.api.environment, found.api.timeout_s) == (Environment.STAGE, 7)
    assert (found.api.key_file, found.uid.confirmed) == (Path("/run/key"), True)


def test_a_list_replaces_the_list_below(files: Files) -> None:
    """Readers of two files are not added up: the higher list is the list."""
    files.system.write_text('[[reader]]\nspec = "pcsc:A"\n[[reader]]\nspec = "pcsc:B"\n')
    files.user.write_text('[[reader]]\nspec = "pcsc:C"\nlane = "left"\n')
    assert [(reader.spec, reader.lane) for reader in load().reader] == [("pcsc:C", "left")]


@pytest.mark.parametrize("name", ["TAGSMITH_API__URL", "tagsmith_api__url", "Tagsmith_Api__Url"])
def test_variables_in_any_case(files: Files, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The names of variables are taken in any case."""
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert load().api.url == "http://127.0.0.1:1"


def test_every_scalar_setting_has_its_variable(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """All sections can be set from the environment, numbers and booleans included."""
    for name, value in {
        "API__ENVIRONMENT": "stage",
        "API__KEY": SECRET,
        "API__KEY_FILE": "/run/key",
        "API__TIMEOUT_S": "2.5",
        "API__PROXY": "http://proxy:3128",
        "API__CA_FILE": "/run/ca.pem",
        "UID__ORDER": "wire",
        "UID__CONFIRMED": "true",
        "UID__ALLOW_EIGHT_BYTES": "1",
        "PAIRING__ORDER": "either",
        "PAIRING__TIMEOUT_S": "60",
        "PAIRING__VERIFY": "yes",
        "PAIRING__KEEP_REMOVED": "false",
        "NUMBER__CHECK_DIGIT": "block",
        "NUMBER__PATTERN": r'^\{"(?P<number>.+)"\}$',
        "JOURNAL__URL": "postgresql+psycopg://host/db",
        "COURIER__HOLD_S": "0",
        "COURIER__CONCURRENCY": "8",
        "STATION__NAME": "bench 3",
        "READER": '[{"spec": "pcsc:ACS", "lane": "left"}, {"spec": "sim:"}]',
        "SCANNER": '[{"spec": "stdin:"}]',
    }.items():
        monkeypatch.setenv(f"TAGSMITH_{name}", value)
    found = load()
    assert found.api.key is not None
    assert found.api.key.get_secret_value() == SECRET
    assert (found.api.environment, found.api.timeout_s, found.uid.order) == (Environment.STAGE, 2.5, ByteOrder.WIRE)
    assert (found.api.proxy, found.api.ca_file) == ("http://proxy:3128", Path("/run/ca.pem"))
    assert (found.uid.confirmed, found.uid.allow_eight_bytes, found.pairing.order) == (True, True, "either")
    assert (found.pairing.verify, found.pairing.keep_removed, found.number.check_digit) == (True, False, "block")
    assert found.number.pattern == r'^\{"(?P<number>.+)"\}$'
    assert (found.courier.hold_s, found.courier.concurrency, found.station.name) == (0, 8, "bench 3")
    assert [(reader.spec, reader.lane) for reader in found.reader] == [("pcsc:ACS", "left"), ("sim:", "2")]
    assert [(scanner.spec, scanner.lane) for scanner in found.scanner] == [("stdin:", "")]


def test_an_empty_variable_is_not_set(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd and container files set variables to nothing; that is no value."""
    monkeypatch.setenv("TAGSMITH_API__URL", "")
    monkeypatch.setenv("TAGSMITH_COURIER__HOLD_S", "")
    monkeypatch.setenv("TAGSMITH_READER", "")
    found = load()
    assert (found.api.url, found.courier.hold_s, found.reader) == (None, 10, ())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TAGSMITH_API__ULR", "did you mean `TAGSMITH_API__URL`?"),
        ("TAGSMITH_APPI__URL", "did you mean `TAGSMITH_API__URL`?"),
        ("tagsmith_api__ulr", "did you mean `TAGSMITH_API__URL`?"),
        ("TAGSMITH_API_URL", "did you mean `TAGSMITH_API__URL`?"),
        ("TAGSMITH_READERS", "did you mean `TAGSMITH_READER`?"),
        ("TAGSMITH_READER__0__SPEC", "a list takes JSON: TAGSMITH_READER="),
        ("TAGSMITH_API", "did you mean `TAGSMITH_API__"),
        ("TAGSMITH_API__KEY__X", "did you mean `TAGSMITH_API__KEY`?"),
        ("TAGSMITH_QQQQQQQ", "TAGSMITH_SECTION__FIELD"),
    ],
)
def test_unknown_variables(files: Files, monkeypatch: pytest.MonkeyPatch, name: str, hint: str) -> None:
    """A variable of ours that nobody reads is an error that names it and the likely right one, never its value."""
    monkeypatch.setenv(name, SECRET)
    with pytest.raises(ConfigError) as caught:
        load()
    assert f"unknown environment variable {name}" in caught.value.message
    assert hint in caught.value.remedy
    assert SECRET not in str(caught.value)


def test_one_setting_by_two_variables(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that differ in case only are one setting: chance must not choose between them."""
    monkeypatch.setenv("TAGSMITH_API__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("tagsmith_api__url", "https://drive-api.plugsurfing.com/drive")
    with pytest.raises(ConfigError, match="the same setting"):
        load()


@pytest.mark.parametrize("value", ["pcsc:", "[", "[" * 100_000])
def test_a_list_in_a_variable_must_be_json(files: Files, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A list that is no JSON (or is nested beyond reason) is refused with an example."""
    monkeypatch.setenv("TAGSMITH_READER", value)
    with pytest.raises(ConfigError, match="TAGSMITH_READER is no valid JSON") as caught:
        load()
    assert json.loads(caught.value.remedy.split("'")[1]) == [{"spec": "pcsc:"}]


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ('[api]\nulr = "x"', "unknown setting 'ulr' under [api]", "did you mean `url`?"),
        ('[appi]\nurl = "x"', "unknown setting 'appi'", "did you mean `api`?"),
        ("[courier]\nHOLD_S = 1", "unknown setting 'HOLD_S' under [courier]", "did you mean `hold_s`?"),
        ("[api]\nhold_s = 1", "unknown setting 'hold_s' under [api]", "did you mean `hold_s` under [courier]?"),
        ('url = "x"', "unknown setting 'url'", "did you mean `url` under [api] or [journal]?"),
        ('[[reader]]\nspek = "x"', "unknown setting 'spek' under [reader]", "did you mean `spec`?"),
        ("[uid]\nqqqq = 1", "unknown setting 'qqqq' under [uid]", "known under [uid] are: order, confirmed"),
    ],
)
def test_unknown_names_in_files(files: Files, text: str, what: str, hint: str) -> None:
    """An unknown name in a file is an error that names file, name and the likely right one."""
    files.given.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(files.given)
    assert caught.value.message == f"{what} in {files.given}"
    assert hint in caught.value.remedy


def test_all_unknown_names_are_told_at_once(files: Files) -> None:
    """Two mistakes in two files are one message, each with its own file and hint."""
    files.system.write_text("[uid]\nordr = 1\n")
    files.given.write_text("[api]\nulr = 1\n")
    with pytest.raises(ConfigError) as caught:
        load(files.given)
    assert caught.value.message == (
        f"unknown setting 'ordr' under [uid] in {files.system} (did you mean `order`?); "
        f"unknown setting 'ulr' under [api] in {files.given} (did you mean `url`?)"
    )


def test_flags_that_were_not_given(files: Files) -> None:
    """None in a flag's place changes nothing below it."""
    files.system.write_text('[api]\nurl = "http://127.0.0.1:1"\n[[reader]]\nspec = "sim:"\n')
    found = load(overrides={"api": {"url": None, "timeout_s": 3}, "reader": None, "courier": {}})
    assert (found.api.url, found.api.timeout_s, len(found.reader)) == ("http://127.0.0.1:1", 3, 1)


def test_an_unknown_flag_section_is_told(files: Files) -> None:
    """Overrides are checked like every other source."""
    with pytest.raises(ConfigError, match="unknown setting 'ulr' under \\[api\\] in the command line"):
        load(overrides={"api": {"ulr": "x"}})


def test_broken_toml_names_file_and_line(files: Files) -> None:
    """A syntax error says in which file and line it stands."""
    files.given.write_text('[api]\nurl = "x"\nurl = \n')
    with pytest.raises(ConfigError, match=r"given\.toml is no valid TOML: .*line 3") as caught:
        load(files.given)
    assert "x" not in caught.value.message.split("TOML")[1]


def test_files_that_cannot_be_read(files: Files, tmp_path: Path) -> None:
    """A missing --config, a folder, bytes that are no text and endless brackets are each one plain error."""
    with pytest.raises(ConfigError, match="there is no configuration file"):
        load(files.given)
    with pytest.raises(ConfigError, match="there is no configuration file"):
        load(tmp_path / "no" / "such.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)
    files.given.write_bytes(b"[api]\nurl = '\xff'\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(files.given)
    files.given.write_text("x = " + "[" * 100_000)
    with pytest.raises(ConfigError, match="cannot be read: RecursionError"):
        load(files.given)
    files.given.write_text(f"[courier]\nhold_s = {'9' * 5000}\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(files.given)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(Path("a\0b"))


def test_an_unreadable_machine_file_is_no_absent_one(files: Files) -> None:
    """Only a file that is not there is passed over; one that cannot be read stops everything."""
    files.system.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load()


def test_config_may_come_from_a_pipe(files: Files) -> None:
    """`--config <(…)` gives a pipe, which is read like a file."""
    reading, writing = os.pipe()
    os.write(writing, b"[courier]\nhold_s = 3\n")
    os.close(writing)
    try:
        assert load(Path(f"/dev/fd/{reading}")).courier.hold_s == 3
    finally:
        os.close(reading)


def test_a_key_in_a_toml_file_is_refused(files: Files) -> None:
    """Configuration files get copied and shown around: a key in one is refused, unseen."""
    files.given.write_text(f'[api]\nkey = "{SECRET}"\n')
    with pytest.raises(ConfigError) as caught:
        load(files.given)
    assert "key_file" in caught.value.remedy
    assert SECRET not in str(caught.value)


def test_a_relative_key_file_is_relative_to_its_toml_file(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder of whoever starts the station does not decide which key is read."""
    files.given.write_text('[api]\nkey_file = "keys/stage"\n')
    monkeypatch.chdir(files.given.parent)
    assert load(Path("given.toml")).api.key_file == files.given.parent / "keys" / "stage"
    files.given.write_text('[api]\nkey_file = "~/stage"\n')
    assert load(files.given).api.key_file == Path("~/stage")


def test_a_key_file_by_flag_beats_a_key_in_the_environment(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed just now is more explicit than what was left in the environment."""
    monkeypatch.setenv("TAGSMITH_API__KEY", SECRET)
    assert load(overrides={"api": {"timeout_s": 3}}).api.key is not None
    assert load(overrides={"api": {"key_file": Path("/run/key")}}).api.key is None


@pytest.mark.parametrize(
    ("section", "field", "good", "bad"),
    [
        ("api", "timeout_s", [0.1, 86_400], [0, -1, 86_401]),
        ("pairing", "timeout_s", [0.1, 300], [0, -1, 86_401]),
        ("courier", "hold_s", [0, 10], [-0.1, 86_401]),
        ("courier", "drain_s", [0, 30], [-0.1, 86_401]),
        ("courier", "concurrency", [1, 8], [0, 9, 1.5]),
        ("courier", "requests_per_minute", [1, 3000], [0, 3001]),
        ("station", "name", ["a", "x" * 64], ["", "x" * 65, "a\tb", "a\x1b[0m", " a", 3]),
        ("uid", "order", ["wire", "reversed"], ["little-endian", ""]),
        ("pairing", "order", ["tap-first", "scan-first", "either"], ["tag-first"]),
        ("number", "check_digit", ["ok", "warn", "block"], ["off"]),
        ("number", "pattern", ["^DE.*$", "(?P<number>.+)"], ["(", "", "x" * 1025]),
        ("journal", "url", ["sqlite:////a", "postgresql+psycopg://u:p@h/d"], ["/a/b.sqlite", ""]),
        ("api", "environment", ["sandbox", "stage", "production"], ["prod"]),
        ("api", "url", ["http://127.0.0.1"], ["", "x" * 2049]),
        (
            "api",
            "proxy",
            ["http://proxy:3128", "https://me:word@10.0.0.1", "http://[::1]:8080/"],
            [
                "",
                "proxy:3128",
                "socks5://p",
                "http://",
                "http://[",
                "http://p:x",
                "http://p:0",
                "http://p/a",
                "http://p?",
            ],
        ),
    ],
)
def test_limits(section: str, field: str, good: list[object], bad: list[object]) -> None:
    """The limits of each setting, both sides; the refusal names the setting."""
    for value in good:
        found = settings_of(**{"journal": JOURNAL, section: {field: value}})
        assert getattr(getattr(found, section), field) == value
    for value in bad:
        assert f"[{section}] {field} " in refusal(**{section: {field: value}})


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ("api", "timeout_s"),
        ("pairing", "timeout_s"),
        ("courier", "hold_s"),
        ("courier", "drain_s"),
        ("courier", "concurrency"),
        ("courier", "requests_per_minute"),
    ],
)
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), "nan", "inf", "1e999", 10**400, -1, True, None, "x"]
)
def test_no_odd_numbers(section: str, field: str, value: object) -> None:
    """NaN, infinities, negatives, true and text are no durations and no counts."""
    assert f"[{section}] {field} " in refusal(**{section: {field: value}})


def test_lanes() -> None:
    """Readers without a lane are numbered by their place; two readers never share a lane, nor are named twice."""
    found = settings_of(journal=JOURNAL, reader=[{"spec": "a:"}, {"spec": "b:", "lane": "x"}, {"spec": "c:"}])
    assert [reader.lane for reader in found.reader] == ["1", "x", "3"]
    assert "same lane" in refusal(reader=[{"spec": "a:", "lane": "2"}, {"spec": "b:"}])
    assert "named twice" in refusal(reader=[{"spec": "a:"}, {"spec": "a:"}])
    assert "[reader] spec is missing" in refusal(reader=[{"lane": "x"}])
    assert "[reader] lane " in refusal(reader=[{"spec": "a:", "lane": "x\ty"}])


def test_wrong_shapes_are_told_in_words() -> None:
    """A table where a list belongs, and the other way round, are told without the library's jargon."""
    assert refusal(api=3) == "[api] should be a table"
    assert refusal(reader={"spec": "a:"}) == "[reader] should be a list of tables, each under [[…]]"
    assert refusal(reader=["a:"]) == "[reader] should be a table"


def test_an_error_names_its_place(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value is told with the file or variable that set it last."""
    files.system.write_text("[courier]\nhold_s = -1\n")
    files.user.write_text("[courier]\ndrain_s = 1\n")
    with pytest.raises(ConfigError) as caught:
        load()
    assert str(caught.value) == f"[courier] hold_s should be greater than or equal to 0 (set in {files.system})"
    monkeypatch.setenv("TAGSMITH_COURIER__HOLD_S", "-2")
    with pytest.raises(ConfigError, match=r"\(set in TAGSMITH_COURIER__HOLD_S\)"):
        load()
    with pytest.raises(ConfigError, match=r"\(set in the command line\)"):
        load(overrides={"courier": {"hold_s": -3}})
    monkeypatch.setenv("TAGSMITH_COURIER__HOLD_S", "1")
    monkeypatch.setenv("TAGSMITH_READER", '[{"lane": "x"}]')
    with pytest.raises(ConfigError, match=r"\[reader\] spec is missing \(set in TAGSMITH_READER\)"):
        load()


def test_no_error_shows_a_value(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value complained of may be a key in the wrong place: it shows neither in the text nor in what caused it."""
    wrong: list[dict[str, Any]] = [
        {"api": SECRET},
        {"api": {"url": [SECRET]}},
        {"api": {"key": [SECRET]}},
        {"api": {"environment": SECRET}},
        {"api": {"timeout_s": SECRET}},
        {"number": {"pattern": f"({SECRET}"}},
        {"journal": {"url": SECRET}},
        {"station": {"name": f"{SECRET}\n"}},
        {"reader": SECRET},
        {"reader": [{"spec": f"{SECRET}\x00"}]},
    ]
    for overrides in wrong:
        with pytest.raises(ConfigError) as caught:
            load(overrides=overrides)
        error = caught.value
        assert SECRET not in f"{error}{error!r}"
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__


def test_the_library_shows_no_value_either() -> None:
    """Pydantic's own error prints the whole input unless told not to, and it may end in a traceback."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"journal": JOURNAL, "api": {"key": [SECRET], "timeout_s": SECRET}, "reader": SECRET})
    assert SECRET not in str(caught.value)


def test_settings_hide_what_is_secret() -> None:
    """Neither the key nor the password of a journal or a proxy shows in the text of the settings."""
    found = settings_of(
        api={"key": SECRET, "proxy": f"http://u:{SECRET}@p"}, journal={"url": f"postgresql://u:{SECRET}@h/d"}
    )
    assert SECRET not in f"{found}{found!r}{found.api!r}{found.journal!r}"


def test_settings_are_immutable() -> None:
    """Nothing changes a setting after the start."""
    found = settings_of(journal=JOURNAL)
    with pytest.raises(ValidationError, match="frozen"):
        found.courier.hold_s = 0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        found.reader = ()  # type: ignore[misc]


def test_given_settings_have_no_regard_for_the_machine(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo never sees a file or a variable, not even a wrong one, and guesses no journal."""
    files.system.write_text("nonsense")
    files.user.write_text('[api]\nenvironment = "production"\n')
    monkeypatch.setenv("TAGSMITH_API__ENVIRONMENT", "production")
    monkeypatch.setenv("TAGSMITH_NONSENSE", "1")
    found = settings_of(journal=JOURNAL, api={"environment": "sandbox"})
    assert (found.api.environment, found.courier.hold_s) == (Environment.SANDBOX, 10)
    with pytest.raises(ConfigError, match=r"\[journal\] is missing"):
        settings_of()
    assert isinstance(Settings(journal=found.journal), Settings)


def test_the_documented_settings_are_the_settings(files: Files) -> None:
    """The example of docs/settings.md can be loaded as it stands, and names every setting there is."""
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    files.given.write_text(example)
    assert load(files.given).api.environment is Environment.SANDBOX
    named = dict.fromkeys(Settings.model_fields, "")
    for line in example.splitlines():
        if heading := re.match(r"\[+(\w+)\]+$", line):
            section = heading[1]
        elif setting := re.match(r"(?:# )?(\w+) = ", line):
            named[section] += f"{setting[1]} "
    sections = {name: get_args(info.annotation) or (info.annotation,) for name, info in Settings.model_fields.items()}
    assert {name: set(fields.split()) for name, fields in named.items()} == {
        name: set(kinds[0].model_fields) - ({"key"} if name == "api" else set()) for name, kinds in sections.items()
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.text(max_size=60) | st.sampled_from(["[api]", "[[reader]]", "api.url = 1", "reader = [{}]", "uid = {order=[]}"])
)
def test_any_text_as_a_file(files: Files, text: str) -> None:
    """Whatever stands in a file, loading ends in settings or in a ConfigError."""
    files.given.write_text(text, errors="replace")
    with contextlib.suppress(ConfigError):
        assert isinstance(load(files.given), Settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('golden_key = "04010203"', None),
        ('golden_key = "04:A1:B2:C3"', None),
        ('golden_key = "xyz"', "should be a UID in hex"),
        ('golden_key = "04a1a104"', "reads the same both ways"),
        ('not_for_pairing = ["04a1b2c3", ""]', "should be a UID in hex"),
    ],
)
def test_keys_of_the_calibration_are_uids(files: Files, text: str, words: str | None) -> None:
    """UIDs in any usual spelling; a golden key must tell the two byte orders apart."""
    files.system.write_text(f"[calibration]\n{text}\n")
    if words is None:
        assert load().calibration.golden_key is not None
    else:
        with pytest.raises(ConfigError, match=words):
            load()
