"""The API key is in nothing that a station leaves or shows: real processes, an API that repeats the key, and a search.

What is searched: standard output and error at every log level, the log file, the journal's bytes, exports, the state
folder, command lines while they run, the screen's bytes and its picture, and what is left of crashes made on purpose.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from support.cli import called
from support.headless import Headless, environment, tagsmith
from support.terminal import Terminal
from support.wire_server import Fault, Kind, WireServer, always, in_turn, redirect, status
from tagsmith.config import load
from tagsmith.model import Delivery, Phase, Scan
from tagsmith.station import Station

KEY = "s3cr3t/K3y+of=a-whole-run"
ECHO = json.dumps({"message": f"the key {KEY} is out of order", "key": KEY}).encode()
SHORT = (status(500, ECHO), None, status(400, ECHO))
FAULTS = (
    status(400, ECHO),
    status(500, ECHO),
    status(502, f"<html>{KEY}</html>".encode()),
    Fault(Kind.STATUS, status=429, headers=(("Retry-After", "0"), ("X-Echo", KEY)), body=ECHO),
    Fault(Kind.GARBAGE, body=f"X-API-Key: {KEY}\r\n\r\n".encode()),
    Fault(Kind.GARBAGE_BODY, body=KEY.encode()),
    redirect(f"http://127.0.0.1:1/?key={KEY}"),
)
SHAPES = {
    form
    for text in (KEY, KEY[:8], KEY[-8:])
    for form in (
        text.encode(),
        quote(text, safe="").encode(),
        text.replace("/", "\\/").encode(),
        text.encode().hex().encode(),
        base64.b64encode(text.encode()).rstrip(b"=")[:-1],
    )
}
"""The key and either end of it, as it is and as it could be written: a cut at the edge leaves a part."""


def shows_key(data: bytes) -> bool:
    return any(shape in data for shape in SHAPES)


def files_with_the_key(*folders: Path) -> list[Path]:
    """The files below these folders that hold it; archives are looked into."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                data += b"".join(archive.read(name) for name in archive.namelist())
        if shows_key(data):
            found.append(path)
    return found


def command_lines() -> bytes:
    """What `ps` shows of every process, with and without its environment, which is its owner's alone."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True, timeout=30).stdout + b"".join(
        path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)
    )


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer(key=KEY) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the run is at home; the key's file is not below it."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture
def env(place: Path, tmp_path: Path, server: WireServer, clean_environment: Path) -> dict[str, str]:
    """The variables of a station whose key lies in a file."""
    (tmp_path / "key").write_text(KEY + "\n")
    (tmp_path / "key").chmod(0o600)
    given = environment(place, server.url, TAGSMITH_API__KEY_FILE=str(tmp_path / "key"), TAGSMITH_COURIER__DRAIN_S="1")
    del given["TAGSMITH_API__KEY"]
    return given


def scenario(folder: Path, count: int) -> str:
    """A simulated reader on which so many keys are laid, one after the other; its spec."""
    steps = "".join(
        f'[[step]]\nput = "04a1b2c3d4e5{number:02x}"\n\n[[step]]\npause_s = 2\n\n' for number in range(count)
    )
    path = folder / "scenario.toml"
    path.write_text(f"[[step]]\npause_s = 0.3\n\n{steps}", encoding="utf-8")
    return f"sim:{path}"


def a_run(
    place: Path, server: WireServer, env: dict[str, str], faults: Sequence[Fault | None], *flags: str, keys: int = 1
) -> bytes:
    """A station pairs so many keys, meets these faults, each once, and ends; what it said."""
    server.plan = in_turn(faults)
    command = (*flags, "run", "--headless")
    with Headless("--reader", scenario(place, keys), "--user", "user-1", env=env, command=command) as station:
        for number in range(keys):
            station.expect("tapped")
            station.send(f"N-{number}")
            station.expect("paired")
        lines = command_lines()
        assert b"run\0--headless" in lines
        assert not shows_key(lines)
        assert not shows_key(Path(f"/proc/{station.pid}/environ").read_bytes())
        server.wait_for(len(faults))
        station.end_input()
        station.wait()
        return station.stderr.encode() + json.dumps(station.events).encode()


def test_the_search_finds_it(tmp_path: Path) -> None:
    """Else all below would pass for nothing."""
    assert shows_key(ECHO)
    assert shows_key(quote(KEY, safe="").encode())
    assert shows_key(b"x" + base64.b64encode(KEY.encode()) + b"x")
    assert not shows_key(b"the key *** is out of order")
    with zipfile.ZipFile(tmp_path / "export.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet", KEY)
    assert files_with_the_key(tmp_path) == [tmp_path / "export.xlsx"]


def test_a_run_with_faults_leaves_no_key(
    place: Path, server: WireServer, env: dict[str, str], clean_environment: Path
) -> None:
    """Every log line, every event, the journal's bytes, and what is exported of it."""
    said = a_run(place, server, env, SHORT, "-vvv")
    assert b"the key *** is out of order" in said
    assert b"> POST /v1/charging-keys/reservations" in said
    assert any(request.headers.get("x-api-key") == KEY for request in server.requests)
    exported = called("journal", "export", "--format", "jsonl", "--output", str(place / "export.jsonl"), env=env)
    assert exported.returncode == 0, exported.stderr
    assert b"the key *** is out of order" in b"".join(path.read_bytes() for path in place.glob("journal.sqlite*"))
    assert not shows_key(said)
    assert files_with_the_key(place, clean_environment) == []


@pytest.mark.long
@pytest.mark.timeout(300)
def test_no_command_leaves_or_shows_it(
    place: Path, server: WireServer, env: dict[str, str], clean_environment: Path
) -> None:
    """Delivery alone, every look at the journal, the doctor, keys and orders: with all log lines, and with none."""
    a_run(place, server, env, FAULTS, keys=5)
    address = ("--address-line1", "R 1", "--postal-code", "1", "--city", "B", "--country", "G")
    order = ("orders", "place", "--user", "user-1", *address, "--taxation-country", "DE")
    commands = (
        ("courier", "--once"),
        ("journal", "list"),
        ("journal", "show", "N-0", "--json"),
        ("journal", "verify"),
        ("journal", "export", "--format", "csv", "--output", str(place / "export.csv")),
        ("doctor", "--json"),
        ("keys", "list", "--user", "user-1"),
        ("keys", "activate", "N-0", "--user", "user-1", "--yes"),
        (*order, "--yes"),
    )
    for flags in ((), ("-vvv",)):
        for command in commands:
            server.plan = in_turn([status(500, ECHO), status(401, ECHO)])
            done = tagsmith(*flags, *command, env=env)
            assert not shows_key((done.stdout + done.stderr).encode()), command
            assert "Traceback" not in done.stdout
    assert files_with_the_key(place, clean_environment) == []


CRASHES = {
    "in-the-library": (
        "from tagsmith.drive import wire\n"
        "async def fail(self, request): raise ValueError(f'illegal header value {request.headers!r} {KEY}')\n"
        "wire.httpx.AsyncHTTPTransport.handle_async_request = fail\n"
    ),
    "in-the-client": (
        "from tagsmith.drive import wire\n"
        "def fail(self, what, request, body): raise KeyError(len(KEY))\n"
        "wire.Wire._traffic = fail\n"
    ),
    "of-the-core": (
        "from tagsmith.drive import wire\n"
        "def fail(self, base_url, key, **how): held = key.reveal(); 1 / 0\n"
        "wire.Wire.__init__ = fail\n"
    ),
}


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CRASHES)
def test_no_crash_leaves_or_shows_it(
    place: Path, server: WireServer, env: dict[str, str], clean_environment: Path, name: str
) -> None:
    """Where the key is at hand: in the HTTP library, which quotes it, in our client, and while the core starts."""
    code = (
        "import pathlib, sys, os\nKEY = pathlib.Path(os.environ['TAGSMITH_API__KEY_FILE']).read_text().strip()\n"
        f"{CRASHES[name]}from tagsmith.cli import run_command_line\nrun_command_line()\n"
    )
    for command in (("keys", "list", "--user", "user-1"), ("courier", "--once"), ("run", "--headless")):
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", code, "-vvv", *command],
            env=env,
            input=b"",
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert not shows_key(done.stdout + done.stderr), done.stderr.decode()
        if command[0] == "keys":
            assert done.returncode == 1
            assert b"Traceback" in done.stderr or b"from the HTTP library" in done.stderr
    assert files_with_the_key(place, clean_environment) == []


@pytest.mark.long
@pytest.mark.timeout(120)
def test_the_screen_shows_and_leaves_no_key(
    place: Path, server: WireServer, env: dict[str, str], clean_environment: Path
) -> None:
    """The bytes on a real terminal, its log page (F8), and the log file, while the API turns the key away with it."""
    server.plan = always(status(401, ECHO))
    command = [sys.executable, "-m", "tagsmith", "run", "--reader", scenario(place, 1)]
    ours = {name: value for name, value in env.items() if name.startswith("TAGSMITH_")}
    with Terminal(place, size=(120, 40), command=command, **ours) as terminal:
        terminal.read_until("Scan the number printed")
        terminal.type(b"N-1\r")
        server.wait_for(1)
        terminal.read_until("***")
        terminal.press(b"\x1b[19~")
        terminal.press(b"\x1b[21~")
        terminal.wait_for_end()
    assert not shows_key(terminal.output)
    assert (place / "tagsmith.log").stat().st_size
    assert files_with_the_key(place, clean_environment) == []


async def test_the_picture_of_the_screen_has_no_key(
    place: Path, server: WireServer, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SVG that Textual makes of a screen with the API's own words on it."""
    from tagsmith.tui.app import TagsmithApp

    for name, value in env.items():
        monkeypatch.setenv(name, value)
    server.plan = always(status(401, ECHO))
    station = Station(load(None, {"reader": [{"spec": scenario(place, 1)}]}))
    app = TagsmithApp(station)
    async with app.run_test(size=(120, 40)) as pilot:
        until = time.monotonic() + 20
        while station.view().delivery.delivery is not Delivery.STOPPED and time.monotonic() < until:
            await pilot.pause(0.05)
            if any(lane.phase is Phase.TAG_WAITS for lane in station.view().lanes):
                station.scan(Scan("N-1", time.monotonic()))
        await pilot.pause(0.1)
        picture = app.export_screenshot()
    station.stop()
    assert "***" in picture
    assert not shows_key(picture.encode())
