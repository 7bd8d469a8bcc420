"""Keys on their way from the thread that reads them to the app: few at a time, and no more than an operator can mean.

Textual's queue has no bound, and while there is something in it the app looks at nothing else: neither at a signal nor
at the picture. A page of text that is pasted without the marks of a paste would hold the screen for minutes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from textual import events
from textual.message import Message

WINDOW = 32
"""Messages that the app is given at a time. What else it is sent, the order to end not least, waits for two such."""
WAITING_LIMIT = 8192
"""Messages that may wait. The fastest input that is meant (200 scans in one breath, 5,200 keys) is far from it."""
QUIET_S = 0.5
"""A flood is over when it has brought nothing for so long. A line that stalls may take 0.2 s to send again."""


class WindowHandled(Message):
    """The app has handled what it was given, and owes a call of `go_on`."""

    def __init__(self, go_on: Callable[[], None]) -> None:
        super().__init__()
        self.go_on = go_on


class TerminalFlooded(Message):
    """More has come than anybody means: keys were dropped here, and the line under way is no number."""


class Inflow:
    """Hands messages on in their order, a window at a time. Methods may be called from any thread; none waits.

    `send` puts a message into the app's queue, at once and in the order of the calls. When more than `limit` messages
    wait, all of them are dropped, one `TerminalFlooded` stands for them, and what follows is dropped until there was
    nothing for `QUIET_S`. Keys without a character are dropped too, but do not prolong it: somebody who presses F10
    again and again must get through.
    """

    def __init__(self, send: Callable[[Message], None], *, limit: int = WAITING_LIMIT) -> None:
        self._send = send
        self._limit = limit
        self._changed = threading.Lock()
        self._waiting: deque[Message] = deque()
        self._given = 0
        self._flooded_at: float | None = None

    def put(self, messages: Iterable[Message]) -> None:
        """Hand on what came, now or when the app has come round to it."""
        for message in messages:
            with self._changed:
                if self._is_flood(message):
                    continue
                self._waiting.append(message)
                if len(self._waiting) > self._limit:
                    self._flooded_at = message.time
                    self._waiting.clear()
                    self._waiting.append(TerminalFlooded())
                self._hand_on()

    def _is_flood(self, message: Message) -> bool:
        """Whether a message belongs to a flood that is not over."""
        if self._flooded_at is None:
            return False
        if message.time - self._flooded_at >= QUIET_S:
            self._flooded_at = None
            return False
        if not isinstance(message, events.Key) or message.character is not None:
            self._flooded_at = message.time
        return True

    def _hand_on(self) -> None:
        while self._waiting and self._given < WINDOW:
            self._send(self._waiting.popleft())
            self._given += 1
            if self._given == WINDOW:
                self._send(WindowHandled(self._go_on))

    def _go_on(self) -> None:
        with self._changed:
            self._given = 0
            self._hand_on()
