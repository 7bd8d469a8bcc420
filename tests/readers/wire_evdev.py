"""The conformance suite over a reader that types, by the real python-evdev. Run by test_evdev.py, with the shim."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from readers.conformance import (
    CHECKS,
    Rig,
    what_lay_there_during_a_loss_is_news_again,
    what_lies_there_is_reported_once,
)
from support.input_device import Inputs
from tagsmith.readers import Reader, create

UNHEARD = (what_lies_there_is_reported_once, what_lay_there_during_a_loss_is_news_again)
"""A reader that types does so once: what it typed while nobody listened is gone, and nobody can ask it again."""


class EvdevRig(Rig):
    """A keyboard that types a UID when a key is laid on it; taking it away is nothing to it."""

    sees_two = False
    sees_removal = False

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._number = 7
        self.spec = f"evdev:{inputs.by_id}/usb-Reader-event-kbd?length=7"
        self.restore()

    def _make(self) -> Reader:
        return create(self.spec)

    def put(self, uid: str) -> None:
        self._keyboard.type(uid)

    def remove(self) -> None:
        pass

    def lose(self) -> None:
        self._keyboard.unplug()

    def restore(self) -> None:
        self._number += 1
        self._keyboard = self._inputs.plug(self._number, link="usb-Reader-event-kbd")


@pytest.fixture
def rig() -> Iterator[Rig]:
    """The rig, with a folder of devices of its own."""
    with Inputs() as inputs, EvdevRig(inputs) as made:
        yield made


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in UNHEARD], ids=lambda check: check.__name__)
def test_reader(rig: Rig, check: Callable[[Rig], None]) -> None:
    """Every check holds; what each pins is in its docstring."""
    check(rig)
