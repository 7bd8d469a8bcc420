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
from collections.abc import Callable
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


def _route(store: Store, request: Request, path: str, body: bytes) -> Response:
    """Find the endpoint of a path and carry the request out.

    Raises:
        Problem: it has no success.
    """
    match [_decoded(segment) for segment in path.split("/")]:
        case ["", "v1", "charging-keys", "reservations"]:
            _only("POST", request)
            store.reserve(request.headers.get("content-type", ""), body)
            return Response(status_code=201)
        case ["", "v1", "users", user_id, "charging-keys", reference_id, "activate"]:
            _only("POST", request)
            return JSONResponse(store.activate(user_id, reference_id).as_json())
        case ["", "v1", "users", user_id, "charging-keys"]:
            _only("GET", request)
            return JSONResponse({"keys": [key.as_json() for key in store.list_keys(user_id)]})
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


def _only(method: str, request: Request) -> None:
    if request.method != method:
        raise Problem(405, "METHOD_NOT_ALLOWED", f"only {method} is allowed here")


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
