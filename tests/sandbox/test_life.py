"""How a sandbox starts, ends, and says that it cannot."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from tagsmith.drive import DriveClient
from tagsmith.errors import ConfigError, NotProcessed, StationError
from tagsmith.sandbox import Sandbox

SERVE = (
    "from tagsmith.sandbox import Sandbox, serve; "
    "serve(Sandbox(port={port}), lambda made: print(made.url, flush=True)); print('ended')"
)


def port_of(sandbox: Sandbox) -> int:
    return int(sandbox.url.rpartition(":")[2])


def test_it_listens_when_start_returns_and_no_more_after_stop() -> None:
    """No waiting and no trying again is needed in between; its thread is gone afterwards, its store is not."""
    before = threading.active_count()
    sandbox = Sandbox()
    sandbox.start()
    with socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=5):
        pass
    sandbox.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=5)
    assert threading.active_count() == before
    assert sandbox.store.reservations == ()


def test_stopping_twice_or_too_early_is_no_fault() -> None:
    """So that it can stand in any cleanup; starting twice is one."""
    sandbox = Sandbox()
    sandbox.stop()
    sandbox.start()
    with pytest.raises(StationError, match="already"):
        sandbox.start()
    sandbox.stop()
    sandbox.stop()


def test_a_client_that_stays_connected_does_not_hold_it() -> None:
    """Neither an idle connection nor one in the middle of a request."""
    sandbox = Sandbox()
    sandbox.start()
    with (
        socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=5),
        socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=5) as half,
    ):
        half.sendall(b"POST /v1/charging-keys/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        sandbox.stop()
    assert not any(thread.name == "sandbox" for thread in threading.enumerate())


async def test_it_can_be_used_inside_a_running_loop() -> None:
    """It has a loop of its own, so the test's loop may ask it; and two of them do not meet."""
    with Sandbox(key="a") as one, Sandbox(key="b") as other:
        assert one.url != other.url
        async with DriveClient(one.url, "a") as first, DriveClient(other.url, "b") as second:
            await asyncio.gather(first.list_keys("u"), second.list_keys("u"))


def test_a_stopped_sandbox_is_proved_not_reached() -> None:
    """What a station sees when the demo's API goes away."""
    with Sandbox() as sandbox:
        pass

    async def ask() -> None:
        async with DriveClient(sandbox.url, "sandbox") as drive:
            await drive.list_keys("u")

    with pytest.raises(NotProcessed):
        asyncio.run(ask())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.0.1", "example.org", "127.0.0.1.example.org"])
def test_it_serves_on_loopback_only(host: str) -> None:
    """Refused before anything listens."""
    with pytest.raises(ConfigError, match="loopback"):
        Sandbox(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_every_loopback_address_will_do(host: str) -> None:
    """The URL has the address itself."""
    with Sandbox(host=host) as sandbox:
        assert sandbox.url.startswith("http://127.0.0.")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{sandbox.url}/v1", timeout=5)


def test_a_taken_port_is_said() -> None:
    """With what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StationError, match="--port"):
        Sandbox(port=taken.getsockname()[1]).start()


@pytest.mark.parametrize("library", ["starlette", "uvicorn"])
def test_a_missing_library_is_said(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name and with the line to type; the package itself is imported without it."""
    for name in [*sys.modules]:
        if name.partition(".")[0] == library or name == "tagsmith.sandbox.app":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(StationError, match=f"pip install {library}"):
        Sandbox().start()


def test_the_package_imports_no_server() -> None:
    """Only a start does: `tagsmith --help` is not to pay for it."""
    code = "import sys, tagsmith.sandbox; assert not {'starlette', 'uvicorn', 'h11'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_uvicorn_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Its banners and access lines would stand in the midst of a headless station's logs."""
    caplog.set_level(1)
    with Sandbox() as sandbox, pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{sandbox.url}/v1", timeout=5)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
    assert logging.getLogger("uvicorn.error").level == logging.WARNING


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    """Exit 0, nothing on stderr, also when the signal comes at once after the address was printed."""
    command = [sys.executable, "-c", SERVE.format(port=0)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "ended\n", "")


def test_serving_on_a_taken_port_is_an_error_of_ours() -> None:
    """The command shows its message instead of a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code = SERVE.format(port=taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "tagsmith.errors.StationError: the sandbox cannot listen" in done.stderr
    assert done.stdout == ""
