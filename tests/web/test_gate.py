"""The gate before the screen, asked as a stranger would ask: plain HTTP and WebSockets, no browser."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from support.web import free_port
from tagsmith.web.gate import Gate
from tagsmith.web.serving import Pages

APP = [sys.executable, "-S", str(Path(__file__).with_name("app_on_glass.py"))]


class Glass:
    """A served screen and somebody who asks for it."""

    def __init__(self, gate: Gate, asker: aiohttp.ClientSession) -> None:
        self.gate = gate
        self.asker = asker
        self.url = gate.address.rstrip("/")

    async def status(self, path: str, **headers: str) -> int:
        """The status of a GET."""
        async with self.asker.get(self.url + path, headers=headers) as answer:
            return answer.status

    async def enter(self, token: str, origin: str | None = None) -> int:
        """Hand a token in."""
        headers = {"Origin": self.url if origin is None else origin}
        async with self.asker.post(self.url + "/enter", data=token, headers=headers) as answer:
            return answer.status

    async def session(self, origin: str | None = None) -> aiohttp.ClientWebSocketResponse:
        """Open the session."""
        return await self.asker.ws_connect(f"{self.url}/ws", headers={"Origin": self.url if origin is None else origin})


@pytest.fixture
async def glass() -> AsyncIterator[Glass]:
    """A screen that is served."""
    gate = Gate("127.0.0.1", free_port())
    runner = web.AppRunner(Pages(gate, APP).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(gate.cookie.rpartition("-")[2])).start()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as asker:
        yield Glass(gate, asker)
    await runner.cleanup()


async def refused(glass: Glass, origin: str | None = None) -> int:
    """The status with which a session is refused."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await glass.session(origin)
    return error.value.status


async def test_without_the_token_there_is_nothing(glass: Glass) -> None:
    """No page, no script of the terminal, no session; a wrong token changes nothing."""
    assert await glass.status("/") == 403
    assert await glass.status("/static/textual.js") == 404
    assert await refused(glass) == 403
    assert await glass.enter("x" * len(glass.gate.token)) == 403
    assert await glass.enter("") == 403
    assert await glass.enter("ü") == 403
    assert await refused(glass) == 403


async def test_with_the_token_it_opens(glass: Glass) -> None:
    """The token brings a cookie that scripts cannot read; page, terminal and session open with it."""
    assert await glass.enter(glass.gate.token) == 204
    (cookie,) = glass.asker.cookie_jar
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert glass.gate.token not in cookie.value
    assert await glass.status("/") == 200
    assert await glass.status("/static/textual.js") == 200
    async with await glass.session() as session:
        assert (await session.receive_bytes(timeout=10)) == b"hello"


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", ""])
async def test_a_foreign_page_gets_no_session(glass: Glass, origin: str) -> None:
    """A page of another origin, of another port too, can neither enter nor open a session with the user's cookie."""
    assert await glass.enter(glass.gate.token, origin) == 403
    assert await glass.enter(glass.gate.token) == 204
    assert await refused(glass, origin) == 403


async def test_a_foreign_name_gets_nothing(glass: Glass) -> None:
    """A name that a foreign DNS leads here is refused, whatever the cookie."""
    assert await glass.enter(glass.gate.token) == 204
    assert await glass.status("/", Host="evil.example") == 403
    assert await glass.status("/", Host="127.0.0.1:1") == 403


async def test_a_second_session_is_refused_until_the_first_has_ended(glass: Glass) -> None:
    """The page says why, the session is refused; after the first has ended its place is free."""
    assert await glass.enter(glass.gate.token) == 204
    async with await glass.session() as session:
        await session.receive_bytes(timeout=10)
        assert await refused(glass) == 503
        async with glass.asker.get(glass.url + "/") as page:
            assert page.status == 503
            assert "another window" in await page.text()
    async with asyncio.timeout(10):
        while await glass.status("/") != 200:
            pass
    async with await glass.session() as session:
        assert (await session.receive_bytes(timeout=10)) == b"hello"


@pytest.mark.parametrize(
    "message", ["{", "[]", '["stdin"]', '["stdin", 5]', '["resize", {}]', '["exec", "id"]', "[" * 9000, "x" * 70000]
)
async def test_what_no_page_of_ours_sends_ends_the_session(glass: Glass, message: str) -> None:
    """A message of another form, or too long, closes the session."""
    assert await glass.enter(glass.gate.token) == 204
    async with await glass.session() as session:
        await session.send_str(message)
        async with asyncio.timeout(10):
            while (await session.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
        assert session.closed


async def test_nothing_is_asked_for_elsewhere(glass: Glass) -> None:
    """The pages name no other host, and their policy would not let them."""
    await glass.enter(glass.gate.token)
    for path in ("/", "/static/screen.js", "/static/enter.js", "/static/screen.css"):
        async with glass.asker.get(glass.url + path) as page:
            assert "//" not in (await page.text()).replace("ws://${location.host}", "").replace("// ", "")
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
            assert page.headers["X-Frame-Options"] == "DENY"
    assert await glass.status("/static/") == 404
    assert await glass.status("/static/..%2f..%2fgate.py") == 404


async def test_only_what_is_small_is_read(glass: Glass) -> None:
    """A body that is no token is not read to its end."""
    assert await glass.enter("x" * 100_000) in (403, 413)
