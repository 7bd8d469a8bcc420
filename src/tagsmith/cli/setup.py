"""`tagsmith setup`: the first quarter of an hour, as a dialogue, or from a file of answers for many stations."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagsmith.cli.output import printable, settings_from

if TYPE_CHECKING:
    from tagsmith.model import Scan, Tag
    from tagsmith.setup import Answers, Places

SOMETHING_LEFT = 3
"""Exit code: all is written, and the doctor found what must be mended, or a line is left to type."""


@click.command()
@click.option(
    "--from", "source", metavar="FILE.toml", type=click.Path(path_type=Path), help="All answers; nothing is asked."
)
@click.option(
    "--root", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Write into an image."
)
@click.option("--write-only", is_flag=True, help="Write the settings and the key; enable nothing, examine nothing.")
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The settings to write, in place of the usual.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 3600),
    default=60.0,
    show_default=True,
    help="Seconds to wait for a tap or scan.",
)
def setup(source: Path | None, root: Path | None, write_only: bool, config: Path | None, timeout_s: float) -> None:
    """From a bare machine to a station: readers, scanners, API, key, byte order, services; then the doctor.

    As root it sets up the machine (/etc/tagsmith), else the user's own settings. What was there is kept as .bak.

    Exit code 0: done, and nothing is in the way. 3: done, and something is left to do, which is said. 1: an answer or a
    file is wrong; nothing was written.
    """
    from tagsmith.setup import checked, configuration, difference, places, put_key, put_settings, read

    asked = source is None
    if asked and not sys.stdin.isatty():
        raise click.UsageError("without a terminal the answers come from a file: --from FILE.toml")
    where = places(root, config=config)
    answers = read(source) if source is not None else checked(_ask(where, timeout_s))
    _need_key(answers, where)
    text = configuration(answers, system=where.system)
    changed = difference(where.settings, text)
    click.echo(printable_lines(changed) if changed else f"{where.settings} stays as it is")
    if asked and changed and not click.confirm(f"Write this to {where.settings}?", default=True):
        raise click.Abort
    key = put_key(answers, where)
    kept = put_settings(where.settings, text) if changed else None
    for line in filter(
        None,
        (
            key and f"the API key is in {key} (mode 0600)",
            changed and f"written: {where.settings}",
            kept and f"what was there: {kept}",
        ),
    ):
        click.echo(line)
    if write_only:
        return
    with _credential(where):
        if asked and not where.image:
            _calibrate(answers, where)
        left = _enable(answers, root)
        sound = where.image or _examine(where)
    sys.exit(0 if sound and not left else SOMETHING_LEFT)


def _need_key(answers: Answers, where: Places) -> None:
    """See that there will be a key.

    Raises:
        ConfigError: there is none, and the API wants one.
    """
    from tagsmith.config import Environment
    from tagsmith.errors import ConfigError

    there = answers.key is not None or "key_file" in answers.sections.get("api", {})
    if not there and answers.environment is not Environment.SANDBOX and not where.credential.exists():
        raise ConfigError(
            f"there is no API key for {answers.environment}",
            'write key_from = "/path/of/a/file" under [setup], a file of mode 0600 that holds it',
        )


@contextlib.contextmanager
def _credential(where: Places) -> Iterator[None]:
    """Find the credential as the services do, for as long as this is entered. The key itself is copied nowhere."""
    if not where.credential.exists() or "CREDENTIALS_DIRECTORY" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "api-key").symlink_to(where.credential.absolute())
        os.environ["CREDENTIALS_DIRECTORY"] = folder
        try:
            yield
        finally:
            del os.environ["CREDENTIALS_DIRECTORY"]


# --- afterwards ---------------------------------------------------------------------------------------------------


def _enable(answers: Answers, root: Path | None) -> bool:
    """Start the chosen service, or say what to type; whether something is left to type."""
    from tagsmith.setup import enable

    done, left = enable(answers, root)
    for command in done:
        click.echo(f"done: {shlex.join(command)}")
    if left:
        click.echo("to start the station with the machine, type:")
        for command in left:
            click.echo(f"  sudo {shlex.join(command)}")
    return bool(left)


def _examine(where: Places) -> bool:
    """The doctor's findings on what was written; whether none is bad."""
    from tagsmith.doctor import Verdict, examine

    click.echo("\ntagsmith doctor:")
    findings = examine(config=where.settings)
    for finding in findings:
        if finding.verdict is not Verdict.SKIPPED:
            click.echo(f"{finding.verdict.upper():<7}  {finding.check}: {printable(finding.what)}")
            for line in finding.remedy.splitlines():
                click.echo(f"           {printable(line)}")
    return all(finding.verdict is not Verdict.BAD for finding in findings)


def _calibrate(answers: Answers, where: Places) -> None:
    """Offer to prove the byte order; what comes of it, `calibrate` itself says."""
    from tagsmith.config import Environment

    wanted = answers.environment is not Environment.SANDBOX
    if not click.confirm("Prove the byte order now, with a key that is known to work at a charger?", default=wanted):
        if wanted:
            click.echo("later: tagsmith calibrate (production sends nothing before)")
        return
    from tagsmith.cli.calibrate import calibrate
    from tagsmith.errors import TagsmithError
    from tagsmith.setup import give_journal

    try:
        calibrate.main(["--config", str(where.settings)], standalone_mode=False)
    except SystemExit as end:
        if end.code:
            click.echo("the byte order is not proved yet; later: tagsmith calibrate")
    except TagsmithError as error:
        click.echo(f"the byte order is not proved yet: {error}; later: tagsmith calibrate")
    finally:
        if where.system:
            give_journal(settings_from(where.settings).journal.url)


# --- asking -------------------------------------------------------------------------------------------------------


def _ask(where: Places, timeout_s: float) -> Answers:
    """Everything, question by question."""
    from tagsmith.config import Environment
    from tagsmith.setup import Answers, KeyStore, Mode

    click.echo("Setting up a station. Enter takes what stands in [brackets]; Ctrl-C ends it and writes nothing.\n")
    sections: dict[str, Any] = {}
    sections["station"] = {"name": click.prompt("Name of this station", default=os.uname().nodename).strip()}
    sections["reader"] = _readers(timeout_s)
    lanes = [reader["lane"] for reader in sections["reader"]]
    sections["scanner"] = _scanners(lanes, timeout_s)
    if not sections["scanner"]:
        _typed_number()
    environment = Environment(_choice("Which Drive API", [str(one) for one in Environment], str(Environment.SANDBOX)))
    sections["api"] = {"environment": str(environment)}
    if environment is Environment.SANDBOX:
        url = click.prompt("Address of the sandbox", default="http://127.0.0.1:8787").strip()
        sections["api"] = {"url": url}
    key, store = None, KeyStore.FILE
    if environment is not Environment.SANDBOX or click.confirm("Has the sandbox a key of its own?", default=False):
        key = _key()
        if where.system:
            store = KeyStore(_choice("Where is the key kept", [str(one) for one in KeyStore], str(KeyStore.CREDENTIAL)))
    suggested = Mode.KIOSK if where.system else Mode.NONE
    mode = Mode(_choice("What starts with the machine", [str(one) for one in Mode], str(suggested)))
    return Answers(sections, mode=mode, key=key, key_store=store)


def _choice(question: str, choices: list[str], default: str) -> str:
    answer: str = click.prompt(question, type=click.Choice(choices), default=default)
    return answer


def _key() -> Any:
    """The API key, typed without being seen, until it can be one."""
    from tagsmith.config import key_of
    from tagsmith.errors import ConfigError

    while True:
        try:
            return key_of(click.prompt("API key (it is not shown)", hide_input=True))
        except ConfigError as error:
            click.echo(f"{error.message}: {error.remedy}")


def _readers(timeout_s: float) -> list[dict[str, str]]:
    """The readers, each tried with a tap."""
    from tagsmith.model import ReaderState
    from tagsmith.readers import create
    from tagsmith.readers.registry import discover, is_absence

    click.echo("\nReaders:")
    found = [status for status in discover() if not is_absence(status)]
    for status in found:
        click.echo(printable(f"  {status.spec}  {status.state}  {status.message} {status.remedy}".rstrip()))
    chosen: list[dict[str, str]] = []
    waiting = [status.spec for status in found if status.state is ReaderState.READY]
    while True:
        offered = waiting.pop(0) if waiting else ""
        more = "Another reader (its spec; - for none)" if chosen else "Reader (its spec)"
        spec = click.prompt(more, default=offered or ("-" if chosen else "pcsc:")).strip()
        if spec == "-":
            if chosen:
                return chosen
            continue
        if (device := _made(lambda: create(spec, silent=True))) is None:  # noqa: B023 - called at once
            continue
        if not _tapped(device, timeout_s) and not click.confirm("Take this reader all the same?", default=False):
            continue
        lane = click.prompt("Name of its lane", default="ABCDEFGHIJKLMNOPQRSTUVWXYZ"[len(chosen) % 26]).strip()
        chosen.append({"spec": spec, "lane": lane})


def _scanners(lanes: list[str], timeout_s: float) -> list[dict[str, str]]:
    """The scanners that are devices of their own, each tried with a scan."""
    from tagsmith.scanners import create
    from tagsmith.scanners.discovery import discover

    click.echo("\nScanners of their own (without one, the screen takes what is typed or scanned into it):")
    for status in discover():
        click.echo(printable(f"  {status.spec}  {status.state}  {status.name}  {status.message}".rstrip()))
    chosen: list[dict[str, str]] = []
    while True:
        spec = click.prompt("Scanner (its spec; - for none)", default="-").strip()
        if spec == "-":
            return chosen
        if (device := _made(lambda: create(spec))) is None:  # noqa: B023 - called at once
            continue
        if not _scanned(device, timeout_s) and not click.confirm("Take this scanner all the same?", default=False):
            continue
        scanner = {"spec": spec}
        if len(lanes) > 1:
            scanner["lane"] = _choice("It serves lane", lanes, lanes[min(len(chosen), len(lanes) - 1)])
        chosen.append(scanner)


def _made(make: Callable[[], Any]) -> Any:
    """A device of a spec that was typed; None, and said why, where it means nothing."""
    from tagsmith.errors import TagsmithError

    try:
        return make()
    except TagsmithError as error:
        click.echo(printable(f"{error.message}: {error.remedy}"))
        return None


def _tapped(device: Any, timeout_s: float) -> bool:
    """Have a key laid on a reader; whether one was read."""
    from tagsmith.model import ReaderState
    from tagsmith.readers import Pump, ReaderChanged, TagArrived
    from tagsmith.readers.pump import Edge

    edges: queue.SimpleQueue[Edge] = queue.SimpleQueue()
    pump = Pump(device, edges.put)
    pump.start()
    click.echo(f"Lay a key on it … ({timeout_s:.0f} s)")
    try:
        while True:
            edge = edges.get(timeout=timeout_s)
            if isinstance(edge, TagArrived):
                _say_tag(edge.tag)
                return True
            if isinstance(edge, ReaderChanged) and edge.status.state is not ReaderState.READY:
                click.echo(printable(f"  {edge.status.message}: {edge.status.remedy}"))
    except queue.Empty:
        click.echo("  no key was read")
        return False
    finally:
        pump.close()


def _say_tag(tag: Tag) -> None:
    from tagsmith.uid import judge
    from tagsmith.words import title

    verdict = judge(tag.uid, sak=tag.sak)
    said = "good" if str(verdict.reason) == "ok" else title(verdict.reason)
    click.echo(f"  read: {tag.uid.wire} ({said})")


def _scanned(device: Any, timeout_s: float) -> bool:
    """Have a number scanned; whether one came."""
    from tagsmith.model import ReaderState, ScannerStatus
    from tagsmith.scanners import ScannerPump

    scans: queue.SimpleQueue[Scan | ScannerStatus] = queue.SimpleQueue()
    pump = ScannerPump(device, scans.put, scans.put)
    pump.start()
    click.echo(f"Scan the number of a key … ({timeout_s:.0f} s)")
    try:
        while True:
            what = scans.get(timeout=timeout_s)
            if not isinstance(what, ScannerStatus):
                return _say_number(what.text)
            if what.state is not ReaderState.READY:
                click.echo(printable(f"  {what.message}: {what.remedy}"))
    except queue.Empty:
        click.echo("  nothing was scanned")
        return False
    finally:
        pump.close()


def _typed_number() -> None:
    """Have a number scanned into the terminal, until it is one; Enter passes it over."""
    while text := click.prompt(
        "Scan the number of a key into this terminal (Enter: not now)", default="", show_default=False
    ):
        if _say_number(text):
            return


def _say_number(text: str) -> bool:
    from tagsmith import words
    from tagsmith.visual_number import NumberDecision, judge

    verdict = judge(text)
    if verdict.number is not None and verdict.decision is not NumberDecision.BLOCK:
        click.echo(printable(f"  scanned: {verdict.number.text}"))
        return True
    notice = words.number_notice(verdict)
    click.echo(printable(f"  {notice.title} {notice.hint}"))
    return False


def printable_lines(text: str) -> str:
    """Lines of text from outside, each of them harmless to a terminal."""
    return "\n".join(map(printable, text.splitlines()))
