"""The sandbox's HTTP: paths, the key, and answers in JSON, as an ASGI app under uvicorn.

Only this module and `wire` import Starlette and uvicorn; `server` imports them when a sandbox starts.

Paths are taken apart before they are percent-decoded: a visual number may hold `/`, which arrives as %2F inside one
segment and would be two segments in a decoded path. So Starlette's router, which sees decoded paths only, is not used.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, unquote_to_bytes

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tagsmith.sandbox import control, looking, wire
from tagsmith.sandbox.armed import Faults, Struck
from tagsmith.sandbox.faults import Kind
from tagsmith.sandbox.rules import MAX_BODY, Problem
from tagsmith.sandbox.store import Store

_MAX_LOGGED = 2_000
_GRACE_S = 1
"""How long requests under way may take to end when the server stops."""
_ANSWERED = frozenset({Kind.STATUS, Kind.LIMIT, Kind.REDIRECT})
"""Faults that are answers as HTTP knows them."""
_SILENT = frozenset({Kind.CUT, Kind.RESET, Kind.HALF_HEAD, Kind.GARBAGE})
"""Faults after which no status has come."""


class _Stopping(Exception):
    """The server ends while a request pauses."""


class App:
    """The app over this store; requests must carry `key` in X-API-Key, except for the page.

    `tls`: whether it is served with TLS. Belongs to the server's loop.
    """

    def __init__(self, store: Store, key: str, faults: Faults, *, tls: bool = False) -> None:
        self._store = store
        self._key = key.encode("utf-8")
        self._faults = faults
        self._tls = tls
        self._stopping = asyncio.Event()
        self.date = wire.Date(store.clock_utc)

    def stop(self) -> None:
        """End what pauses; it is neither carried out nor answered."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path = scope["raw_path"].decode("ascii", "replace")
        try:
            if request.method == "GET" and path in looking.PATHS:
                await self._send(self._page(request, path), scope, receive, send)
            elif path.startswith(control.PATH):
                await self._send(await self._control(request, path), scope, receive, send)
            else:
                await self._api(request, path, send)
        except ClientDisconnect:
            return
        except _Stopping:
            await wire.cut(scope, receive)

    async def _api(self, request: Request, path: str, send: Send) -> None:
        struck, body = Struck(), b""
        try:
            body = await _body(request)
            self._authenticate(request)
            route, values = _find(request.method, path)
            struck = self._faults.draw(route.name, self._store.clock_utc())
            asked = _Asked(values, request.headers.get("content-type", ""), body, self._faults)
            response = await self._strike(route, asked, struck)
        except Problem as problem:
            response = _refusal(problem)
        fault = struck.fault
        if fault is not None and fault.kind in _ANSWERED:
            response = _ordered(struck, path)
        status = 0 if fault is not None and fault.kind in _SILENT else response.status_code
        text = body[:_MAX_LOGGED].decode("utf-8", "replace")
        self._store.note(request.method, path, status, text, struck.words)
        scope, receive = request.scope, request.receive
        if fault is None or fault.kind in _ANSWERED:
            await self._send(response, scope, receive, send)
        else:
            headers = [self.date(), *response.raw_headers]
            await wire.spoil(scope, receive, fault, self._pause, response.status_code, headers, bytes(response.body))

    async def _strike(self, route: _Route, asked: _Asked, struck: Struck) -> Response:
        """Carry a request out, as far as the faults let it, with their pauses."""
        if struck.before_s:
            await self._pause(struck.before_s)
        if struck.fault is None or struck.fault.after:
            try:
                response = route.answer(self._store, asked)
            except Problem as problem:
                response = _refusal(problem)
        else:
            # What is not carried out must not look as if it were, not even by half.
            response = _refusal(Problem(500, "ORDERED_FAULT", HTTPStatus(500).phrase))
        if struck.after_s:
            await self._pause(struck.after_s)
        return response

    async def _control(self, request: Request, path: str) -> Response:
        try:
            body = await _body(request)
            self._authenticate(request)
            return JSONResponse(control.answer(self._faults, self._tls, request.method, path, body))
        except Problem as problem:
            return _refusal(problem)

    def _page(self, request: Request, path: str) -> Response:
        if not looking.is_here(request.headers.get("host", "")):
            return _refusal(Problem(403, "NOT_HERE", "the page is for this machine: open it at 127.0.0.1"))
        if path == looking.LIVE:
            seen = parse_qs(request.scope["query_string"].decode("ascii", "replace")).get("seen", [""])[0]
            response: Response = JSONResponse(looking.live(self._store, self._faults, seen))
        else:
            kind, content = looking.file(path)
            response = Response(content)
            response.raw_headers.append((b"content-type", kind))
        response.raw_headers.extend(looking.HEADERS)
        return response

    async def _send(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        response.raw_headers.insert(0, self.date())
        await response(scope, receive, send)

    async def _pause(self, seconds: float) -> None:
        # The client may have gone meanwhile: a server carries out what it has read all the same.
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise _Stopping

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("x-api-key", "").encode("latin-1")
        if not hmac.compare_digest(given, self._key):
            raise Problem(401, "UNAUTHORIZED", "X-API-Key is missing or wrong")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an endpoint gets of a request: what stood in its path where the route has `{}`, and the body."""

    values: Sequence[str]
    content_type: str
    body: bytes
    faults: Faults


@dataclass(frozen=True, slots=True)
class _Route:
    """One endpoint; `name` is that of the store's method, by which faults call it."""

    name: str
    method: str
    pattern: tuple[str, ...]
    answer: Callable[[Store, _Asked], Response]

    def values(self, segments: Sequence[str]) -> list[str] | None:
        """What stands in a path where this route has `{}`; None if it is not this route's."""
        if len(self.pattern) != len(segments):
            return None
        values: list[str] = []
        for want, found in zip(self.pattern, segments, strict=True):
            if want == "{}":
                values.append(found)
            elif want != found:
                return None
        return values


def _route(name: str, method: str, path: str, answer: Callable[[Store, _Asked], Response]) -> _Route:
    return _Route(name, method, tuple(path.split("/")), answer)


def _reserved(store: Store, asked: _Asked) -> Response:
    store.reserve(asked.content_type, asked.body, asked.faults.duplicate_status)
    return Response(status_code=201)


_OF_USER = "/v1/users/{}/charging-keys"
_ROUTES = (
    _route("reserve", "POST", "/v1/charging-keys/reservations", _reserved),
    _route(
        "configuration",
        "GET",
        "/v1/charging-keys/orders/configuration",
        lambda store, asked: JSONResponse(store.configuration()),
    ),
    _route(
        "list_keys",
        "GET",
        _OF_USER,
        lambda store, asked: JSONResponse({"keys": [key.as_json() for key in store.list_keys(*asked.values)]}),
    ),
    _route(
        "order",
        "POST",
        f"{_OF_USER}/order",
        lambda store, asked: JSONResponse(store.order(asked.values[0], asked.content_type, asked.body)),
    ),
    _route(
        "list_orders",
        "GET",
        f"{_OF_USER}/orders",
        lambda store, asked: JSONResponse([order.as_json() for order in store.list_orders(*asked.values)]),
    ),
    _route(
        "plug_and_charge",
        "POST",
        f"{_OF_USER}/plug-and-charge",
        lambda store, asked: JSONResponse(store.plug_and_charge(asked.values[0], asked.content_type, asked.body)),
    ),
    _route(
        "change",
        "PATCH",
        f"{_OF_USER}/{{}}",
        lambda store, asked: JSONResponse(
            store.change(asked.values[0], asked.values[1], asked.content_type, asked.body).as_json()
        ),
    ),
    _route(
        "activate",
        "POST",
        f"{_OF_USER}/{{}}/activate",
        lambda store, asked: JSONResponse(store.activate(*asked.values).as_json()),
    ),
    _route(
        "receipt",
        "POST",
        f"{_OF_USER}/orders/{{}}/receipt",
        lambda store, asked: JSONResponse({"url": store.receipt(*asked.values)}),
    ),
)


def _find(method: str, path: str) -> tuple[_Route, list[str]]:
    """The endpoint of a path, and what stands in it where the route has `{}`.

    Raises:
        Problem: 404 or 405.
    """
    segments = [_decoded(segment) for segment in path.split("/")]
    fitting = [(route, values) for route in _ROUTES if (values := route.values(segments)) is not None]
    for route, values in fitting:
        if route.method == method:
            return route, values
    if fitting:
        allowed = " or ".join(dict.fromkeys(route.method for route, _ in fitting))
        raise Problem(405, "METHOD_NOT_ALLOWED", f"only {allowed} is allowed here")
    raise Problem(404, "NO_SUCH_PATH", "nothing is here")


def _refusal(problem: Problem) -> Response:
    return JSONResponse({"code": problem.code, "message": problem.message}, problem.status)


def _ordered(struck: Struck, path: str) -> Response:
    """The answer that a fault is."""
    fault = struck.fault
    assert fault is not None
    if fault.kind is Kind.REDIRECT:
        base = {"same": "", "other": "https://elsewhere.invalid"}.get(fault.to, fault.to.rstrip("/"))
        return Response(status_code=fault.status, headers={"location": base + path})
    status = fault.status or 429
    words = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "ordered"
    response = _refusal(Problem(status, "ORDERED_FAULT", words))
    if struck.retry_after_s is not None:
        response.headers["retry-after"] = str(struck.retry_after_s)
    return response


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "TOO_LONG", f"a body has at most {MAX_BODY} bytes")
    return bytes(body)


def _decoded(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "INVALID_REQUEST", "the path is no UTF-8") from None


class Server(uvicorn.Server):
    """uvicorn on a socket that listens already, without its logs; `on_ready` is called when it serves."""

    def __init__(self, app: App, on_ready: Callable[[], None], context: ssl.SSLContext | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # h11 hands on the path exactly as it came.
                http=wire.protocol(app.date),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                # The app's own date is that of the clock by which it limits.
                date_header=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self.config.load()
        # uvicorn would make one of files, which cannot choose among certificates.
        self.config.ssl = context
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to serve."""
        self._app.stop()
        await super().shutdown(sockets)

    def run_on(self, listener: socket.socket) -> None:
        """Serve in a loop of this thread's own until `should_exit` is set.

        uvicorn takes the signals when it runs in the main thread; it is not to.
        """
        asyncio.run(self.serve([listener]))
