"""What may stand behind `nfcpy:`, and what it means. Pure.

    usb                     the one reader on USB that nfcpy knows
    usb:vvvv:pppp           the one with these ids, in hex, as lsusb writes them
    usb:bus:dev             the one that is there now, in decimal; another plug gives another number
    tty:NAME:pn532          a PN532 on the serial port /dev/NAME, or /dev/ttyNAME for nfcpy's short names (AMA0, USB0)
    tty:/dev/PATH:pn532     the same by a whole path, such as a udev link
    udp[:host][:port]       nfcpy's own driver for a simulated reader, host localhost and port 54321 by default

with the options `tech` (106A, 106B, 212F, 424F; several with commas), `poll` and `idle` (seconds between two looks, at
first and after a minute without activity).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tagsmith.lines.spec import Spec

TECHNOLOGIES = ("106A", "106B", "212F", "424F")
POLL_S = 0.005
"""Between two looks while there is activity: a tap waits for half of it, on average."""
IDLE_S = 0.25
"""Between two looks after a minute: one look costs a processor about a millisecond."""
UDP_PORT = 54321

_DRIVERS = ("pn532",)
_SHORT = re.compile(r"(S|ACM|AMA|USB)[0-9]+", re.ASCII)
# nfcpy hands the port's name to a shell (`stty -F …`): only what no shell understands may stand in it.
_PLAIN = re.compile(r"[A-Za-z0-9/._:+@-]+", re.ASCII)
_IDS = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", re.ASCII)
_PLACE = re.compile(r"([0-9]{1,3}):([0-9]{1,3})", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Usb:
    """A device on USB: by its ids, by its place, or (neither) the only one."""

    ids: tuple[int, int] | None = None
    place: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Tty:
    """A chip on a serial port. `driver` is nfcpy's name for it."""

    path: Path
    driver: str


@dataclass(frozen=True, slots=True)
class Udp:
    """nfcpy's simulated reader."""

    host: str = "localhost"
    port: int = UDP_PORT


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec that was understood. `query` is its options as they were written, with the question mark."""

    device: Usb | Tty | Udp
    technologies: tuple[str, ...]
    poll_s: float
    idle_s: float
    query: str = ""


def parse(text: str) -> Plan:
    """The plan in a whole spec, `nfcpy:` included.

    Raises:
        ConfigError: it is none; says what may stand there.
    """
    spec = Spec(text)
    kind, _, rest = spec.address.partition(":")
    match kind:
        case "usb":
            device: Usb | Tty | Udp = _usb(spec, rest)
        case "tty":
            device = _tty(spec, rest)
        case "udp":
            device = _udp(spec, rest)
        case _:
            raise spec.error(
                f"{spec.address!r} names no reader", "write nfcpy:usb:vvvv:pppp, nfcpy:tty:NAME:pn532 or nfcpy:udp"
            )
    technologies = _technologies(spec)
    poll_s = spec.seconds("poll", POLL_S, 0.0, 5.0)
    idle_s = spec.seconds("idle", max(IDLE_S, poll_s), 0.0, 10.0)
    spec.finish()
    _, mark, query = text.partition("?")
    return Plan(device, technologies, poll_s, idle_s, mark + query)


def _usb(spec: Spec, rest: str) -> Usb:
    if not rest:
        return Usb()
    # Four digits each are ids, fewer are a place; nfcpy tells them apart in the same way.
    if (ids := _IDS.fullmatch(rest)) is not None:
        return Usb(ids=(int(ids[1], 16), int(ids[2], 16)))
    if (place := _PLACE.fullmatch(rest)) is not None:
        return Usb(place=(int(place[1]), int(place[2])))
    raise spec.error(
        f"{rest!r} names no USB device", "write usb:vvvv:pppp with four hex digits each, like usb:072f:2200"
    )


def _tty(spec: Spec, rest: str) -> Tty:
    name, _, driver = rest.rpartition(":")
    if not name:
        # nfcpy would write to every serial port of the machine, whatever hangs on it.
        raise spec.error("a serial port and its chip must be named", "write tty:AMA0:pn532, or tty:/dev/…:pn532")
    if driver not in _DRIVERS:
        raise spec.error(f"{driver!r} is no chip that is known here", f"write tty:{name}:{_DRIVERS[0]}")
    if not _PLAIN.fullmatch(name) or ".." in name:
        raise spec.error(f"{name!r} is no name of a serial port", "write tty:AMA0:pn532, or tty:/dev/…:pn532")
    # Joined to a whole path, /dev makes no difference.
    return Tty(Path("/dev") / (f"tty{name}" if _SHORT.fullmatch(name) else name), driver)


def _udp(spec: Spec, rest: str) -> Udp:
    host, _, port = rest.partition(":")
    if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise spec.error(f"{port!r} is no port", "write udp:localhost:54321")
    if host and not _HOST.fullmatch(host):
        raise spec.error(f"{host!r} is no host", "write udp:localhost:54321")
    return Udp(host or "localhost", int(port or UDP_PORT))


def _technologies(spec: Spec) -> tuple[str, ...]:
    named = spec.text_of("tech", "106A").upper().split(",")
    for name in named:
        if name not in TECHNOLOGIES:
            raise spec.error(f"tech={name} is unknown", f"some of: {', '.join(TECHNOLOGIES)}")
    return tuple(dict.fromkeys(named))
