"""The thread that writes."""

from __future__ import annotations

import threading

import pytest

from tagsmith.journal.worker import Worker


def test_work_is_done_in_order_on_one_thread() -> None:
    """What is handed over first is done first, all of it on the worker's own thread."""
    worker = Worker("writer")
    futures = [worker.submit(lambda number=number: (number, threading.get_ident())) for number in range(100)]
    done = [future.result() for future in futures]
    worker.close()
    assert [number for number, _ in done] == list(range(100))
    assert len({thread for _, thread in done}) == 1
    assert done[0][1] != threading.get_ident()


def test_it_survives_whatever_is_raised() -> None:
    """Errors go to whoever waits for the work, even those that would end a thread; the next work is done."""

    def leave() -> None:
        raise SystemExit(3)

    worker = Worker("writer")
    failed = worker.submit(leave)
    with pytest.raises(SystemExit):
        failed.result()
    assert worker.submit(lambda: 7).result() == 7
    worker.close()


def test_what_is_handed_over_cannot_be_cancelled() -> None:
    """Work that still waits in the queue is done though its future was to be cancelled."""
    worker, gate = Worker("writer"), threading.Event()
    worker.submit(gate.wait)
    future = worker.submit(lambda: 7)
    assert not future.cancel()
    gate.set()
    assert future.result() == 7
    worker.close()


def test_closing_drains() -> None:
    """`close` returns after all work is done; more of it is refused; closing again does nothing."""
    worker = Worker("writer")
    futures = [worker.submit(lambda number=number: number) for number in range(100)]
    worker.close()
    assert [future.result(timeout=0) for future in futures] == list(range(100))
    worker.close()
    with pytest.raises(RuntimeError):
        worker.submit(lambda: 7)
