"""The web screen as a person has it: `tagsmith serve`, a real Chromium, typed scans, a journal with the pairs."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from support.chromium import chromium
from support.headless import entries, environment
from support.web import free_port
from support.wire_server import WireServer

pytestmark = [pytest.mark.long, pytest.mark.timeout(150)]

FOREIGN = """new Promise((done) => {
  const socket = new WebSocket("ws://127.0.0.1:%d/ws");
  socket.onopen = () => done("open");
  socket.onerror = () => done("refused");
})"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, dict[str, str], subprocess.Popen[str]]]:
    """A served screen: its address with the token, its environment, its process."""
    steps = "".join(f'[[step]]\nput = "04{n:010x}80"\n\n[[step]]\npause_s = 60\n\n' for n in (1,))
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(f"[[step]]\npause_s = 0.5\n\n{steps}", encoding="utf-8")
    with WireServer(key="test-key") as server:
        env = environment(tmp_path, server.url, LC_ALL="C.UTF-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "tagsmith", "serve", f"--port={free_port()}", f"--reader=sim:{scenario}"],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Open http://127.0.0.1:")
        yield line.split()[1], env, process
        process.terminate()
        assert process.wait(30) == 0
        process.stdout.close()


async def test_typed_scans_make_a_pair(
    served: tuple[str, dict[str, str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Without a click a typed number is paired; a second window and a page of another origin are refused."""
    address, env, process = served
    base, _, token = address.partition("#")
    assert token not in await asyncio.to_thread(Path(f"/proc/{process.pid}/cmdline").read_text)
    port = int(base.rstrip("/").rpartition(":")[2])
    async with chromium(tmp_path / "profile") as browser:
        bare = await browser.tab()
        await bare.open(base)
        await bare.until("document.body?.innerText.includes('whole address')")
        tab = await browser.tab()
        await tab.open(address)
        await tab.until("document.body?.classList.contains('-first-byte')")
        await tab.until("document.activeElement.className", "xterm-helper-textarea")
        assert await tab.value("location.hash") == ""
        assert await tab.value("document.cookie") == ""
        await asyncio.sleep(3)  # the reader's key is laid half a second after the first frame
        await tab.type("N-4711")
        if picture := os.environ.get("TAGSMITH_TEST_PICTURE"):
            await asyncio.sleep(1)
            shot = await tab.ask("Page.captureScreenshot")
            await asyncio.to_thread(Path(picture).write_bytes, base64.b64decode(shot["data"]))
        async with asyncio.timeout(20):
            while not (made := await asyncio.to_thread(entries, env)):
                pass
        assert [entry["visual_number"] for entry in made] == ["N-4711"]
        second = await browser.tab()
        await second.open(base)
        await second.until("document.body?.innerText.includes('another window')")
        assert {url.split("/")[2] for url in tab.requests if "://" in url} == {f"127.0.0.1:{port}"}

        elsewhere = web.Application()

        async def nothing(_: web.Request) -> web.Response:
            return web.Response(text="<p>foreign</p>", content_type="text/html")

        elsewhere.router.add_get("/", nothing)
        runner = web.AppRunner(elsewhere, access_log=None)
        await runner.setup()
        foreign_port = free_port()
        await web.TCPSite(runner, "127.0.0.1", foreign_port).start()
        foreign = await browser.tab()
        await foreign.open(f"http://127.0.0.1:{foreign_port}/")
        await foreign.until("document.body?.innerText", "foreign")
        assert await foreign.value(FOREIGN % port) == "refused"
        await runner.cleanup()
