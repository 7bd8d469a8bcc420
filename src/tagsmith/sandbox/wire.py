"""The connection below HTTP: answers that HTTP's machinery would never give. Knows no endpoint.

uvicorn's own protocol hands itself to the app in the request's `state`, so that the app can write bytes past it, cut,
or reset. Whoever does so answers nothing by ASGI, and waits until the connection is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from tagsmith.sandbox.faults import Fault, Kind

_STATE = "tagsmith.connection"
_GONE_S = 5.0
"""How long a client may leave unread what it got before a cut."""
_NO_LINGER = struct.pack("ii", 1, 0)
_GARBAGE = bytes(range(0x80, 0x100)) + b"\0SSH-2.0-\xff\r\n\n\r\x16\x03\x01" + bytes(range(0x20))

Headers = list[tuple[bytes, bytes]]
Pause = Callable[[float], Awaitable[None]]


class Date:
    """The `Date` header by a clock, which is the one that the limits go by; written once a second."""

    def __init__(self, clock_utc: Callable[[], datetime]) -> None:
        self._clock_utc = clock_utc
        self._second = -1
        self._header = (b"date", b"")

    def __call__(self) -> tuple[bytes, bytes]:
        second = int(self._clock_utc().timestamp())
        if second != self._second:
            self._second, self._header = second, (b"date", formatdate(second, usegmt=True).encode())
        return self._header


def protocol(date: Date) -> type[asyncio.Protocol]:
    """uvicorn's protocol, which hands itself on."""

    class Connection(H11Protocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.app_state = {_STATE: self}

        def send_400_response(self, msg: str) -> None:
            # uvicorn's own answer to what is no HTTP; it would bear no date.
            body = msg.encode()
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
            self.transport.write(head(400, [date(), *headers, (b"connection", b"close")]) + body)
            self.transport.close()

    return Connection


def head(status: int, headers: Headers) -> bytes:
    """The head of an answer as it stands on the wire."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
    return b"HTTP/1.1 %d %s\r\n%s\r\n" % (status, phrase.encode(), lines)


async def spoil(
    scope: Scope, receive: Receive, fault: Fault, pause: Pause, status: int, headers: Headers, body: bytes
) -> None:
    """Answer as the fault wants it, which is not as HTTP wants it; returns when the connection is gone."""
    connection: H11Protocol = scope["state"][_STATE]
    transport = connection.transport
    # An empty body cannot be cut in two.
    body = body or b"{}"
    kept = [pair for pair in headers if pair[0] != b"content-length"]
    start = head(status, [*kept, (b"content-length", b"%d" % len(body))])
    match fault.kind:
        case Kind.HALF_HEAD:
            transport.write(start[: len(start) // 2])
        case Kind.HALF_BODY:
            transport.write(start + body[: len(body) // 2])
        case Kind.GARBAGE:
            transport.write(_GARBAGE)
        case Kind.DRIP:
            for byte in head(status, [*kept, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]) + body:
                if transport.is_closing():
                    break
                transport.write(bytes((byte,)))
                await pause(fault.seconds)
        case Kind.RESET:
            _reset(transport)
    if fault.kind in (Kind.CUT, Kind.RESET):
        transport.abort()
    else:
        transport.close()
    await _gone(transport, receive)


async def cut(scope: Scope, receive: Receive) -> None:
    """Close the connection at once, without an answer."""
    transport: asyncio.Transport = scope["state"][_STATE].transport
    transport.abort()
    await _gone(transport, receive)


def _reset(transport: asyncio.Transport) -> None:
    raw: socket.socket | None = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


async def _gone(transport: asyncio.Transport, receive: Receive) -> None:
    # An app that returns before uvicorn knows that the connection is gone would be taken for one that forgot to answer.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GONE_S):
            while (await receive())["type"] != "http.disconnect":
                pass
            return
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
