"""`tagsmith sandbox`: a Drive API of your own on loopback, and `tagsmith sandbox fault`, which spoils a running one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagsmith.cli.output import json_option, print_table, write_json

if TYPE_CHECKING:
    from tagsmith.sandbox import Control, Sandbox

_PORT = 8787
_KEY = "sandbox"
_SPECS = """
\b
A fault is WHERE:KIND[-before|-after][=VALUE], with xN, skip=N, p=P, seed=N behind it:
  reserve:500               every reservation answers 500 and does nothing
  activate:cut-after x3     three activations are done, then cut off
  *:429 p=0.2 seed=7        one request in five
  reserve:latency=2s        two seconds before each reservation
  *:limit=3000/min          the limiter of the clock minute

\b
WHERE: reserve activate change list-keys order list-orders receipt configuration
  plug-and-charge, * for all of them, or tls for the handshake
KIND: 400 to 599, latency=2s, cut, reset, half-head, half-body, garbage, drip=100ms,
  redirect=same|other|URL, limit=N/min, limit=N/day, duplicate=201|400|409|500;
  behind tls: self-signed, expired, wrong-host, cut
"""


@click.group(
    invoke_without_command=True,
    help="Serve the Drive API's charging keys, orders and Plug&Charge on 127.0.0.1, with a page for browsers on /.\n\n"
    "Everything is in memory, unless --state names a file. Ctrl-C ends it.\n\n" + _SPECS,
)
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True, help="0 takes a free one.")
@click.option("--key", default=_KEY, show_default=True, help="The API key it wants; not a secret.")
@click.option("--fault", "specs", metavar="SPEC", multiple=True, help="A fault, as below; may be said again.")
@click.option(
    "--faults",
    "faults_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help='Faults from a TOML file: faults = ["SPEC", …]',
)
@click.option("--limit-per-minute", type=click.IntRange(1), metavar="N", help="Requests in a clock minute; 429 beyond.")
@click.option("--limit-per-day", type=click.IntRange(1), metavar="N", help="Requests in a day of UTC; 429 beyond.")
@click.option(
    "--duplicate",
    type=click.Choice(["201", "400", "409", "500"]),
    default="409",
    show_default=True,
    help="What a reservation answers whose uid or number is taken.",
)
@click.option(
    "--state",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep everything in this file, from one start to the next.",
)
@click.option(
    "--tls",
    type=click.Choice(["good", "self-signed", "expired", "wrong-host"]),
    help="Serve https with this certificate.",
)
@click.option(
    "--tls-folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the CA of the good certificate here; else it is a new one at each start.",
)
@click.pass_context
def sandbox(context: click.Context, /, port: int, key: str, **options: Any) -> None:
    if context.invoked_subcommand is not None:
        return
    from tagsmith.sandbox import Sandbox, parse, read_file, serve

    path: Path | None = options["faults_file"]
    made = Sandbox(
        key=key,
        port=port,
        duplicate_status=int(options["duplicate"]),
        faults=[*(() if path is None else read_file(path)), *map(parse, options["specs"])],
        limit_per_minute=options["limit_per_minute"],
        limit_per_day=options["limit_per_day"],
        state=options["state"],
        tls=options["tls"],
        tls_folder=options["tls_folder"],
    )
    serve(made, lambda serving: _announce(serving, key))


def _announce(sandbox: Sandbox, key: str) -> None:
    click.echo(f"{sandbox.url}  (X-API-Key: {key})")
    if sandbox.ca_file is not None:
        click.echo(f"  [api] ca_file = {str(sandbox.ca_file)!r}")
    for one in sandbox.faults.listed:
        click.echo(f"  fault {one.id}: {one.fault}")


@sandbox.command(
    short_help="Faults of a running sandbox: order, list, clear.",
    help="Order faults of a running sandbox with SPEC …; list them; clear them, or those with ID ….\n\n"
    "What is then in force is shown, and how often each has struck.\n\n" + _SPECS,
)
@click.argument("words", nargs=-1, required=True, metavar="SPEC …|list|clear [ID …]")
@click.option("--port", type=click.IntRange(1, 65535), default=_PORT, show_default=True, help="The sandbox's.")
@click.option("--key", default=_KEY, show_default=True, help="The API key that it wants.")
@json_option
@click.pass_context
def fault(context: click.Context, /, words: tuple[str, ...], port: int, key: str, as_json: bool) -> None:
    from tagsmith.sandbox import Control

    above = context.parent.params if context.parent is not None else {}
    # `sandbox --port N fault …` means that sandbox too.
    if context.get_parameter_source("port") is click.core.ParameterSource.DEFAULT:
        port = above.get("port") or port
    if context.get_parameter_source("key") is click.core.ParameterSource.DEFAULT:
        key = above.get("key") or key
    found = _told(Control(port, key), words)
    if as_json:
        write_json(found)
    else:
        _show(found)


def _told(control: Control, words: tuple[str, ...]) -> dict[str, Any]:
    from tagsmith.sandbox import parse_words

    match words:
        case ("list",):
            return control.listed()
        case ("clear",):
            return control.clear()
        case ("clear", *numbers):
            if not all(number.isdecimal() and number.isascii() for number in numbers):
                raise click.UsageError("clear takes the numbers that list shows")
            return [control.clear(int(number)) for number in numbers][-1]
        case ("list", *_):
            raise click.UsageError("list takes nothing")
    return control.order([str(one) for one in parse_words(words)])


def _show(found: dict[str, Any]) -> None:
    rows = [(one["id"], one["spec"], one["hits"], one["left"]) for one in found["faults"]]
    in_force = {spec for _, spec, *_ in rows}
    rows += [("", spec, count, "over") for spec, count in found["counts"].items() if spec not in in_force]
    if not found["faults"]:
        click.echo("no fault is in force")
    if rows:
        print_table(("id", "fault", "struck", "left"), rows)
