"""Which Drive API the settings mean, and where its key comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.config import Api, Environment, load, resolve_api, resolve_url, settings_of
from tagsmith.errors import ConfigError

KEY = "k3y-of-the-stage"
SANDBOX, STAGE, PRODUCTION = Environment.SANDBOX, Environment.STAGE, Environment.PRODUCTION


def api(**values: Any) -> Api:
    """The API that these values under [api] mean."""
    return resolve_api(settings_of(journal={"url": "sqlite:////tmp/j.sqlite"}, api=values))


def key_of(found: Api) -> str:
    return found.key.get_secret_value()


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (SANDBOX, "http://127.0.0.1:8787"),
        (STAGE, "https://drive-api-stage.plugsurfing.com/drive"),
        (PRODUCTION, "https://drive-api.plugsurfing.com/drive"),
    ],
)
def test_an_environment_names_its_url(environment: Environment, url: str) -> None:
    """Each environment has its documented URL, and only production is production."""
    found = api(environment=environment, key=KEY)
    assert (found.url, found.target, found.environment) == (url, url, environment)
    assert found.production is (environment is PRODUCTION)


@pytest.mark.parametrize(
    ("url", "normal", "environment"),
    [
        ("http://127.0.0.1:8787/drive/", "http://127.0.0.1:8787/drive", SANDBOX),
        ("http://127.9.9.9", "http://127.9.9.9", SANDBOX),
        ("HTTP://LocalHost:80/", "http://localhost", SANDBOX),
        ("https://localhost:443", "https://localhost", SANDBOX),
        ("https://localhost:80", "https://localhost:80", SANDBOX),
        ("http://localhost.:9/Drive//", "http://localhost:9/Drive", SANDBOX),
        ("http://[::1]:80/x", "http://[::1]/x", SANDBOX),
        ("http://[0:0:0:0:0:0:0:1]:81", "http://[::1]:81", SANDBOX),
        ("https://Drive-API-Stage.plugsurfing.com:443/drive/", "https://drive-api-stage.plugsurfing.com/drive", STAGE),
        ("https://drive-api.plugsurfing.com/drive", "https://drive-api.plugsurfing.com/drive", PRODUCTION),
        ("https://gateway.example:8443/a%20b", "https://gateway.example:8443/a%20b", PRODUCTION),
        ("https://10.0.0.1", "https://10.0.0.1", PRODUCTION),
        ("https://[2001:DB8::1]/", "https://[2001:db8::1]", PRODUCTION),
        # Names that only look like loopback or stage are other machines.
        ("https://127.0.0.1.example", "https://127.0.0.1.example", PRODUCTION),
        ("https://localhost.example", "https://localhost.example", PRODUCTION),
        ("https://127.1", "https://127.1", PRODUCTION),
        ("https://0.0.0.0", "https://0.0.0.0", PRODUCTION),
        (
            "https://drive-api-stage.plugsurfing.com.example/",
            "https://drive-api-stage.plugsurfing.com.example",
            PRODUCTION,
        ),
    ],
)
def test_where_a_url_leads(url: str, normal: str, environment: Environment) -> None:
    """One origin has one text, and whatever is neither loopback nor the stage host is production."""
    assert resolve_url(url) == (normal, environment)
    assert resolve_url(normal) == (normal, environment)
    found = api(url=url, key=KEY)
    assert (found.url, found.target, found.environment) == (normal, normal, environment)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://drive-api-stage.plugsurfing.com/drive", "in clear"),
        ("http://10.0.0.1", "in clear"),
        ("http://0.0.0.0:8787", "in clear"),
        ("http://127.1", "in clear"),
        ("https://user:password@gateway.example/", "user name or password"),
        ("https://@gateway.example/", "user name or password"),
        ("https://gateway.example\\@127.0.0.1/", "user name or password"),
        ("https://gateway.example/drive?key=1", "query"),
        ("https://gateway.example/drive#x", "fragment"),
        ("https://gateway.example/?", "query"),
        ("ftp://127.0.0.1/", "no http"),
        ("127.0.0.1:8787", "no http"),
        ("file:///etc/passwd", "no http"),
        ("https://", "host and port"),
        ("https:///drive", "host and port"),
        ("https://gateway.example:0", "host and port"),
        ("https://gateway.example:99999", "no valid URL"),
        ("https://gateway.example:port", "no valid URL"),
        ("https://[::1", "no valid URL"),
        ("https://[fe80::1%25eth0", "no valid URL"),
        ("https://a..b\\c/", "host and port"),
        ("https://-a/", "host and port"),
        ("https://gateway.example/a\\b", "characters"),
        ("https://gateway.example/a b", "blanks"),
        ("https://gate\nway.example/", "blanks"),
        ("https://gäteway.example/", "non-ASCII"),
        (" https://gateway.example/", "blanks"),
    ],
)
def test_urls_that_are_refused(url: str, why: str) -> None:
    """A URL that would leak the key, or whose meaning is in doubt, is refused; a password in it is not shown."""
    with pytest.raises(ConfigError, match=why) as caught:
        api(url=url, key=KEY)
    assert "password@" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(
    st.text(max_size=30).map("https://".__add__) | st.from_regex(r"https?://[a-z0-9.:\[\]%-]{0,20}/?", fullmatch=True)
)
def test_any_url(url: str) -> None:
    """Any text is refused with a ConfigError or has one stable normal form."""
    try:
        normal, environment = resolve_url(url)
    except ConfigError:
        return
    assert resolve_url(normal) == (normal, environment)
    assert not normal.endswith("/")


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("https://drive-api.plugsurfing.com/drive", STAGE),
        ("https://drive-api-stage.plugsurfing.com/drive", PRODUCTION),
        ("https://gateway.example", SANDBOX),
        ("http://127.0.0.1:1", PRODUCTION),
    ],
)
def test_url_and_environment_that_contradict(url: str, environment: Environment) -> None:
    """Where both are set they must mean the same; neither silently wins."""
    with pytest.raises(ConfigError, match=f"environment says {environment}"):
        api(url=url, environment=environment, key=KEY)


def test_url_and_environment_that_agree() -> None:
    """The URL is what is used where both are set."""
    assert api(url="http://localhost:9999/drive", environment="sandbox").url == "http://localhost:9999/drive"
    assert api(url="https://gateway.example/x", environment="production", key=KEY).production


def test_neither_url_nor_environment() -> None:
    """No API is chosen by default; the error says what to set."""
    with pytest.raises(ConfigError) as caught:
        api(key=KEY)
    assert "environment = sandbox, stage or production" in caught.value.remedy


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text("from-the-file\n")
    return path


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    path = folder / "api-key"
    path.write_text("from-systemd\n")
    # What systemd gives a service that runs as its own user: an ACL, seen as a right of the group.
    path.chmod(0o440)
    return path


def test_the_order_of_keys(key_file: Path, credential: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable comes before key_file, key_file before systemd's credential, that before the sandbox's own key."""
    overrides: dict[str, Any] = {"api": {"environment": "sandbox"}, "journal": {"url": "sqlite:////tmp/j.sqlite"}}
    monkeypatch.setenv("TAGSMITH_API__KEY", "from-the-variable")
    monkeypatch.setenv("TAGSMITH_API__KEY_FILE", str(key_file))
    assert key_of(resolve_api(load(overrides=overrides))) == "from-the-variable"
    monkeypatch.delenv("TAGSMITH_API__KEY")
    assert key_of(resolve_api(load(overrides=overrides))) == "from-the-file"
    monkeypatch.delenv("TAGSMITH_API__KEY_FILE")
    assert key_of(resolve_api(load(overrides=overrides))) == "from-systemd"
    credential.unlink()
    assert key_of(resolve_api(load(overrides=overrides))) == "sandbox"


def test_no_key() -> None:
    """Loopback needs no key; every other API does, and the error says where to put it."""
    assert key_of(api(url="http://[::1]:9")) == "sandbox"
    for environment in (STAGE, PRODUCTION):
        with pytest.raises(ConfigError, match=f"no API key for {environment}") as caught:
            api(environment=environment)
        assert "key_file" in caught.value.remedy


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o644, 0o777])
def test_a_key_file_that_others_may_open(key_file: Path, mode: int) -> None:
    """A key that group or others can read or change is refused, with the line to type."""
    key_file.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        api(environment="stage", key_file=key_file)
    assert caught.value.remedy == f"chmod 600 {key_file}"


@pytest.mark.parametrize("text", ["key-1", "key-1\n", "key-1\r\n", "key-1\n\n"])
def test_the_line_end_of_a_key_file(key_file: Path, text: str) -> None:
    """Editors end files with a newline; it is no part of the key."""
    key_file.write_text(text, newline="")
    assert key_of(api(environment="stage", key_file=key_file)) == "key-1"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"two words", "blanks"),
        (b"key-1 \n", "blanks"),
        (b"one\ntwo\n", "blanks"),
        (b"key\x00", "blanks"),
        (b"key\x1b[0m", "blanks"),
        ("schlüssel".encode(), "blanks"),
        (b"\xff\xfekey", "blanks"),
        (b"k" * 4097, "too long"),
    ],
)
def test_key_files_that_hold_no_key(key_file: Path, content: bytes, why: str) -> None:
    """What cannot be a key is refused before it is sent anywhere, and is not shown."""
    key_file.write_bytes(content)
    with pytest.raises(ConfigError, match=why) as caught:
        api(environment="stage", key_file=key_file)
    said = str(caught.value).replace(str(key_file), "")
    assert not any(part in said for part in ("words", "key-1", "two", "schl", "kkkk"))


def test_key_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe nobody writes to and an impossible path are told, and nothing waits for them."""
    for path, why in (
        (tmp_path / "none", "cannot be read: No such file"),
        (tmp_path, "no regular file"),
        ("a\0b", "no path"),
        ("~nobody-of-that-name/key", "no path"),
    ):
        with pytest.raises(ConfigError, match=why):
            api(environment="stage", key_file=path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="no regular file"):
        api(environment="stage", key_file=tmp_path / "pipe")


def test_a_key_file_in_the_home_folder(clean_environment: Path) -> None:
    """`~` is the home folder of whoever runs the station."""
    path = clean_environment / "stage.key"
    path.touch(mode=0o600)
    path.write_text(KEY)
    assert key_of(api(environment="stage", key_file="~/stage.key")) == KEY


@pytest.mark.parametrize("key", ["", "qq zz", "qqzz\n", "qqä", "qq\x7f"])
def test_variables_that_hold_no_key(key: str) -> None:
    """A key from the environment obeys the same rules, and is not shown either."""
    with pytest.raises(ConfigError, match="TAGSMITH_API__KEY") as caught:
        api(environment="stage", key=key)
    assert "qq" not in str(caught.value)


def test_the_key_hides() -> None:
    """The text of the resolved API, as a log or a traceback would show it, has no key in it."""
    found = api(environment="stage", key=KEY)
    assert KEY not in f"{found}{found!r}{found.key}{found.key!r}"
    assert key_of(found) == KEY


def test_the_way_to_the_api_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private CA is found beside the file that names it; a proxy is for other machines than this one."""
    path = tmp_path / "own.toml"
    path.write_text('[api]\nproxy = "http://u:word@proxy:3128"\nca_file = "ca.pem"\n')
    monkeypatch.setenv("TAGSMITH_API__KEY", KEY)
    found = resolve_api(load(path, {"api": {"environment": "stage"}}))
    assert (found.proxy, found.ca_file) == ("http://u:word@proxy:3128", tmp_path / "ca.pem")
    assert "word" not in repr(found)
    assert resolve_api(load(path, {"api": {"environment": "sandbox"}})).proxy is None
