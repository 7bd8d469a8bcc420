"""The settings as a person sees them: with their sources, without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.config import KeySettings, explained, settings_of
from tagsmith.errors import ConfigError
from tagsmith.tui.keys import DEFAULTS, FORM_ONLY

JOURNAL = {"url": "sqlite:////tmp/x.sqlite"}


def test_each_setting_tells_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file, variable and flag, each by its own name; the strongest counts."""
    file = tmp_path / "line.toml"
    file.write_text('[station]\nname = "line-3"\n[courier]\nhold_s = 5\n[[reader]]\nspec = "pcsc:A"\n')
    monkeypatch.setenv("TAGSMITH_COURIER__HOLD_S", "7")
    found = {(one.section, one.name): one for one in explained(file, {"pairing": {"verify": True}})}
    told = {key: (one.value, one.where) for key, one in found.items()}
    assert told["station", "name"] == ("line-3", str(file))
    assert told["courier", "hold_s"] == ("7", "TAGSMITH_COURIER__HOLD_S")
    assert told["pairing", "verify"] == ("true", "the command line")
    assert told["pairing", "order"] == ("tap-first", "")
    assert told["[reader] 1", "spec"] == ("pcsc:A", str(file))
    assert told["uid", "order"] == ("", "")


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key, a code or the hash of a PIN, nor what of a URL may be a password, however it is written."""
    file = tmp_path / "line.toml"
    file.write_text('[[operator]]\nname = "Operator 1"\ncode = "SECRET-1"\n[api]\nproxy = "http://u:SECRET-2@p:1"\n')
    monkeypatch.setenv("TAGSMITH_API__KEY", "SECRET-3")
    for url in ("postgresql://u:SECRET/4@h/d?x=y", "postgresql://h/d?password=SECRET@5", "postgresql://u:SEC?RET@h/d"):
        monkeypatch.setenv("TAGSMITH_JOURNAL__URL", url)
        text = repr(explained(file))
        assert "SEC" not in text
        assert "RET" not in text
    assert "postgresql://***" in text
    monkeypatch.setenv("TAGSMITH_JOURNAL__URL", JOURNAL["url"])
    assert JOURNAL["url"] in repr(explained(file))


def test_the_usual_keys_are_the_same_for_the_settings_and_the_screen() -> None:
    """The settings cannot see the screen, so both name them."""
    assert KeySettings().model_dump() == DEFAULTS | FORM_ONLY


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"undo": "u"}, "undo should be a function key"),
        ({"undo": "enter"}, "undo should be a function key"),
        ({"undo": "ctrl+1"}, "undo should be a function key"),
        ({"undo": "ctrl+m"}, "ctrl+m is what Enter sends"),
        ({"undo": "F8"}, "undo and log have the same key, f8"),
        ({"replace": "f4"}, "do_it and replace have the same key, f4"),
        ({"ondo": "f4"}, "did you mean `undo`"),
    ],
)
def test_a_wrong_key_is_an_error(keys: dict[str, str], said: str) -> None:
    """Printable keys and line ends are a number's; no two actions of one screen have one key."""
    with pytest.raises(ConfigError) as caught:
        settings_of(journal=JOURNAL, keys=keys)
    assert said in f"{caught.value.message} {caught.value.remedy}"


def test_keys_may_be_exchanged() -> None:
    """In any case of letters; the form's own keys may be those that it does not have of the operator's."""
    keys = settings_of(journal=JOURNAL, keys={"undo": "F8", "log": "f2", "do_it": "f3"}).keys
    assert (keys.undo, keys.log, keys.do_it) == ("f8", "f2", "f3")
