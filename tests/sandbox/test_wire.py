"""Every fault as it arrives, byte for byte, and whether the request was carried out."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from support.raw_http import CONFIGURATION, RESERVATIONS, body_of, exchange, headers_of, port_of, request, status_of
from tagsmith.drive import DriveClient
from tagsmith.errors import NotProcessed, OutcomeUnknown
from tagsmith.sandbox import Sandbox

_NUMBERS = itertools.count()
NOW = datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.faults.clear()


def reserve(sandbox: Sandbox, spec: str) -> tuple[bytes, bool]:
    """What a reservation gets while the fault is in force, and whether it stands afterwards."""
    number = f"A{next(_NUMBERS)}"
    sandbox.faults.add(spec)
    got = exchange(sandbox, request("POST", RESERVATIONS, {"uid": f"27b8{next(_NUMBERS):04x}", "visualNumber": number}))
    return got, any(one.visual_number == number for one in sandbox.store.reservations)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 499, 500, 502, 503, 599])
@pytest.mark.parametrize("place", ["before", "after"])
def test_any_status(sandbox: Sandbox, status: int, place: str) -> None:
    """Before the deed nothing is done; after it everything is, and only the answer lies."""
    got, done = reserve(sandbox, f"reserve:{status}-{place} x1")
    assert status_of(got) == status
    assert json.loads(body_of(got))["code"] == "ORDERED_FAULT"
    assert done is (place == "after")
    assert "retry-after" not in headers_of(got)


def test_a_wait_can_be_asked_for(sandbox: Sandbox) -> None:
    """With 429, as with any other status."""
    got, done = reserve(sandbox, "reserve:429 retry-after=7")
    assert (status_of(got), headers_of(got)["retry-after"], done) == (429, "7", False)


@pytest.mark.parametrize("kind", ["cut", "reset"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_cut(sandbox: Sandbox, kind: str, place: str) -> None:
    """Nothing at all comes; a reset is one."""
    number = f"A{next(_NUMBERS)}"
    sandbox.faults.add(f"reserve:{kind}-{place} x1")
    sent = request("POST", RESERVATIONS, {"uid": f"27b8{next(_NUMBERS):04x}", "visualNumber": number})
    if kind == "reset":
        with pytest.raises(ConnectionResetError):
            exchange(sandbox, sent)
    else:
        assert exchange(sandbox, sent) == b""
    assert any(one.visual_number == number for one in sandbox.store.reservations) is (place == "after")
    assert sandbox.store.requests[-1].status == 0
    assert sandbox.store.requests[-1].fault == f"reserve:{kind}{'-after' if place == 'after' else ''} x1"


@pytest.mark.parametrize("place", ["before", "after"])
def test_half_a_head(sandbox: Sandbox, place: str) -> None:
    """It begins like an answer and has no end; where nothing was done, it does not begin like a success."""
    got, done = reserve(sandbox, f"reserve:half-head-{place} x1")
    assert got.startswith(b"HTTP/1.1 201" if place == "after" else b"HTTP/1.1 500")
    assert b"\r\n\r\n" not in got
    assert done is (place == "after")


@pytest.mark.parametrize("place", ["before", "after"])
def test_half_a_body(sandbox: Sandbox, place: str) -> None:
    """The head is whole and promises more than comes, also where the true answer has no body."""
    got, done = reserve(sandbox, f"reserve:half-body-{place} x1")
    assert status_of(got) == (201 if place == "after" else 500)
    assert 0 < len(body_of(got)) < int(headers_of(got)["content-length"])
    assert done is (place == "after")


def test_half_the_body_of_a_list(sandbox: Sandbox) -> None:
    """The half that comes is of the true answer."""
    whole = body_of(exchange(sandbox, request("GET", CONFIGURATION)))
    sandbox.faults.add("configuration:half-body x1")
    got = exchange(sandbox, request("GET", CONFIGURATION))
    assert body_of(got) == whole[: len(whole) // 2]


@pytest.mark.parametrize("place", ["before", "after"])
def test_garbage(sandbox: Sandbox, place: str) -> None:
    """Bytes that no parser of HTTP takes."""
    got, done = reserve(sandbox, f"reserve:garbage-{place} x1")
    assert got
    assert not got.startswith(b"HTTP/")
    assert done is (place == "after")


def test_a_drip(sandbox: Sandbox) -> None:
    """One byte at a time, and all of them in the end if somebody waits that long."""
    number = f"A{next(_NUMBERS)}"
    sandbox.faults.add("reserve:drip=1ms x1")
    body = {"uid": f"27b8{next(_NUMBERS):04x}", "visualNumber": number}
    with socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as connection:
        connection.sendall(request("POST", RESERVATIONS, body))
        pieces = list(iter(lambda: connection.recv(65536), b""))
    assert status_of(b"".join(pieces)) == 201
    # Some may have come together, where this process had no turn in between.
    assert len(pieces) > 20


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_pause(sandbox: Sandbox, place: str) -> None:
    """The answer is the true one, later; meanwhile the deed is done or not."""
    number = f"A{next(_NUMBERS)}"
    sandbox.faults.add(f"reserve:latency{'-after' if place == 'after' else ''}=300ms x1")
    body = {"uid": f"27b8{next(_NUMBERS):04x}", "visualNumber": number}
    with socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as connection:
        begun = time.monotonic()
        connection.sendall(request("POST", RESERVATIONS, body))
        while sandbox.faults.listed:
            time.sleep(0.001)
        meanwhile = any(one.visual_number == number for one in sandbox.store.reservations)
        assert status_of(connection.recv(65536)) == 201
        assert time.monotonic() - begun >= 0.3
    if place == "before":
        assert not meanwhile
    assert any(one.visual_number == number for one in sandbox.store.reservations)


def test_what_was_read_is_carried_out_though_its_client_has_gone(sandbox: Sandbox) -> None:
    """A client that gave up waiting knows nothing of what became of its request."""
    number = f"A{next(_NUMBERS)}"
    sandbox.faults.add("reserve:latency=50ms x1")
    with socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as connection:
        connection.sendall(request("POST", RESERVATIONS, {"uid": f"27b8{next(_NUMBERS):04x}", "visualNumber": number}))
        while sandbox.faults.listed:
            time.sleep(0.001)
    ends = time.monotonic() + 10
    while not any(one.visual_number == number for one in sandbox.store.reservations):
        assert time.monotonic() < ends
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("value", "location"),
    [("same", RESERVATIONS), ("other", f"https://elsewhere.invalid{RESERVATIONS}"),
     ("http://127.0.0.1:1/drive", f"http://127.0.0.1:1/drive{RESERVATIONS}")],
)  # fmt: skip
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect(sandbox: Sandbox, value: str, location: str, status: int) -> None:
    """To the same path, here or elsewhere; nothing is done."""
    got, done = reserve(sandbox, f"reserve:{status}={value} x1")
    assert (status_of(got), headers_of(got)["location"], done) == (status, location, False)


@pytest.mark.parametrize("status", [201, 400, 409, 500])
def test_what_a_duplicate_answers_at_run_time(sandbox: Sandbox, status: int) -> None:
    """Used up by a duplicate only; nothing is stored twice."""
    body = {"uid": f"27b8{next(_NUMBERS):04x}", "visualNumber": f"A{next(_NUMBERS)}"}
    sandbox.faults.add(f"reserve:duplicate={status} x1")
    before = len(sandbox.store.reservations)
    found = [status_of(exchange(sandbox, request("POST", RESERVATIONS, body))) for _ in range(3)]
    assert found == [201, status, 409]
    assert len(sandbox.store.reservations) == before + 1


def test_faults_come_after_the_key_and_the_path(sandbox: Sandbox) -> None:
    """A request without the key, or for nothing that is there, uses none of them up."""
    sandbox.faults.add("*:500 x1")
    assert status_of(exchange(sandbox, request("GET", CONFIGURATION, key=""))) == 401
    assert status_of(exchange(sandbox, request("GET", "/v1/nothing"))) == 404
    assert len(sandbox.faults.listed) == 1


def test_the_connection_serves_on_after_an_answer_that_is_http(sandbox: Sandbox) -> None:
    """An ordered status is no reason to hang up: the next request on the same connection is answered."""
    sandbox.faults.add("configuration:503 x1")
    with socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as connection:
        sent = request("GET", CONFIGURATION).replace(b"Connection: close\r\n", b"")
        for status in (503, 200):
            connection.sendall(sent)
            got = connection.recv(65536)
            while b"\r\n\r\n" not in got or len(body_of(got)) < int(headers_of(got)["content-length"]):
                got += connection.recv(65536)
            assert status_of(got) == status


async def test_what_our_client_makes_of_them(sandbox: Sandbox) -> None:
    """429 proves that nothing was done; whatever spoils an answer leaves a doubt."""
    async with DriveClient(sandbox.url, "sandbox", timeout_s=5) as drive:
        for spec, error in (
            ("429 x1 retry-after=3", NotProcessed),
            ("cut x1", OutcomeUnknown),
            ("reset-after x1", OutcomeUnknown),
            ("half-head x1", OutcomeUnknown),
            ("half-body x1", OutcomeUnknown),
            ("garbage x1", OutcomeUnknown),
            ("500-after x1", OutcomeUnknown),
            ("redirect=other x1", OutcomeUnknown),
        ):
            sandbox.faults.add(f"reserve:{spec}")
            body = json.dumps({"uid": f"27b8{next(_NUMBERS):04x}", "visualNumber": f"A{next(_NUMBERS)}"})
            with pytest.raises(error):
                await drive.reserve(body)


def test_every_answer_has_the_date_of_the_clock_that_limits() -> None:
    """The station learns the API's clock minute from it: successes, refusals, faults, the page, and what is no HTTP."""
    with Sandbox(limit_per_minute=2, clock_utc=lambda: NOW, faults=["configuration:half-body x1"]) as sandbox:
        answers = [
            exchange(sandbox, sent)
            for sent in (
                request("GET", CONFIGURATION),
                request("GET", CONFIGURATION),
                request("GET", CONFIGURATION),
                request("GET", CONFIGURATION, key="wrong"),
                request("PUT", CONFIGURATION),
                request("GET", "/v1"),
                request("GET", "/"),
                request("GET", "/live"),
                request("GET", "/control/faults"),
                request("POST", RESERVATIONS, "x" * 70_000),
                b"\x16\x03\x01 no HTTP\r\n\r\n",
            )
        ]
    assert [status_of(got) for got in answers] == [200, 200, 429, 401, 405, 404, 200, 200, 200, 413, 400]
    assert {headers_of(got)["date"] for got in answers} == {"Sat, 31 Jan 2026 23:59:30 GMT"}


def test_a_limit_by_flag_opens_at_the_next_clock_minute() -> None:
    """429 beyond it without anything being done, then again as many; a day's limit beside it holds on."""
    now = [NOW]
    with Sandbox(limit_per_minute=2, limit_per_day=3, clock_utc=lambda: now[0]) as sandbox:

        def ask() -> int:
            return status_of(exchange(sandbox, request("GET", CONFIGURATION)))

        assert [ask() for _ in range(3)] == [200, 200, 429]
        now[0] = NOW.replace(second=59)
        assert ask() == 429
        now[0] = datetime(2026, 2, 1, tzinfo=UTC)
        assert [ask() for _ in range(3)] == [200, 200, 429]
        now[0] = datetime(2026, 2, 1, 0, 1, tzinfo=UTC)
        assert [ask() for _ in range(2)] == [200, 429]


def test_a_pause_does_not_hold_the_end() -> None:
    """Neither one of an hour nor a drip: what waits is not carried out, and its client is cut off."""
    sandbox = Sandbox(faults=["reserve:latency=60m x1", "configuration:drip=60m x1"])
    sandbox.start()
    with (
        socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as one,
        socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as other,
    ):
        one.sendall(request("POST", RESERVATIONS, {"uid": "27b89043", "visualNumber": "A1"}))
        other.sendall(request("GET", CONFIGURATION))
        while sandbox.faults.listed:
            time.sleep(0.001)
        begun = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - begun < 4
        assert one.recv(100) == b""
    assert sandbox.store.reservations == ()
