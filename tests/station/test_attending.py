"""When the watchdog is fed and what is written for Prometheus: the watch alone with fakes, and whole stations."""

from __future__ import annotations

import asyncio
import itertools
import logging
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
from tagsmith.sandbox import Sandbox
from tagsmith.station.attending import STATUS_S, Watch
from tagsmith.supervision.liveness import JOURNAL_S, PUMP_S

WATCHDOG_S = 1.0
"""Short, so that the test is; a pump has three seconds whatever it is."""


class FakeNotifier:
    """Keeps what it is told."""

    present = True
    watchdog_s = 30.0

    def __init__(self) -> None:
        self.fed = 0
        self.said = ""

    def feed(self) -> None:
        self.fed += 1

    def status(self, text: str) -> None:
        self.said = text


class FakeJournal:
    """A writer that turns while its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def turned(self) -> None:
        await self.gate.wait()


class Scene:
    """A watch with a clock of its own and one pump."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pumps = {"reader of lane A": 100.0}
        self.notifier, self.journal = FakeNotifier(), FakeJournal()
        self.watch = Watch(
            self.notifier,  # type: ignore[arg-type]
            self.journal,  # type: ignore[arg-type]
            pumps=lambda: self.pumps,
            status=lambda: "all well",
            clock=lambda: self.now,
        )

    async def turn(self, after_s: float) -> bool:
        """Let so much time pass; whether the watchdog was fed then."""
        self.now += after_s
        before = self.notifier.fed
        self.watch.turn()
        for _ in range(3):
            await asyncio.sleep(0)
        return self.notifier.fed > before


async def test_it_is_fed_while_everything_turns() -> None:
    """An idle station is a healthy one."""
    scene = Scene()
    for _ in range(10):
        assert await scene.turn(STATUS_S)
        scene.pumps["reader of lane A"] = scene.now
    assert scene.notifier.said == "all well"


async def test_a_pump_that_hangs_ends_the_feeding(caplog: pytest.LogCaptureFixture) -> None:
    """Within its limit, said once in the log and in the status; a pump that turns again is fed for again."""
    scene = Scene()
    assert await scene.turn(PUMP_S)
    with caplog.at_level(logging.WARNING):
        assert not await scene.turn(1.0)
        assert not await scene.turn(1.0)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert scene.notifier.said == "hangs: reader of lane A"
    scene.pumps["reader of lane A"] = scene.now
    assert await scene.turn(1.0)


async def test_a_writer_that_hangs_ends_the_feeding() -> None:
    """The journal's thread is asked all the time; while it is busy it is not asked twice."""
    scene = Scene()
    assert await scene.turn(1.0)
    scene.journal.gate.clear()
    for _ in range(int(JOURNAL_S // 10) - 1):
        scene.pumps["reader of lane A"] = scene.now + 10
        assert await scene.turn(10.0)
    scene.pumps["reader of lane A"] = scene.now + 30
    assert not await scene.turn(30.0)
    scene.journal.gate.set()
    await scene.turn(0.0)
    assert await scene.turn(1.0)


# --- whole stations -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An API."""
    made = Sandbox(key="test-key")
    made.start()
    yield made
    made.stop()


class Service:
    """`tagsmith …` as a service manager would start it, headless and with a scenario."""

    def __init__(self, folder: Path, sandbox: Sandbox, *command: str, scenario: str = "", **more: str) -> None:
        folder.mkdir()
        self.manager = ServiceManager(folder / "notify")
        arguments = list(command)
        if scenario:
            (folder / "scenario.toml").write_text(scenario)
            arguments += ["--reader", f"sim:{folder / 'scenario.toml'}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tagsmith", *arguments],
            env={
                **environment(folder, sandbox.url, **more),
                "NOTIFY_SOCKET": self.manager.address,
                "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
            },
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


WEDGED = '[[step]]\npause_s = 1.5\n[[step]]\nfault = "wedged"\n'
UNPLUGGED = "[[step]]\npause_s = 1.5\n[[step]]\nunplug = true\n"
IDLE = "[[step]]\npause_s = 1\n"


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
