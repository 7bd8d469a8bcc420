"""Keys laid on one reader, one after the other, handed to the thread that asks for them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tagsmith.model import ReaderState, ReaderStatus, Tag
from tagsmith.readers import Edge, Pump, Reader, ReaderChanged, TagArrived, TagsCollided
from tagsmith.uid import Uid

_HOPELESS = (ReaderState.FORBIDDEN, ReaderState.UNSUPPORTED)
"""What does not change by waiting: somebody has to type something first."""

CLOSE_S = 2.0


class Taps:
    """One reader, pumped while the context lasts; for one thread. `tell` gets what is in the way, in plain words."""

    def __init__(
        self, reader: Reader, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._edges: queue.SimpleQueue[Edge] = queue.SimpleQueue()
        self._pump = Pump(reader, self._edges.put)
        self._said = ""
        self.name = reader.spec
        """The reader's own name, once it is known; its spec before."""
        self.trouble = ""
        """Why nothing can be read just now; empty while the reader is ready."""
        self.unreadable = False
        """The last `next` ended because what came was no UID."""

    def __enter__(self) -> Self:
        self._pump.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pump.close(CLOSE_S)

    def next(self, timeout_s: float, *, but: Uid | None = None, patient: bool = True) -> Tag | None:
        """The next key that is laid on the reader alone; `but` is not it. One that lies there already counts.

        None after the timeout, or as soon as the reader cannot be had without somebody's doing: `trouble` says why.
        Unless `patient` also as soon as something came that is no UID.
        """
        self.unreadable = False
        until = self._clock() + timeout_s
        while (left := until - self._clock()) > 0:
            try:
                edge = self._edges.get(timeout=left)
            except queue.Empty:
                break
            match edge:
                case TagArrived(tag=tag) if but is None or tag.uid != but:
                    return tag
                case TagsCollided(tags=()) if not patient:
                    self.unreadable = True
                    break
                case TagsCollided():
                    self._say("there is more than one key on the reader, or one that cannot be read: lay on one alone")
                case ReaderChanged(status=status):
                    self._stand(status)
                    if status.state in _HOPELESS:
                        break
        return None

    def _stand(self, status: ReaderStatus) -> None:
        if status.info is not None:
            self.name = status.info.name
        if status.state is ReaderState.READY and not status.message:
            self.trouble = ""
            self._said = ""
            return
        self.trouble = f"{status.message} ({status.remedy})" if status.remedy else status.message
        self._say(self.trouble)

    def _say(self, words: str) -> None:
        if words != self._said:
            self._said = words
            self._tell(f"{self.name}: {words}")
