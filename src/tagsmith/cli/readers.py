"""`tagsmith readers`: what readers and scanners are there, how they stand, and what changes."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

import click

from tagsmith.cli.output import json_option, print_table, printable, write_json

if TYPE_CHECKING:
    from tagsmith.model import ReaderStatus, ScannerStatus

LOOK_S = 1.0
"""How often is looked again, at most."""
SHARE = 0.05
"""The share of one processor that looking may take: where looking is slow, it is done less often."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Row = dict[str, str]


@click.command()
@json_option
@click.option("--watch", is_flag=True, help="Then a line for all that comes, goes or changes, until it is ended.")
def readers(as_json: bool, watch: bool) -> None:
    """List the readers and scanners that are there: the spec to use, how each stands, and what to do about it.

    Opens none of them, so it may be used beside a running station. With --json --watch there is one object a line.
    """
    if watch:
        _watch(as_json=as_json)
    elif as_json:
        write_json(list(_look().values()))
    else:
        rows = list(_look().values())
        for device, title in (("reader", "READER"), ("scanner", "SCANNER")):
            lines = [row for row in rows if row["device"] == device]
            if lines:
                print_table(
                    (title, "STATE", "WHAT", "WHAT TO DO"),
                    ((row["spec"], row["state"], _said(row), row["remedy"]) for row in lines),
                )
            if lines and device == "reader" and len(lines) < len(rows):
                click.echo()


def _look() -> dict[tuple[str, str], Row]:
    """Everything that is there now, by what it is and its spec."""
    from tagsmith.readers.registry import discover, is_absence
    from tagsmith.scanners.discovery import discover as discover_scanners

    found = discover()
    absent = {status.spec for status in found if is_absence(status)}
    rows = [_row("reader", status, "") for status in found]
    # What is not installed serves neither readers nor scanners: said once.
    rows += [_row("scanner", status, status.name) for status in discover_scanners() if status.spec not in absent]
    return {(row["device"], row["spec"]): row for row in rows}


def _row(device: str, status: ReaderStatus | ScannerStatus, name: str) -> Row:
    return {
        "device": device,
        "kind": status.spec.partition(":")[0],
        "spec": status.spec,
        "state": str(status.state),
        "name": name,
        "message": status.message,
        "remedy": status.remedy,
    }


def _said(row: Row) -> str:
    return ": ".join(filter(None, (row["name"], row["message"])))


# --- watching -----------------------------------------------------------------------------------------------------


def _watch(*, as_json: bool) -> None:
    """Print what is there, then every change, until a signal comes or nobody reads it any more."""
    known: dict[tuple[str, str], Row] = {}
    first = "present"
    with _End() as end:
        try:
            while True:
                began = time.monotonic()
                there = _look()
                for change, row in _changes(known, there, first):
                    _print(change, row, as_json=as_json)
                known, first = there, "came"
                took_s = time.monotonic() - began
                if end.within(max(LOOK_S, took_s / SHARE)):
                    return
        except BrokenPipeError:
            # What is buffered for nobody must not raise at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _changes(
    before: dict[tuple[str, str], Row], now: dict[tuple[str, str], Row], new: str
) -> Iterator[tuple[str, Row]]:
    """What is otherwise than before, and how."""
    for key, row in before.items():
        if key not in now:
            yield "gone", row
    for key, row in now.items():
        if key not in before:
            yield new, row
        elif row != before[key]:
            yield "changed", row


def _print(change: str, row: Row, *, as_json: bool) -> None:
    if as_json:
        write_json({"change": change, **row})
        return
    state = "" if change == "gone" else row["state"]
    words = [f"{change:<7}", f"{row['device']:<7}", row["spec"], state, _said(row) if state else ""]
    line = "  ".join(filter(None, words)) + (f" → {row['remedy']}" if state and row["remedy"] else "")
    click.echo(printable(line))


class _End:
    """The end of a watch: a signal, or nobody reads standard output any more. Owns the signals while it is entered."""

    def __enter__(self) -> Self:
        self._bell, self._ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(sys.stdout.fileno(), 0)  # tells only that the other end is closed
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._bell)
        os.close(self._ring)

    def within(self, seconds: float) -> bool:
        """Wait for so long; whether it has come, then at once."""
        return bool(self._poll.poll(seconds * 1000))

    def _on_signal(self, number: int, frame: object) -> None:
        os.write(self._ring, b"!")
