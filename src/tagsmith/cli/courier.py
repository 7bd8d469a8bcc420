"""`tagsmith courier`: delivery alone."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.output import config_option, settings_from
from tagsmith.model import DeliveryView, Record

if TYPE_CHECKING:
    from tagsmith.config import Settings

_log = logging.getLogger(__name__)

SOMETHING_LEFT = 3
"""Exit code: entries are left that could not be sent."""


@click.command()
@click.option("--once", is_flag=True, help="End when nothing is left that can be sent now (0: nothing left, 3: some).")
@click.option("--progress", is_flag=True, help="Tell how the backlog comes down, in place of each entry.")
@config_option
def courier(once: bool, progress: bool, config: Path | None) -> None:
    """Deliver what the journal holds, without readers. Stands by while another process delivers."""
    settings = settings_from(config)
    sys.exit(asyncio.run(_deliver(settings, once, progress)))


async def _deliver(settings: Settings, once: bool, progress: bool) -> int:
    from tagsmith.station import deliver

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    left = await deliver(settings, once=once, stop=stop, listener=_tell(progress))
    if left:
        click.echo(f"{left} left to send", err=True)
    return SOMETHING_LEFT if once and left else 0


PROGRESS_S = 2.0
"""How often progress is told at the most."""


def _tell(progress: bool) -> Callable[[Record | None, DeliveryView], None]:
    """A listener that prints each settled entry (or progress now and then), and each change of how delivery stands.

    Where the log goes to journald it is a record there: the courier's own say what became of each entry.
    """
    from tagsmith import words
    from tagsmith.supervision import journald

    said, told_at = "", -math.inf
    by_record = journald.listening()

    def tell(record: Record | None, view: DeliveryView) -> None:
        nonlocal said, told_at
        if progress and time.monotonic() - told_at >= PROGRESS_S and (text := words.progress(view)):
            told_at = time.monotonic()
            click.echo(text, err=True)
        if record is not None and not progress and not by_record:
            entry = record.entry
            click.echo(f"{entry.visual_number}  {entry.uid_api}  {record.state}", err=True)
        line = " ".join(filter(None, (str(view.delivery), view.message, view.alarm)))
        if line != said:
            said = line
            if by_record:
                _log.log(logging.WARNING if view.alarm else logging.INFO, "delivery %s", line)
            else:
                click.echo(line, err=True)

    return tell
