"""The program in the virtual machine of test_input_vm.py: obeys lines of JSON, and says in such lines what it sees."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import evdev

from support.input_device import presses
from tagsmith.errors import DeviceError
from tagsmith.lines.inputs import Address, InputDevice, inputs, spec_of
from tagsmith.lines.spec import Spec
from tagsmith.model import ReaderState
from tagsmith.readers.evdev import EvdevReader, discover
from tagsmith.readers.pump import Edge, Pump, ReaderChanged, TagArrived, TagsCollided
from tagsmith.scanners.base import ScannerPump
from tagsmith.scanners.evdev import EvdevScanner

_HOLD = """
import sys
from tagsmith.lines.inputs import Address, InputDevice
from tagsmith.lines.spec import Spec
device = InputDevice(Address.of(Spec(sys.argv[1])))
device.open()
print("held", flush=True)
sys.stdin.read()
"""


_speaking = threading.Lock()


def say(*words: object) -> None:
    """Tell the test."""
    with _speaking:
        sys.stdout.write(json.dumps(words, default=str) + "\n")
        sys.stdout.flush()


class Listener:
    """A program that has a device open and does not grab it, as a desktop has; counts what it hears until the end."""

    def __init__(self, spec: str) -> None:
        self._device = evdev.InputDevice(str(Address.of(Spec(spec)).find()))
        self.keys = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for event in self._device.read_loop():
                self.keys += event.type == evdev.ecodes.EV_KEY
        except OSError:
            say("heard", self.keys)


def scan(spec: str) -> ScannerPump:
    """Read a scanner until it is closed, and tell its scans and states."""
    pump = ScannerPump(
        EvdevScanner(spec),
        lambda it: say("scan", it.text, it.fault, 0 <= time.monotonic() - it.at < 5),
        lambda status: say("state", status.state, status.name, status.message),
    )
    pump.start()
    return pump


def held_by_another(spec: str) -> None:
    """Open what another process has grabbed."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, spec], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        try:
            InputDevice(Address.of(Spec(spec))).open()
        except DeviceError as error:
            say("held by another", type(error).__name__, f"process {holder.pid} " in error.message, error.message)
        holder.stdin.close()


class Wedge:
    """A keyboard of the kernel's uinput that types UIDs, with a lane's reader on it."""

    def __init__(self) -> None:
        self._keyboard = evdev.UInput(name="Wedge", vendor=0xFFFF, product=0x0035, phys="uinput/wedge")
        self._came = threading.Condition()
        self._edges: list[Edge] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._pump = Pump(EvdevReader("ffff:0035?length=7"), self._take)
        self._pump.start()
        self.see(lambda edge: isinstance(edge, ReaderChanged) and edge.status.state is ReaderState.READY)

    def _take(self, edge: Edge) -> None:
        with self._came:
            self._edges.append(edge)
            self._came.notify_all()
        self._flowing.wait()

    def type(self, text: str) -> None:
        """Type a line as fast as the kernel takes it."""
        for kind, code, value in presses(text):
            self._keyboard.write(kind, code, value)

    def see(self, wanted: Callable[[Edge], bool]) -> None:
        """Wait for such an edge."""
        with self._came:
            assert self._came.wait_for(lambda: any(map(wanted, self._edges)), 30), self._edges

    def arrived(self) -> list[str]:
        """The UIDs that came so far."""
        return [edge.tag.uid.wire for edge in self._edges if isinstance(edge, TagArrived)]

    def prove(self) -> None:
        """A tap; then many while the lane is stalled, so that the kernel's buffer overflows; then a few more."""
        self.type("04a1b2c3d4e5f6")
        self._flowing.clear()
        self.see(lambda edge: isinstance(edge, TagArrived))
        for number in range(40):
            self.type(f"04a1b2c3d4e5{number:02x}")
        self._flowing.set()
        self.see(lambda edge: isinstance(edge, TagsCollided))
        time.sleep(2.0)
        for _ in range(3):
            self.type("0499999999999a")
            time.sleep(1.0)
        self.see(lambda edge: isinstance(edge, TagArrived) and edge.tag.uid.wire == "0499999999999a")
        say("wedge", self.arrived())
        self._pump.close()
        self._keyboard.close()


def main() -> None:
    """Obey until the test hangs up."""
    pump: ScannerPump | None = None
    commands: dict[str, Callable[..., object]] = {
        "inputs": lambda: say("inputs", [(info.name, spec_of(info, inputs()), info.readable) for info in inputs()]),
        "discover": lambda: say("discover", [(status.spec, status.state) for status in discover()]),
        "listen": Listener,
        "held by another": held_by_another,
        "wedge": lambda: Wedge().prove(),
    }
    say("ready")
    for line in sys.stdin:
        command, *words = json.loads(line)
        try:
            if command == "scan":
                pump = scan(*words)
            elif command == "stop" and pump is not None:
                say("stopped", pump.close())
            else:
                commands[command](*words)
        except Exception as error:
            say("failed", repr(error))


main()
