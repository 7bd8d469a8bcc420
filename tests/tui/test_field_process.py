"""`tagsmith run --field` as a technician has it: on a terminal of 40 columns, with a scanner that types, offline."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.cli import called
from support.headless import entries, environment, tagsmith
from support.terminal import Terminal
from support.wire_server import WireServer

UID, NUMBER = "04a1b2c3d4e5f6", "DE*8PS*CD0C00*2"
F4, F10 = b"\x1bOS", b"\x1b[21~"


def started(folder: Path, env: dict[str, str]) -> Terminal:
    """The form with a simulated reader on which a key lies, for a user who is given."""
    scenario = folder / "scenario.toml"
    scenario.write_text(f'[[step]]\npause_s = 0.3\n\n[[step]]\nput = "{UID}"\n', encoding="utf-8")
    arguments = ("run", "--field", "--user", "driver-1", "--reader", f"sim:{scenario}")
    command = [sys.executable, "-m", "tagsmith", *arguments]
    return Terminal(folder, size=(40, 15), command=command, **{**env, "TERM": "xterm-256color"})


def enroll(form: Terminal) -> None:
    """Scan into whatever has the focus, and confirm."""
    form.read_until(UID)
    form.type(NUMBER.encode() + b"\r")
    form.read_until("for driver-1?")
    form.press(F4)


def test_a_key_is_enrolled_in_a_car_park(tmp_path: Path) -> None:
    """One scan, one key; the terminal is given back with status 0."""
    with WireServer(key="test-key") as server:
        env = environment(tmp_path, server.url)
        with started(tmp_path, env) as form:
            enroll(form)
            form.read_until(f"{NUMBER} works for driver-1.")
            form.press(F10)
            assert form.wait_for_end() == 0
            assert form.is_restored()
        assert dict(server.active) == {NUMBER: "driver-1"}
    assert [entry["state"] for entry in entries(env)] == ["active"]


@pytest.mark.long
def test_what_is_saved_without_a_network_is_told_and_sent_later(tmp_path: Path) -> None:
    """Leaving asks, and says so once more on the terminal; `tagsmith courier` sends it when the network is back."""
    with WireServer(key="test-key") as server:
        url = server.url
    env = environment(tmp_path, url)
    with started(tmp_path, env) as form:
        enroll(form)
        form.read_until("is saved.")
        form.press(F10)
        form.read_until("1 key is saved and not sent yet")
        form.press(F10)
        assert form.wait_for_end() == 0
        assert b"tagsmith: 1 key is saved and not sent yet" in form.output
    with WireServer(key="test-key", port=int(url.rpartition(":")[2].partition("/")[0])) as server:
        once = tagsmith("courier", "--once", env=env)
        assert once.returncode == 0, once.stderr
        assert dict(server.active) == {NUMBER: "driver-1"}


def test_a_form_needs_a_screen(tmp_path: Path) -> None:
    """Nobody could confirm anything without one."""
    refused = called("run", "--field", "--headless", env=environment(tmp_path, "http://127.0.0.1:1"))
    assert refused.returncode == 1
    assert "the form needs a screen" in refused.stderr
    assert "Traceback" not in refused.stderr
