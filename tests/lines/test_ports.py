"""lines/ports.py: real pyserial on pseudo-terminals and sockets, and the table of what goes wrong."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import serial

from support.pty_line import PtyLine
from tagsmith.errors import (
    ConfigError,
    DeviceBusy,
    DeviceError,
    DeviceForbidden,
    DeviceLost,
    DeviceMissing,
    DeviceUnsupported,
)
from tagsmith.lines import libraries
from tagsmith.lines import ports as module
from tagsmith.lines.ports import Port, PortInfo, Settings, address_of, device_error, ports
from tagsmith.lines.spec import Spec

NODE = "/dev/ttyTEST0"
PATIENCE_S = 10.0


@pytest.fixture
def line(tmp_path: Path) -> Iterator[PtyLine]:
    """A cable."""
    with PtyLine(tmp_path) as made:
        yield made


@pytest.fixture
def port(line: PtyLine) -> Iterator[Port]:
    """A port on it, open."""
    made = Port(str(line.path))
    made.open()
    yield made
    made.close()


# --- a real port --------------------------------------------------------------------------------------------------


def test_bytes_come_as_soon_as_they_are_there(line: PtyLine, port: Port) -> None:
    """A read returns with what there is, all of it, long before its timeout, and says when that was."""
    line.send(b"04A1")
    before = time.monotonic()
    data, at = port.read(PATIENCE_S)
    while len(data) < 4:
        data += port.read(PATIENCE_S)[0]
    assert data == b"04A1"
    assert before <= at <= time.monotonic()
    assert port.read(0.01)[0] == b""


def test_what_came_before_opening_is_dropped(line: PtyLine, tmp_path: Path) -> None:
    """Nobody knows when that was."""
    first = Port(str(line.path))
    first.open()
    first.close()
    line.send(b"old\r\n")
    port = Port(str(line.path))
    port.open()
    line.send(b"new")
    assert port.read(PATIENCE_S)[0] in (b"n", b"ne", b"new")
    port.close()


def test_bytes_pass_as_they_are_in_both_directions(line: PtyLine, port: Port) -> None:
    """No byte is a signal, a line end or an echo on the way."""
    every = bytes(range(256))
    line.send(every)
    data = b""
    while len(data) < len(every):
        data += port.read(PATIENCE_S)[0]
    assert data == every
    port.write(b"\x03\r\n\x04\x11\x13")
    received = b""
    while len(received) < 6:
        received += line.receive(PATIENCE_S)
    assert received == b"\x03\r\n\x04\x11\x13"


def test_the_port_is_set(line: PtyLine) -> None:
    """The speed reaches the kernel."""
    port = Port(str(line.path), Settings(baud=19200))
    port.open()
    file = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    assert termios.tcgetattr(file)[4:6] == [termios.B19200, termios.B19200]
    os.close(file)
    port.close()


def test_a_read_is_woken(port: Port) -> None:
    """From another thread, and also by a wake that found nobody reading."""
    port.wake()
    port.wake()
    assert port.read(PATIENCE_S)[0] == b""
    timer = threading.Timer(0.05, port.wake)
    timer.start()
    started = time.monotonic()
    assert port.read(PATIENCE_S)[0] == b""
    assert time.monotonic() - started < PATIENCE_S / 2
    timer.join()


def test_a_wake_hides_no_bytes(line: PtyLine, port: Port) -> None:
    """Bytes that are there when a wake is come out of the same read: an empty one proves silence."""
    line.send(b"x")
    deadline = time.monotonic() + PATIENCE_S
    while not port._serial.in_waiting:
        assert time.monotonic() < deadline
    port.wake()
    assert port.read(PATIENCE_S)[0] == b"x"


def test_waking_and_closing_what_is_closed_is_nothing(port: Port) -> None:
    """A wake that comes late must not write into a file that has taken the port's number."""
    port.close()
    port.close()
    port.wake()
    with pytest.raises(DeviceLost, match="not open"):
        port.read(0.0)
    with pytest.raises(DeviceLost, match="not open"):
        port.write(b"x")


def test_an_unplugged_port_is_lost(line: PtyLine, port: Port) -> None:
    """Out of a read under way, and out of every later one; with what to do."""
    timer = threading.Timer(0.05, line.unplug)
    timer.start()
    with pytest.raises(DeviceLost) as caught:
        port.read(PATIENCE_S)
    timer.join()
    assert caught.value.remedy
    for attempt in (lambda: port.read(0.1), lambda: port.write(b"x")):
        with pytest.raises(DeviceLost):
            attempt()
    port.close()
    with pytest.raises(DeviceMissing):
        port.open()
    line.plug()
    port.open()
    line.send(b"y")
    assert port.read(PATIENCE_S)[0] == b"y"


def test_two_in_one_process_get_in_each_others_way(line: PtyLine, port: Port) -> None:
    """The second is told that it is this station's own doing; the first goes on."""
    with pytest.raises(DeviceBusy, match="already used by this station"):
        Port(str(line.path)).open()
    line.send(b"z")
    assert port.read(PATIENCE_S)[0] == b"z"


def test_another_program_that_asked_for_no_lock_is_noticed(line: PtyLine) -> None:
    """Each of two readers would get a part of the bytes: whoever has it open is named, and it is not opened."""
    script = (
        f"import os, sys; os.open({str(line.path)!r}, os.O_RDWR | os.O_NOCTTY); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        port = Port(str(line.path))
        with pytest.raises(DeviceBusy, match=f"process {other.pid} "):
            port.open()
        assert other.stdin is not None
        other.stdin.close()
    port.open()
    port.close()


def test_what_is_no_serial_port_says_so(tmp_path: Path) -> None:
    """A file, and a folder."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path):
        with pytest.raises(DeviceUnsupported):
            Port(str(path)).open()


def test_the_identity_is_that_of_the_device(line: PtyLine, port: Port) -> None:
    """Whatever link leads to it; a URL is its own."""
    assert port.identity == os.path.realpath(line.path)
    assert Port("socket://127.0.0.1:1").identity == "socket://127.0.0.1:1"


# --- over the net, and in a loop ----------------------------------------------------------------------------------


def test_a_serial_server_is_read_woken_and_lost() -> None:
    """`socket://`: bytes come at once, a wake is obeyed soon, and the end of the connection is a loss."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"
        port = Port(address)
        port.open()
        far, _ = server.accept()
        far.sendall(b"04A1\r")
        data = b""
        while len(data) < 5:
            data += port.read(PATIENCE_S)[0]
        assert data == b"04A1\r"
        timer = threading.Timer(0.05, port.wake)
        timer.start()
        started = time.monotonic()
        assert port.read(PATIENCE_S)[0] == b""
        assert time.monotonic() - started < PATIENCE_S / 2
        timer.join()
        far.close()
        with pytest.raises(DeviceLost):
            port.read(PATIENCE_S)
        port.close()
    with pytest.raises(DeviceMissing):
        port.open()


def test_a_loop_gives_back_what_is_written() -> None:
    """`loop://` needs no hardware at all."""
    port = Port("loop://")
    port.open()
    port.write(b"abc")
    assert port.read(PATIENCE_S)[0] == b"abc"
    port.wake()
    assert port.read(PATIENCE_S)[0] == b""
    port.close()


def test_rfc2217_is_never_given_another_timeout() -> None:
    """Each change would be negotiated over the net, and a write timeout is refused: reads go by slices."""

    class Far:
        """What `serial.rfc2217` looks like from here: a read that ends after its slice, and no cancel."""

        in_waiting = 0

        def __init__(self, now: list[float]) -> None:
            self._now = now

        def __setattr__(self, name: str, value: object) -> None:
            assert name != "timeout"
            object.__setattr__(self, name, value)

        def read(self, size: int) -> bytes:
            self._now[0] += module.SLICE_S
            return b""

    now, asked = [100.0], {}

    def for_url(url: str, **options: object) -> Far:
        asked.update(options, url=url)
        return Far(now)

    port = Port("rfc2217://h:1", clock=lambda: now[0], serial=lambda: SimpleNamespace(serial_for_url=for_url))
    port.open()
    data, at = port.read(1.0)
    assert data == b""
    assert 101.0 <= at <= 101.0 + 2 * module.SLICE_S
    assert (asked["write_timeout"], asked["timeout"], asked["exclusive"]) == (None, module.SLICE_S, True)


# --- the table ----------------------------------------------------------------------------------------------------


def number(code: int, text: str = "") -> OSError:
    """What pyserial raises where it keeps the operating system's code."""
    return serial.SerialException(code, text or os.strerror(code))


def behind(outer: BaseException, inner: BaseException) -> BaseException:
    """What pyserial raises where it does not: the code is in what it was handling."""
    outer.__context__ = inner
    return outer


UNPLUGGED = serial.SerialException(
    "device reports readiness to read but returned no data (device disconnected or multiple access on port?)"
)

TABLE: list[tuple[str, BaseException, bool, type[DeviceError]]] = [
    # was not open
    (NODE, number(errno.ENOENT), False, DeviceMissing),
    (NODE, number(errno.ENXIO), False, DeviceMissing),
    (NODE, number(errno.ENODEV), False, DeviceMissing),
    (NODE, number(errno.EIO), False, DeviceMissing),
    (NODE, number(errno.EACCES), False, DeviceForbidden),
    (NODE, number(errno.EPERM), False, DeviceForbidden),
    (NODE, number(errno.EBUSY), False, DeviceBusy),
    (NODE, number(errno.EAGAIN, "Could not exclusively lock port"), False, DeviceBusy),
    (NODE, number(errno.EISDIR), False, DeviceUnsupported),
    (NODE, number(errno.ENOTTY), False, DeviceUnsupported),
    (
        NODE,
        behind(serial.SerialException("Could not configure port"), termios.error(errno.ENOTTY, "not a tty")),
        False,
        DeviceUnsupported,
    ),
    (
        NODE,
        behind(serial.SerialException("Could not configure port"), termios.error(errno.EIO, "gone")),
        False,
        DeviceMissing,
    ),
    (NODE, behind(ValueError("Failed to set custom baud rate"), OSError(errno.EINVAL, "no")), False, DeviceUnsupported),
    (NODE, ValueError("Invalid baud rate: 7"), False, DeviceUnsupported),
    # was open
    (NODE, UNPLUGGED, True, DeviceLost),
    (NODE, behind(serial.SerialException("read failed"), OSError(errno.EIO, "gone")), True, DeviceLost),
    (NODE, OSError(errno.EIO, "Input/output error"), True, DeviceLost),
    (NODE, OSError(errno.ENODEV, "No such device"), True, DeviceLost),
    (NODE, OSError(errno.ENXIO, "No such device or address"), True, DeviceLost),
    (NODE, termios.error(errno.EIO, "Input/output error"), True, DeviceLost),
    (NODE, serial.PortNotOpenError(), True, DeviceLost),
    (NODE, serial.SerialTimeoutException("Write timeout"), True, DeviceLost),
    # over the net
    (
        "socket://h:1",
        behind(serial.SerialException("Could not open port"), ConnectionRefusedError(errno.ECONNREFUSED, "no")),
        False,
        DeviceMissing,
    ),
    (
        "socket://h:1",
        behind(serial.SerialException("Could not open port"), TimeoutError("timed out")),
        False,
        DeviceMissing,
    ),
    (
        "socket://h:1",
        behind(serial.SerialException("Could not open port"), socket.gaierror(-2, "who?")),
        False,
        DeviceMissing,
    ),
    ("rfc2217://h:1", serial.SerialException("Remote does not seem to support RFC2217"), False, DeviceUnsupported),
    ("socket://h", serial.SerialException("expected a string in the form"), False, DeviceUnsupported),
    ("socket://h:1", serial.SerialException("socket disconnected"), True, DeviceLost),
    ("rfc2217://h:1", serial.SerialException("connection failed (reader thread died)"), True, DeviceLost),
]


@pytest.mark.parametrize(("address", "error", "was_open", "kind"), TABLE)
def test_every_fault_has_its_error(
    address: str, error: BaseException, was_open: bool, kind: type[DeviceError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing, forbidden, busy, lost and unsupported are told apart; each says what to do."""
    made = device_error(error, address, was_open=was_open)
    assert type(made) is kind
    assert made.message
    assert made.remedy


@pytest.mark.parametrize("place", ["timeout", "read", "in_waiting", "write"])
def test_whatever_fails_in_an_open_port_is_a_loss(place: str) -> None:
    """Each fault of the table, out of each call of pyserial that is made here; closing it raises nothing."""
    for error in [error for address, error, was_open, _ in TABLE if was_open and address == NODE]:
        port = Port(
            NODE, serial=lambda error=error: SimpleNamespace(serial_for_url=lambda *_, **__: Broken(place, error))
        )
        port.open()
        with pytest.raises(DeviceLost):
            port.write(b"x") if place == "write" else port.read(0.0)
        port.close()


class Broken:
    """An open port, one part of which fails, and closing it as well."""

    def __init__(self, place: str, error: BaseException) -> None:
        self.__dict__ |= {"place": place, "error": error}

    def __getattr__(self, name: str) -> Any:
        if name == self.place:
            raise self.error
        return {"in_waiting": 1, "read": lambda size: b"x", "write": len}[name]

    def __setattr__(self, name: str, value: object) -> None:
        if name == self.place:
            raise self.error

    def cancel_read(self) -> None:
        """It has one, as a node has."""

    def close(self) -> None:
        raise self.error


def test_without_pyserial_the_remedy_is_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening and listing say it alike."""
    monkeypatch.setitem(sys.modules, "serial", None)
    for attempt in (Port(NODE).open, ports):
        with pytest.raises(DeviceUnsupported) as caught:
            attempt()
        assert caught.value.remedy == libraries.missing("serial")


# --- specs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/dev/ttyUSB0", "socket://127.0.0.1:4001", "rfc2217://h:1", "loop://"])
def test_addresses_are_paths_and_known_urls(address: str) -> None:
    """Taken as they stand."""
    assert address_of(Spec(f"serial:{address}?baud=1200")) == address


@pytest.mark.parametrize("address", ["", "ttyUSB0", "COM1", "spy:///dev/ttyUSB0", "http://h/"])
def test_other_addresses_are_refused(address: str) -> None:
    """With what to write instead."""
    with pytest.raises(ConfigError) as caught:
        address_of(Spec(f"serial:{address}"))
    assert caught.value.remedy


# --- what is there ------------------------------------------------------------------------------------------------


def listed(node: Path, vid: int | None = None, serial_number: str | None = None) -> SimpleNamespace:
    """What pyserial says of a port."""
    name = "n/a" if vid is None else "FT232R USB UART"
    return SimpleNamespace(device=str(node), vid=vid, pid=vid, serial_number=serial_number, description=name)


def links(dev: Path, kind: str, **names: str) -> None:
    """Links as udev makes them."""
    folder = dev / "serial" / kind
    folder.mkdir(parents=True)
    for name, target in names.items():
        (folder / name).symlink_to(Path("..") / ".." / target)


def test_the_name_that_survives_replugging_is_preferred(tmp_path: Path) -> None:
    """By id where that means one device; a port without any such name keeps its node."""
    links(tmp_path, "by-id", bridge="ttyUSB0")
    found = ports(comports=lambda: [listed(tmp_path / "ttyUSB0", 1, "A1"), listed(tmp_path / "ttyS0")], dev=tmp_path)
    assert found == (
        PortInfo(tmp_path / "ttyS0", tmp_path / "ttyS0", "ttyS0"),
        PortInfo(tmp_path / "ttyUSB0", tmp_path / "serial/by-id/bridge", "FT232R USB UART", 1, 1),
    )


def test_two_like_bridges_without_serial_numbers_are_told_by_their_socket(tmp_path: Path) -> None:
    """They share one name by id, which leads to whichever came last: a lane would swap its reader unseen."""
    links(tmp_path, "by-id", bridge="ttyUSB1")
    links(tmp_path, "by-path", left="ttyUSB0", right="ttyUSB1")
    both = [listed(tmp_path / "ttyUSB0", 1), listed(tmp_path / "ttyUSB1", 1)]
    assert [info.stable.name for info in ports(comports=lambda: both, dev=tmp_path)] == ["left", "right"]
    assert [info.stable.name for info in ports(comports=lambda: both[1:], dev=tmp_path)] == ["bridge"]


def test_this_machines_ports_can_be_listed() -> None:
    """With the real list of pyserial, whatever is plugged in."""
    for info in ports():
        assert info.node.exists()
