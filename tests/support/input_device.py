"""Input devices of the tests' own: a folder with /sys and /dev, keyboards to plug into it, and hands that type.

The real python-evdev talks to them in processes that `environment` preloads input_shim.c into; no other process sees
them. What a key press looks like on the wire (struct input_event, with the scan code and the SYN_REPORT that the kernel
sends) is in `presses`, which needs no device.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from tagsmith.errors import DeviceError
from tagsmith.lines.keymap import KeyEvent

SHIFT, CAPS_LOCK, NUM_LOCK, ALT, ALT_GR, CONTROL = 42, 58, 69, 56, 100, 29
ENTER, TAB, KEYPAD_ENTER, ESCAPE, VOLUME_UP = 28, 15, 96, 1, 115
SYN, KEY, MSC = 0, 1, 4
RELEASED, PRESSED, REPEATED = 0, 1, 2
SYN_DROPPED = 3

_PLACES = (41, *range(2, 14), *range(16, 28), *range(30, 41), 43, *range(44, 54), 57)
_PLAIN = "`1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./ "
_SHIFTED = '~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"|ZXCVBNM<>? '
US = {character: (place, False) for character, place in zip(_PLAIN, _PLACES, strict=True)} | {
    character: (place, True) for character, place in zip(_SHIFTED, _PLACES, strict=True) if character != " "
}
"""The key of every character on a US keyboard, and whether it needs Shift."""

KEYBOARD_KEYS = (*range(1, 84), 86, 87, 88, 96, 97, 98, 100, *range(102, 112), 113, 114, 115, 125, 126, 127)
_WORD_BITS = 8 * struct.calcsize("l")
_HERE = Path(__file__).parent
_FOLDER = "INPUT_SHIM"
# What python-evdev reads at once.
_AT_ONCE = 64

Event = tuple[int, int, int]
"""Type, code and value."""


def stroke(code: int, *, shift: bool = False) -> Iterator[Event]:
    """One key, pressed and let go, as a USB keyboard's arrives."""
    if shift:
        yield from ((MSC, 4, 0x700E1), (KEY, SHIFT, PRESSED), (SYN, 0, 0))
    yield from ((MSC, 4, 0x70000 + code), (KEY, code, PRESSED), (SYN, 0, 0))
    yield from ((MSC, 4, 0x70000 + code), (KEY, code, RELEASED), (SYN, 0, 0))
    if shift:
        yield from ((MSC, 4, 0x700E1), (KEY, SHIFT, RELEASED), (SYN, 0, 0))


def presses(text: str, end: int | None = ENTER) -> list[Event]:
    """A text typed on a US keyboard, and the key that ends it."""
    events = [event for character in text for event in stroke(US[character][0], shift=US[character][1])]
    return events if end is None else [*events, *stroke(end)]


class PlayedDevice:
    """A device for `Typist` that plays events at their times, on a clock of its own that only its reads move."""

    def __init__(self) -> None:
        self.now = 100.0
        self.is_open = False
        self.error: DeviceError | None = None
        self._waiting: list[KeyEvent] = []
        self._woken = False

    def clock(self) -> float:
        """For whoever is given the device."""
        return self.now

    def play(self, events: Iterable[Event], after_s: float = 0.0) -> None:
        """Queue events for that many seconds from now; each is a millisecond after the one before."""
        at = self.now + after_s
        for place, event in enumerate(events):
            self._waiting.append(KeyEvent(at + place / 1000, *event))
        self._waiting.sort(key=lambda event: event.at)

    def type(self, text: str, end: int | None = ENTER, after_s: float = 0.0) -> None:
        """Queue a line."""
        self.play(presses(text, end), after_s)

    def find(self) -> Path:
        return Path("/dev/input/event7")

    def open(self) -> str:
        self.is_open = True
        return "HID Keyboard Reader"

    def read(self, timeout_s: float) -> list[KeyEvent] | None:
        if self.error is not None:
            raise self.error
        if self._woken:
            self._woken = False
            return None
        if not self._waiting or self._waiting[0].at > self.now + timeout_s:
            self.now += timeout_s
            return []
        self.now = max(self.now, self._waiting[0].at)
        come = [event for event in self._waiting if event.at <= self.now][:_AT_ONCE]
        del self._waiting[: len(come)]
        return come

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        self.is_open = False


class Keyboard:
    """A plugged device that types; made by `Inputs.plug`."""

    def __init__(self, node: Path, files: Iterable[Path]) -> None:
        self.node = node
        self._files = tuple(files)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(node))
        self._listener.listen()
        self._listener.setblocking(False)
        self._connections: list[socket.socket] = []

    def type(self, text: str, end: int | None = ENTER) -> None:
        """Type a line."""
        self.emit(presses(text, end))

    def emit(self, events: Iterable[Event], at: float | None = None) -> None:
        """Events, captured now or at a monotonic time, for whoever has opened the device."""
        self._accept()
        seconds, micros = divmod(round((time.monotonic() if at is None else at) * 1e6), 1_000_000)
        data = b"".join(struct.pack("llHHi", seconds, micros, *event) for event in events)
        for connection in self._connections:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)

    def order(self, fault: str) -> None:
        """Order a fault of the shim: `forbidden`, `no-clock`."""
        self.node.with_name(f"{self.node.name}.{fault}").touch()

    def unplug(self) -> None:
        """Pull it out; idempotent."""
        for file in self._files:
            if file.is_dir():
                shutil.rmtree(file)
            else:
                file.unlink(missing_ok=True)
        self._accept()
        for connection in (*self._connections, self._listener):
            connection.close()
        self._connections = []

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._connections.append(self._listener.accept()[0])


class Inputs:
    """The folder, and what is plugged in. The devices' stable links are made by hand, as udev makes them."""

    def __init__(self) -> None:
        # Short: a socket's path has 107 characters at most. Where the shim is loaded it looks into one folder only.
        self.root = Path(tempfile.mkdtemp(prefix="inputs-", dir=os.environ.get(_FOLDER))).resolve()
        self.sys = self.root / "sys"
        self.dev = self.root / "dev"
        (self.dev / "input" / "by-id").mkdir(parents=True)
        (self.sys / "class" / "input").mkdir(parents=True)
        self._plugged: list[Keyboard] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for keyboard in self._plugged:
            keyboard.unplug()
        shutil.rmtree(self.root)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that sees these devices."""
        return {**os.environ, "LD_PRELOAD": str(_shim()), _FOLDER: str(self.root)}

    @property
    def by_id(self) -> Path:
        """The folder of stable links."""
        return self.dev / "input" / "by-id"

    def plug(
        self,
        number: int = 7,
        *,
        name: str = "HID Keyboard Reader",
        vid: int = 0xFFFF,
        pid: int = 0x0035,
        phys: str = "usb-0000:00:14.0-1/input0",
        serial: str = "",
        link: str = "",
        keys: Iterable[int] = KEYBOARD_KEYS,
    ) -> Keyboard:
        """Plug a device in as event`number`; `link` is its name in by-id."""
        node = self.dev / "input" / f"event{number}"
        description = node.with_name(f"{node.name}.device")
        words = " ".join(map(str, keys))
        description.write_text(f"{vid:x}\n{pid:x}\n{name}\n{phys}\n{serial}\n{words}\n", encoding="utf-8")
        device = self.sys / "class" / "input" / node.name / "device"
        (device / "id").mkdir(parents=True)
        (device / "capabilities").mkdir()
        for file, text in {
            "name": name,
            "phys": phys,
            "uniq": serial,
            "id/vendor": f"{vid:04x}",
            "id/product": f"{pid:04x}",
            "capabilities/key": bitmap(keys),
        }.items():
            (device / file).write_text(f"{text}\n", encoding="utf-8")
        files = [node, description, device.parent]
        if link:
            (self.by_id / link).symlink_to(f"../{node.name}")
            files.append(self.by_id / link)
        keyboard = Keyboard(node, files)
        self._plugged.append(keyboard)
        return keyboard


def bitmap(keys: Iterable[int]) -> str:
    """Keys as sysfs shows them: hex words, the highest first."""
    bits = functools.reduce(lambda sum_, key: sum_ | 1 << key, keys, 0)
    words = []
    while bits:
        words.append(f"{bits & ((1 << _WORD_BITS) - 1):x}")
        bits >>= _WORD_BITS
    return " ".join(reversed(words)) or "0"


@functools.cache
def _shim() -> Path:
    """input_shim.c, compiled once per run of the tests."""
    folder = tempfile.mkdtemp(prefix="input-shim-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = Path(folder) / "input_shim.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(target), str(_HERE / "input_shim.c")]
    build = subprocess.run([*command, "-ldl"], capture_output=True, text=True, check=False)
    assert build.returncode == 0, f"input_shim.c does not compile (apt install gcc libc6-dev):\n{build.stderr}"
    return target


def run_checks(file: Path) -> None:
    """Run a file of tests in a pytest of its own that has the shim: there python-evdev opens devices of `Inputs`."""
    with Inputs() as inputs:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(file)]
        run = subprocess.run(
            command, env=inputs.environment, cwd=_HERE.parent.parent, capture_output=True, text=True, check=False
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
    print(run.stdout)
