"""What the commands share: settings from flags, JSON lines, tables."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tagsmith.config import Settings
    from tagsmith.uid import ByteOrder

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_F = TypeVar("_F", bound=Callable[..., Any])


def config_option(command: _F) -> _F:
    """`--config FILE`, as every command that reads settings has it."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A settings file on top of the machine's and the user's.",
    )(command)


def json_option(command: _F) -> _F:
    """`--json`, as every command has it whose output a program may read."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def settings_from(config: Path | None, **sections: Mapping[str, Any] | Sequence[Any] | None) -> Settings:
    """The settings in force, with the flags on top.

    Raises:
        ConfigError: something in them is wrong.
    """
    from tagsmith.config import load

    return load(config, sections)


def order_in_force(settings: Settings) -> ByteOrder:
    """The byte order that a station of these settings would pair in: as calibrated, where there is a journal to tell.

    A journal that cannot be read now is told on standard error; the settings alone count then.
    """
    from tagsmith.errors import ConfigError, JournalError
    from tagsmith.uid import settle_order

    recorded = None
    try:
        recorded = _recorded_order(settings)
    except ConfigError as error:
        logging.getLogger(__name__).debug("no API to ask for a calibration: %s", error)
    except JournalError as error:
        click.echo(f"tagsmith: the calibration cannot be read: {error}", err=True)
    return settle_order(settings.uid.order, recorded).order


def _recorded_order(settings: Settings) -> ByteOrder | None:
    """The order of the last calibration of the API in force, if there is one."""
    import asyncio

    from tagsmith.config import resolve_api

    target = resolve_api(settings).target
    # Importing the journal costs more than all the rest of a small command.
    from tagsmith.journal import Journal

    if not Journal.exists(settings.journal.url):
        return None
    journal = Journal.open(settings.journal.url, station=settings.station.name)
    try:
        calibration = asyncio.run(journal.calibration(target))
    finally:
        journal.close()
    return calibration.order if calibration else None


def log_to_stderr(level: int) -> None:
    """Log lines on standard error, or to journald with their fields where that is what standard error leads to.

    Of the libraries underneath only what they warn of.
    """
    if not _log_to_journald_if_there(level):
        logging.basicConfig(stream=sys.stderr, level=level, format=_LOG_FORMAT)
    _quiet_libraries(level)


def log_to_journald(level: int) -> None:
    """Log records to journald with their fields, and nowhere else; once.

    Raises:
        StationError: there is no journald.
    """
    from tagsmith.errors import StationError
    from tagsmith.supervision import journald

    if journald.listening():
        return
    if not Path(journald.SOCKET).exists():
        raise StationError("there is no journald on this machine", "leave --log-journal out")
    root = logging.getLogger()
    root.addHandler(journald.JournaldHandler(journald.SOCKET))
    root.setLevel(min(level, root.level) if root.level else level)
    _quiet_libraries(level)


def _log_to_journald_if_there(level: int) -> bool:
    """Log to journald if it was asked for, or standard error leads there anyway; whether it does."""
    from tagsmith.supervision import journald

    try:
        there = sys.stderr is not None and journald.under_journald(os.environ, sys.stderr.fileno())
    except (OSError, ValueError):  # a standard error that is no file
        there = False
    if there and Path(journald.SOCKET).exists():
        log_to_journald(level)
    return journald.listening()


def log_to_file(journal_url: str) -> None:
    """Log lines beside the journal, where the screen leaves no standard error to write to; three files of 1 MiB.

    A service logs to journald instead. For a journal that is in no file they stand in the state folder. A log that
    cannot be written stops nobody from working: the screen keeps its last lines (F8).
    """
    if _log_to_journald_if_there(logging.INFO):
        return
    from logging.handlers import RotatingFileHandler

    from tagsmith.config import state_folder

    scheme, _, path = journal_url.partition(":///")
    folder = Path(path).parent if scheme.startswith("sqlite") else state_folder() or Path()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = RotatingFileHandler(folder / "tagsmith.log", maxBytes=1 << 20, backupCount=2, encoding="utf-8")
    except OSError as error:
        click.echo(f"tagsmith: no log file in {folder}: {error.strerror}", err=True)
        return
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(min(root.level, logging.INFO))
    _quiet_libraries(logging.INFO)


def _quiet_libraries(level: int) -> None:
    """Of the libraries underneath only what they warn of."""
    for library in ("alembic", "sqlalchemy", "asyncio", "uvicorn"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
    # nfcpy reports each bad frame as an error; what it comes to is told by the reader.
    logging.getLogger("nfc").setLevel(logging.CRITICAL)


def write_json(value: object) -> None:
    """One JSON document on one line of standard output, flushed. UTF-8, whatever the terminal's encoding.

    Raises:
        OSError, ValueError: standard output cannot be written any more.
    """
    sys.stdout.buffer.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def end_now_unless(ended: bool, code: int) -> None:
    """End the process at once if the core has not ended: it hangs in the disc, and so would a proper exit.

    What it hangs with was never shown as done, and the journal is made for processes that vanish.
    """
    if not ended:
        click.echo("tagsmith: the journal does not answer; ending without it", err=True)
        os._exit(code)


def wants_json(as_json: bool) -> bool:
    """Judgements are JSON for programs: asked for, or when nobody looks at a terminal."""
    return as_json or not sys.stdout.isatty()


def print_fields(fields: Mapping[str, object]) -> None:
    """Fields for a person, one a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {printable('' if value is None else str(value))}")


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, err: bool = False) -> None:
    """A table for people, with columns as wide as they need to be; with `err` on standard error."""
    cells = [[printable("" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [max([len(title), *(len(row[i]) for row in cells)]) for i, title in enumerate(head)]
    for row in [list(head), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), err=err)


def printable(text: str) -> str:
    """Text from outside with everything that a terminal could obey shown as `<1B>`-like codes."""
    return "".join(char if char.isprintable() else f"<{ord(char):02X}>" for char in text)
