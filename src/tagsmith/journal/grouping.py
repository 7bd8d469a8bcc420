"""Changes that are asked for at the same time share one transaction, and so one wait for the disc.

Nothing waits for company: what has come while the last transaction was under way is the next group.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from tagsmith.journal.worker import Worker
from tagsmith.journal.writing import Transaction, Writer

_T = TypeVar("_T")

GROUP: Final = 16
"""So many changes at the most, so that a transaction stays short."""


class _Apart(Exception):
    """A change of a group could not be made: none of the group was made, and each is to be made alone."""


class Group:
    """The changes that wait for the writer's thread. Each future gets its own change's result, or what that raised."""

    def __init__(self, worker: Worker, writer: Writer) -> None:
        self._worker = worker
        self._writer = writer
        self._lock = threading.Lock()
        self._pending: deque[tuple[Callable[[Transaction], Any], str, Future[Any]]] = deque()
        self._called = False
        """Whether the worker has been called and has not come yet: it will take along what is asked for meanwhile."""

    def submit(self, work: Callable[[Transaction], _T], *, by: str = "") -> Future[_T]:
        """Have `work` done with the next transaction; it is done though its future be cancelled. `by` is who asks.

        Raises:
            RuntimeError: the worker is closed.
        """
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if not self._called:
                self._worker.submit(self._commit)
                self._called = True
            self._pending.append((work, by, future))
        return future

    def _commit(self) -> None:
        """On the writer's thread: one group, then the worker's other work, then the next group."""
        while True:
            with self._lock:
                group = [self._pending.popleft() for _ in range(min(GROUP, len(self._pending)))]
            self._commit_group(group)
            with self._lock:
                if not self._pending:
                    self._called = False
                    return
                with contextlib.suppress(RuntimeError):  # closed: what was asked for before is made all the same
                    self._worker.submit(self._commit)
                    return

    def _commit_group(self, group: list[tuple[Callable[[Transaction], Any], str, Future[Any]]]) -> None:
        """All in one transaction, or each in one of its own where one of them cannot be made."""
        if len(group) > 1:
            try:
                results = self._writer.transact(
                    lambda transaction: [_do(work, by, transaction) for work, by, _ in group]
                )
            except _Apart:
                pass
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to those who wait for it
                for _, _, future in group:
                    future.set_exception(error)
                return
            else:
                for (_, _, future), result in zip(group, results, strict=True):
                    future.set_result(result)
                return
        for work, by, future in group:
            try:
                result = self._writer.transact(work, by=by)
            except BaseException as error:  # noqa: BLE001 - as above
                future.set_exception(error)
            else:
                future.set_result(result)


def _do(work: Callable[[Transaction], Any], by: str, transaction: Transaction) -> Any:
    transaction.by = by
    try:
        return work(transaction)
    except Exception as error:
        # Whatever it is: alone it is raised again, to the one who asked for this.
        raise _Apart from error
