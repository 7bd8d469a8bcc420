"""`tagsmith run`: the station, with its screen or headless."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagsmith.cli.output import config_option, settings_from

if TYPE_CHECKING:
    from tagsmith.config import Settings


@click.command("run")
@click.option("--headless", is_flag=True, help="No screen: numbers from standard input, events as JSON lines.")
@click.option("--reader", "readers", metavar="SPEC", multiple=True, help="A reader, one per lane (like pcsc:ACR1252).")
@click.option("--scanner", "scanners", metavar="SPEC", multiple=True, help="A scanner (stdin:, evdev:…, serial:…).")
@click.option("--user", metavar="ID", help="Activate every key for this user.")
@config_option
def run_station(
    headless: bool, readers: tuple[str, ...], scanners: tuple[str, ...], user: str | None, config: Path | None
) -> None:
    """Run the station: taps and numbers become pairs, pairs are recorded, reserved and, with --user, activated.

    Headless, each event is one JSON line on standard output (docs/events.md); it ends when standard input does,
    with 0, or 3 when something is left to send. With scanners of its own and no stdin: among them it reads no
    standard input and runs until SIGTERM, which ends it at once and cleanly.
    """
    from tagsmith.drive import check_user_id
    from tagsmith.errors import ConfigError

    overrides: dict[str, Any] = {}
    if readers:
        overrides["reader"] = [{"spec": spec} for spec in readers]
    if scanners:
        overrides["scanner"] = [{"spec": spec} for spec in scanners]
    settings = settings_from(config, **overrides)
    if user is not None:
        check_user_id(user)
    from_stdin = [scanner for scanner in settings.scanner if scanner.spec == "stdin:"]
    if len(from_stdin) > 1:
        raise ConfigError("stdin: can be one scanner only", "leave one [[scanner]]; lines may name their lane")
    if from_stdin and not headless:
        raise ConfigError(
            "scanner 'stdin:' cannot be used here", "the screen reads the keyboard itself; leave this scanner out"
        )
    if headless:
        from tagsmith.cli.headless import run_headless

        sys.exit(run_headless(settings, user_id=user))
    sys.exit(_run_screen(settings, user))


def _run_screen(settings: Settings, user: str | None) -> int:
    from tagsmith.tui import check_terminal, run_screen

    check_terminal()
    from tagsmith.cli.output import end_now_unless, log_to_file
    from tagsmith.station import Station

    log_to_file(settings.journal.url)
    station = Station(settings, user_id=user)
    code = run_screen(station, bell=settings.feedback.bell and not settings.feedback.silent)
    end_now_unless(station.ended, code)
    return code
