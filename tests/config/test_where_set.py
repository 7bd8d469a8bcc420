"""Where a setting in force stands, for messages that name the line to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.config import where_set


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file with an order in it."""
    path = tmp_path / "station.toml"
    path.write_text('[uid]\norder = "wire"\n', encoding="utf-8")
    return path


def test_a_file_is_named_by_its_path(config: Path) -> None:
    """The file that sets it, and nothing for what no file sets."""
    assert where_set("uid", "order", config) == str(config)
    assert where_set("uid", "confirmed", config) == ""
    assert where_set("uid", "order") == ""


def test_a_variable_outranks_a_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place that is named is the one whose value is in force."""
    monkeypatch.setenv("TAGSMITH_UID__ORDER", "reversed")
    assert where_set("uid", "order", config) == "TAGSMITH_UID__ORDER"
