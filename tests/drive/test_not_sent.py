"""Requests that are proved not sent, and those that the client itself refuses to send."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from support.wire_server import (
    HANG,
    WireServer,
    always,
)
from tagsmith.drive import DriveClient, Reservation
from tagsmith.errors import NotProcessed, OutcomeUnknown, Refused

PAIR = ("27b89043", "DE*8PS*CD0C00*2")
BODY = Reservation(uid=PAIR[0], visual_number=PAIR[1]).body()
Call = Callable[[DriveClient], Awaitable[object]]


async def test_a_refused_connection_is_not_processed(call: Call) -> None:
    """Nobody listens: nothing was sent. The words say so."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with DriveClient(f"http://127.0.0.1:{port}", "k") as drive:
        with pytest.raises(NotProcessed, match="no connection to the API") as caught:
            await call(drive)
    assert (caught.value.status, caught.value.retry_after_s) == (None, None)


async def test_a_connection_not_accepted_in_time_is_not_processed() -> None:
    """A full backlog swallows the first packet; the limit for connecting strikes before the one for the request."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        async with DriveClient(f"http://127.0.0.1:{full.getsockname()[1]}", "k", timeout_s=0.5) as drive:
            with pytest.raises(NotProcessed, match="did not accept"):
                await drive.reserve(BODY)


async def test_no_free_connection_is_not_processed(server: WireServer) -> None:
    """The one connection is busy and stays so; the request that waits for it is never sent."""
    server.plan = always(HANG)
    async with DriveClient(server.url, server.key, timeout_s=1.0, concurrency=1) as drive:
        first, second = await asyncio.gather(drive.reserve(BODY), drive.reserve(BODY), return_exceptions=True)
    assert type(first) is OutcomeUnknown
    assert type(second) is NotProcessed
    assert len(server.requests) == 1


async def test_a_failed_tls_handshake_is_not_processed(server: WireServer) -> None:
    """The other side speaks no TLS: the request never left."""
    server.close_unread = 1
    async with DriveClient(f"https://127.0.0.1:{server.port}", "k", timeout_s=2.0) as drive:
        with pytest.raises(NotProcessed):
            await drive.reserve(BODY)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "127.0.0.1:8787",
        "ftp://127.0.0.1",
        "http://",
        "http:///drive",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:-1",
        "http://300.1.1.1",
        "http://[::1",
        "http://[zz]",
        "http://xn--",
        "http://a\ud800b",
        "http://a..b",
        "http://" + "a" * 70 + ".invalid",
        "http://127.0.0.1/\ndrive",
        "http://127.0.0.1/" + "x" * 70_000,
    ],
)
async def test_an_address_that_is_none_is_not_processed(url: str, call: Call) -> None:
    """Nothing can have been sent there, and nothing foreign is raised."""
    async with DriveClient(url, "k", timeout_s=2.0) as drive:
        with pytest.raises(NotProcessed):
            await call(drive)


@pytest.mark.parametrize(
    "form", ["http://user:word@{}/drive", "http://{}/drive?x=1", "http://{}/drive?", "http://{}/#x"]
)
async def test_an_address_with_parts_that_do_not_belong_there_is_not_used(server: WireServer, form: str) -> None:
    """They would be ignored silently; a password in it is not shown either."""
    async with DriveClient(form.format(f"127.0.0.1:{server.port}"), "k") as drive:
        with pytest.raises(NotProcessed, match="nothing else") as caught:
            await drive.list_keys("user-1")
    assert "word" not in str(caught.value)
    assert server.connections == 0


@pytest.mark.parametrize("key", ["line\nend", "carriage\r\nX-Other: header", "nul\0", " blank", "blank "])
async def test_a_key_that_is_no_header_is_not_processed(server: WireServer, key: str) -> None:
    """It is refused before it is written; the words send people to the key and do not show it."""
    async with DriveClient(server.url, key) as drive:
        with pytest.raises(NotProcessed, match="API key") as caught:
            await drive.reserve(BODY)
    assert key.strip() not in str(caught.value)
    assert not server.requests


async def test_the_environment_is_not_asked(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that happens to stand there never sees the key, and certificates are not taken from there."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    with WireServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with DriveClient(server.url, server.key) as drive:
            await drive.reserve(BODY)
        assert proxy.connections == 0


# --- refused here ------------------------------------------------------------------------------------------------


async def test_what_cannot_be_asked_is_refused_unsent(server: WireServer, drive: DriveClient) -> None:
    """An impossible user id or reference would lead to another path, or to none; there is no status."""
    calls = [
        drive.activate("", "A1"),
        drive.activate("a/b", "A1"),
        drive.activate("user-1", ""),
        drive.activate("user-1", "x" * 65),
        drive.activate("user-1", "\ud800"),
        drive.list_keys("a b"),
        drive.list_keys("x" * 256),
        drive.reserve('{"uid":"27b89043","visualNumber":"\udcff"}'),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            await call
        assert caught.value.status is None
    assert not server.requests
