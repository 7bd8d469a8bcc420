"""Input devices that type (scanners, readers that act as keyboards): finding, grabbing and reading them.

The one door of python-evdev, which is imported when a device is opened. A device is grabbed (EVIOCGRAB): what it types
reaches this process alone, whatever has the focus, and never a screen or a shell. It is found anew at every opening, so
one that comes back under another event number is taken by itself. What its keys mean is decided elsewhere.

Sources: the kernel's Documentation/input/event-codes.rst and drivers/input/evdev.c.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import re
import select
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from tagsmith.errors import DeviceBusy, DeviceError, DeviceMissing, DeviceUnsupported
from tagsmith.lines import libraries, nodes
from tagsmith.lines.keymap import KeyEvent
from tagsmith.lines.spec import Spec, with_options

_log = logging.getLogger(__name__)

SYS = Path("/sys")
DEV = Path("/dev")

_EV_KEY, _KEY_ENTER, _DIGITS = 1, 28, range(2, 12)
# _IOW('E', 0xa0, int); since Linux 3.4.
_EVIOCSCLOCKID = 0x400445A0
# The kernel prints the words of a bitmap as wide as the process that asks has them.
_WORD_BITS = 8 * struct.calcsize("l")
_IDS = re.compile(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class InputInfo:
    """An input device that has the keys of a keyboard: Enter and the digits.

    `link` is its name below /dev/input/by-id, which is made of what the device says of itself: two like devices
    without serial numbers share one, and it belongs to either. `phys` is the socket it is plugged into.
    """

    node: Path
    name: str
    vid: int
    pid: int
    phys: str = ""
    serial: str = ""
    link: Path | None = None
    readable: bool = False

    @property
    def ids(self) -> str:
        """As lsusb writes them: `072f:2200`."""
        return f"{self.vid:04x}:{self.pid:04x}"


# --- what is there ------------------------------------------------------------------------------------------------


def inputs(sys: Path | None = None, dev: Path | None = None) -> tuple[InputInfo, ...]:
    """The input devices with the keys of a keyboard, in the order of their nodes; none where the kernel has none.

    Nothing is opened: what this user may not open is listed, too. A device that is pulled meanwhile is left out.
    """
    sys, dev = sys or SYS, dev or DEV
    try:
        names = [name for name in os.listdir(sys / "class" / "input") if re.fullmatch(r"event[0-9]+", name, re.ASCII)]
    except OSError:
        return ()
    links = _links(dev / "input" / "by-id")
    names.sort(key=lambda name: int(name.removeprefix("event")))
    found = (_info(sys / "class" / "input" / name / "device", dev / "input" / name, links) for name in names)
    return tuple(info for info in found if info is not None)


def spec_of(info: InputInfo, among: Sequence[InputInfo]) -> str:
    """The shortest spec that selects just this device of those that are there, without options of its use."""
    like = [other for other in among if (other.vid, other.pid) == (info.vid, info.pid)]
    twins = [other for other in like if other.serial == info.serial and other.node != info.node]
    if info.link is not None and not any(_socket(twin) != _socket(info) for twin in twins):
        return f"evdev:{info.link}"
    if len(like) == 1:
        return f"evdev:{info.ids}"
    if info.serial and not twins:
        return f"evdev:{info.ids}?serial={_quoted(info.serial)}"
    return f"evdev:{info.ids}?phys={_quoted(info.phys)}" if info.phys else f"evdev:{info.node}"


def _socket(info: InputInfo) -> str:
    """Where a device is plugged in: what the interfaces of one device have in common."""
    return info.phys.rpartition("/")[0] or info.phys


def _quoted(text: str) -> str:
    return quote(text, safe="/:.,-_ ")


def _links(folder: Path) -> dict[str, Path]:
    """The stable link of each node, by the node's name."""
    links: dict[str, Path] = {}
    with contextlib.suppress(OSError):  # without links the nodes themselves are named
        for name in sorted(os.listdir(folder)):
            with contextlib.suppress(OSError):  # unplugged meanwhile
                links.setdefault(os.path.basename(os.readlink(folder / name)), folder / name)
    return links


def _info(device: Path, node: Path, links: dict[str, Path]) -> InputInfo | None:
    try:
        if not _types(_read(device / "capabilities" / "key")):
            return None
        vid, pid = (int(_read(device / "id" / name), 16) for name in ("vendor", "product"))
    except (OSError, ValueError):
        return None
    return InputInfo(
        node=node,
        name=_text(device / "name"),
        vid=vid,
        pid=pid,
        phys=_text(device / "phys"),
        serial=_text(device / "uniq"),
        link=links.get(node.name),
        readable=os.access(node, os.R_OK, effective_ids=os.access in os.supports_effective_ids),
    )


def _types(bitmap: str) -> bool:
    """Whether a bitmap of keys, in hex words with the highest first, has Enter and the digits."""
    bits = 0
    for word in bitmap.split():
        bits = bits << _WORD_BITS | int(word, 16)
    return all(bits >> key & 1 for key in (_KEY_ENTER, *_DIGITS))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()


def _text(path: Path) -> str:
    """What a device says of itself, as plain text: it may say anything."""
    try:
        return "".join(character for character in _read(path) if character.isprintable())
    except OSError:
        return ""


# --- one device ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """Which input device is meant: a node or a link to one, or the USB ids with what tells two like devices apart."""

    path: Path | None = None
    vid: int = 0
    pid: int = 0
    serial: str = ""
    phys: str = ""
    options: str = ""
    """The other options of the spec, as they are written: whoever is told another address keeps them."""

    @classmethod
    def of(cls, spec: Spec) -> Address:
        """The address in a spec: `evdev:/dev/input/by-id/…-event-kbd`, or `evdev:vvvv:pppp?serial=…` or `?phys=…`.

        Raises:
            ConfigError: it is neither.
        """
        if spec.address.startswith("/"):
            return cls(Path(spec.address))
        ids = _IDS.fullmatch(spec.address)
        if ids is None:
            raise spec.error(
                "names no input device", "write evdev:/dev/input/by-id/NAME, or evdev:vvvv:pppp with its USB ids in hex"
            )
        written = spec.text.partition("?")[2].split("&")
        options = "&".join(part for part in written if part.partition("=")[0] not in ("serial", "phys"))
        return cls(None, int(ids[1], 16), int(ids[2], 16), spec.text_of("serial"), spec.text_of("phys"), options)

    def find(self) -> Path:
        """The device's node as it is now; whether a given path exists is not looked at.

        Raises:
            DeviceMissing: nothing that types has these ids.
            DeviceUnsupported: several fit, and which is meant cannot be told.
        """
        if self.path is not None:
            return self.path
        there = inputs()
        like = [info for info in there if (info.vid, info.pid) == (self.vid, self.pid)]
        found = [info for info in like if self._fits(info)]
        if len(found) == 1:
            return found[0].node
        ids = f"{self.vid:04x}:{self.pid:04x}"
        if not found:
            that = f" with {'this serial number' if self.serial else 'this phys'}" if like else ""
            raise DeviceMissing(f"no input device {ids}{that} is plugged in", "plug it in; it is taken when it comes")
        choices = ", ".join(with_options(spec_of(info, there), self.options) for info in found)
        raise DeviceUnsupported(f"{len(found)} input devices {ids} are there", f"name the one that is meant: {choices}")

    def _fits(self, info: InputInfo) -> bool:
        in_socket = not self.phys or info.phys == self.phys or info.phys.startswith(f"{self.phys}/")
        return in_socket and (not self.serial or info.serial == self.serial)


class InputDevice:
    """An input device, grabbed for this process. `open`, `read` and `close` belong to one thread, `wake` to any."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._node = address.path or Path()
        self._device: _Evdev | None = None
        self._realtime = False
        self._poll = select.poll()
        self._wake_lock = threading.Lock()
        self._wake_fd: int | None = None

    def find(self) -> Path:
        """The device's node as it is now.

        Raises:
            DeviceMissing, DeviceUnsupported: as for `open`.
        """
        return self._address.find()

    def open(self) -> str:
        """Find the device, open and grab it; its own name.

        Raises:
            DeviceMissing, DeviceForbidden, DeviceBusy, DeviceLost: it cannot be had.
            DeviceUnsupported: it is no keyboard, several fit, or python-evdev is not installed.
        """
        self.close()
        self._node = self.find()
        try:
            self._device = device = _load(self._node)
            if not {_KEY_ENTER, *_DIGITS} <= set(device.capabilities().get(_EV_KEY, ())):
                raise DeviceUnsupported(
                    f"{self._node} has no keys to type a line with", "another node of the same device may have them"
                )
            self._realtime = not _use_monotonic_clock(device.fd)
            try:
                device.grab()
            except OSError as error:
                raise _not_grabbed(error, self._node) from error
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise nodes.from_oserror(error, self._node, was_open=False) from error
            raise
        with self._wake_lock:
            self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        for fd in (device.fd, self._wake_fd):
            self._poll.register(fd, select.POLLIN)
        return "".join(character for character in device.name if character.isprintable())

    def read(self, timeout_s: float) -> list[KeyEvent] | None:
        """The events that wait, as soon as there are some; none at the timeout, None after `wake`.

        Raises:
            DeviceLost: it went away.
        """
        assert self._device is not None, "the device is open"
        assert self._wake_fd is not None, "the device is open"
        ready = {fd for fd, _ in self._poll.poll(math.ceil(max(0.0, timeout_s) * 1000))}
        if self._wake_fd in ready:
            with contextlib.suppress(BlockingIOError):  # whoever was faster has read the same wake
                os.eventfd_read(self._wake_fd)
            return None
        if not ready:
            return []
        try:
            raw = list(self._device.read())
        except BlockingIOError:
            return []
        except OSError as error:
            raise nodes.from_oserror(error, self._node, was_open=True) from error
        # Without a monotonic clock the kernel stamps with the time of day.
        shift_s = time.monotonic() - time.time() if self._realtime else 0.0
        return [KeyEvent(one.sec + one.usec / 1e6 + shift_s, one.type, one.code, one.value) for one in raw]

    def wake(self) -> None:
        """End a read under way, or else the next one. Never blocks."""
        with self._wake_lock:
            if self._wake_fd is not None:
                os.eventfd_write(self._wake_fd, 1)

    def close(self) -> None:
        """Let the device go, and with it the grab; idempotent."""
        with self._wake_lock:
            wake_fd, self._wake_fd = self._wake_fd, None
            if wake_fd is not None:
                os.close(wake_fd)
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(OSError):  # it may be gone already, and its grab with it
                device.close()


class _Event(Protocol):
    sec: int
    usec: int
    type: int
    code: int
    value: int


class _Evdev(Protocol):
    """What is used of `evdev.InputDevice`."""

    fd: int
    name: str

    def capabilities(self) -> dict[int, list[int]]: ...
    def grab(self) -> None: ...
    def read(self) -> Iterable[_Event]: ...
    def close(self) -> None: ...


def _load(node: Path) -> _Evdev:
    """The node, opened by python-evdev.

    Raises:
        DeviceUnsupported: the library is not installed, or it cannot cope with the device.
        OSError: the node cannot be opened.
    """
    try:
        import evdev
    except ImportError as error:
        raise DeviceUnsupported(
            f"input devices cannot be used: python-evdev is not there ({error})", libraries.missing("evdev")
        ) from error
    try:
        device: _Evdev = evdev.InputDevice(str(node))
    except UnicodeDecodeError as error:
        raise DeviceUnsupported(f"the name that {node} gives itself is no text") from error
    return device


def _use_monotonic_clock(fd: int) -> bool:
    """Let the kernel stamp events with the clock that `time.monotonic` reads; False if it cannot."""
    try:
        fcntl.ioctl(fd, _EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
    except OSError as error:
        _log.info("events are stamped with the time of day: %s", error.strerror)
        return False
    return True


def _not_grabbed(error: OSError, node: Path) -> DeviceError:
    """Why it could not be grabbed. Whoever just listens (a login service, a desktop) has it open, too: only a single
    one is named."""
    known = nodes.from_oserror(error, node, was_open=True)
    if not isinstance(known, DeviceBusy):
        return known
    found = nodes.holders(node)
    who = f"by {found[0]}" if len(found) == 1 else "by another program"
    remedy = f"close that program; `sudo fuser -v {node}` lists who has it open"
    return DeviceBusy(f"{node} is held {who}", remedy, holders=found if len(found) == 1 else ())
