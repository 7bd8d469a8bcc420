"""A Drive API in raw bytes, for fault tests of client and courier; independent of the sandbox and of any HTTP library.

It speaks reservation, activation and listing strictly, keeps what it committed in memory, counts every pair, and goes
wrong to order: a *plan* is asked once per request and says how. It listens on 127.0.0.1 only.

In a test, in a thread of its own:

    with WireServer(plan=in_turn([status(500), DROP_AFTER_COMMIT])) as server:
        ... server.url, server.committed, server.requests

As a process that outlives the killed station (standard library only; the first line it prints is its address):

    python tests/support/wire_server.py --key KEY --fault-rate 0.3 --seed 7
    curl http://127.0.0.1:PORT/_state        # the counts, see WireServer.state
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import enum
import json
import random
import re
import signal
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self
from urllib.parse import unquote

Pair = tuple[str, str]
"""(uid, visualNumber)"""


class Kind(enum.Enum):
    """What a request gets instead of, or on top of, its proper answer."""

    STATUS = enum.auto()
    """An answer of the fault's own `status`, `headers` and `body`, whole and well formed."""
    HANG = enum.auto()
    """Nothing, for ever; the connection stays open."""
    RESET = enum.auto()
    """The connection is reset when the head is read and the body is not."""
    DROP = enum.auto()
    """The connection is closed without a byte."""
    HALF_BODY = enum.auto()
    """The proper answer's head announces more bytes than come."""
    HALF_HEAD = enum.auto()
    """The proper answer ends in the middle of its head."""
    GARBAGE = enum.auto()
    """Bytes that are no HTTP."""
    GARBAGE_BODY = enum.auto()
    """The proper status with `body` in place of the proper one."""
    DRIP = enum.auto()
    """The proper answer's head, then a byte every `delay_s` without end."""
    DELAY = enum.auto()
    """The proper answer after `delay_s`."""


@dataclass(frozen=True)
class Fault:
    """One thing to go wrong. With `commit` the request is carried out before, else it is not carried out at all."""

    kind: Kind
    commit: bool = False
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_s: float = 0.0


def status(code: int, body: bytes | None = None, *, retry_after: str | None = None, commit: bool = False) -> Fault:
    """An answer with this status; by default with an error body in JSON."""
    if body is None:
        body = json.dumps({"code": f"E{code}", "message": f"ordered to answer {code}"}).encode()
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return Fault(Kind.STATUS, commit, code, (("Content-Type", "application/json"), *headers), body)


def redirect(location: str, code: int = 307) -> Fault:
    """An answer that sends the client somewhere else."""
    return Fault(Kind.STATUS, False, code, (("Location", location),))


def garbage_body(body: bytes = b"\x00\xfe{]", *, commit: bool = True) -> Fault:
    """The proper status with a body that means nothing."""
    return Fault(Kind.GARBAGE_BODY, commit, body=body)


def drip(delay_s: float, *, commit: bool = True) -> Fault:
    """An answer that never quite ends."""
    return Fault(Kind.DRIP, commit, delay_s=delay_s)


def delay(delay_s: float) -> Fault:
    """The proper answer, late."""
    return Fault(Kind.DELAY, True, delay_s=delay_s)


HANG = Fault(Kind.HANG)
HANG_AFTER_COMMIT = Fault(Kind.HANG, commit=True)
RESET = Fault(Kind.RESET)
DROP_BEFORE_COMMIT = Fault(Kind.DROP)
DROP_AFTER_COMMIT = Fault(Kind.DROP, commit=True)
HALF_BODY = Fault(Kind.HALF_BODY, commit=True)
HALF_HEAD = Fault(Kind.HALF_HEAD, commit=True)
GARBAGE = Fault(Kind.GARBAGE, body=b"\x16\x03\x01 this is no HTTP\r\n\r\n")
GARBAGE_AFTER_COMMIT = replace(GARBAGE, commit=True)
PORTAL = Fault(
    Kind.STATUS, status=200, headers=(("Content-Type", "text/html"),), body=b"<html><body>Please log in</body></html>"
)
"""What the captive portal of a guest network answers to everything."""

EVERYTHING = (
    status(429),
    status(429, retry_after="0"),
    status(500),
    status(503),
    status(500, commit=True),
    RESET,
    DROP_BEFORE_COMMIT,
    DROP_AFTER_COMMIT,
    HALF_BODY,
    HALF_HEAD,
    GARBAGE,
    GARBAGE_AFTER_COMMIT,
    garbage_body(),
    garbage_body(commit=False),
    PORTAL,
)
"""Every fault that ends by itself and after which trying again is right."""


@dataclass(frozen=True)
class Request:
    """One request as it came. `target` is the raw text between method and version; header names are lower case."""

    number: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


Plan = Callable[[Request], Fault | None]
"""Asked once per request (the state dump excepted); None means the proper answer."""


def in_turn(faults: Iterable[Fault | None]) -> Plan:
    """The faults one after the other, then proper answers."""
    left = iter(tuple(faults))
    return lambda request: next(left, None)


def always(fault: Fault | None) -> Plan:
    """The same for every request."""
    return lambda request: fault


def at_random(seed: int, rate: float, faults: Sequence[Fault] = EVERYTHING) -> Plan:
    """Each request goes wrong with probability `rate`, in one of the ways given; the same for the same seed."""
    rng = random.Random(seed)
    return lambda request: rng.choice(faults) if rng.random() < rate else None


class BadRequest(Exception):
    """Bytes that are no request this server takes, or a request that breaks a rule of the API."""


@dataclass
class WireServer:
    """The server and what it knows. Its counts may be read from any thread.

    `duplicate` is the status for a pair of which the uid or the number is taken, or is asked for it once per such pair
    that comes; with 201 nothing is stored again. Stopped and started again it keeps its port and all it knows.
    `close_unread` is the number of connections that are closed as they come, before a byte is read.
    """

    key: str = "wire-key"
    plan: Plan = field(default=always(None))
    duplicate: int | Callable[[Pair], int] = 409
    port: int = 0
    prefix: str = ""
    """What stands before /v1, such as /drive."""
    close_unread: int = 0
    connections: int = 0
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=20_000))
    attempts: Counter[Pair] = field(default_factory=Counter)
    """Valid reservations that arrived and were to be carried out."""
    committed: Counter[Pair] = field(default_factory=Counter)
    """Reservations that were stored: 1 for every pair that stands at this API."""
    conflicts: list[tuple[Pair, Pair]] = field(default_factory=list)
    """A pair that came, and a different pair already stored with which it shares its uid or its number."""
    active: dict[str, str] = field(default_factory=dict)
    """visualNumber → user id."""

    def __post_init__(self) -> None:
        self._by_uid: dict[str, str] = {}
        self._by_number: dict[str, str] = {}
        self._place: dict[str, int] = {}
        self._count = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._handlers: set[asyncio.Task[None]] = set()
        self._arrived = threading.Condition()

    # --- life ----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The base URL, to which /v1/… is added."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def start(self) -> None:
        """Listen, and serve in a thread."""
        listener = self._listen()
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, ready)), name="wire-server", daemon=True
        )
        self._thread.start()
        assert ready.wait(10), "the wire server did not start"

    def stop(self) -> None:
        """Close every connection and end the thread; no call too many."""
        if self._thread is None:
            return
        assert self._loop is not None
        assert self._ending is not None
        with contextlib.suppress(RuntimeError):  # the loop is already closed
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the wire server did not end"
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def run(self, announce: Callable[[str], None]) -> None:
        """Serve in this thread until SIGTERM or SIGINT; `announce` gets the base URL."""
        listener = self._listen()
        announce(self.url)
        asyncio.run(self._serve(listener, threading.Event(), signals=True))

    def wait_for(self, count: int) -> None:
        """Block until so many requests have arrived; in an asyncio test by `asyncio.to_thread`."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, 10), "the requests did not come"

    def state(self) -> dict[str, object]:
        """What /_state answers: pairs as [uid, number, count], `active` as number → user."""
        return {
            "requests": self._count,
            "attempts": [[*pair, count] for pair, count in list(self.attempts.items())],
            "committed": [[*pair, count] for pair, count in list(self.committed.items())],
            "conflicts": [[list(new), list(old)] for new, old in list(self.conflicts)],
            "active": dict(self.active),
        }

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = listener.getsockname()[1]
        return listener

    async def _serve(self, listener: socket.socket, ready: threading.Event, *, signals: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._ending.set)
        server = await asyncio.start_server(self._connected, sock=listener)
        ready.set()
        await self._ending.wait()
        # A connection that was just accepted needs a few turns of the loop until its handler runs, which closes it; a
        # server that closes meanwhile would drop it unclosed.
        self._loop.remove_reader(listener)
        for _ in range(10):
            await asyncio.sleep(0)
        server.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    # --- the wire ------------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        try:
            if self.close_unread > 0:
                self.close_unread -= 1
                return
            while await self._one(reader, writer):
                pass
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # the client went away: nobody to answer
        except asyncio.CancelledError:
            writer.transport.abort()  # the server ends, and does not wait for a client that reads nothing
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self._handlers.discard(task)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it; whether the connection lives on."""
        try:
            request = _head((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"), self._count)
            length = _length(request)
        except BadRequest as error:
            writer.write(_answer(400, _error("BAD_HTTP", str(error))))
            return False
        if request.target == "/_state":
            writer.write(_answer(200, json.dumps(self.state()).encode()))
            await writer.drain()
            return True
        self._count += 1
        fault = self.plan(request)
        if fault is not None and fault.kind is Kind.RESET:
            self._note(request)
            _reset(writer)
            return False
        request = replace(request, body=await reader.readexactly(length))
        self._note(request)
        if fault is None:
            writer.write(_answer(*self._carry_out(request)))
            await writer.drain()
            return True
        return await self._go_wrong(fault, request, writer)

    def _note(self, request: Request) -> None:
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()

    async def _go_wrong(self, fault: Fault, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Carry out the request if the fault says so, and do the fault's kind; whether the connection lives on."""
        code, body = self._carry_out(request) if fault.commit else (self._success(request), b"{}")
        match fault.kind:
            case Kind.STATUS:
                writer.write(_answer(fault.status, fault.body, fault.headers))
                await writer.drain()
                return True
            case Kind.GARBAGE_BODY:
                writer.write(_answer(code, fault.body))
                await writer.drain()
                return True
            case Kind.DELAY:
                await asyncio.sleep(fault.delay_s)
                writer.write(_answer(code, body))
                await writer.drain()
                return True
            case Kind.HANG:
                await asyncio.Event().wait()
            case Kind.DROP | Kind.RESET:
                pass
            case Kind.GARBAGE:
                writer.write(fault.body)
            case Kind.HALF_HEAD:
                writer.write(_answer(code, body)[:20])
            case Kind.HALF_BODY:
                writer.write(_answer(code, body or b"{}", length=len(body) + 100))
            case Kind.DRIP:
                writer.write(_answer(code, b"", length=1_000_000))
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(fault.delay_s)
        await writer.drain()
        return False

    # --- the API -------------------------------------------------------------------------------------------------

    def _success(self, request: Request) -> int:
        return 201 if request.target.endswith("/charging-keys/reservations") else 200

    def _carry_out(self, request: Request) -> tuple[int, bytes]:
        """The proper answer: status and body."""
        if request.headers.get("x-api-key") != self.key:
            return 401, _error("UNAUTHORISED", "API key missing or wrong")
        path = request.target.removeprefix(self.prefix) if self.prefix else request.target
        match request.method, path.split("/")[1:]:
            case "POST", ["v1", "charging-keys", "reservations"]:
                return self._reserve(request)
            case "POST", ["v1", "users", user, "charging-keys", reference, "activate"] if request.body == b"":
                return self._activate(unquote(user), unquote(reference, errors="strict"))
            case "GET", ["v1", "users", user, "charging-keys"]:
                held = [number for number, owner in self.active.items() if owner == unquote(user)]
                return 200, json.dumps({"keys": [self._key(number) for number in held]}).encode()
        return 404, _error("NO_SUCH_PATH", "nothing is here")

    def _reserve(self, request: Request) -> tuple[int, bytes]:
        try:
            uid, number = _reservation(request)
        except BadRequest as error:
            return 400, _error("BAD_REQUEST", str(error))
        pair = (uid, number)
        self.attempts[pair] += 1
        stored = {(uid, self._by_uid.get(uid, number)), (self._by_number.get(number, uid), number)} - {pair}
        self.conflicts.extend((pair, old) for old in sorted(stored))
        if uid in self._by_uid or number in self._by_number:
            code = self.duplicate(pair) if callable(self.duplicate) else self.duplicate
            return code, b"" if code == 201 else _error("DUPLICATE", "uid or visualNumber is taken")
        self._by_uid[uid] = number
        self._by_number[number] = uid
        self._place[number] = len(self._place)
        self.committed[pair] += 1
        return 201, b""

    def _activate(self, user: str, reference: str) -> tuple[int, bytes]:
        if reference not in self._by_number:
            return 404, _error("NOT_FOUND", "User or charging key not found")
        if reference in self.active:
            return 409, _error("IN_USE", "Key already in use")
        self.active[reference] = user
        return 200, json.dumps(self._key(reference)).encode()

    def _key(self, number: str) -> dict[str, object]:
        return {
            "name": f"key {number}",
            "enabled": True,
            "keyId": self._by_number[number],
            "referenceId": number,
            "contractId": f"DE-8PS-C{self._place[number]:08d}-X",
            "type": "tag",
            "validFrom": "2021-12-08T00:00:00.000Z",
            "validTo": "2031-12-08T23:59:59.000Z",
            "created": "2021-12-08T10:33:01.000Z",
            "updated": "2021-12-08T10:33:01.000Z",
        }


# --- bytes and rules ---------------------------------------------------------------------------------------------


def _head(text: str, number: int) -> Request:
    """The request's head, read strictly."""
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    if not (match := re.fullmatch(r"([A-Z]+) (/[!-~]*) HTTP/1\.1", first)):
        raise BadRequest(f"no request line: {first!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or name.lower() in headers:
            raise BadRequest("a header that is none, or comes twice")
        headers[name.lower()] = value.strip()
    if "host" not in headers:
        raise BadRequest("no Host")
    return Request(number, match[1], match[2], headers)


def _length(request: Request) -> int:
    """The length of the body; only a stated one is taken."""
    if "transfer-encoding" in request.headers:
        raise BadRequest("a body without a stated length")
    text = request.headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise BadRequest("no length")
    if request.method == "POST" and "content-length" not in request.headers:
        raise BadRequest("a POST without a length")
    return int(text)


def _reservation(request: Request) -> Pair:
    """The pair a reservation asks for, after every rule the API's description states."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadRequest("the body must be application/json")
    try:
        body = json.loads(request.body.decode("utf-8"))
    except ValueError as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise BadRequest("the body must be an object of strings")
    if extra := body.keys() - {"uid", "visualNumber", "validFrom", "validTo", "type"}:
        raise BadRequest(f"unknown field {min(extra)}")
    if not re.fullmatch(r"([0-9a-f]{2}){4,10}", body.get("uid", "")):
        raise BadRequest("uid must be hexadecimal")
    if not 1 <= len(body.get("visualNumber", "")) <= 64:
        raise BadRequest("visualNumber must have 1 to 64 characters")
    if body.get("type", "TAG") not in ("TAG", "CARD"):
        raise BadRequest("type must be TAG or CARD")
    try:
        start, end = (
            datetime.fromisoformat(body[name]) if name in body else default
            for name, default in (("validFrom", datetime.now(UTC)), ("validTo", None))
        )
        if start is not None and end is not None and end <= max(start, datetime.now(UTC)):
            raise BadRequest("validTo must lie after validFrom and in the future")
    except (ValueError, TypeError) as error:
        raise BadRequest("validFrom and validTo must be ISO datetimes with a zone") from error
    return body["uid"], body["visualNumber"]


def _error(code: str, message: str) -> bytes:
    return json.dumps({"code": code, "message": message}).encode()


def _answer(code: int, body: bytes, headers: Iterable[tuple[str, str]] = (), *, length: int | None = None) -> bytes:
    """A response in bytes; `length` to announce another than the true one."""
    lines = [f"HTTP/1.1 {code} Whatever", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def main() -> None:
    """Serve as a process until it is told to end."""
    parser = argparse.ArgumentParser(description="A Drive API that goes wrong to order, on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="wire-key")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--duplicate", type=int, default=409, choices=(201, 400, 409))
    parser.add_argument("--fault-rate", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    plan = at_random(options.seed, options.fault_rate)
    server = WireServer(
        key=options.key, plan=plan, duplicate=options.duplicate, port=options.port, prefix=options.prefix
    )
    server.run(lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
