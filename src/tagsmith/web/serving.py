"""The server: textual-serve's session and terminal, behind a gate, with pages of our own.

Of textual-serve it takes the service that runs the app and the script that draws the terminal. Its pages, its listing
of files, its downloads and its shell are not used: the command is a list of arguments and is started as one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from pathlib import Path

import textual_serve
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from tagsmith.errors import StationError
from tagsmith.web.gate import Gate

_log = logging.getLogger(__name__)

LARGEST_MESSAGE = 64 * 1024
"""Bytes of one message of the browser: a pasted page is refused as a number anyway."""
LARGEST_REQUEST = 4 * 1024
"""Bytes of a request's body; the token is all that is ever sent."""
SIZES = ((20, 500), (5, 200))
"""Columns and rows that a terminal may have."""
ENDS_WITHIN_S = 15.0
"""How long the app may take to end. The station itself takes ten seconds at most."""
RETRY_S = 3
"""How often the page that says that the screen is taken looks again."""

_LIBRARY = Path(textual_serve.__file__).parent / "static"
_SCRIPTS = {"textual.js": _LIBRARY / "js" / "textual.js", "xterm.css": _LIBRARY / "css" / "xterm.css"}
_OWN = {"enter.js": "text/javascript", "screen.js": "text/javascript", "screen.css": "text/css"}
_POLICY = (
    # The terminal sets its colours by style elements; nothing is taken from anywhere else.
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self' ws://{host}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Service(AppService):
    """One run of the app, started without a shell."""

    def __init__(self, command: Sequence[str], socket: web.WebSocketResponse) -> None:
        super().__init__(
            "",
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=self._close,
            download_manager=DownloadManager(),
        )
        self._arguments = tuple(command)
        self._socket = socket

    async def _close(self) -> None:
        await self._socket.close()

    async def end(self) -> None:
        """Ask the app to end and wait for it; one that does not end is killed, which the journal is made for."""
        try:
            await asyncio.wait_for(self.stop(), ENDS_WITHIN_S)
        except TimeoutError:
            _log.warning("the screen did not end by itself")
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                if self._process.returncode is None and self._task is not None:
                    self._process.kill()
            await self._process.wait()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._build_environment(width=width, height=height),
        )
        assert self._process.stdin is not None
        self._stdin = self._process.stdin
        return self._process


class Pages:
    """What is answered. One session at a time, because one station has one reader, one journal and one operator."""

    def __init__(self, gate: Gate, command: Sequence[str]) -> None:
        self._gate = gate
        self._command = tuple(command)
        self._taken = False
        self._socket: web.WebSocketResponse | None = None

    def app(self) -> web.Application:
        """The application with its routes, behind the gate."""
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST_REQUEST)
        app.add_routes(
            [
                web.get("/", self._screen),
                web.post("/enter", self._enter),
                web.get("/ws", self._session),
                web.get("/static/{name}", self._file),
            ]
        )
        app.on_shutdown.append(self._close)
        return app

    async def _close(self, _: web.Application) -> None:
        if self._socket is not None:
            await self._socket.close()

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse what does not come to this server by name, and let no answer be kept or framed."""
        if not self._gate.knows_host(request.host):
            return _refusal(403, "This server is not called so.")
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = _refusal(error.status, error.reason)
        if not response.prepared:
            response.headers.update(
                {
                    "Content-Security-Policy": _POLICY.format(host=request.host),
                    "X-Frame-Options": "DENY",
                    "X-Content-Type-Options": "nosniff",
                    "Referrer-Policy": "no-referrer",
                    "Cross-Origin-Resource-Policy": "same-origin",
                    "Cross-Origin-Opener-Policy": "same-origin",
                    "Cache-Control": "no-store",
                }
            )
        return response

    async def _screen(self, request: web.Request) -> web.StreamResponse:
        if not self._gate.is_admitted(request.cookies):
            return _page("enter.html", 403)
        return _page("taken.html", 503) if self._taken else _page("screen.html", 200)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        if not self._gate.is_own_page(request.headers.get("Origin", ""), request.host):
            return _refusal(403, "This is asked by a foreign page.")
        if not self._gate.admits(await request.text()):
            return _refusal(403, "This is not the token.")
        response = web.Response(status=204)
        response.set_cookie(self._gate.cookie, self._gate.pass_, httponly=True, samesite="Strict", path="/")
        return response

    async def _file(self, request: web.Request) -> web.StreamResponse:
        # The script of the page without a session is open to all; it holds nothing.
        name = request.match_info["name"]
        if name in _OWN:
            return web.Response(text=_text(name), content_type=_OWN[name])
        if name in _SCRIPTS and self._gate.is_admitted(request.cookies):
            return web.FileResponse(_SCRIPTS[name])
        return _refusal(404, "There is no such page.")

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if not self._gate.is_own_page(request.headers.get("Origin", ""), request.host):
            return _refusal(403, "This is asked by a foreign page.")
        if not self._gate.is_admitted(request.cookies):
            return _refusal(403, "This screen opens with the address that was printed only.")
        if self._taken:
            return _refusal(503, "The screen is shown in another window already.")
        self._taken = True
        try:
            return await self._run(request)
        finally:
            self._taken = False

    async def _run(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=LARGEST_MESSAGE)
        await socket.prepare(request)
        self._socket = socket
        service = _Service(self._command, socket)
        try:
            await service.start(*_size(request.query.get("width"), request.query.get("height")))
            async for message in socket:
                if message.type is WSMsgType.TEXT and not await _obey(service, socket, message.data):
                    break
        finally:
            # The app ends as after F10: what it holds is committed before another session may begin.
            await asyncio.shield(service.end())
            self._socket = None
            with contextlib.suppress(ConnectionError):
                await socket.close()
        return socket


async def _obey(service: AppService, socket: web.WebSocketResponse, text: str) -> bool:
    """Do what one message of the browser asks; False for one that our page never sends."""
    try:
        kind, *rest = json.loads(text)
        match kind, rest:
            case "stdin", [str(typed)]:
                await service.send_bytes(typed.encode("utf-8", "replace"))
            case "resize", [{"width": width, "height": height}]:
                await service.set_terminal_size(*_size(width, height))
            case "ping", [answer]:
                await socket.send_json(["pong", answer])
            case "blur", _:
                await service.blur()
            case "focus", _:
                await service.focus()
            case _:
                return False
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _size(width: object, height: object) -> tuple[int, int]:
    """A terminal's size, within what one can have."""
    sizes = []
    for asked, (least, most), usual in zip((width, height), SIZES, (80, 24), strict=True):
        try:
            sizes.append(min(max(int(str(asked)), least), most))
        except ValueError:
            sizes.append(usual)
    return sizes[0], sizes[1]


def _text(name: str) -> str:
    return files("tagsmith.web").joinpath("page", name).read_text(encoding="utf-8")


def _page(name: str, status: int) -> web.Response:
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else {}
    return web.Response(text=_text(name), content_type="text/html", charset="utf-8", status=status, headers=headers)


def _refusal(status: int, why: str) -> web.Response:
    return web.Response(text=f"{why}\n", status=status)


def serve(command: Sequence[str], host: str, port: int, tell: Callable[[Gate], None]) -> None:
    """Serve the screen of this command until SIGINT, SIGTERM or SIGHUP. `tell` gets the gate once it is open.

    Raises:
        StationError: the port cannot be had.
    """
    asyncio.run(_serve(command, host, port, tell))


async def _serve(command: Sequence[str], host: str, port: int, tell: Callable[[Gate], None]) -> None:
    gate = Gate(host, port)
    # No log of accesses. The app ends with its session, so its sessions are given the time for that.
    runner = web.AppRunner(
        Pages(gate, command).app(), access_log=None, handle_signals=False, shutdown_timeout=ENDS_WITHIN_S + 5
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise StationError(
                f"port {port} of {host} cannot be had: {error.strerror}", "choose another with --port"
            ) from None
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, ended.set)
        tell(gate)
        sys.stdout.flush()
        await ended.wait()
    finally:
        await runner.cleanup()
