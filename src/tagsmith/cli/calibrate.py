"""`tagsmith calibrate`: prove with a key that works how the API gets UIDs, and whether readers give them right."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

import click

from tagsmith.cli.output import config_option, json_option, print_table, printable, settings_from, write_json

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from tagsmith.calibration import KnownKey, Others, Outcome, Report
    from tagsmith.config import Api, Settings
    from tagsmith.journal import Journal
    from tagsmith.model import Calibration

_T = TypeVar("_T")

_LONGEST_NAME = 64
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 130


def _name(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not value.strip().isprintable() or not 1 <= len(value.strip()) <= _LONGEST_NAME:
        raise click.BadParameter(f"a name has 1 to {_LONGEST_NAME} plain characters")
    return value.strip()


@click.command()
@click.option("--user", "user_id", metavar="ID", help="The user whose key is known to work at a charger.")
@click.option("--reader", "specs", metavar="SPEC", multiple=True, help="A reader; those of the settings, if not given.")
@click.option("--by", metavar="NAME", callback=_name, help="Who does this; the account's name, if not given.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 3600),
    default=60.0,
    show_default=True,
    help="Seconds to wait for each key.",
)
@click.option("--list", "listing", is_flag=True, help="Only show what was recorded for this API so far.")
@json_option
@config_option
def calibrate(
    user_id: str | None,
    specs: tuple[str, ...],
    by: str | None,
    timeout_s: float,
    listing: bool,
    as_json: bool,
    config: Path | None,
) -> None:
    """Find out in which byte order the API gets UIDs, with a key that is known to work at a charger.

    The key is laid on each reader and compared with its id at the API. PC/SC and nfcpy readers decide; readers that
    send text are then compared with them, and the spec that makes them right is printed.

    Exit code 0: the order was recorded, and no reader was found that is set wrong. 130: interrupted by Ctrl-C, SIGTERM
    or SIGHUP; nothing was recorded. 1: anything else, and says why.
    Without a terminal nothing is asked: --user is needed, and the key that is laid on counts as one that works.
    """
    from tagsmith.calibration import Circumstances, obstacle, record
    from tagsmith.config import resolve_api
    from tagsmith.journal import Journal

    settings = settings_from(config)
    api = resolve_api(settings)
    if listing and not Journal.exists(settings.journal.url):
        _list([], as_json)
        return
    journal = Journal.open(settings.journal.url, station=settings.station.name)
    try:
        if listing:
            _list(_run(journal.calibrations(api.target)), as_json)
            return
        person = _Terminal()
        try:
            with _Signals() as signals:
                user_id = person.user() if user_id is None else user_id
                keys, former, outcome = _prove(settings, api, journal, person, user_id, specs, timeout_s)
                report = obstacle(outcome, former, person)
                if report is None:
                    signals.hold()
                    lanes = tuple(dict.fromkeys([*(one.spec for one in settings.reader), *specs]))
                    order = settings.uid.order
                    about = Circumstances(api.target, user_id, by or _account(), settings.station.name, order, lanes)
                    report = _run(record(journal, outcome, about, former, datetime.now(UTC)))
        except (click.Abort, KeyboardInterrupt):
            _end_interrupted(person)
        conflict = _conflict(report, config)
        if as_json:
            write_json(_document(api, user_id, keys, report, conflict))
        else:
            _tell(report, conflict, person)
    finally:
        journal.close()
    sys.exit(0 if report.ok else 1)


class _Signals:
    """Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt while this is entered: readers are closed and left as found.

    Only the first does; readers that are being closed are not left halfway. What was ignored before stays so.
    """

    def __enter__(self) -> Self:
        self._is_held = False
        wanted = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._on_signal) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """From now on nothing is interrupted: what is being recorded is recorded and told."""
        self._is_held = True

    def _on_signal(self, number: int, frame: object) -> None:
        if not self._is_held:
            self._is_held = True
            raise KeyboardInterrupt


def _end_interrupted(person: _Terminal) -> NoReturn:
    with contextlib.suppress(OSError):  # the terminal may be what has gone
        if person.present:
            click.echo(err=True)  # behind ^C
        click.echo("tagsmith: nothing was recorded", err=True)
    sys.exit(_INTERRUPTED)


class _Terminal:
    """Whoever sits at the terminal. Everything is said on standard error: standard output is for the conclusion."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    @property
    def present(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty()

    def say(self, text: str) -> None:
        self._said.add(text)
        click.echo(printable(text), err=True)

    def has_read(self, text: str) -> bool:
        """Whether this was said where the conclusion will stand, too."""
        return text in self._said and sys.stdout.isatty() and sys.stderr.isatty()

    def ask(self, question: str, *, alone: bool) -> bool:
        return click.confirm(printable(question), err=True, default=None) if self.present else alone

    def user(self) -> str:
        """The user to calibrate with.

        Raises:
            UsageError: nobody can be asked.
        """
        if not self.present:
            raise click.UsageError("without a terminal --user ID is needed: a user whose key works at a charger")
        answer: str = click.prompt("Id of a user whose key is known to work at a charger", err=True)
        return answer.strip()


def _prove(
    settings: Settings,
    api: Api,
    journal: Journal,
    person: _Terminal,
    user_id: str,
    specs: Sequence[str],
    timeout_s: float,
) -> tuple[tuple[KnownKey, ...], Calibration | None, Outcome]:
    """The user's physical keys, the record that counts so far, and what was proved now."""
    from tagsmith.calibration import Outcome, Session, known_keys
    from tagsmith.calibration.judgement import Finding
    from tagsmith.cli.api import ask_api
    from tagsmith.config import DEFAULT_READER, Environment

    keys = known_keys(ask_api(settings, api, lambda drive: drive.list_keys(user_id)), datetime.now(UTC))
    _show_keys(person, user_id, keys)
    former = _run(journal.calibration(api.target))
    usable = [key for key in keys if not key.problem]
    if not usable:
        words = f"user {user_id} has no physical key that works now: there is nothing to compare a reader with"
        remedy = "take a user with a card or fob that works at a charger"
        return keys, former, Outcome(Finding.NO_KEY, None, (), (), message=words, remedy=remedy)
    session = Session(
        usable,
        former.order if former else None,
        person,
        sandbox=api.environment is Environment.SANDBOX,
        timeout_s=timeout_s,
    )
    outcome = session.run(list(dict.fromkeys(specs)) or [one.spec for one in settings.reader] or [DEFAULT_READER])
    return keys, former, outcome


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """What journal or client answer, waited for on this thread."""
    # Not for --help: it costs more than all the rest of it.
    import asyncio

    return asyncio.run(work)


def _account() -> str:
    """Whose account this is; its number, where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


# --- what people read ---------------------------------------------------------------------------------------------


def _show_keys(person: _Terminal, user_id: str, keys: Sequence[KnownKey]) -> None:
    """The user's physical keys, with what keeps one from proving anything."""
    person.say(f"Physical keys of user {user_id}:" if keys else f"User {user_id} has no physical key.")
    for key in keys:
        about = ", ".join(filter(None, (key.visual_number, key.name, key.kind, key.problem.upper())))
        person.say(f"  {key.key_id}  {about}")


def _conflict(report: Report, config: Path | None) -> str:
    """The line to write where settings and record contradict each other; empty where they do not."""
    from tagsmith.calibration import telling
    from tagsmith.config import where_set

    if not report.conflict or report.outcome.order is None:
        return ""
    return telling.conflict(report.conflict, report.outcome.order, where_set("uid", "order", config))


def _tell(report: Report, conflict: str, person: _Terminal) -> None:
    """The conclusion on standard output."""
    from tagsmith.calibration import telling

    message = "Nothing was recorded." if person.has_read(report.message) else report.message
    for line in filter(None, (message, report.remedy and f"  → {report.remedy}")):
        click.echo(printable(line))
    for one in dict.fromkeys(report.recorded):
        click.echo(printable(telling.recorded(one)))
    if report.recorded and (hint := telling.only_four([one.uid for one in report.recorded])):
        click.echo(hint)
    for reader in report.outcome.readers:
        if report.recorded and reader.wanted_spec:
            click.echo(printable(f'{reader.reader} is set wrong. Write: spec = "{reader.wanted_spec}"'))
    for spec in report.not_compared:
        click.echo(printable(telling.not_compared(spec)))
    _tell_others(report.sent, telling.others_sent(report.sent.count))
    _tell_others(report.waiting, telling.others_waiting(report.waiting.count))
    if conflict:
        click.echo(printable(conflict))


def _tell_others(others: Others, words: str) -> None:
    if not others.count:
        return
    click.echo(words)
    for one in others.first:
        entry = one.entry
        when = entry.paired_at.astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(printable(f"  {entry.visual_number}  {entry.uid_api}  {one.state}  {when}"))
    if others.count > len(others.first):
        click.echo(f"  … and {others.count - len(others.first)} more")


def _list(calibrations: Sequence[Calibration], as_json: bool) -> None:
    """The records of this API, oldest first."""
    if as_json:
        write_json([_fields(one) for one in calibrations])
        return
    rows = [_fields(one) for one in calibrations]
    names = ("at", "order", "key", "uid", "user", "reader", "by", "station")
    print_table([name.upper() for name in names], ([row[name] for name in names] for row in rows))


# --- what programs read -------------------------------------------------------------------------------------------


def _fields(calibration: Calibration) -> dict[str, object]:
    return {
        "order": str(calibration.order),
        "key": calibration.key_id,
        "uid": calibration.uid.wire,
        "user": calibration.user_id,
        "reader": calibration.reader,
        "by": calibration.by,
        "station": calibration.station,
        "at": calibration.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def _document(api: Api, user_id: str, keys: Sequence[KnownKey], report: Report, conflict: str) -> dict[str, object]:
    """The conclusion as one JSON object."""
    outcome = report.outcome
    last = outcome.proofs[-1] if outcome.proofs else None
    counted = report.recorded[-1] if report.recorded else None
    uid = last.uid if last else outcome.uid
    return {
        "order": _order(report),
        "finding": str(outcome.finding),
        "key": last.key.key_id if last else None,
        "reader": last.reader if last else None,
        "spec": last.spec if last else None,
        "uid": uid.wire if uid else None,
        "uid_reversed": uid.reversed if uid else None,
        "target": api.target,
        "environment": str(api.environment),
        "user": user_id,
        "recorded": bool(report.recorded),
        "by": counted.by if counted else None,
        "at": _fields(counted)["at"] if counted else None,
        "former": str(report.former.order) if report.former else None,
        "conflict": conflict,
        "message": report.message,
        "remedy": report.remedy,
        "sent_in_other_order": report.sent.count,
        "waiting_in_other_order": report.waiting.count,
        "second_key": str(outcome.second_key) if outcome.second_key else None,
        "not_compared": list(report.not_compared),
        "readers": [
            {
                "spec": one.spec,
                "reader": one.reader,
                "standing": str(one.standing),
                "key": one.key_id or None,
                "message": one.message,
                "wanted_spec": one.wanted_spec or None,
            }
            for one in outcome.readers
        ],
        "keys": [
            {
                "key": key.key_id,
                "visual_number": key.visual_number,
                "name": key.name,
                "type": key.kind,
                "problem": key.problem,
            }
            for key in keys
        ],
    }


def _order(report: Report) -> str:
    """`reversed` or `wire` where one was found, `mismatch` for another card or a contradiction; else `inconclusive`."""
    from tagsmith.calibration.judgement import Finding

    if report.outcome.order is not None:
        return str(report.outcome.order)
    return "mismatch" if report.outcome.finding is Finding.MISMATCH else "inconclusive"
