"""The sandbox's HTTP: paths, the key, and answers in JSON, as an ASGI app under uvicorn.

The only module that imports Starlette and uvicorn; `server` imports it when a sandbox starts.

Paths are taken apart before they are percent-decoded: a visual number may hold `/`, which arrives as %2F inside one
segment and would be two segments in a decoded path. So Starlette's router, which sees decoded paths only, is not used.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tagsmith.sandbox.rules import MAX_BODY, Problem
from tagsmith.sandbox.store import Store

_MAX_LOGGED = 2_000
_GRACE_S = 1
"""How long requests under way may take to end when the server stops."""


def build(store: Store, key: str) -> ASGIApp:
    """The app over this store; requests must carry `key` in X-API-Key."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode("ascii", "replace")
        body = b""
        try:
            body = await _body(request)
            _authenticate(request, key)
            response = _route(store, request, path, body)
        except ClientDisconnect:
            return
        except Problem as problem:
            response = JSONResponse({"code": problem.code, "message": problem.message}, problem.status)
        store.note(request.method, path, response.status_code, body[:_MAX_LOGGED].decode("utf-8", "replace"))
        await response(scope, receive, send)

    return app


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an endpoint gets of a request: what stood in its path where the route has `{}`, and the body."""

    values: Sequence[str]
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Route:
    """One endpoint; `name` is that of the store's method, by which it can be made to fail."""

    name: str
    method: str
    path: str
    answer: Callable[[Store, _Asked], Response]

    def values(self, segments: Sequence[str]) -> list[str] | None:
        """What stands in a path where this route has `{}`; None if it is not this route's."""
        pattern = self.path.split("/")
        if len(pattern) != len(segments):
            return None
        pairs = list(zip(pattern, segments, strict=True))
        if any(want not in ("{}", found) for want, found in pairs):
            return None
        return [found for want, found in pairs if want == "{}"]


def _reserved(store: Store, asked: _Asked) -> Response:
    store.reserve(asked.content_type, asked.body)
    return Response(status_code=201)


_OF_USER = "/v1/users/{}/charging-keys"
_ROUTES = (
    _Route("reserve", "POST", "/v1/charging-keys/reservations", _reserved),
    _Route(
        "configuration",
        "GET",
        "/v1/charging-keys/orders/configuration",
        lambda store, asked: JSONResponse(store.configuration()),
    ),
    _Route(
        "list_keys",
        "GET",
        _OF_USER,
        lambda store, asked: JSONResponse({"keys": [key.as_json() for key in store.list_keys(*asked.values)]}),
    ),
    _Route(
        "order",
        "POST",
        f"{_OF_USER}/order",
        lambda store, asked: JSONResponse(store.order(asked.values[0], asked.content_type, asked.body)),
    ),
    _Route(
        "list_orders",
        "GET",
        f"{_OF_USER}/orders",
        lambda store, asked: JSONResponse([order.as_json() for order in store.list_orders(*asked.values)]),
    ),
    _Route(
        "plug_and_charge",
        "POST",
        f"{_OF_USER}/plug-and-charge",
        lambda store, asked: JSONResponse(store.plug_and_charge(asked.values[0], asked.content_type, asked.body)),
    ),
    _Route(
        "change",
        "PATCH",
        f"{_OF_USER}/{{}}",
        lambda store, asked: JSONResponse(
            store.change(asked.values[0], asked.values[1], asked.content_type, asked.body).as_json()
        ),
    ),
    _Route(
        "activate",
        "POST",
        f"{_OF_USER}/{{}}/activate",
        lambda store, asked: JSONResponse(store.activate(*asked.values).as_json()),
    ),
    _Route(
        "receipt",
        "POST",
        f"{_OF_USER}/orders/{{}}/receipt",
        lambda store, asked: JSONResponse({"url": store.receipt(*asked.values)}),
    ),
)


def _route(store: Store, request: Request, path: str, body: bytes) -> Response:
    """Find the endpoint of a path and carry the request out.

    Raises:
        Problem: it has no success.
    """
    segments = [_decoded(segment) for segment in path.split("/")]
    fitting = [(route, values) for route in _ROUTES if (values := route.values(segments)) is not None]
    for route, values in fitting:
        if route.method == request.method:
            if route.name in store.failing:
                raise Problem(500, "INTERNAL_ERROR", "Internal Server Error")
            return route.answer(store, _Asked(values, request.headers.get("content-type", ""), body))
    if fitting:
        allowed = " or ".join(dict.fromkeys(route.method for route, _ in fitting))
        raise Problem(405, "METHOD_NOT_ALLOWED", f"only {allowed} is allowed here")
    raise Problem(404, "NO_SUCH_PATH", "nothing is here")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "TOO_LONG", f"a body has at most {MAX_BODY} bytes")
    return bytes(body)


def _authenticate(request: Request, key: str) -> None:
    given = request.headers.get("x-api-key", "").encode("latin-1")
    if not hmac.compare_digest(given, key.encode("utf-8")):
        raise Problem(401, "UNAUTHORIZED", "X-API-Key is missing or wrong")


def _decoded(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "INVALID_REQUEST", "the path is no UTF-8") from None


class Server(uvicorn.Server):
    """uvicorn on a socket that listens already, without its logs; `on_ready` is called when it serves."""

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # h11 hands on the path exactly as it came.
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        await super().startup(sockets)
        self._on_ready()

    def run_on(self, listener: socket.socket) -> None:
        """Serve in a loop of this thread's own until `should_exit` is set.

        uvicorn takes the signals when it runs in the main thread; it is not to.
        """
        asyncio.run(self.serve([listener]))
