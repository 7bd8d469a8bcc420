"""`tagsmith run --batch`: a real process makes keys of a batch that another command has made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.headless import Headless, environment, tagsmith
from support.wire_server import WireServer
from tagsmith.cli.station import station_wanted
from tagsmith.errors import ConfigError


def test_a_station_makes_keys_of_the_batch_that_is_named(tmp_path: Path) -> None:
    """It says so, takes the number that comes next and no other; an unknown batch ends it with a word."""
    (tmp_path / "numbers.csv").write_text("N-1\nN-2\nN-3\n", encoding="utf-8")
    (tmp_path / "keys.toml").write_text(
        '[[step]]\npause_s = 0.3\n\n[[step]]\nput = "04000000000180"\n', encoding="utf-8"
    )
    with WireServer(key="test-key") as server:
        env = environment(tmp_path, server.url)
        created = tagsmith(
            *("batch", "create", "Autumn", "--type", "card", "--sequence", "ordered"),
            *("--manifest", str(tmp_path / "numbers.csv")),
            env=env,
        )
        assert created.returncode == 0, created.stderr
        with Headless("--reader", f"sim:{tmp_path / 'keys.toml'}", "--batch", "Autumn", env=env) as station:
            assert station.expect("batch-chosen")["left"] == 3
            station.expect("tapped")
            station.send("N-3")
            assert station.expect("rejected")["reason"] == "not-expected"
            station.send("N-1")
            station.expect("paired")
            station.expect("delivered", state="reserved")
        (body,) = [json.loads(one.body) for one in server.requests]
        assert (body["visualNumber"], body["type"]) == ("N-1", "CARD")
        unknown = tagsmith("run", "--headless", "--batch", "Winter", env=env)
        assert unknown.returncode == 1
        assert "there is no batch Winter" in unknown.stderr


def test_the_form_makes_keys_of_no_batch() -> None:
    """It is for a handful of keys, each with its user."""
    with pytest.raises(ConfigError, match="of no batch"):
        station_wanted(
            None,
            None,
            form=True,
            batch="Autumn",
            readers=(),
            scanners=(),
            key_type=None,
            valid_from=None,
            valid_to=None,
        )
