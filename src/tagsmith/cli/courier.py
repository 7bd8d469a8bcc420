"""`tagsmith courier`: delivery alone."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.output import config_option, settings_from
from tagsmith.model import DeliveryView, Record

if TYPE_CHECKING:
    from tagsmith.config import Settings

SOMETHING_LEFT = 3
"""Exit code: entries are left that could not be sent."""


@click.command()
@click.option("--once", is_flag=True, help="End when nothing is left that can be sent now (0: nothing left, 3: some).")
@config_option
def courier(once: bool, config: Path | None) -> None:
    """Deliver what the journal holds, without readers. Stands by while another process delivers."""
    settings = settings_from(config)
    sys.exit(asyncio.run(_deliver(settings, once)))


async def _deliver(settings: Settings, once: bool) -> int:
    from tagsmith.station import deliver

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    left = await deliver(settings, once=once, stop=stop, listener=_tell())
    if left:
        click.echo(f"{left} left to send", err=True)
    return SOMETHING_LEFT if once and left else 0


def _tell() -> Callable[[Record | None, DeliveryView], None]:
    """A listener that prints each settled entry, and each change of how delivery stands."""
    said = ""

    def tell(record: Record | None, view: DeliveryView) -> None:
        nonlocal said
        if record is not None:
            entry = record.entry
            click.echo(f"{entry.visual_number}  {entry.uid_api}  {record.state}", err=True)
        line = " ".join(filter(None, (str(view.delivery), view.message, view.alarm)))
        if line != said:
            said = line
            click.echo(line, err=True)

    return tell
