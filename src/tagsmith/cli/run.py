"""`tagsmith run`: the station, with its screen, in sentences or headless."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tagsmith.cli.output import config_option
from tagsmith.cli.station import batch_option, station_options, station_wanted


@click.command("run")
@click.option("--user", metavar="ID", help="Activate every key for this user.")
@click.option("--field", is_flag=True, help="A form for a handful of keys: each is confirmed, then sent at once.")
@batch_option
@station_options
@config_option
def run_station(user: str | None, field: bool, config: Path | None, **station: Any) -> None:
    """Run the station: taps and numbers become pairs, pairs are recorded, reserved and, with --user, activated.

    With --plain each event is one sentence on standard output, without colour or cursor control: for serial consoles,
    screen readers and logs. Numbers come and the end is as headless.

    Headless, each event is one JSON line on standard output (docs/events.md); it ends when standard input does,
    with 0, or 3 when something is left to send. With scanners of its own and no stdin: among them it reads no
    standard input and runs until SIGTERM, which ends it at once and cleanly; --no-stdin demands that.

    The API's own validity is ten years from today; it cannot be changed once a key is reserved.
    """
    sys.exit(station_wanted(user, config, form=field, **station).run())
