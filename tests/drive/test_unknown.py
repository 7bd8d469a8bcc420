"""Requests whose outcome nobody can know: sent, and then no whole answer that can be trusted; and cancelled ones.

No test measures time: where an answer never comes, the client's own limit (a second here) ends it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from support.wire_server import (
    DROP_AFTER_COMMIT,
    DROP_BEFORE_COMMIT,
    GARBAGE,
    GARBAGE_AFTER_COMMIT,
    HALF_BODY,
    HALF_HEAD,
    HANG,
    HANG_AFTER_COMMIT,
    PORTAL,
    RESET,
    Fault,
    Kind,
    WireServer,
    always,
    delay,
    drip,
    garbage_body,
    in_turn,
    status,
)
from tagsmith.drive import DriveClient, Reservation
from tagsmith.drive.wire import MAX_BODY
from tagsmith.errors import OutcomeUnknown, Refused

PAIR = ("27b89043", "DE*8PS*CD0C00*2")
BODY = Reservation(uid=PAIR[0], visual_number=PAIR[1]).body()
Call = Callable[[DriveClient], Awaitable[object]]


@pytest.mark.parametrize(
    "fault",
    [
        RESET,
        DROP_BEFORE_COMMIT,
        DROP_AFTER_COMMIT,
        HALF_BODY,
        HALF_HEAD,
        GARBAGE,
        GARBAGE_AFTER_COMMIT,
        garbage_body(),
        garbage_body(b'{"uid": "27b8'),
        garbage_body(b"<html><body>Created</body></html>"),
        PORTAL,
        status(201, b"<html>Please log in</html>"),
        status(500, commit=True),
        Fault(Kind.STATUS, status=201, headers=(("Content-Encoding", "gzip"),), body=b"no gzip"),
        Fault(Kind.STATUS, status=200, headers=(("X", "x" * 200_000),), body=b"{}"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 -1 Nonsense\r\n\r\n"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=lambda fault: f"{fault.kind.name}-{fault.status}-{fault.body[:12]!r}-{fault.commit}",
)
async def test_what_is_no_whole_answer_leaves_the_outcome_unknown(
    server: WireServer, drive: DriveClient, call: Call, fault: Fault
) -> None:
    """Whether the server had committed or not: the client cannot tell, so it does not say."""
    await drive.reserve(BODY)
    before = len(server.requests)
    server.plan = always(fault)
    with pytest.raises(OutcomeUnknown):
        await call(drive)
    assert len(server.requests) == before + 1, "a request is sent once"


@pytest.mark.parametrize("fault", [HANG, HANG_AFTER_COMMIT, drip(0.05), delay(30.0)], ids=lambda fault: fault.kind.name)
async def test_an_answer_that_does_not_come_in_time_is_unknown(server: WireServer, fault: Fault) -> None:
    """The limit is on the whole request: one that drips for ever ends too, though no single read takes long."""
    server.plan = always(fault)
    async with DriveClient(server.url, server.key, timeout_s=1.0) as drive:
        calls = drive.reserve(BODY), drive.activate("user-1", PAIR[1]), drive.list_keys("user-1")
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown] * 3


async def test_an_endless_body_is_garbage(server: WireServer, drive: DriveClient, call: Call) -> None:
    """Memory is bounded; one byte less is still read."""
    for code in (200, 201, 400):
        server.plan = always(status(code, b" " * (MAX_BODY + 1)))
        with pytest.raises(OutcomeUnknown, match="too long"):
            await call(drive)
    server.plan = always(status(400, b" " * MAX_BODY))
    with pytest.raises(Refused):
        await call(drive)


async def test_a_closed_idle_connection_proves_nothing(server: WireServer, drive: DriveClient) -> None:
    """A server that closes without an answer on a connection used before is not told from one that had committed."""
    server.plan = in_turn([None, DROP_AFTER_COMMIT])
    await drive.list_keys("user-1")
    with pytest.raises(OutcomeUnknown):
        await drive.reserve(BODY)
    assert server.connections == 1
    assert server.committed == {PAIR: 1}


async def test_a_connection_cut_unread_is_unknown(server: WireServer, drive: DriveClient) -> None:
    """The server read nothing, but the request was written: nothing proves that."""
    server.close_unread = 1
    with pytest.raises(OutcomeUnknown):
        await drive.reserve(BODY)
    assert server.attempts == {}


async def test_a_pool_recovers_from_whatever_happened(server: WireServer) -> None:
    """With a single connection, one that is lost in any way would leave the next request waiting for ever."""
    faults = [HANG, drip(0.05), RESET, HALF_BODY, GARBAGE, status(400, b" " * (MAX_BODY + 1)), status(500)]
    server.plan = in_turn([one for fault in faults for one in (fault, None)])
    async with DriveClient(server.url, server.key, timeout_s=1.0, concurrency=1) as drive:
        for _ in faults:
            with pytest.raises(OutcomeUnknown):
                await drive.list_keys("user-1")
            assert await drive.list_keys("user-1") == []


async def test_a_list_with_a_garbled_key_is_no_list(server: WireServer, drive: DriveClient) -> None:
    """A key left out silently could be the one that is looked for."""
    server.plan = always(status(200, json.dumps({"keys": [{"keyId": "27b89043"}]}).encode()))
    with pytest.raises(OutcomeUnknown, match="list of charging keys"):
        await drive.list_keys("user-1")


# --- cancelling --------------------------------------------------------------------------------------------------


async def test_cancelling_passes_through(server: WireServer) -> None:
    """A station that ends does not get an outcome it would take for an answer; the connection is free again."""
    server.plan = in_turn([HANG])
    async with DriveClient(server.url, server.key, concurrency=1) as drive:
        task = asyncio.create_task(drive.reserve(BODY))
        await asyncio.to_thread(server.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await drive.list_keys("user-1") == []


async def test_a_limit_of_the_callers_own_is_the_callers(server: WireServer, drive: DriveClient) -> None:
    """The client's timeout does not swallow one that stands around it."""
    server.plan = always(HANG)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await drive.reserve(BODY)
