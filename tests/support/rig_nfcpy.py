"""nfcpy readers for the conformance suite: a PN532 on a terminal, and a partner for nfcpy's `udp` driver."""

from __future__ import annotations

import contextlib
import socket
import threading
from functools import reduce
from operator import xor
from pathlib import Path

from readers.conformance import Rig
from support.pn532 import Pn532, TypeA
from tagsmith.errors import ReaderMissing
from tagsmith.readers import Reader, create


class NfcpyRig(Rig):
    """The real nfcpy on a PN532 that can be unplugged."""

    sees_two = True
    sees_sak = True

    def __init__(self, folder: Path, *, command_s: float = 0.0) -> None:
        self.device = Pn532(folder / "usb-Some.UART_Bridge-if00-port0", command_s=command_s)
        self.spec = self.device.spec

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        self.device.unplug()

    def opened(self) -> Reader:
        """See `Rig.opened`; nfcpy gives the chip 0.1 s for its first answer, and a loaded machine may take longer."""
        for _ in range(9):
            with contextlib.suppress(ReaderMissing):
                return super().opened()
        return super().opened()

    def _make(self) -> Reader:
        return create(self.spec)

    def put(self, uid: str) -> None:
        card = TypeA(bytes.fromhex(uid))
        if self.device.chip.cards:
            self.device.swap(card)
        else:
            self.device.put(card)

    def remove(self) -> None:
        self.device.put()

    def lose(self) -> None:
        self.device.unplug()

    def restore(self) -> None:
        self.device.plug()


class UdpRig(Rig):
    """The real nfcpy on its own `udp` driver. What cannot be unplugged babbles instead."""

    sees_two = False
    sees_sak = True

    def __init__(self) -> None:
        self.partner = Partner()
        self.spec = f"nfcpy:udp:127.0.0.1:{self.partner.port}"

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        self.partner.close()

    def _make(self) -> Reader:
        return create(self.spec)

    def put(self, uid: str) -> None:
        data = bytes.fromhex(uid)
        if self.partner.uid:
            self.partner.coming, self.partner.uid = data, b""
        else:
            self.partner.uid = data

    def remove(self) -> None:
        self.partner.coming = self.partner.uid = b""

    def lose(self) -> None:
        self.partner.babbles = True

    def restore(self) -> None:
        self.partner.babbles = False


class Partner:
    """A card at the other end of nfcpy's `udp` driver: ISO/IEC 14443-3 commands, one in a datagram (nfc/clf/udp.py).

    Without a card it says RFOFF, which ends a look at once; saying nothing would make each take a second.
    """

    def __init__(self) -> None:
        self.uid = b""
        self.coming = b""
        """Laid on as soon as the empty field was looked at."""
        self.sak = 0x20
        self.babbles = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="udp card", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"END", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(1024)
            if data == b"END":
                return
            if not data.startswith(b"106A "):
                continue
            answer = self._answer(bytes.fromhex(data[5:].decode()))
            with contextlib.suppress(OSError):
                self._socket.sendto(answer, sender)

    def _answer(self, command: bytes) -> bytes:
        if self.babbles:
            return b"106A not-hex"
        if not self.uid:
            self.uid, self.coming = self.coming, b""
            return b"RFOFF"
        if command == b"\x26":
            return b"106A 4403"
        level = (0x93, 0x95, 0x97).index(command[0])
        parts = self._parts()
        if command[1] == 0x20:
            return b"106A " + (parts[level] + bytes([reduce(xor, parts[level])])).hex().encode()
        last = level == len(parts) - 1
        return b"106A " + bytes([self.sak if last else 0x04]).hex().encode()

    def _parts(self) -> list[bytes]:
        """The UID in cascade levels, 88 in front of what is not the last."""
        uid, parts = self.uid, []
        while len(uid) > 4:
            parts.append(b"\x88" + uid[:3])
            uid = uid[3:]
        return [*parts, uid]
