"""A reader that nfcpy holds open: how it is opened, looked at and closed.

It owns what nfcpy must be helped with. Errors leave it as nfcpy raised them; `nfcpy_errors` says what they mean.

- A serial port is opened exclusively and by its real path, which nfcpy's own search would not find.
- Its frames are looked at more strictly: a zero that noise puts into one shifts it by a byte without changing its sum,
  and nfcpy, which does not look at the end, would take another UID out of it.
- A chip that a killed process left at a high baud rate is brought back to 115200, where nfcpy begins.
- InListPassiveTarget asks for as many targets as the chip can list; nfcpy always asks for one, so that the second card
  of two is never seen. It costs no command more.
- `sense` switches the field off when it begins and when it found nothing. Where the last command did so already, it
  is not sent again: a look at an empty field takes three commands of the chip and not four.
- Closing does not put a PN532 into power-down. Boards and ACR122Us do not wake up from it and stay mute until they are
  plugged anew (github.com/nfcpy/nfcpy, issues 154, 186, 231); the field is switched off instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagsmith.errors import ReaderUnsupported
from tagsmith.lines import nodes
from tagsmith.lines.usb import UsbDevice
from tagsmith.model import Tag, Trouble
from tagsmith.readers.nfcpy_errors import MODULES, Garbled, Meaning, busy, meaning
from tagsmith.readers.nfcpy_spec import Udp
from tagsmith.readers.nfcpy_tags import JEWEL, listed, tag_of

_log = logging.getLogger(__name__)

_IN_LIST_PASSIVE_TARGET = 0x4A
_LISTED = b"\x4b"
_BRTY = {"106A": 0, "212F": 1, "424F": 2, "106B": 3}
_ACK = bytes.fromhex("0000ff00ff00")
_PREAMBLE = bytes(10)
_SLOW_DOWN = bytes.fromhex("0000ff03fdd41004 1800")
"""SetSerialBaudRate to 115200 (UM0701-02 §7.2.7)."""
_SLOWED_DOWN = bytes.fromhex("0000ff02fed511 1a00")
_BAUD = 115200
_FAST_BAUDS = (921600, 460800, 230400)
"""What nfcpy may have set, its favourite first."""
_STRAGGLER_S = 0.001
"""Ten bytes' time at the slowest rate; what a serial bridge holds back it hands over in one piece."""
_ACK_MS = 100
# The USB of a Raspberry Pi may hold the first data of a serial bridge back for a second (nfc/clf/pn532.py).
_FIRST_ACK_MS = 1500
_RETRY = frozenset({Meaning.SILENT, Meaning.GARBLED, Meaning.REFUSED, Meaning.GONE})


@dataclass(frozen=True, slots=True)
class Library:
    """nfcpy's modules, as they were loaded: `nfc.clf`, `nfc.clf.transport`, and the serial drivers by name."""

    clf: Any
    transport: Any
    drivers: Mapping[str, Any]


class NfcDevice:
    """An open reader. `sees_two` says whether its chip lists two cards of type A."""

    def __init__(self, library: Library, frontend: Any, technologies: Sequence[str], transport: Any = None) -> None:
        self._frontend = frontend
        chipset: Any = getattr(frontend.device, "chipset", None)  # the udp driver has none
        self._chipset = chipset
        self._transport = transport if transport is not None else getattr(chipset, "transport", None)
        self._targets = [library.clf.RemoteTarget(technology) for technology in technologies]
        self._limit: int = getattr(self._chipset, "in_list_passive_target_max_target", 1)
        self._listed: list[Tag] = []
        self._field_off = False
        if hasattr(chipset, "in_list_passive_target"):
            chipset.in_list_passive_target = self._list
            self._switch_off = frontend.device.mute
            frontend.device.mute = self._mute
        try:
            self._prove(technologies)
        except BaseException:
            try:
                self.close()
            except Exception as error:  # noqa: BLE001 - the first error is the one that counts
                _log.debug("closing what could not be used: %s", error)
            raise

    @property
    def name(self) -> str:
        """What the device says of itself."""
        device = self._frontend.device
        words = dict.fromkeys(filter(None, (device.vendor_name, device.product_name, device.chipset_name)))
        return "".join(character for character in " ".join(words) if character.isprintable())

    @property
    def sees_two(self) -> bool:
        """Two cards of type A are seen as two."""
        return self._limit > 1

    def look(self) -> tuple[Tag, ...] | Trouble:
        """What is in the field, by one `sense` for each technology; each begins with the field switched off.

        Raises:
            Garbled, and whatever nfcpy raises.
        """
        tags: list[Tag] = []
        trouble: Trouble | None = None
        for target in self._targets:
            self._listed = []
            found = self._frontend.sense(target)
            # The chip's own list has lengths, which are checked; nfcpy takes whatever follows for the UID.
            if self._listed:
                tags += self._listed
            elif found is not None:
                tag = tag_of(found)
                if isinstance(tag, Tag):
                    tags.append(tag)
                else:
                    trouble = tag
        return tuple(tags) if trouble is None else trouble

    def close(self) -> None:
        """Switch the field off and free the device, whatever state it is in; what goes wrong on the way is raised."""
        frontend, transport = self._frontend, self._transport
        device, self._transport = frontend.device, None
        if hasattr(self._chipset, "power_down"):
            self._chipset.power_down = lambda **_: type(device).mute(device)
        try:
            frontend.close()
        finally:
            frontend.device = None
            _free(transport)

    def _prove(self, technologies: Sequence[str]) -> None:
        """Look once, so that a reader that cannot do it fails now.

        Raises:
            ReaderUnsupported: the chip does not know one of the technologies.
        """
        known = getattr(self._chipset, "in_list_passive_target_brty_range", None)
        unknown = [name for name in technologies if known is not None and _BRTY[name] not in known]
        if unknown:
            raise ReaderUnsupported(f"{self.name} cannot read {', '.join(unknown)}", "take it out of tech=")
        try:
            self.look()
        except Exception as error:
            if self._limit == 1 or meaning(error) is not Meaning.REFUSED:
                raise
            _log.info("%s refuses to list two targets; it is asked for one", self.name)
            self._limit = 1
            self.look()

    def _list(self, _: int, brty: int, initiator_data: bytes) -> bytearray | None:
        """In the place of the chipset's `in_list_passive_target`, which asks for one target and measures nothing."""
        # Also after a list that failed: the next look then begins with a command of another code, which keeps a list
        # that comes too late from being taken for the next one.
        self._field_off = False
        wanted = 1 if brty == JEWEL else self._limit
        data = bytearray([wanted, brty]) + initiator_data
        answer = self._chipset.command(_IN_LIST_PASSIVE_TARGET, data, timeout=1.0)
        pieces, tags = listed(bytes(answer or b""), brty)
        self._listed += tags
        return bytearray(pieces[0]) if pieces else None

    def _mute(self) -> None:
        """In the place of the device's `mute`, which does not know whether the field is off."""
        if not self._field_off:
            self._switch_off()
            self._field_off = True


# --- opening ------------------------------------------------------------------------------------------------------


def open_tty(library: Library, path: Path, driver: str, technologies: Sequence[str]) -> NfcDevice:
    """A chip on the serial port of that real path.

    Raises:
        DeviceMissing, DeviceForbidden: the port is not there, or not for this user.
        ReaderBusy: another process has it open.
    """
    if not path.exists():
        raise nodes.missing(path)
    if not nodes.allowed(path):
        raise nodes.forbidden(path)
    if nodes.holders(path):
        raise busy(path)
    port = _exclusive_port(library, path)
    frontend = library.clf.ContactlessFrontend()
    try:
        frontend.device = _started(library.drivers[driver], port, path)
        frontend.device._path = str(path)
        return NfcDevice(library, frontend, technologies, port)
    except BaseException:
        _free(port)
        raise


def open_usb(library: Library, device: UsbDevice, technologies: Sequence[str]) -> NfcDevice:
    """A reader on USB.

    Raises:
        DeviceMissing, DeviceForbidden: it is not there, or not for this user.
        ReaderBusy: a driver of the kernel or another process holds it.
        ReaderUnsupported: nfcpy does not know it.
    """
    if not device.node.exists():
        raise nodes.missing(device.node)
    if not nodes.allowed(device.node):
        raise nodes.forbidden(device.node)
    if any(driver in MODULES for driver in device.drivers):
        raise busy(device.node, device.drivers)
    frontend = library.clf.ContactlessFrontend()
    # By its place, in full: otherwise nfcpy says "no such device" where it means "no permission".
    if not frontend.open(f"usb:{device.bus:03d}:{device.address:03d}"):
        raise ReaderUnsupported(f"nfcpy cannot use {device.ids}", "choose another reader: `tagsmith readers`")
    return NfcDevice(library, frontend, technologies)


def open_udp(library: Library, wanted: Udp, technologies: Sequence[str]) -> NfcDevice:
    """nfcpy's simulated reader. A partner that says nothing shows as an empty reader, and each look takes a second."""
    frontend = library.clf.ContactlessFrontend()
    frontend.open(f"udp:{wanted.host}:{wanted.port}")
    return NfcDevice(library, frontend, technologies)


def _exclusive_port(library: Library, path: Path) -> Any:
    """nfcpy's serial transport on that path, with the lock that other users of pyserial respect, and strict frames.

    pyserial takes the lock before it changes anything of the port.
    """
    transport = library.transport

    def open_exclusively(self: Any, name: str, baudrate: int = _BAUD) -> None:
        self.close()
        self.tty = transport.serial.Serial(name, baudrate, timeout=0.05, exclusive=True)

    def read_strictly(self: Any, timeout: int) -> bytearray | None:
        frame: bytearray | None = transport.TTY.read(self, timeout)
        if frame is not None and frame != _ACK:
            _check_end(frame, self.tty)
        return frame

    methods = {"open": open_exclusively, "read": read_strictly}
    return type("ExclusiveTTY", (transport.TTY,), methods)(str(path))


def _check_end(frame: bytearray, tty: Any) -> None:
    """See that a frame ends where its length says: with a zero (UM0701-02 §6.2.1.1), and then nothing.

    A frame that is shifted by a byte ends with its checksum, which may be a zero as well. So behind a list of targets,
    where a UID hangs on it, the byte that is left over is waited for.

    Raises:
        Garbled: it does not end there.
    """
    if frame[-1] != 0:
        raise Garbled(f"a frame without its end: {frame.hex()}")
    if frame[6:7] == _LISTED and frame[7:8] != b"\x00":
        time.sleep(_STRAGGLER_S)
        if tty.in_waiting:
            raise Garbled(f"bytes behind the end of a frame: {frame.hex()}")


def _started(driver: Any, port: Any, path: Path) -> Any:
    """nfcpy's device on an open port. If the chip does not answer, it is looked for at higher baud rates."""
    try:
        return driver.init(port)
    except Exception as error:
        if meaning(error) not in _RETRY or not path.exists() or not _slow_down(port, path):
            raise
        _log.info("%s: the chip had been left at a high baud rate", path)
        return driver.init(port)


def _slow_down(port: Any, path: Path) -> bool:
    """Bring a chip back to 115200 baud; whether there was one at another rate. Leaves the port at 115200."""
    first_ms = _FIRST_ACK_MS if path.name.startswith("ttyUSB") else _ACK_MS
    for baud in _FAST_BAUDS:
        port.open(str(path), baud)
        port.write(_ACK + _PREAMBLE + _SLOW_DOWN)  # the acknowledgement ends whatever is under way
        try:
            if port.read(first_ms) == _ACK and port.read(_ACK_MS) == _SLOWED_DOWN:
                port.write(_ACK)
                port.tty.flush()
                time.sleep(0.005)  # the chip changes over when it has the acknowledgement
                port.open(str(path), _BAUD)
                return True
        except (OSError, IndexError) as error:
            _log.debug("%s: nothing at %d baud: %s", path, baud, error)
        first_ms = _ACK_MS
    port.open(str(path), _BAUD)
    return False


def _free(transport: Any) -> None:
    """Close what the operating system gave, without a word to the device. nfcpy leaves it open after some errors."""
    if transport is None:
        return
    if transport.TYPE == "TTY":
        tty, transport.tty = transport.tty, None
        if tty is not None:
            tty.close()
    else:
        transport.close()
