"""Who lets a stopped lane go on: a supervisor's secret, looked at in a thread, and the pause after wrong ones."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from tagsmith.config import OperatorSettings
from tagsmith.station import unlocking
from tagsmith.station.unlocking import PAUSE_S, Unlocking
from tagsmith.uid import Uid

BADGE, CODE = "04b0b1b2b3b4b5", "OP-0001"
ADA = OperatorSettings(name="Ada", badge=BADGE, code=CODE, supervisor=True)
BO = OperatorSettings(name="Bo", code="OP-0002")


class Door:
    """Two lanes that have stopped, and who let them go on."""

    def __init__(self, *people: OperatorSettings) -> None:
        self.now = 1000.0
        self.locked = ["A", "B"]
        self.opened: list[tuple[str, str, str]] = []
        self.said: list[str] = []
        self.unlocking = Unlocking(
            people,
            locked=lambda: self.locked,
            unlock=self._unlock,
            said=self.said.append,
            who=lambda: "Bo",
            clock=lambda: self.now,
        )

    def _unlock(self, lane: str, who: str, by: str) -> bool:
        self.opened.append((lane, who, by))
        self.locked.remove(lane)
        return True

    async def ask(self, secret: str = "", lane: str = "A") -> None:
        """Ask, and wait for what comes of it."""
        self.unlocking.ask(lane, secret)
        await asyncio.gather(*self.unlocking._tasks)


async def test_a_supervisors_secret_and_no_other_one() -> None:
    """By code or badge as text; another's is wrong, which is said, and the lane stays stopped."""
    door = Door(ADA, BO)
    await door.ask("OP-0002")
    assert door.said == ["That is no supervisor's badge, code or PIN. The lane stays stopped."]
    await door.ask(" op-0001 ")
    await door.ask(BADGE.upper(), "B")
    assert door.opened == [("A", "Ada", "secret"), ("B", "Ada", "secret")]
    await door.ask(CODE)
    assert len(door.opened) == 2


async def test_without_a_secret_it_is_said_who_is_needed() -> None:
    """That is no wrong one."""
    door = Door(ADA)
    for _ in range(5):
        await door.ask(" ")
    assert set(door.said) == {"Only a supervisor lets this lane go on. Badge on the reader, code, or PIN."}
    await door.ask(CODE)
    assert door.opened


@pytest.mark.parametrize("people", [(), (BO,), (OperatorSettings(name="Eve", supervisor=True),)], ids=len)
async def test_where_no_supervisor_can_show_anything_anybody_may(people: tuple[OperatorSettings, ...]) -> None:
    """Else the lane would stay stopped for ever. Who is signed on is told."""
    door = Door(*people)
    assert not door.unlocking.supervised
    await door.ask()
    assert door.opened == [("A", "Bo", "anybody")]


async def test_after_three_wrong_ones_the_next_has_to_wait() -> None:
    """Not even the right one is looked at before; after it one more try, and another pause."""
    door = Door(ADA)
    for _ in range(3):
        await door.ask("1234")
    await door.ask(CODE)
    assert door.said[-1] == "Too many wrong ones: wait 10 s, then try again."
    door.now += PAUSE_S - 0.5
    await door.ask(CODE)
    assert door.said[-1] == "Too many wrong ones: wait 1 s, then try again."
    door.now += 0.5
    await door.ask("1234")
    await door.ask(CODE)
    assert not door.opened
    door.now += PAUSE_S
    await door.ask(CODE)
    assert door.opened == [("A", "Ada", "secret")]
    door.locked.append("A")
    for _ in range(2):
        await door.ask("1234")
    await door.ask(CODE)
    assert len(door.opened) == 2


async def test_many_at_once_are_looked_at_one_after_the_other() -> None:
    """Else a hundred could be tried in the time of one."""
    door = Door(ADA)
    for guess in range(20):
        door.unlocking.ask("A", f"{guess:04}")
    door.unlocking.ask("A", CODE)
    await asyncio.gather(*door.unlocking._tasks)
    assert len([said for said in door.said if said.startswith("That is no")]) == 3
    assert not door.opened


async def test_it_is_looked_at_in_a_thread_and_told_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The core loop goes on meanwhile; neither a wrong secret nor one that breaks the check is logged."""
    threads: list[Any] = []

    def named(_: object) -> Any:
        def look(secret: str) -> str:
            threads.append(threading.current_thread())
            if secret == "break-it":
                raise ValueError(secret)
            return ""

        return look

    monkeypatch.setattr(unlocking, "supervisor_named", named)
    door = Door(ADA)
    with caplog.at_level(logging.DEBUG):
        await door.ask("wrong-one")
        door.unlocking.ask("A", "break-it")
        await asyncio.gather(*door.unlocking._tasks, return_exceptions=True)
        await asyncio.sleep(0)
    assert len(threads) == 2
    assert threading.current_thread() not in threads
    assert "ValueError" in caplog.text
    assert "wrong-one" not in caplog.text
    assert "break-it" not in caplog.text
    assert not door.opened


def test_a_tapped_badge_and_a_scanned_code_are_known_at_once() -> None:
    """A supervisor's only, and a PIN is not tried."""
    ask = Door(ADA, BO).unlocking.supervisor
    assert (ask(Uid.from_hex(BADGE)), ask(CODE)) == ("Ada", "Ada")
    assert (ask("OP-0002"), ask(BADGE), ask(Uid.from_hex("04c0c1c2c3c4c5"))) == ("", "", "")
