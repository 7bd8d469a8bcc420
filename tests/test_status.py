"""`tagsmith status`, without a station and beside one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import called
from support.headless import Headless, environment
from tagsmith.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An API."""
    made = Sandbox(key="test-key")
    made.start()
    yield made
    made.stop()


def test_before_anything_there_is_nothing_and_nothing_is_made(tmp_path: Path, sandbox: Sandbox) -> None:
    """Looking makes no journal, and nothing needs a person."""
    done = called("status", env=environment(tmp_path, sandbox.url))
    assert done.returncode == 0, done.stderr
    assert "not there yet" in done.stdout
    assert not list(tmp_path.glob("journal*"))


def test_beside_a_running_station_and_after_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """Who delivers and who holds the reader is told by process; a pair that waits for nobody needs a person."""
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[step]]\nput = "04a1b2c3d4e580"\n')
    spec = f"sim:{scenario}"
    env = environment(tmp_path, sandbox.url, TAGSMITH_COURIER__HOLD_S="600")
    with Headless("--reader", spec, env=env) as station:
        station.expect("tapped")
        station.expect("ready")
        station.send("DE-8PS-C0CD0C002-B")
        station.expect("paired")
        beside = called("status", "--json", env=env)
        assert beside.returncode == 0, beside.stderr
        told = json.loads(beside.stdout)
        assert told["pairs"]["held"] == told["waiting"] == 1
        assert told["last_pair"]["uid"] == "04a1b2c3d4e580"
        assert told["delivered_by"].startswith(f"{station.pid} ")
        held = {one["reader"]: one["by"] for one in told["readers"]["held"]}
        assert str(station.pid) in held[spec]
        assert told["uid_order"] == {"order": "reversed", "confirmed": False, "by": None}
        assert "TAGSMITH_API__URL" in told["settings"]
        assert "test-key" not in beside.stdout
        assert station.terminate() == 0
    after = called("status", env=env)
    assert after.returncode == 3
    assert "1 wait and nobody delivers" in after.stdout
    assert spec not in after.stdout


def test_settings_that_are_wrong_are_an_error(tmp_path: Path) -> None:
    """Exit code 1 and what to do."""
    done = called("status", env=environment(tmp_path, "ftp://x"))
    assert done.returncode == 1
    assert "[api] url" in done.stderr
