"""Faults at run time: over HTTP, by the client, and as `tagsmith sandbox fault` is typed."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import CommandLine
from support.raw_http import CONFIGURATION, RESERVATIONS, body_of, exchange, port_of, request, status_of
from tagsmith.errors import StationError
from tagsmith.sandbox import Control, Sandbox

CONTROL = "/control/faults"


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(key="k") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.faults.clear()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(monkeypatch, capsys)


def test_the_key_is_wanted_and_nothing_is_logged(sandbox: Sandbox) -> None:
    """It lies outside the API: what is asked of it is none of the API's requests, and no fault strikes it."""
    sandbox.faults.add("*:500")
    for key, status in (("", 401), ("wrong", 401), ("k", 200)):
        assert status_of(exchange(sandbox, request("DELETE", CONTROL, key=key))) == status
    assert sandbox.faults.listed == ()
    assert not any(one.path.startswith("/control") for one in sandbox.store.requests)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", CONTROL, {"faults": ["reserve:5000"]}, 400),
        ("POST", CONTROL, {"faults": ["reserve:500", 5]}, 400),
        ("POST", CONTROL, {"faults": "reserve:500"}, 400),
        ("POST", CONTROL, {"faults": ["reserve:500", "tls:expired"]}, 400),
        ("POST", CONTROL, {}, 400),
        ("POST", CONTROL, [], 400),
        ("POST", CONTROL, None, 400),
        ("POST", f"{CONTROL}/1", {"faults": []}, 405),
        ("PUT", CONTROL, None, 405),
        ("GET", f"{CONTROL}/1", None, 405),
        ("DELETE", f"{CONTROL}/7", None, 404),
        ("DELETE", f"{CONTROL}/x", None, 404),
        ("GET", "/control", None, 404),
        ("GET", f"{CONTROL}x", None, 404),
        ("GET", "/control/other", None, 404),
    ],
)
def test_what_cannot_be_done_is_refused_whole(
    sandbox: Sandbox, method: str, path: str, body: object, status: int
) -> None:
    """With a message; of several faults none is ordered then."""
    got = exchange(sandbox, request(method, path, body, key="k"))
    assert status_of(got) == status
    assert json.loads(body_of(got))["message"]
    assert sandbox.faults.listed == ()


def test_a_fault_is_ordered_listed_and_taken_back(run: CommandLine) -> None:
    """As a person types it; each time the faults are shown as they then stand."""
    with Sandbox(key="k") as sandbox:
        order_list_and_clear(sandbox, run)


def order_list_and_clear(sandbox: Sandbox, run: CommandLine) -> None:
    to = ("--port", str(port_of(sandbox)), "--key", "k")
    done = run("sandbox", "fault", "reserve:cut-after", "x1", "configuration:503", *to)
    assert [line.split() for line in done.out.splitlines()] == [
        ["id", "fault", "struck", "left"],
        ["1", "reserve:cut-after", "x1", "0", "1"],
        ["2", "configuration:503", "0"],
    ]
    body = {"uid": "27b89043", "visualNumber": "A1"}
    assert exchange(sandbox, request("POST", RESERVATIONS, body, key="k")) == b""
    assert status_of(exchange(sandbox, request("GET", CONFIGURATION, key="k"))) == 503
    listed = run("sandbox", "fault", "list", "--json", *to).json
    assert listed == {
        "faults": [{"id": 2, "spec": "configuration:503", "hits": 1, "left": None}],
        "counts": {"reserve:cut-after x1": 1, "configuration:503": 1},
    }
    assert "reserve:cut-after x1  1       over" in run("sandbox", *to, "fault", "list").out
    assert run("sandbox", "fault", "clear", "2", *to).out.startswith("no fault is in force")
    run("sandbox", "fault", "order:500", "receipt:500", *to)
    assert run("sandbox", "fault", "clear", *to).out.startswith("no fault is in force")
    assert sandbox.faults.listed == ()


def test_the_command_says_what_is_wrong(sandbox: Sandbox, run: CommandLine) -> None:
    """In a line or two, with what to do; wrong usage is 2."""
    port = str(port_of(sandbox))
    for arguments, code, words in (
        (("resrve:500", "--port", port, "--key", "k"), 1, "did you mean reserve?"),
        (("tls:expired", "--port", port, "--key", "k"), 1, "start it with --tls good"),
        (("clear", "9", "--port", port, "--key", "k"), 1, "no fault 9 is in force"),
        (("list", "--port", port), 1, "say it with --key"),
        (("clear", "x", "--port", port, "--key", "k"), 2, "numbers that list shows"),
        (("list", "x", "--port", port, "--key", "k"), 2, "list takes nothing"),
        ((), 2, "Missing argument"),
    ):
        done = run("sandbox", "fault", *arguments)
        assert (done.code, done.out) == (code, "")
        assert words in done.err
        assert "Traceback" not in done.err


def test_nobody_or_somebody_else_answers() -> None:
    """A port where nothing listens, and one where something else does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StationError, match="no sandbox answers"):
        Control(port, "k").listed()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"
    code = (
        "import socket, sys\n"
        "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    print(server.getsockname()[1], flush=True)\n"
        "    connection, _ = server.accept()\n"
        f"    connection.recv(65536); connection.sendall({answer!r}); connection.close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        with pytest.raises(StationError, match="is no sandbox"):
            Control(int(other.stdout.readline()), "k").listed()


def test_orders_are_checked_before_anything_starts(run: CommandLine, tmp_path: Path) -> None:
    """A fault, a file or a combination that cannot be: one line, and no sandbox."""
    (tmp_path / "f.toml").write_text('faults = ["x"]')
    for arguments, code, words in (
        (("--fault", "reserve:half-bdy"), 1, "did you mean half-body?"),
        (("--faults", str(tmp_path / "f.toml")), 1, "write WHERE:KIND"),
        (("--fault", "tls:expired"), 1, "add --tls good"),
        (("--duplicate", "404"), 2, "'404'"),
        (("--limit-per-minute", "0"), 2, "limit-per-minute"),
        (("--tls", "best"), 2, "best"),
    ):
        done = run("sandbox", "--port", "0", *arguments)
        assert (done.code, done.out) == (code, "")
        assert words in done.err


def test_the_command_serves_what_was_ordered(tmp_path: Path) -> None:
    """Faults by flag and by file, a limit, a state file, and another answer to duplicates, in one process."""
    (tmp_path / "f.toml").write_text('faults = ["configuration:503 retry-after=7 x1"]')
    command = (
        *(sys.executable, "-m", "tagsmith", "sandbox", "--port", "0", "--fault", "reserve:cut-after x1"),
        *("--faults", str(tmp_path / "f.toml"), "--state", str(tmp_path / "state"), "--duplicate", "201"),
        *("--limit-per-day", "4"),
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().partition(" ")[0]
            assert [process.stdout.readline().strip() for _ in range(3)] == [
                "fault 1: *:limit=4/day",
                "fault 2: configuration:503 x1 retry-after=7",
                "fault 3: reserve:cut-after x1",
            ]
            body = {"uid": "27b89043", "visualNumber": "A1"}
            assert exchange(url, request("POST", RESERVATIONS, body)) == b""
            asked = [("POST", RESERVATIONS, body), *[("GET", CONFIGURATION, None)] * 3]
            assert [status_of(exchange(url, request(*one))) for one in asked] == [201, 503, 200, 429]
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=30) == ("", "")
        finally:
            process.kill()
    assert process.returncode == 0
    assert (tmp_path / "state").read_text().count('"reserved"') == 1
