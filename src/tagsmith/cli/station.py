"""A station as flags ask for it: what the commands share that start one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tagsmith.cli.output import settings_from
from tagsmith.i18n import LANGUAGES, speak

if TYPE_CHECKING:
    from tagsmith.config import Settings
    from tagsmith.model import Terms

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--language",
        type=click.Choice(LANGUAGES),
        help="Of the screen; else LC_ALL, LC_MESSAGES or LANG decide.",
    ),
    click.option(
        "--reader", "readers", metavar="SPEC", multiple=True, help="A reader, one per lane (like pcsc:ACR1252)."
    ),
    click.option("--scanner", "scanners", metavar="SPEC", multiple=True, help="A scanner (stdin:, evdev:…, serial:…)."),
    click.option(
        "--type", "key_type", type=click.Choice(["TAG", "CARD"], case_sensitive=False), help="What the keys are."
    ),
    click.option(
        "--valid-from", metavar="DATE", help="When the keys begin to work: a date, today, or a datetime with its zone."
    ),
    click.option("--valid-to", metavar="DATE", help="When they end: the end of a date, or a datetime with its zone."),
)


_WAYS = (
    click.option("--headless", is_flag=True, help="No screen: numbers from standard input, events as JSON lines."),
    click.option("--plain", is_flag=True, help="No screen: numbers from standard input, a sentence per event."),
    click.option("--no-stdin", is_flag=True, help="Headless, for services: numbers from scanners of its own only."),
)


batch_option = click.option(
    "--batch", metavar="NAME", help="Make keys of this batch; `tagsmith batch list` shows those there are."
)


def station_options(command: _F) -> _F:
    """What a command takes that starts a station in this process: the keywords of `station_wanted`."""
    return _with(command, *_WAYS, *_OPTIONS)


def served_options(command: _F) -> _F:
    """The same for a station whose screen is shown elsewhere: no other way to show it."""
    return _with(command, *_OPTIONS)


def _with(command: _F, *options: Callable[[_F], _F]) -> _F:
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class Wanted:
    """A station as it is asked for, checked as far as can be before it starts."""

    settings: Settings
    terms: Terms
    headless: bool
    form: bool = False
    """With the technician's form instead of the lanes; `user` of the terms stands in it from the start."""
    plain: bool = False
    batch: str | None = None
    """The name of the batch that keys are made of."""
    config: Path | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    """The flags that stand above the settings."""

    def check(self) -> None:
        """See that its readers and scanners mean something, too, and that it has a terminal if it needs one.

        Raises:
            TagsmithError: it could not start.
        """
        from tagsmith.station import FieldStation, Station

        if not (self.headless or self.plain):
            from tagsmith.tui import check_terminal

            check_terminal()
        (FieldStation if self.form else Station)(self.settings, terms=self.terms)

    def run(self) -> int:
        """Run it until it ends; the exit code.

        Raises:
            TagsmithError: it cannot start or go on.
        """
        if self.headless or self.plain:
            from tagsmith.cli.headless import run_headless

            return run_headless(self.settings, self.terms, plain=self.plain, batch=self.batch)
        return _run_form(self) if self.form else _run_screen(self)

    def screen(self) -> dict[str, Any]:
        """What the settings say of the screen: the keywords of `run_screen` and `run_form`."""
        from tagsmith.config import explained

        settings = self.settings
        return {
            "bell": settings.feedback.bell and not settings.feedback.silent,
            "theme": settings.screen.theme,
            "keys": settings.keys.model_dump(),
            "operators": bool(settings.operator),
            "settings": explained(self.config, self.overrides),
        }


def station_wanted(
    user: str | None,
    config: Path | None,
    *,
    headless: bool = False,
    no_stdin: bool = False,
    plain: bool = False,
    readers: tuple[str, ...],
    scanners: tuple[str, ...],
    key_type: str | None,
    valid_from: str | None,
    valid_to: str | None,
    form: bool = False,
    language: str | None = None,
    batch: str | None = None,
) -> Wanted:
    """The station that these flags ask for.

    Raises:
        ConfigError: the settings are wrong, a form is wanted without a screen, standard input, or the output, is asked
            for in two ways at once, or there is no other scanner where it is not to be read.
        Refused: no such user, or no such validity.
    """
    from tagsmith import wall_clock
    from tagsmith.drive import check_user_id, validity
    from tagsmith.errors import ConfigError
    from tagsmith.model import KeyType, Terms

    if form and (headless or plain):
        raise ConfigError("the form needs a screen", "leave out --headless, --plain or --field")
    if headless and plain:
        raise ConfigError("--headless and --plain exclude each other", "--plain is for people, --headless for programs")
    if form and batch is not None:
        raise ConfigError("the form makes keys of no batch", "leave out --batch or --field")
    speak(language)
    overrides: dict[str, Any] = {}
    if readers:
        overrides["reader"] = [{"spec": spec} for spec in readers]
    if scanners:
        overrides["scanner"] = [{"spec": spec} for spec in scanners]
    settings = settings_from(config, **overrides)
    if user is not None:
        check_user_id(user)
    valid = validity(valid_from, valid_to, wall_clock.look())
    from_stdin = [scanner for scanner in settings.scanner if scanner.spec == "stdin:"]
    if len(from_stdin) > 1:
        raise ConfigError("stdin: can be one scanner only", "leave one [[scanner]]; lines may name their lane")
    if from_stdin and not (headless or plain):
        raise ConfigError(
            "scanner 'stdin:' cannot be used here", "the screen reads the keyboard itself; leave this scanner out"
        )
    if no_stdin and (from_stdin or not settings.scanner):
        raise ConfigError(
            "standard input is not to be read, and the settings name no other scanner",
            "write a [[scanner]] into the settings; `tagsmith readers` lists what is there",
        )
    terms = Terms(user, KeyType(key_type) if key_type else None, valid.valid_from, valid.valid_to)
    return Wanted(settings, terms, headless, form, plain, batch, config, overrides)


def _run_screen(wanted: Wanted) -> int:
    from tagsmith.tui import check_terminal, run_screen

    check_terminal()
    from tagsmith.cli.output import end_now_unless, log_to_file
    from tagsmith.station import Station

    log_to_file(wanted.settings.journal.url)
    station = Station(wanted.settings, terms=wanted.terms, batch=wanted.batch)
    code = run_screen(station, **wanted.screen())
    end_now_unless(station.ended, code)
    return code


def _run_form(wanted: Wanted) -> int:
    from tagsmith.tui import check_terminal, run_form

    check_terminal()
    from tagsmith.cli.output import end_now_unless, log_to_file
    from tagsmith.station import FieldStation

    log_to_file(wanted.settings.journal.url)
    station = FieldStation(wanted.settings, terms=wanted.terms)
    code = run_form(station, user=wanted.terms.user_id or "", **wanted.screen())
    end_now_unless(station.ended, code)
    return code
