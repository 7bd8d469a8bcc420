"""Bad wire between the real nfcpy and a PN532: what is made good, what becomes a loss, and that no frame that was
mangled, cut, shifted or late ever becomes a UID."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nfc.clf
import nfc.clf.pn532
import nfc.clf.transport
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers.conformance import KEY, OTHER, shows, until
from support.pn532 import ACK, IN_LIST, RF_CONFIGURATION, Bad, Chip, Fault, TypeA, frame
from support.rig_nfcpy import NfcpyRig
from tagsmith.errors import ReaderLost
from tagsmith.model import Field, Tag
from tagsmith.readers import Reader
from tagsmith.readers.nfcpy_device import Library, NfcDevice, _exclusive_port
from tagsmith.readers.nfcpy_errors import PASSING, meaning

COPED_WITH = (Bad.LOST_ACK, Bad.SPLIT)
"""What nfcpy makes good by itself."""
OFTEN = (*COPED_WITH, Bad.NACK, Bad.CHECKSUM, Bad.ERROR_FRAME, Bad.NOISE_ANSWER)
"""The rest of what may last is proved by the long suite."""
BADS = [bad for bad in Bad if bad is not Bad.LOST and bad is not Bad.LATE]
# nfcpy waits a second for the rest of a list.
QUICK = [pytest.param(bad, marks=pytest.mark.long) if bad is Bad.TRUNCATED else bad for bad in BADS]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[NfcpyRig]:
    """A PN532 on a terminal."""
    with NfcpyRig(tmp_path) as made:
        assert isinstance(made, NfcpyRig)
        yield made


def watched(reader: Reader, last: Field = Field(), seconds: float = 0.3) -> list[str]:  # noqa: B008 - frozen
    """The UIDs that come up meanwhile."""
    seen: list[str] = []
    for _ in range(int(seconds / 0.05)):
        field = reader.wait(last, 0.05)
        seen += [tag.uid.wire for tag in field.tags if field is not last]
        last = field
    return seen


@pytest.mark.parametrize("bad", QUICK)
def test_one_bad_exchange_is_made_good(rig: NfcpyRig, bad: Bad) -> None:
    """After one exchange that went wrong, the key comes up, whole, with the device held open."""
    reader = rig.opened()
    opened = rig.device.chip.commands.count(0x14)
    rig.put(KEY)
    rig.device.chip.faults = [Fault(bad)]
    field = until(reader, lambda field: field != Field())
    assert shows(KEY)(field)
    assert rig.device.chip.faults == []
    assert rig.device.chip.commands.count(0x14) == opened


@pytest.mark.parametrize("command", [IN_LIST, RF_CONFIGURATION])
def test_a_key_that_lies_there_does_not_flap(rig: NfcpyRig, command: int) -> None:
    """A bad exchange of any kind while a key rests on the reader is no news at all."""
    reader = rig.opened()
    rig.put(KEY)
    field = until(reader, shows(KEY))
    for bad in BADS:
        if bad is Bad.TRUNCATED and command == IN_LIST:
            continue  # takes a second
        rig.device.chip.faults = [Fault(bad, command=command)]
        while rig.device.chip.faults:
            assert reader.wait(field, 0.02) is field, bad
        looks = rig.device.chip.looks
        while rig.device.chip.looks < looks + 2:  # the wire is good again
            assert reader.wait(field, 0.02) is field, bad


@pytest.mark.parametrize("bad", [bad if bad in OFTEN else pytest.param(bad, marks=pytest.mark.long) for bad in BADS])
def test_a_wire_that_stays_bad(rig: NfcpyRig, bad: Bad) -> None:
    """A wire that stays bad is a loss with words for a worker, except where nfcpy copes; never another UID."""
    reader = rig.opened()
    rig.put(KEY)
    # For the rest of other answers nfcpy waits a tenth of a second.
    rig.device.chip.faults = [Fault(bad, times=20, command=RF_CONFIGURATION if bad is Bad.TRUNCATED else IN_LIST)]
    if bad in COPED_WITH:
        assert shows(KEY)(until(reader, lambda field: field != Field()))
        return
    with pytest.raises(ReaderLost) as caught:
        until(reader, lambda field: field != Field() and not shows(KEY)(field))
    assert caught.value.remedy


def test_answers_that_stay_away(rig: NfcpyRig) -> None:
    """A chip that acknowledges and never answers is a loss."""
    reader = rig.opened()
    rig.device.chip.faults = [Fault(Bad.LOST, times=20, command=RF_CONFIGURATION)]
    with pytest.raises(ReaderLost, match="does not answer"):
        until(reader, lambda field: field != Field())


def test_a_late_answer_is_not_the_next_one(rig: NfcpyRig) -> None:
    """The list of a key that lay there, too late to be waited for, does not come up when the key is long gone."""
    reader = rig.opened()
    rig.put(KEY)
    rig.device.chip.faults = [Fault(Bad.LATE, seconds=1.02)]
    assert reader.wait(Field(), 0.01) == Field()  # which takes the second that nfcpy waits
    rig.device.put(TypeA(bytes.fromhex(OTHER)))
    assert set(watched(reader)) == {OTHER}


def test_noise_between_looks(rig: NfcpyRig) -> None:
    """What comes while nobody asked is thrown away; a whole frame of a key that is not there as well."""
    reader = rig.opened()
    stranger = frame(b"\x4b\x01\x01" + TypeA(bytes.fromhex(OTHER)).target())
    for noise in (b"\x00", b"\xff" * 40, ACK, stranger, ACK + stranger, stranger[:9]):
        rig.device.babble(noise)
        assert OTHER not in watched(reader, seconds=0.05)
    rig.put(KEY)
    until(reader, shows(KEY))


def test_bytes_that_belong_to_no_uid(rig: NfcpyRig) -> None:
    """A card's further data (an ATS) behind a UID of four bytes does not make one of seven."""
    reader = rig.opened()
    rig.device.put(TypeA(bytes.fromhex("1a2b3c4d"), extra=bytes.fromhex("020304")))
    with pytest.raises(ReaderLost):
        until(reader, lambda field: field != Field())


# --- every single disturbance of the one answer that matters --------------------------------------------------------


class Wire:
    """nfcpy's serial transport in memory: the chip's bytes, disturbed by `disturb`, as pyserial would give them."""

    def __init__(self) -> None:
        self.chip = Chip(self._came)
        self.disturb: Any = None
        self.timeout = 0.0
        self._inflow = b""

    def _came(self, data: bytes) -> None:
        self._inflow += self.disturb(data) if self.disturb is not None and data[5:7] == b"\xd5\x4b" else data

    @property
    def in_waiting(self) -> int:
        return len(self._inflow)

    def read(self, size: int) -> bytes:
        taken, self._inflow = self._inflow[:size], self._inflow[size:]
        return taken

    def write(self, data: bytes) -> None:
        self.chip.feed(bytes(data))

    def flushInput(self) -> None:
        self._inflow = b""

    def flushOutput(self) -> None: ...
    def close(self) -> None: ...


@pytest.fixture(scope="module")
def wired() -> tuple[Wire, NfcDevice]:
    """A device on a wire in memory, past its opening."""
    wire = Wire()
    library = Library(nfc.clf, nfc.clf.transport, {"pn532": nfc.clf.pn532})

    pyserial = SimpleNamespace(Serial=lambda *_, **__: wire)
    transport = SimpleNamespace(TTY=nfc.clf.transport.TTY, serial=pyserial)
    port = _exclusive_port(Library(nfc.clf, transport, {}), Path("/dev/null"))
    frontend = nfc.clf.ContactlessFrontend()
    chipset = nfc.clf.pn532.Chipset(port, logger=nfc.clf.pn532.log)
    frontend.device = nfc.clf.pn532.Device(chipset, logger=nfc.clf.pn532.log)
    return wire, NfcDevice(library, frontend, ["106A"], port)


def looked_at(wire: Wire, device: NfcDevice, uid: bytes, disturb: Any) -> list[bytes]:
    """The UIDs that one look with a disturbed answer gives; none where it fails in a way that stands in the table."""
    wire.chip.cards = (TypeA(uid),)
    wire.disturb = disturb
    try:
        seen = device.look()
    except Exception as error:
        if meaning(error) not in PASSING:
            raise
        return []
    finally:
        wire.disturb = None
    assert isinstance(seen, tuple)
    assert all(isinstance(tag, Tag) for tag in seen)
    return [tag.uid.data for tag in seen]


UIDS = st.sampled_from((4, 7, 10)).flatmap(lambda size: st.binary(min_size=size, max_size=size))


@given(uid=UIDS, at=st.integers(0, 30), value=st.integers(1, 255))
@settings(max_examples=120, deadline=None)
def test_a_byte_turned_over(wired: tuple[Wire, NfcDevice], uid: bytes, at: int, value: int) -> None:
    """One byte of the answer changed, anywhere: the true UID or none."""

    def disturb(data: bytes) -> bytes:
        place = at % len(data)
        return data[:place] + bytes([data[place] ^ value]) + data[place + 1 :]

    assert looked_at(*wired, uid, disturb) in ([], [uid])


@given(uid=UIDS, at=st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_a_byte_lost(wired: tuple[Wire, NfcDevice], uid: bytes, at: int) -> None:
    """One byte of the answer missing, anywhere: the true UID or none."""
    assert looked_at(*wired, uid, lambda data: data[: at % len(data)] + data[at % len(data) + 1 :]) in ([], [uid])


@given(uid=UIDS, at=st.integers(0, 30), value=st.sampled_from((0x00, 0x00, 0xFF, 0xD5, 0x55)))
@settings(max_examples=120, deadline=None)
def test_a_byte_too_many(wired: tuple[Wire, NfcDevice], uid: bytes, at: int, value: int) -> None:
    """One byte put into the answer, anywhere, above all the zero that a glitch on the line makes: the sum stays good,
    everything behind it is shifted, and still it is the true UID or none."""

    def disturb(data: bytes) -> bytes:
        place = at % len(data)
        return data[:place] + bytes([value]) + data[place:]

    assert looked_at(*wired, uid, disturb) in ([], [uid])


def test_a_zero_too_many_where_the_checksum_is_zero(wired: tuple[Wire, NfcDevice]) -> None:
    """The one answer in 256 whose checksum is itself zero: what stands behind its end gives the shift away."""
    head = TypeA(bytes(7)).target()[:4]
    for last in range(256):
        uid = bytes.fromhex("04a1b2c3d4e5") + bytes([last])
        if sum(b"\xd5\x4b\x01\x01" + head + uid) & 0xFF == 0:
            break
    else:
        pytest.fail("there is one")
    assert looked_at(*wired, uid, None) == [uid]
    for place in range(20):
        got = looked_at(*wired, uid, lambda data, at=place: data[:at] + b"\x00" + data[at:])
        assert got in ([], [uid])


@given(uid=UIDS, length=st.integers(0, 24))
@settings(max_examples=100, deadline=None)
def test_an_answer_cut_off(wired: tuple[Wire, NfcDevice], uid: bytes, length: int) -> None:
    """An answer that ends anywhere before its end: none."""
    assert looked_at(*wired, uid, lambda data: data[: min(length, len(data) - 1)]) == []
