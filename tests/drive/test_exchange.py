"""What an observer is told of each exchange: when it was, its status, and what the API's clock said."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from support.wire_server import (
    DROP_AFTER_COMMIT,
    GARBAGE,
    HALF_BODY,
    HALF_HEAD,
    HANG,
    RESET,
    Fault,
    Kind,
    WireServer,
    always,
    drip,
    status,
)
from tagsmith.drive import DriveClient, Exchange, Reservation
from tagsmith.errors import DriveError, NotProcessed, Refused

DATE = "Sat, 31 Jan 2026 12:00:07 GMT"
MOMENT = datetime(2026, 1, 31, 12, 0, 7, tzinfo=UTC)
Call = Callable[[DriveClient], Awaitable[object]]


def dated(code: int, *dates: str, body: bytes = b"{}") -> Fault:
    return Fault(Kind.STATUS, status=code, headers=tuple(("Date", date) for date in dates), body=body)


def watched(server: WireServer, seen: list[Exchange], *, timeout_s: float = 2.0) -> DriveClient:
    """A client of which `seen` learns the exchanges, by a clock that goes up one second at each look."""
    ticks = itertools.count(100)
    return DriveClient(
        server.url, server.key, timeout_s=timeout_s, observer=seen.append, clock=lambda: float(next(ticks))
    )


async def test_every_exchange_is_told_with_its_times_and_the_apis(server: WireServer) -> None:
    """By the injected clock, in turn; the Date header in UTC, whatever the status."""
    seen: list[Exchange] = []
    async with watched(server, seen) as drive:
        for code in (201, 400, 429, 500, 307):
            server.plan = always(dated(code, DATE))
            try:
                await drive.reserve(Reservation(uid="27b89043", visual_number="A1").body())
            except DriveError as error:
                assert error.status == code  # noqa: PT017 – a success raises nothing
    assert seen == [
        Exchange(100.0 + 2 * place, 101.0 + 2 * place, code, MOMENT)
        for place, code in enumerate((201, 400, 429, 500, 307))
    ]


@pytest.mark.parametrize(
    ("dates", "moment"),
    [
        ((), None),
        (("",), None),
        (("yesterday",), None),
        (("Sat, 31 Feb 2026 12:00:07 GMT",), None),
        (("Fri, 31 Dec 9999 23:59:59 -0100",), None),
        ((DATE, DATE), MOMENT),
        (("Saturday, 31-Jan-26 12:00:07 GMT",), MOMENT),
        (("Sat, 31 Jan 2026 13:00:07 +0100",), MOMENT),
    ],
)
async def test_a_date_is_utc_or_none(server: WireServer, dates: tuple[str, ...], moment: datetime | None) -> None:
    """An answer without one, with nonsense or with a moment that no calendar holds counts as well."""
    server.plan = always(dated(400, *dates))
    seen: list[Exchange] = []
    async with watched(server, seen) as drive:
        with pytest.raises(Refused):
            await drive.list_keys("user-1")
    assert [(one.status, one.date) for one in seen] == [(400, moment)]
    assert all(one.date is None or one.date.tzinfo is UTC for one in seen)


@pytest.mark.parametrize("fault", [HALF_BODY, drip(0.05)], ids=["half", "drip"])
async def test_an_answer_of_which_only_the_head_came_is_told(server: WireServer, call: Call, fault: Fault) -> None:
    """What was counted against the share was counted, though the outcome is unknown."""
    server.plan = always(fault)
    seen: list[Exchange] = []
    async with watched(server, seen, timeout_s=0.4) as drive:
        with pytest.raises(DriveError):
            await call(drive)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "fault", [HALF_HEAD, DROP_AFTER_COMMIT, GARBAGE, RESET, HANG], ids=lambda fault: fault.kind.name
)
async def test_no_answer_is_no_exchange(server: WireServer, call: Call, fault: Fault) -> None:
    """Nobody's clock was seen."""
    server.plan = always(fault)
    seen: list[Exchange] = []
    async with watched(server, seen, timeout_s=0.3) as drive:
        with pytest.raises(DriveError):
            await call(drive)
    assert seen == []


async def test_no_connection_is_no_exchange() -> None:
    """Nor is what was refused before anything was sent."""
    seen: list[Exchange] = []
    async with DriveClient("http://127.0.0.1:1", "k", observer=seen.append) as drive:
        with pytest.raises(NotProcessed):
            await drive.list_keys("user-1")
        with pytest.raises(Refused):
            await drive.list_keys("no user")
    assert seen == []


async def test_an_observer_that_fails_changes_no_outcome(server: WireServer, caplog: pytest.LogCaptureFixture) -> None:
    """The pair is at the API: that word is not lost to a fault of whoever looks on."""

    def fail(exchange: Exchange) -> None:
        raise ZeroDivisionError

    async with DriveClient(server.url, server.key, observer=fail) as drive:
        receipt = await drive.reserve(Reservation(uid="27b89043", visual_number="A1").body())
        server.plan = always(status(400))
        with pytest.raises(Refused):
            await drive.list_keys("user-1")
    assert receipt.status == 201
    assert [record.levelno for record in caplog.records if record.levelno > 5] == [logging.ERROR] * 2
