"""The simulated reader: keys that lie nowhere, for the demo, for training and for tests.

`sim:` is fed live through `SimReader.feed`; `sim:PATH` plays a scenario file (and can be fed as well). It is a backend
like any other: same rules, same suite of tests, and one process at a time may play one scenario file.

What it does not simulate: radio (a weak field, a key half in it, how long a chip takes to answer), keys that answer
but cannot be read, SAK, the order in which a reader delivers UIDs, drivers and their services, and anything a person
does too fast for a hand: a key that is laid again where it just lay has been away for `LIFT_S`.

A scenario is TOML. Its steps are played one after the other from the first opening on, in real time, whether anybody
waits or not, as a person would lay keys:

    repeat = 1                      # how often all steps are played; 0 means for ever

    [[step]]
    put = "04a1b2c3d4e5f6"          # lay this key on (hex, uid0 first); what lay there is taken away
    for_s = 0.5                     # and take it away again; without, it stays

    [[step]]
    put = ["04a1b2c3d4e5f6", "08c0ffee"]    # two chips at once
    for_s = 1

    [[step]]
    put = "random"                  # a phone: another UID 08…… each time; "new": another good key each time
    for_s = 0.5

    [[step]]
    pause_s = 2                     # nothing happens

    [[step]]
    remove = true                   # take away what lies there

    [[step]]
    unplug = true                   # the reader goes away; what lay on it stays there
    for_s = 3                       # and comes back; without, it stays away until a step says `plug = true`

    [[step]]
    fault = "forbidden"             # opening fails: missing, forbidden, busy, lost or unsupported; "none" ends it
    for_s = 5                       # and works again; a reader that is open goes away with it

    [[step]]
    fault = "wedged"                # its thread hangs and obeys nobody, as in a driver that never returns
    for_s = 60                      # and goes on; without, it hangs for ever
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tagsmith.errors import ReaderError
from tagsmith.model import Field, ReaderInfo
from tagsmith.readers.base import Reader
from tagsmith.readers.sim_feed import LIFT_S, SimFeed
from tagsmith.readers.sim_scenario import Action, Scenario

__all__ = ["LIFT_S", "SimFeed", "SimReader"]


class SimReader(Reader):
    """The simulated reader; with a path it plays that scenario, without it only what `feed` is told.

    Raises:
        ConfigError: the scenario cannot be read or is wrong; says where and what to write.
    """

    def __init__(
        self,
        path: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        super().__init__(f"sim:{path}", clock=clock)
        self.feed = SimFeed(clock)
        self._path = path
        self._scenario = Scenario.read(Path(path), rng or random.Random()) if path else None
        self._actions: Iterator[Action] | None = None
        self._next: Action | None = None

    def _open(self) -> ReaderInfo:
        if self._scenario is not None and self._actions is None:
            self._actions = self._scenario.play(self._clock())
            self._next = next(self._actions, None)
        self._play()
        self.feed.look(opening=True)
        return ReaderInfo("simulated reader", self.spec, sees_two=True, sees_removal=True, sees_sak=False)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        deadline = self._clock() + timeout_s
        while True:
            self._play()
            field = self.feed.look(opening=False)
            now = self._clock()
            if field != last or self._interrupted or now >= deadline:
                return field
            until = deadline if self._next is None else min(deadline, self._next.at)
            self.feed.wait(lambda: self._interrupted or self._news(last), max(0.0, until - now))

    def _claim(self, identity: str) -> None:
        # A scenario stands for a device. A reader that is only fed lives in this process alone, and may have siblings.
        if self._path:
            super()._claim(f"sim:{Path(self._path).resolve()}")

    def _close(self) -> None:
        """Nothing is held but the lock; the scenario goes on, as a person would."""

    def _wake(self) -> None:
        self.feed.notify()

    def _news(self, last: Field) -> bool:
        try:
            return self.feed.look(opening=False) != last
        except ReaderError:
            return True

    def _play(self) -> None:
        """Do whatever the scenario has done by now."""
        while self._actions is not None and self._next is not None and self._next.at <= self._clock():
            self._next.act(self.feed)
            self._next = next(self._actions, None)
