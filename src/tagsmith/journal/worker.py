"""One daemon thread that does what it is handed, in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


class Worker:
    """A thread of its own for work that must not be interrupted; survives whatever the work raises.

    Once handed over, work is done: cancelling its future has no effect, and so none has a cancelled await of it.
    """

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open = True
        # A daemon, so that a commit which hangs on a dead disc cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], _T]) -> Future[_T]:
        """Hand over `work`; its future gets the result or what it raised.

        Raises:
            RuntimeError: the worker is closed.
        """
        future: Future[_T] = Future()
        # Marked as running already here: only a future that still waits can be cancelled.
        future.set_running_or_notify_cancel()

        def job() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the one who waits for it
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if not self._open:
                raise RuntimeError("the worker is closed")
            self._queue.put(job)
        return future

    def close(self) -> None:
        """Finish what was handed over, then end the thread; idempotent, returns when it has ended."""
        with self._lock:
            if self._open:
                self._open = False
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            job()
            # Or the last job, and the records it holds, would live until the next one comes.
            del job
