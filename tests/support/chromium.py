"""A real headless Chromium, driven by its own protocol over a WebSocket."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


def _has_text(path: Path) -> bool:
    """Whether the file is there and written; looks at it for a while."""
    for _ in range(20):
        if path.exists() and path.read_text(encoding="utf-8").strip():
            return True
        time.sleep(0.05)
    return False


class Tab:
    """One page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.requests: list[str] = []
        """Every address that the page has asked for."""

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        number = next(self._ids)
        await self._socket.send_str(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(20):
            while True:
                said = json.loads((await self._socket.receive()).data)
                if said.get("method") == "Network.requestWillBeSent":
                    self.requests.append(said["params"]["request"]["url"])
                if said.get("id") == number:
                    assert "error" not in said, said
                    result: dict[str, Any] = said["result"]
                    return result

    async def open(self, url: str) -> None:
        """Go there."""
        await self.ask("Network.enable")
        await self.ask("Page.navigate", url=url)

    async def value(self, script: str) -> Any:
        """What an expression comes to; promises are awaited."""
        said = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return said["result"].get("value")

    async def until(self, script: str, wanted: object = True, within_s: float = 30.0) -> None:
        """Wait until an expression comes to this."""
        seen = None
        try:
            async with asyncio.timeout(within_s):
                while (seen := await self.value(script)) != wanted:
                    pass
        except TimeoutError:
            raise AssertionError(f"{script} is {seen!r}; page: {await self.value('document.body.innerText')}") from None

    async def type(self, text: str) -> None:
        """Type as a scanner does, with Enter at the end."""
        for char in text:
            # Only letters and digits are numbered as they are spelled: a 45 would be the Insert key, not a hyphen.
            number = ord(char.upper()) if char.isalnum() else 0
            await self.ask("Input.dispatchKeyEvent", type="keyDown", key=char, text=char, windowsVirtualKeyCode=number)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", key=char, windowsVirtualKeyCode=number)
        for kind in ("keyDown", "keyUp"):
            await self.ask(
                "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r"
            )


class Browser:
    """A running Chromium."""

    def __init__(self, port: int, asker: aiohttp.ClientSession) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._asker = asker

    async def tab(self) -> Tab:
        """A new empty page."""
        async with self._asker.put(f"{self._address}/json/new?about:blank") as answer:
            where = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
        return Tab(await self._asker.ws_connect(where, max_msg_size=0))


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Browser]:
    """A Chromium with a profile of its own, ended afterwards."""
    process = await asyncio.create_subprocess_exec(
        "chromium",
        *_ARGUMENTS,
        f"--user-data-dir={profile}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            ready = profile / "DevToolsActivePort"
            while not await asyncio.to_thread(_has_text, ready):
                pass
        async with aiohttp.ClientSession() as asker:
            yield Browser(int(ready.read_text().splitlines()[0]), asker)
    finally:
        process.kill()
        await process.wait()
