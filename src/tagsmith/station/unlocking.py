"""Who may let a lane go on that has stopped after many rejected keys. Lives on the core loop; secrets stay in here."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from tagsmith import words
from tagsmith.config import OperatorSettings
from tagsmith.station.operators import Operators, supervisor_named
from tagsmith.uid import Uid

_log = logging.getLogger(__name__)

TRIES: Final = 3
"""So many wrong secrets in a row, and the next one has to wait."""
PAUSE_S: Final = 10.0
"""How long."""


class Unlocking:
    """Asks for a supervisor, where there is one who can show it: by a badge, a code or a PIN.

    `unlock` lets a lane go on (its name, who, by what) and says whether it was locked; `locked` names those that are.
    `said` gets what a person is to be told; `who` is the name of whoever is signed on.
    """

    def __init__(
        self,
        operators: Sequence[OperatorSettings],
        *,
        locked: Callable[[], Sequence[str]],
        unlock: Callable[[str, str, str], bool],
        said: Callable[[str], None],
        who: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        supervisors = [one for one in operators if one.supervisor]
        self._known = Operators(supervisors)
        self._named = supervisor_named(supervisors)
        self.supervised = any(one.badge or one.code or one.pin_hash for one in supervisors)
        """Whether a supervisor is needed; one who can show nothing is none, or the lane would stay stopped for ever."""
        self._locked = locked
        self._unlock = unlock
        self._said = said
        self._who = who
        self._clock = clock
        self._wrong = 0
        self._not_before = -math.inf
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def supervisor(self, shown: Uid | str) -> str:
        """The name of the supervisor whose badge or code this is; empty for nobody's. A PIN is not tried."""
        found = self._known.of_badge(shown) if isinstance(shown, Uid) else self._known.of_code(shown)
        return found.name if found is not None else ""

    def ask(self, lane: str, secret: str = "") -> None:
        """Somebody wants a lane to go on. The secret is looked at in a thread of its own; what comes of it is said."""
        if lane not in self._locked():
            return
        if not self.supervised:
            self._unlock(lane, self._who(), "anybody")
        elif not secret.strip():
            self._said(words.told(words.notice("unlock-supervisor")))
        else:
            task = asyncio.get_running_loop().create_task(self._look(lane, secret))
            self._tasks.add(task)  # a task without a reference may be collected before it has run
            task.add_done_callback(self._ended)

    async def _look(self, lane: str, secret: str) -> None:
        # Else many could be tried in the time that one takes.
        async with self._one_at_a_time:
            if (left_s := self._not_before - self._clock()) > 0:
                self._said(words.unlock_later(math.ceil(left_s)))
                return
            name = await asyncio.to_thread(self._named, secret)
            if name:
                self._wrong = 0
                self._unlock(lane, name, "secret")
                return
            self._wrong += 1
            _log.warning("lane %s stays stopped: a secret was wrong, the %d. in a row", lane, self._wrong)
            if self._wrong >= TRIES:
                self._not_before = self._clock() + PAUSE_S
            self._said(words.told(words.notice("unlock-wrong")))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Without its traceback, which a debugger's formatter may print with values.
            _log.error("a secret could not be looked at: %s", type(error).__name__)
