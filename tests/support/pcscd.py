"""A real pcscd of the tests' own, with virtual readers (vsmartcard-vpcd) and virtual cards to lay on them.

It owns: starting, killing and restarting that pcscd, its reader configuration, and the cards' side of vpcd's wire.
It never touches the machine's own pcscd: the daemon runs in a mount namespace (`unshare -m` as root, `unshare -Urm` as
anybody else) where /run is a folder of ours, so its socket appears in that folder; its drivers and its USB bus are
ours too. Clients find it by PCSCLITE_CSOCK_NAME, which libpcsclite reads once per process, at its first connection:
importing this module sets it, so import it before anything connects.

What vpcd needs (measured with pcscd 1.9.9 and vpcd 3.3):

- It listens on every address; a preloaded `bind` (pcscd_world.c) keeps it to loopback. (A device name `host:port`
  makes it connect out instead, but 3.3 then aborts pcscd as soon as no card is there.)
- One copy of the driver library per reader: with a shared one, UIDs appear on the wrong reader.
- Two slots per reader, the second at the next port.
- A poll every 400 ms. `driver=EVENT` puts a shim (ifd_shim.c) before vpcd that tells pcscd at once, as USB readers do,
  and makes it a reader on the USB bus (pcscd_world.c), so that it can be unplugged.
- Never an answer torn after its first byte: that crashes pcscd 1.9.9.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

APT = "apt install pcscd vsmartcard-vpcd gcc libpcsclite-dev"
"""The line to type on Debian and its kin when something is missing here."""

VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_USB_DRIVERS = Path("/usr/lib/pcsc/drivers")
_HERE = Path(__file__).parent

POLLED = "polled"
"""vpcd as it is: pcscd asks it every 400 ms."""
EVENT = "event"
"""vpcd behind the shim: pcscd is told at once, and the reader can be unplugged."""

STORAGE_CARD = bytes.fromhex("3b8f8001804f0ca0000003060300030000000068")
"""ATR of an ISO 14443 A storage card, MIFARE Ultralight (PC/SC part 3, supplemental document)."""

_POWER_OFF, _POWER_ON, _RESET, _GET_ATR = 0, 1, 2, 4
_READ_UID = bytes.fromhex("ffca000000")
_PATIENCE_S = 20.0
_VENDOR = "1209"
# pcscd's parser wants one element a line.
_PLIST = """<plist>
<dict>
<key>CFBundleExecutable</key>
<string>driver.so</string>
<key>ifdVendorID</key>
<array>
<string>0x{vendor}</string>
</array>
<key>ifdProductID</key>
<array>
<string>0x{product}</string>
</array>
<key>ifdFriendlyName</key>
<array>
<string>{name}</string>
</array>
</dict>
</plist>
"""


class PcscdMissing(AssertionError):
    """A system package is missing; the message says what to type."""


# --- cards -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """A virtual card and how it behaves. The default is a good one."""

    uid: bytes = b"\x04\xa1\xb2\xc3\xd4\xe5\xf6"
    atr: bytes = STORAGE_CARD
    status: bytes = b"\x90\x00"
    """Status word after the UID."""
    bare_status: bool = False
    """Answer with the status word alone, as readers do that have no UID to give."""
    mute: bool = False
    """There, but it does not answer to power."""
    leaves_mid_read: bool = False
    """Gone between the command and its answer."""
    delay_s: float = 0.0
    """How late it answers."""
    gate: threading.Event | None = field(default=None, compare=False)
    """If given, it answers only once this is set."""

    def answer(self, command: bytes) -> bytes:
        """The response to one APDU."""
        if command != _READ_UID:
            return b"\x6d\x00"
        return self.status if self.bare_status else self.uid + self.status


class Slot:
    """One slot of a virtual reader: the place a card is laid on. All methods may be called from any thread.

    `contacts` counts how often pcscd met a card (its first byte after `insert`), `first_contact` is the monotonic time
    of the last such moment, `commands` are the APDUs received, `answers` counts those answered.
    """

    def __init__(self, port: int, bell: Path | None) -> None:
        self.port = port
        self._bell = bell
        self._changed = threading.Condition()
        self._card: Card | None = None
        self._laid = 0
        self._met = 0
        self._connection: socket.socket | None = None
        self._closed = False
        self.contacts = 0
        self.first_contact = 0.0
        self.commands: list[bytes] = []
        self.answers = 0
        self._thread = threading.Thread(target=self._serve, name=f"slot-{port}", daemon=True)
        self._thread.start()

    def insert(self, card: Card) -> None:
        """Lays a card on; one that lay there is taken away first, and pcscd is shown that."""
        self._change(card)

    def remove(self) -> None:
        """Takes the card away; nothing happens if there is none."""
        self._change(None)

    def ring(self) -> None:
        """Tells the shim to look (nothing with a polled reader)."""
        if self._bell is None:
            return
        with contextlib.suppress(OSError):  # no pcscd has it open: nobody to tell
            bell = os.open(self._bell, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(bell, b"!")
            finally:
                os.close(bell)

    def wait_contact(self, count: int, timeout_s: float = _PATIENCE_S) -> None:
        """Returns once pcscd has met so many cards."""
        with self._changed:
            met = self._changed.wait_for(lambda: self.contacts >= count, timeout_s)
        assert met, f"pcscd met {self.contacts} cards, not {count}, within {timeout_s} s"

    def wait_answer(self, count: int, timeout_s: float = _PATIENCE_S) -> None:
        """Returns once so many APDUs have been answered."""
        with self._changed:
            done = self._changed.wait_for(lambda: self.answers >= count, timeout_s)
        assert done, f"{self.answers} APDUs were answered, not {count}, within {timeout_s} s"

    def close(self) -> None:
        """Takes the card away and ends the thread."""
        self._closed = True
        self._change(None)
        self._thread.join(5)

    def _change(self, card: Card | None) -> None:
        with self._changed:
            self._card = card
            self._laid += 1
            connection = self._connection
            if connection is not None:
                with contextlib.suppress(OSError):  # vpcd has closed its end already
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.notify_all()
        # One stroke of the bell for each thing there is to see: more would make pcscd ask the card while it is read.
        if connection is not None:
            self.ring()

    def _serve(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._card is not None)
                card, laid = self._card, self._laid
            if card is None:
                continue
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), 5)
            except OSError:  # pcscd is not there (yet): look again soon, as a card in a field does
                with self._changed:
                    self._changed.wait(0.02)
                continue
            with connection:
                connection.settimeout(None)
                with self._changed:
                    if self._laid != laid:
                        continue
                    self._connection = connection
                self.ring()
                with contextlib.suppress(OSError):
                    # Without both, Nagle and delayed acknowledgement cost about 130 ms per exchange.
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._converse(connection, card, laid)
                with self._changed:
                    self._connection = None
                    left_by_itself = self._card is None and self._laid == laid
            if left_by_itself:
                self.ring()

    def _converse(self, connection: socket.socket, card: Card, laid: int) -> None:
        """One connection of vpcd. Returning closes it, which vpcd takes for an absent card."""
        powered_up = False
        while True:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            message = _receive(connection)
            if message is None:
                return
            if self._met != laid:
                with self._changed:
                    self._met = laid
                    self.contacts += 1
                    self.first_contact = time.monotonic()
                    self._changed.notify_all()
            if len(message) == 1:
                control = message[0]
                if control == _GET_ATR:
                    if powered_up and card.mute:
                        return
                    _send(connection, card.atr)
                powered_up = control in (_POWER_ON, _RESET)
                continue
            self.commands.append(message)
            if card.leaves_mid_read:
                with self._changed:
                    if self._laid == laid:
                        self._card = None
                return
            if card.gate is not None:
                card.gate.wait(_PATIENCE_S)
            if card.delay_s:
                time.sleep(card.delay_s)
            _send(connection, card.answer(message))
            with self._changed:
                self.answers += 1
                self._changed.notify_all()


def _receive(connection: socket.socket) -> bytes | None:
    """One message: two bytes of length, most significant first, and so many bytes. None at the end."""
    head = _exactly(connection, 2)
    return None if head is None else _exactly(connection, struct.unpack(">H", head)[0])


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            return None
        data += piece
    return data


def _send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(struct.pack(">H", len(message)) + message)


# --- readers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """A reader to have: its name (pcscd adds ` XX YY`, numbers of reader and slot) and its driver."""

    name: str
    driver: str = POLLED


class VirtualReader:
    """One virtual reader of two slots; `slot` is the first of them."""

    def __init__(self, plan: Plan, number: int, drivers: Path, usb: Path) -> None:
        self.plan = plan
        self._number = number
        self._usb = usb
        self._ports = _two_ports()
        folder = drivers / (f"{number}.bundle/Contents/Linux" if plan.driver == EVENT else f"serial/{number}")
        self._folder = folder
        folder.mkdir(parents=True)
        shutil.copy(VPCD, folder / "vpcd.so")
        if plan.driver == EVENT:
            shutil.copy(_compiled("ifd_shim"), folder / "driver.so")
            for slot in (0, 1):
                os.mkfifo(folder / f"bell-{slot}")
            (folder.parent / "Info.plist").write_text(
                _PLIST.format(vendor=_VENDOR, product=self._product, name=plan.name)
            )
            self.plug()
        self.slots = tuple(
            Slot(port, folder / f"bell-{slot}" if plan.driver == EVENT else None)
            for slot, port in enumerate(self._ports)
        )

    @property
    def slot(self) -> Slot:
        """The first slot."""
        return self.slots[0]

    @property
    def stanza(self) -> str:
        """Its part of reader.conf; a reader with `EVENT` has none, because pcscd finds it on the bus."""
        if self.plan.driver == EVENT:
            return ""
        port = self._ports[0]
        return (
            f'FRIENDLYNAME "{self.plan.name}"\nDEVICENAME /dev/null:{port}\n'
            f"LIBPATH {self._folder / 'vpcd.so'}\nCHANNELID {port}\n\n"
        )

    def unplug(self) -> None:
        """Pulls the cable; only with `EVENT`."""
        assert self.plan.driver == EVENT, "vpcd alone cannot be unplugged"
        (self._folder / "unplugged").touch()
        (self._usb / "bus" / self._sysname).unlink(missing_ok=True)
        for slot in self.slots:
            slot.ring()
        self._announce("remove")

    def plug(self) -> None:
        """Puts the cable (back) in; only with `EVENT`."""
        assert self.plan.driver == EVENT, "vpcd alone cannot be plugged"
        (self._folder / "unplugged").unlink(missing_ok=True)
        (self._usb / "bus" / self._sysname).write_text(f"{_VENDOR} {self._product} /dev/null:{self._ports[0]}\n")
        self._announce("add")

    @property
    def can_be_unplugged(self) -> bool:
        """Whether it has a cable."""
        return self.plan.driver == EVENT

    @property
    def unplugged(self) -> bool:
        """Whether the cable is pulled."""
        return (self._folder / "unplugged").exists()

    def close(self) -> None:
        """Takes the cards away."""
        for slot in self.slots:
            slot.close()

    @property
    def _sysname(self) -> str:
        return f"1-{self._number}"

    @property
    def _product(self) -> str:
        return f"{self._number + 1:04x}"

    def _announce(self, action: str) -> None:
        with contextlib.suppress(OSError):  # no pcscd listens: it looks at the bus when it starts
            pipe = os.open(self._usb / "events", os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, f"{action} {self._sysname}\n".encode())
            finally:
                os.close(pipe)


def _two_ports() -> tuple[int, int]:
    """Two neighbouring free ports of loopback: vpcd's second slot is always the next port.

    Below the range that the kernel hands out to others, so that they are still free when pcscd binds them.
    """
    for _ in range(1000):
        port = random.randrange(20000, 32000, 2)
        try:
            with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1)):
                return port, port + 1
        except OSError:
            continue
    raise AssertionError("no two neighbouring ports are free on loopback")


# --- the daemon --------------------------------------------------------------------------------------------------


class Pcscd:
    """A pcscd with virtual readers. A context manager: started on entry, ended on exit.

    Pid and socket are its own; a second one may run at the same time in another folder (for subprocesses that are
    given its `environment`), but this process itself can only ever talk to the one in `FOLDER`.

    Raises:
        PcscdMissing: a package is missing, or namespaces are not allowed; says what to type.
    """

    def __init__(self, readers: Sequence[Plan] = (Plan("Virtual PICC"),), folder: Path | None = None) -> None:
        require_packages()
        self._folder = Path(tempfile.mkdtemp(prefix="readers-", dir=folder or FOLDER))
        self._run = (folder or FOLDER) / "run"
        self._run.mkdir(exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._drivers = self._folder / "drivers"
        self._drivers.mkdir()
        self._usb = self._folder / "usb"
        (self._usb / "bus").mkdir(parents=True)
        os.mkfifo(self._usb / "events")
        self.readers = tuple(
            VirtualReader(plan, number, self._drivers, self._usb) for number, plan in enumerate(readers)
        )
        configuration = self._folder / "conf"
        configuration.mkdir()
        (configuration / "reader.conf").write_text("".join(reader.stanza for reader in self.readers))
        self._log = self._folder / "pcscd.log"

    def __enter__(self) -> Pcscd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def socket_path(self) -> Path:
        """Where clients connect to."""
        return self._run / "pcscd" / "pcscd.comm"

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a subprocess that is to use this pcscd."""
        return {**os.environ, "PCSCLITE_CSOCK_NAME": str(self.socket_path)}

    @property
    def running(self) -> bool:
        """Whether the daemon lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._process is not None, "pcscd is not running"
        return self._process.pid

    def reader(self, name: str) -> VirtualReader:
        """The reader of that name."""
        return next(reader for reader in self.readers if reader.plan.name == name)

    def start(self) -> None:
        """Starts the daemon and returns when it takes connections; nothing happens if it already does."""
        if self.running:
            return
        place = self._run / "pcscd"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        program = _find("pcscd")
        options = ["--foreground", "--debug", "--config", str(self._folder / "conf")]
        if "--disable-polkit" in _help(program):
            options.append("--disable-polkit")
        # The mounts are seen by the daemon only. `setpriv` ends it should this process die without cleaning up.
        script = (
            'mount --bind "$1" /run && mount --bind "$2" "$3" && export LD_PRELOAD="$4" && shift 4 && '
            'exec setpriv --pdeathsig KILL "$@"'
        )
        command = [*_unshare(), "sh", "-c", script, "sh", str(self._run), str(self._drivers), str(_USB_DRIVERS)]
        command.append(str(_compiled("pcscd_world")))
        environment = {**os.environ, "TAGSMITH_TEST_USB": str(self._usb / "bus")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, program, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        deadline = time.monotonic() + _PATIENCE_S
        while not _accepts(self.socket_path):
            waiting = self.running and time.monotonic() < deadline
            assert waiting, f"pcscd did not start:\n{self._log.read_text()}"
            time.sleep(0.01)

    def wait_empty(self) -> None:
        """Takes every card away and returns once pcscd has seen that; only in the process whose `FOLDER` is used."""
        from smartcard import scard

        for reader in self.readers:
            for slot in reader.slots:
                slot.remove()
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        assert code == 0, f"no context: {code:#x}"
        try:
            deadline = time.monotonic() + _PATIENCE_S
            for name in scard.SCardListReaders(context, [])[1]:
                state = 0
                while not state & (scard.SCARD_STATE_EMPTY | scard.SCARD_STATE_UNAVAILABLE):
                    assert time.monotonic() < deadline, f"{name} does not become empty"
                    code, states = scard.SCardGetStatusChange(context, 1000, [(name, state)])
                    state = states[0][1] & ~scard.SCARD_STATE_CHANGED if states else scard.SCARD_STATE_UNAVAILABLE
        finally:
            scard.SCardReleaseContext(context)

    def stop(self) -> None:
        """Ends the daemon as an administrator would (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the daemon (SIGKILL); its socket file stays behind, as it does in the field."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Ends the daemon and frees everything; idempotent."""
        self.stop()
        for reader in self.readers:
            reader.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def require_packages() -> None:
    """Fails with the line to type when something this needs is not installed.

    Raises:
        PcscdMissing: it says what.
    """
    missing = [name for name in ("pcscd", "unshare", "mount", "setpriv", "gcc") if _which(name) is None]
    if not VPCD.exists():
        missing.append(str(VPCD))
    if not Path("/usr/include/PCSC/ifdhandler.h").exists():
        missing.append("PCSC/ifdhandler.h")
    if missing:
        raise PcscdMissing(f"the PC/SC tests need {', '.join(missing)}: {APT}")


@functools.cache
def _unshare() -> tuple[str, ...]:
    """The command that gives a mount namespace of one's own, with or without being root."""
    tries = [("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")]
    for command in tries if os.geteuid() == 0 else tries[1:]:
        probe = [*command, "sh", "-c", 'mount --bind "$1" /run', "sh", str(FOLDER)]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return command
    raise PcscdMissing(
        "no mount namespace may be made here: run the tests as root, or allow user namespaces: "
        "`sysctl kernel.unprivileged_userns_clone=1` (Ubuntu: `sysctl kernel.apparmor_restrict_unprivileged_userns=0`)"
    )


@functools.cache
def _compiled(name: str) -> Path:
    """The library made from a C source beside this file."""
    target, source = FOLDER / f"{name}.so", _HERE / f"{name}.c"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-I/usr/include/PCSC", "-o", str(target), str(source), "-ldl"]
    build = subprocess.run(command, capture_output=True, text=True, check=False)
    assert build.returncode == 0, f"{source} does not compile ({APT}):\n{build.stderr}"
    return target


@functools.cache
def _help(program: str) -> str:
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout


def _which(name: str) -> str | None:
    """Also looks where Debian keeps daemons, which is not on everybody's path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _find(name: str) -> str:
    path = _which(name)
    assert path is not None, f"{name} is not installed: {APT}"
    return path


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _make_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tagsmith-pcscd-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


FOLDER = _make_folder()
"""Where this process's pcscd lives."""
os.environ["PCSCLITE_CSOCK_NAME"] = str(FOLDER / "run" / "pcscd" / "pcscd.comm")
