"""What a service manager sees of whole processes: ready, fed, hanging, ended; and the file for Prometheus."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.exposition import read
from support.headless import environment
from support.service_manager import ServiceManager
from support.terminal import Terminal
from tagsmith.sandbox import Sandbox

WATCHDOG_S = 1.0
"""Short, so that the test is; a pump has three seconds whatever it is."""

WEDGED = '[[step]]\npause_s = 0.5\n[[step]]\nfault = "wedged"\n'
UNPLUGGED = "[[step]]\npause_s = 0.5\n[[step]]\nunplug = true\n"
IDLE = "[[step]]\npause_s = 1\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An API."""
    made = Sandbox(key="test-key")
    made.start()
    yield made
    made.stop()


def watched(folder: Path, sandbox: Sandbox, manager: ServiceManager, **more: str) -> dict[str, str]:
    """The variables of a service: its manager's, and those of a station."""
    return {
        **environment(folder, sandbox.url, **more),
        "NOTIFY_SOCKET": manager.address,
        "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
    }


def played(folder: Path, scenario: str) -> str:
    """A simulated reader that plays a scenario."""
    (folder / "scenario.toml").write_text(scenario)
    return f"sim:{folder / 'scenario.toml'}"


class Service:
    """`tagsmith …` as a service manager would start it, headless and with a scenario."""

    def __init__(self, folder: Path, sandbox: Sandbox, *command: str, scenario: str = "", **more: str) -> None:
        folder.mkdir()
        self.manager = ServiceManager(folder / "notify")
        reader = ("--reader", played(folder, scenario)) if scenario else ()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tagsmith", *command, *reader],
            env=watched(folder, sandbox, self.manager, **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(20)
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.manager.__exit__()


@pytest.mark.long
def test_a_wedged_reader_stops_the_feeding_and_an_unplugged_one_does_not(tmp_path: Path, sandbox: Sandbox) -> None:
    """Three stations side by side: idle, unplugged, and one whose reader's thread hangs."""
    run = ("run", "--headless")
    with (
        Service(tmp_path / "idle", sandbox, *run, scenario=IDLE) as idle,
        Service(tmp_path / "unplugged", sandbox, *run, scenario=UNPLUGGED) as unplugged,
        Service(tmp_path / "wedged", sandbox, *run, scenario=WEDGED) as wedged,
    ):
        for service in (idle, unplugged, wedged):
            service.manager.expect("READY=1")
            service.manager.expect("WATCHDOG=1")
        unplugged.manager.expect("STATUS=reader 1 missing")
        wedged.manager.expect("STATUS=hangs: reader of lane 1")
        time.sleep(2 * WATCHDOG_S)
        now = time.monotonic()
        assert now - wedged.manager.fed_at()[-1] > WATCHDOG_S, "the manager's patience is over"
        for service in (idle, unplugged):
            fed = service.manager.fed_at()
            assert now - fed[-1] < WATCHDOG_S
            assert max(later - sooner for sooner, later in itertools.pairwise(fed)) < WATCHDOG_S
        idle.process.send_signal(signal.SIGTERM)
        idle.manager.expect("STOPPING=1")
        assert idle.process.wait(20) == 0


def test_a_screen_is_a_service_too(tmp_path: Path, sandbox: Sandbox) -> None:
    """A kiosk: ready when taps are taken, told by its main process, as NotifyAccess=main asks; fed; and its end."""
    with ServiceManager(tmp_path / "notify") as manager:
        command = [sys.executable, "-m", "tagsmith", "run", "--reader", played(tmp_path, IDLE)]
        variables = watched(tmp_path, sandbox, manager) | {"TERM": "linux"}
        with Terminal(tmp_path, command=command, **variables) as terminal:
            terminal.read_until("\x1b[?1049h")
            while "WATCHDOG=1" not in manager.lines():
                terminal.read(0.02)
                assert terminal.process.poll() is None, terminal.output[-2000:]
            assert manager.lines()[0] == "READY=1"
            assert manager.told_by == {terminal.process.pid}
            terminal.signal(signal.SIGTERM)
            assert terminal.wait_for_end() == 0
            manager.expect("STOPPING=1")


def test_the_courier_is_a_service_of_the_same_kind(tmp_path: Path, sandbox: Sandbox) -> None:
    """Ready, how delivery stands, fed, and its end."""
    with Service(tmp_path / "courier", sandbox, "courier") as courier:
        courier.manager.expect("READY=1")
        courier.manager.expect("WATCHDOG=1")
        courier.manager.expect("STATUS=delivery active, 0 waiting")
        courier.process.send_signal(signal.SIGTERM)
        courier.manager.expect("STOPPING=1")
        assert courier.process.wait(20) == 0


def test_a_station_writes_its_metrics(tmp_path: Path, sandbox: Sandbox) -> None:
    """At its start and at its end; the file is read as Prometheus reads it."""
    textfile = tmp_path / "tagsmith.prom"
    more = {"TAGSMITH_METRICS__TEXTFILE": str(textfile), "TAGSMITH_STATION__NAME": "line-3"}
    with Service(tmp_path / "run", sandbox, "run", "--headless", scenario=IDLE, **more) as service:
        service.manager.expect("READY=1")
        deadline = time.monotonic() + 20
        while not textfile.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        page = read(textfile.read_text())
        assert page["tagsmith_up"].samples["tagsmith_up", ()] == 1
        assert page["tagsmith_reader_up"].samples["tagsmith_reader_up", (("lane", "1"),)] == 1
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
    assert read(textfile.read_text())["tagsmith_up"].samples["tagsmith_up", ()] == 0
