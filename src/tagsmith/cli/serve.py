"""`tagsmith serve`: the station's screen in a browser."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagsmith.cli.output import config_option
from tagsmith.cli.station import batch_option, served_options, station_wanted
from tagsmith.errors import ConfigError, StationError
from tagsmith.lines.libraries import missing

if TYPE_CHECKING:
    from tagsmith.web import Gate


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Where to listen.")
@click.option("--expose", is_flag=True, help="Allow a --host that others can reach. There is no TLS.")
@click.option("--user", metavar="ID", help="Activate every key for this user.")
@batch_option
@served_options
@config_option
def serve(host: str, port: int, expose: bool, user: str | None, config: Path | None, **station: Any) -> None:
    """Show the station's screen in a browser. The address that is printed opens it; it holds a secret.

    One window at a time; closing it ends the station as F10 does. From another machine: ssh -L PORT:127.0.0.1:PORT to
    this one, then open the address there. It needs what the extra `web` brings.
    """
    _check_host(host, expose)
    station_wanted(user, config, **station)
    try:
        from tagsmith.web import serve as serve_pages
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("aiohttp", "textual_serve"):
            raise
        raise StationError(
            "the browser's screen needs textual-serve, which is not installed", f"type: {missing('web')}"
        ) from None
    if not _is_loopback(host):
        click.echo(
            "tagsmith: THERE IS NO TLS: whoever can listen on the network sees the screen and its secret", err=True
        )
    serve_pages(_command(user, config, station), host, port, _tell)


def _tell(gate: Gate) -> None:
    # On a terminal's line and nowhere else: arguments and logs are read by others.
    click.echo(f"Open {gate.address}#{gate.token}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_host(host: str, expose: bool) -> None:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  (it is refused)
        raise ConfigError("--host must be one address", "write the address of this machine that browsers ask for")
    if not _is_loopback(host) and not expose:
        raise ConfigError(
            f"{host} can be reached by others, and there is no TLS",
            "use ssh -L and leave --host out; or say --expose if this network is yours alone",
        )


def _command(user: str | None, config: Path | None, station: dict[str, Any]) -> list[str]:
    """The same station as `tagsmith run` would be started with, as a list: nothing of it is read by a shell."""
    command = [sys.executable, "-m", "tagsmith", "run"]
    named: list[tuple[str, object]] = [("--user", user), ("--config", config)]
    for name, value in station.items():
        flag = {"readers": "--reader", "scanners": "--scanner", "key_type": "--type"}.get(
            name, "--" + name.replace("_", "-")
        )
        named += [(flag, one) for one in (value if isinstance(value, tuple) else (value,))]
    return command + [f"{flag}={value}" for flag, value in named if value is not None]
