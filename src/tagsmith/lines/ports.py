"""Serial ports: the door of pyserial, which is imported when a port is opened or listed.

It owns opening for this process alone, a read that blocks until bytes come and can be woken, and the one table from
what pyserial and the kernel raise to our errors. What the bytes mean is decided elsewhere.

An address is a device node (`/dev/ttyUSB0`, better one of the stable names below /dev/serial/by-id), or a URL that
pyserial knows: `socket://HOST:PORT` for a serial server in raw mode, `rfc2217://HOST:PORT`, `loop://` (what is written
is read; for tests).

Facts of pyserial 3.5, measured or read in its source: an unplugged port is always ready to be read and gives nothing,
of which `read` makes a SerialException without a number ("readiness to read but returned no data"); `in_waiting` raises
OSError (EIO), everything that touches the settings raises termios.error; without `exclusive` a second opener succeeds,
and each gets a part of the bytes. `cancel_read` exists for nodes and loop only. On rfc2217 every change of the timeout
is negotiated over the net, and a write timeout is refused.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import termios
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagsmith.errors import DeviceBusy, DeviceError, DeviceLost, DeviceMissing, DeviceUnsupported
from tagsmith.lines import libraries, nodes
from tagsmith.lines.spec import Spec

_log = logging.getLogger(__name__)
_TRAFFIC = 5

WRITE_S = 1.0
"""How long a write may take: a few bytes to a device that has gone away must not hold its reader up."""
SLICE_S = 0.1
"""How long a read that cannot be cancelled blocks at a time: over the net only."""

_SCHEMES = ("socket", "rfc2217", "loop")
_FOREIGN = (OSError, ValueError, termios.error)
"""What pyserial lets out: SerialException and SerialTimeoutException are OSErrors, a setting that a port does not have
is a ValueError, and termios.error is neither."""


def load() -> Any:
    """The module `serial`.

    Raises:
        DeviceUnsupported: it is not installed.
    """
    try:
        import serial
    except ImportError as error:
        raise DeviceUnsupported(
            "serial ports cannot be used: pyserial is not installed", libraries.missing("serial")
        ) from error
    return serial


@dataclass(frozen=True, slots=True)
class Settings:
    """How the bits are put on the line. `parity` is N, E or O; a line over the net takes what it is given."""

    baud: int = 9600
    bits: int = 8
    parity: str = "N"
    stop: int = 1

    @classmethod
    def read(cls, spec: Spec, *, baud: int = 9600) -> Settings:
        """The options `baud`, `bits`, `parity` and `stop` of a spec.

        Raises:
            ConfigError: one of them is wrong.
        """
        return cls(
            baud=spec.integer("baud", baud, 50, 4_000_000),
            bits=spec.integer("bits", 8, 7, 8),
            parity=spec.choice("parity", ("none", "even", "odd"), "none")[0].upper(),
            stop=spec.integer("stop", 1, 1, 2),
        )


def address_of(spec: Spec) -> str:
    """The address in a spec, `serial:/dev/ttyUSB0?…` or `serial:socket://HOST:PORT?…`.

    Raises:
        ConfigError: it is neither a path nor a URL of a kind that is known.
    """
    scheme, mark, _ = spec.address.partition("://")
    if mark and scheme not in _SCHEMES:
        raise spec.error(f"{scheme}:// is unknown", f"one of: {', '.join(f'{each}://' for each in _SCHEMES)}")
    if not mark and not spec.address.startswith("/"):
        raise spec.error("it names no serial port", "write the whole path, like serial:/dev/ttyUSB0")
    return spec.address


class Port:
    """One serial port. `open`, `read` and `write` belong to one thread; `wake` and `close` may be called from any.

    `serial` gives pyserial's module. `close` may only be called from another thread when none is inside `read`.
    """

    def __init__(
        self,
        address: str,
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        serial: Callable[[], Any] = load,
    ) -> None:
        self.address = address
        self._settings = settings or Settings()
        self._clock = clock
        self._load = serial
        self._is_url = "://" in address
        self._serial: Any = None
        # pyserial's cancel writes to a pipe: after a close, that number may be another file's.
        self._guard = threading.Lock()
        self._woken = False

    @property
    def identity(self) -> str:
        """What names the device on this machine, whatever link led to it."""
        return self.address if self._is_url else os.path.realpath(self.address)

    def open(self) -> None:
        """Open the port for this process alone. What had come before is dropped.

        Raises:
            DeviceError: it cannot be opened; the class says why.
        """
        module = self._load()
        settings = self._settings
        try:
            port = module.serial_for_url(
                self.address,
                baudrate=settings.baud,
                bytesize=settings.bits,
                parity=settings.parity,
                stopbits=settings.stop,
                timeout=SLICE_S,
                write_timeout=None if self.address.startswith("rfc2217:") else WRITE_S,
                exclusive=True,
            )
        except _FOREIGN as error:
            raise device_error(error, self.address, was_open=False) from error
        node = Path(self.address)
        if not self._is_url and nodes.holders(node):
            # Not everybody asks for the lock that `exclusive` is; each of two readers would get a part of the bytes.
            _close(port, self.address)
            raise nodes.busy(node)
        with self._guard:
            self._woken = False
            self._serial = port

    def read(self, timeout_s: float) -> tuple[bytes, float]:
        """The bytes that are there, as soon as there is one, and the time right after they had been read.

        No bytes at the timeout, or soon after `wake` (one that found nobody reading makes the next read return at
        once); the line has been silent until that time then.

        Raises:
            DeviceLost: the device went away, or the port is not open.
        """
        try:
            data = self._read(self._opened(), timeout_s)
        except _FOREIGN as error:
            raise device_error(error, self.address, was_open=True) from error
        finally:
            self._woken = False
        at = self._clock()
        if data:
            _log.log(_TRAFFIC, "%s: < %r", self.address, data)
        return data, at

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            DeviceLost: the device went away, does not take them, or the port is not open.
        """
        _log.log(_TRAFFIC, "%s: > %r", self.address, data)
        try:
            self._opened().write(data)
        except _FOREIGN as error:
            raise device_error(error, self.address, was_open=True) from error

    def wake(self) -> None:
        """Make a read under way return soon. Never blocks."""
        with self._guard:
            if self._serial is None or self._woken:
                return
            self._woken = True
            cancel = getattr(self._serial, "cancel_read", None)
            if cancel is not None:
                cancel()

    def close(self) -> None:
        """Let the port go; idempotent. Raises nothing."""
        with self._guard:
            port, self._serial = self._serial, None
        if port is not None:
            _close(port, self.address)

    def _opened(self) -> Any:
        if self._serial is None:
            raise DeviceLost(f"{self.address} is not open")
        return self._serial

    def _read(self, port: Any, timeout_s: float) -> bytes:
        deadline = self._clock() + timeout_s
        cancels = hasattr(port, "cancel_read")
        while True:
            left_s = max(0.0, deadline - self._clock())
            if not self.address.startswith("rfc2217:"):
                port.timeout = left_s if cancels else min(left_s, SLICE_S)
            data: bytes = port.read(1)
            # Also after nothing was read: a cancelled read does not look whether something is there.
            waiting = port.in_waiting
            if waiting:
                data += port.read(waiting)
            if data or cancels or self._woken or self._clock() >= deadline:
                return data


def _close(port: Any, address: str) -> None:
    try:
        port.close()
    except _FOREIGN as error:
        _log.debug("%s: closing it: %s", address, error)


# --- the table of errors ------------------------------------------------------------------------------------------


def device_error(error: BaseException, address: str, *, was_open: bool) -> DeviceError:
    """The typed error for what pyserial or the kernel said of a port; `was_open` tells a loss from an absence."""
    if isinstance(error, DeviceError):
        return error
    number = _number_of(error)
    if "://" in address:
        return _of_url(error, address, number, was_open=was_open)
    node = Path(address)
    if was_open and number in (None, errno.EIO):
        # No number: "readiness to read but returned no data", a write that timed out, a port that is not open.
        return nodes.lost(node)
    if number is None or number == errno.EINVAL:
        remedy = "look up in its manual what it can, and set baud=, bits=, parity= and stop= so"
        return DeviceUnsupported(f"{node} cannot be set as it should: {error}", remedy)
    if number == errno.EIO:
        return DeviceMissing(f"nothing is there behind {node}", "plug it in; `tagsmith readers` lists what is there")
    if number in (errno.ENOTTY, errno.EISDIR):
        return DeviceUnsupported(f"{node} is no serial port", "`tagsmith readers` lists what is there")
    if number in (errno.EBUSY, errno.EAGAIN) and _is_ours(node):
        return DeviceBusy(f"{node} is already used by this station", "give each lane and scanner a port of its own")
    return nodes.from_oserror(OSError(number, os.strerror(number)), node, was_open=was_open)


def _of_url(error: BaseException, address: str, number: int | None, *, was_open: bool) -> DeviceError:
    """The typed error for a port over the net."""
    if was_open:
        return DeviceLost(f"{address}: the connection ended", "look after the serial server; it goes on by itself")
    if number is not None or any(isinstance(each, OSError) and _is_of_net(each) for each in _chain(error)):
        return DeviceMissing(
            f"{address} does not answer: {error}", "look whether the serial server is on, and its port"
        )
    return DeviceUnsupported(f"{address} cannot be used: {error}", "write it like socket://192.0.2.7:4001")


def _is_of_net(error: OSError) -> bool:
    return isinstance(error, TimeoutError | ConnectionError | socket.gaierror)


def _number_of(error: BaseException) -> int | None:
    """The operating system's code of an error. pyserial keeps it only sometimes; then it is the one behind it."""
    for each in _chain(error):
        number = each.args[0] if isinstance(each, termios.error) and each.args else getattr(each, "errno", None)
        if isinstance(number, int) and number > 0:
            return number
    return None


def _chain(error: BaseException) -> Iterable[BaseException]:
    """An error and those that were being handled when it was raised."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _is_ours(node: Path) -> bool:
    """Whether this very process has the node open, and nobody else."""
    if nodes.holders(node):
        return False
    path = os.path.realpath(node)
    with contextlib.suppress(OSError):  # without /proc it cannot be told, and counts as somebody else's
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                if os.readlink(f"/proc/self/fd/{name}") == path:
                    return True
    return False


# --- what is there ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port that is there. `stable` is its name that survives plugging in another order; else its node."""

    node: Path
    stable: Path
    name: str
    vid: int | None = None
    pid: int | None = None


def ports(*, comports: Callable[[], Iterable[Any]] | None = None, dev: Path = Path("/dev")) -> tuple[PortInfo, ...]:
    """The serial ports that are there, by pyserial's `list_ports`, in the order of their nodes. Opens none.

    Raises:
        DeviceUnsupported: pyserial is not installed.
    """
    if comports is None:
        load()
        from serial.tools.list_ports import comports as listed

        comports = listed
    found = sorted(comports(), key=lambda port: str(port.device))
    links = _links(dev / "serial" / "by-id")
    sockets = _links(dev / "serial" / "by-path")
    nameless = [(port.vid, port.pid) for port in found if port.vid is not None and not port.serial_number]
    infos = []
    for port in found:
        node = Path(port.device)
        real = Path(os.path.realpath(node))
        # Two like bridges without serial numbers share one name by id, and it belongs to either: the socket tells.
        is_shared = not port.serial_number and nameless.count((port.vid, port.pid)) > 1
        stable = (sockets if is_shared else links).get(real, node)
        description = port.description if port.description not in (None, "n/a", node.name) else ""
        infos.append(PortInfo(node, stable, description or node.name, port.vid, port.pid))
    return tuple(infos)


def _links(folder: Path) -> dict[Path, Path]:
    """What the links in a folder lead to."""
    try:
        names = sorted(folder.iterdir())
    except OSError:
        return {}
    return {Path(os.path.realpath(name)): name for name in names}
