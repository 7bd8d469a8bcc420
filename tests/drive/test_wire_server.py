"""The fault server itself: what it counts can be trusted, and it outlives a station as a process of its own."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import support.wire_server as wire_server
from support.wire_server import EVERYTHING, HALF_BODY, WireServer, at_random, in_turn

RESERVATIONS = "/v1/charging-keys/reservations"


def post(server: WireServer, path: str, body: bytes | None = None, key: str = "wire-key") -> int:
    """A plain POST; its status."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        headers = {"X-API-Key": key, **({} if body is None else {"Content-Type": "application/json"})}
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def pair(uid: str, number: str) -> bytes:
    return json.dumps({"uid": uid, "visualNumber": number}).encode()


@pytest.mark.parametrize("duplicate", [201, 400, 409])
def test_it_counts_what_stands_at_the_api(duplicate: int) -> None:
    """Attempts, commits (one per pair), and pairs that contradict a stored one by uid or by number."""
    with WireServer(duplicate=duplicate) as server:
        assert post(server, RESERVATIONS, pair("27b89043", "A1")) == 201
        assert post(server, RESERVATIONS, pair("27b89043", "A1")) == duplicate
        assert post(server, RESERVATIONS, pair("27b89043", "A2")) == duplicate
        assert post(server, RESERVATIONS, pair("27b89044", "A1")) == duplicate
        assert post(server, "/v1/users/u/charging-keys/A1/activate") == 200
        state = json.load(urllib.request.urlopen(f"{server.url}/_state", timeout=10))
    assert state == server.state()
    assert state["committed"] == [["27b89043", "A1", 1]]
    assert state["attempts"] == [["27b89043", "A1", 2], ["27b89043", "A2", 1], ["27b89044", "A1", 1]]
    assert state["conflicts"] == [
        [["27b89043", "A2"], ["27b89043", "A1"]],
        [["27b89044", "A1"], ["27b89043", "A1"]],
    ]
    assert state["active"] == {"A1": "u"}
    assert state["requests"] == 5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"uid": "27b89043"}',
        b'{"uid": "27b89043", "visualNumber": ""}',
        b'{"uid": "27B89043", "visualNumber": "A1"}',
        b'{"uid": "27b89043", "visualNumber": "A1", "type": "tag"}',
        b'{"uid": "27b89043", "visualNumber": "A1", "x": "y"}',
        b'{"uid": "27b89043", "visualNumber": "A1", "validTo": "2020-01-01T00:00:00Z"}',
        b'{"uid": "27b89043", "visualNumber": "A1", "validTo": "2099-01-01"}',
        b'{"uid": "27b89043", "visualNumber": "A1", "type": null}',
    ],
)
def test_it_is_strict(body: bytes) -> None:
    """A client that sends something wrong is told, and nothing is counted."""
    with WireServer() as server:
        assert post(server, RESERVATIONS, body) == 400
        assert post(server, RESERVATIONS, pair("27b89043", "A1"), key="wrong") == 401
        assert post(server, "/v1/nowhere", pair("27b89043", "A1")) == 404
        assert not server.attempts


def test_faults_come_in_turn_and_by_chance() -> None:
    """The same seed orders the same faults; a list that is used up is followed by proper answers."""
    request = wire_server.Request(0, "GET", "/", {})
    plan = in_turn([HALF_BODY, None])
    assert [plan(request) for _ in range(4)] == [HALF_BODY, None, None, None]
    one, other = at_random(7, 0.5), at_random(7, 0.5)
    drawn = [one(request) for _ in range(200)]
    assert drawn == [other(request) for _ in range(200)]
    assert 50 < drawn.count(None) < 150
    assert {fault for fault in drawn if fault} <= set(EVERYTHING)


def test_it_runs_as_a_process_of_its_own() -> None:
    """It prints its address, keeps its counts between clients, tells them on request, and ends on SIGTERM."""
    path = Path(wire_server.__file__)
    process = subprocess.Popen(
        [sys.executable, str(path), "--key", "k", "--duplicate", "201"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        for _ in range(2):
            request = urllib.request.Request(
                f"{url}{RESERVATIONS}",
                pair("27b89043", "A1"),
                {"X-API-Key": "k", "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=10) as response:
                assert response.status == 201
        with urllib.request.urlopen(f"{url}/_state", timeout=10) as response:
            state = json.load(response)
        assert state["attempts"] == [["27b89043", "A1", 2]]
        assert state["committed"] == [["27b89043", "A1", 1]]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
