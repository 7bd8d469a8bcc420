"""What the wire tests of the client share: a server that may go wrong, a client for it, and each endpoint once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from support.wire_server import WireServer
from tagsmith.drive import DriveClient, Reservation


@pytest.fixture
def server() -> Iterator[WireServer]:
    """A server that answers properly until a test gives it another plan."""
    with WireServer(key="k3y-of-the-t3st", prefix="/drive") as server:
        yield server


@pytest.fixture
async def drive(server: WireServer) -> AsyncIterator[DriveClient]:
    """A client that is out of patience soon, for answers that never come."""
    async with DriveClient(server.url, server.key, timeout_s=2.0) as drive:
        yield drive


async def reserve(drive: DriveClient) -> object:
    """A pair of its own: the one that is activated may be reserved before."""
    return await drive.reserve(Reservation(uid="27b89044", visual_number="A2").body())


async def activate(drive: DriveClient) -> object:
    return await drive.activate("user-1", "DE*8PS*CD0C00*2")


async def list_keys(drive: DriveClient) -> object:
    return await drive.list_keys("user-1")


@pytest.fixture(params=[reserve, activate, list_keys], ids=lambda call: call.__name__)
def call(request: pytest.FixtureRequest) -> Callable[[DriveClient], Awaitable[object]]:
    """Every endpoint in turn: what is true of an outcome is true for each."""
    return request.param
