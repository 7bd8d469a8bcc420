"""What PC/SC can do to a reader, each against a real pcscd with a virtual reader.

The rows are those that were measured with pcscd 1.9.9; what cannot be brought about here is in test_pcsc_calls.py.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import smartcard.scard as raw

from readers.conformance import ABSENT, KEY, OTHER, PATIENCE_S, Waiting, reopened, shows, until
from support.pcscd import EVENT, Card, Pcscd, Plan, Slot, VirtualReader
from tagsmith.errors import ReaderBusy, ReaderLost, ReaderMissing
from tagsmith.model import Field, ReaderState, Trouble
from tagsmith.readers import Edge, Pump, ReaderChanged, TagArrived, TagLeft, TagsCollided, create
from tagsmith.readers.pcsc import PcscReader, discover, load
from tagsmith.uid import Technology

pytestmark = pytest.mark.pcsc

NAME = "Event PICC"


@pytest.fixture
def device(pcscd: Pcscd) -> VirtualReader:
    """The virtual reader that tells at once and has a cable."""
    return pcscd.reader(NAME)


@pytest.fixture
def slot(device: VirtualReader) -> Slot:
    """The place a card is laid on."""
    return device.slot


@pytest.fixture
def reader(device: VirtualReader) -> Iterator[PcscReader]:
    """An open reader on it."""
    reader = PcscReader(NAME)
    reader.open()
    yield reader
    reader.close()


class Stream:
    """The edges of a pump as they come."""

    def __init__(self, spec: str) -> None:
        self._queue: queue.SimpleQueue[Edge] = queue.SimpleQueue()
        self.seen: list[Edge] = []
        self.pump = Pump(create(spec), self._queue.put)

    def next(self, kind: type[Any]) -> Any:
        """The next edge of that kind; others are passed over."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            edge = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            self.seen.append(edge)
            if isinstance(edge, kind):
                return edge


@pytest.fixture
def edges(device: VirtualReader) -> Iterator[Stream]:
    """A running pump on the device, its reader open."""
    stream = Stream(f"pcsc:{NAME}")
    stream.pump.start()
    assert stream.next(ReaderChanged).status.state is ReaderState.READY
    yield stream
    assert stream.pump.close(PATIENCE_S), "the pump does not end"


class Counting:
    """pyscard, with its calls counted."""

    def __init__(self) -> None:
        self._scard = load()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._scard, name)

        def call(*arguments: Any) -> Any:
            self.calls.append(name)
            return function(*arguments)

        return call


class Neighbour:
    """Another program's connection to the card, by pyscard's own calls."""

    def __init__(self, name: str, share: int) -> None:
        code, self.context = raw.SCardEstablishContext(raw.SCARD_SCOPE_SYSTEM)
        assert code == 0
        full = next(found for found in raw.SCardListReaders(self.context, [])[1] if found.startswith(name))
        deadline = time.monotonic() + PATIENCE_S
        while True:
            code, self.card, self.protocol = raw.SCardConnect(self.context, full, share, 3)
            if code == 0:
                return
            assert time.monotonic() < deadline, f"cannot connect: {code:#x}"
            time.sleep(0.02)

    def transmit(self) -> int:
        """Talk to the card."""
        code: int = raw.SCardTransmit(self.card, self.protocol, [0xFF, 0xCA, 0, 0, 0])[0]
        return code

    def leave(self, disposition: int = raw.SCARD_LEAVE_CARD) -> None:
        """Let go of the card."""
        raw.SCardDisconnect(self.card, disposition)
        raw.SCardReleaseContext(self.context)


def wait_command(slot: Slot, before: int) -> None:
    """Return once the card has been asked for its UID again."""
    deadline = time.monotonic() + PATIENCE_S
    while len(slot.commands) == before:
        assert time.monotonic() < deadline, "nobody asks the card"
        time.sleep(0.002)


def trouble(field: Field) -> bool:
    """Whether something lies there unread."""
    return field.trouble is not None


# --- the service --------------------------------------------------------------------------------------------------


def test_no_service(pcscd: Pcscd) -> None:
    """Without pcscd the reader is missing, with the line to type; once pcscd is there the same object opens."""
    pcscd.stop()
    reader = create("pcsc:")
    with pytest.raises(ReaderMissing, match="pcscd") as caught:
        reader.open()
    assert "sudo systemctl start pcscd.socket" in caught.value.remedy
    pcscd.start()
    reopened(reader)
    reader.close()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_service_ends_while_waiting(pcscd: Pcscd, slot: Slot, reader: PcscReader, end: str) -> None:
    """pcscd killed or stopped under a wait is a lost reader; opened again (with a new context) it reads."""
    waiting = Waiting(reader)
    getattr(pcscd, end)()
    lost = waiting.joined()
    assert isinstance(lost, ReaderLost)
    assert "systemctl" in lost.remedy
    pcscd.start()
    reopened(reader)
    slot.insert(Card())
    until(reader, shows(KEY))


def test_pump_goes_on_after_a_restart(pcscd: Pcscd, slot: Slot, edges: Stream) -> None:
    """The pump tells the loss, what lay there leaves, and after the restart it arrives again with a new time."""
    slot.insert(Card())
    first = edges.next(TagArrived)
    pcscd.kill()
    assert edges.next(TagLeft).tag == first.tag
    assert edges.next(ReaderChanged).status.state is ReaderState.LOST
    missing = edges.next(ReaderChanged).status
    assert (missing.state, "pcscd" in missing.message) == (ReaderState.MISSING, True)
    pcscd.start()
    back = edges.next(ReaderChanged)
    assert back.status.state is ReaderState.READY
    again = edges.next(TagArrived)
    assert again.tag == first.tag
    assert again.at >= back.at > first.at


# --- the reader ---------------------------------------------------------------------------------------------------


def _missing(reader: PcscReader) -> ReaderMissing:
    """What opening says once pcscd lists no slot of the reader any more; the slots go one after the other."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        reader.close()
        try:
            reader.open()
        except ReaderMissing as error:
            return error
        assert time.monotonic() < deadline, "a slot of the reader stays"
        time.sleep(0.02)


def test_reader_vanishes_without_a_spin(device: VirtualReader, slot: Slot) -> None:
    """A reader pulled under a wait is lost by that very wait, not asked again and again."""
    calls = Counting()
    reader = PcscReader(NAME, scard=lambda: calls)
    reader.open()
    waiting = Waiting(reader)
    device.unplug()
    assert isinstance(waiting.joined(), ReaderLost)
    assert calls.calls.count("SCardGetStatusChange") <= 5
    missing = _missing(reader)
    assert missing.message == f"no reader is called '{NAME}'"
    assert "Polled PICC" in missing.remedy
    device.plug()
    reopened(reader)
    slot.insert(Card())
    until(reader, shows(KEY))
    reader.close()


def test_pump_goes_on_after_a_replug(device: VirtualReader, slot: Slot, edges: Stream) -> None:
    """Pulled and plugged in again, the reader reads on by itself; what lay on it meanwhile arrives once more."""
    slot.insert(Card())
    edges.next(TagArrived)
    device.unplug()
    edges.next(TagLeft)
    assert edges.next(ReaderChanged).status.state is ReaderState.LOST
    device.plug()
    while edges.next(ReaderChanged).status.state is not ReaderState.READY:
        pass
    assert edges.next(TagArrived).tag.uid.wire == KEY


def test_another_reader_coming_and_going_is_no_news(pcscd: Pcscd) -> None:
    """The PnP pseudo-reader tells of every reader; only ours matters."""
    reader = PcscReader("Polled PICC")
    reader.open()
    reader.wait(ABSENT, 0.05)
    waiting = Waiting(reader)
    pcscd.reader(NAME).unplug()
    pcscd.reader(NAME).plug()
    pcscd.reader("Polled PICC").slot.insert(Card())
    field = waiting.joined()
    assert isinstance(field, Field)
    assert shows(KEY)(field)
    reader.close()


def test_no_readers_at_all(pcscd: Pcscd) -> None:
    """With a service but no reader, opening says so at once; a reader that comes is taken."""
    pcscd.stop()
    with Pcscd([Plan("Late PICC", EVENT)]) as bare:
        device = bare.readers[0]
        device.unplug()
        reader = create("pcsc:")
        with pytest.raises(ReaderMissing, match="no PC/SC reader is there"):
            until_raised(reader)
        device.plug()
        device.slot.insert(Card())
        reopened(reader)
        until(reader, shows(KEY))
        reader.close()


def until_raised(reader: Any) -> None:
    """Open until that fails: pcscd needs a moment to see that a cable was pulled."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        reader.open()
        reader.close()
        time.sleep(0.02)


def until_listed(count: int) -> None:
    """Wait until pcscd has so many slots: it answers before it has made the last of them."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := discover()) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_sixteen_readers(pcscd: Pcscd) -> None:
    """With as many readers as pcscd can have, ours still waits (it asks for itself and PnP only) and reads."""
    pcscd.stop()
    with Pcscd([Plan(f"Row {letter} PICC") for letter in "ABCDEFGH"]) as full:
        until_listed(16)
        reader = create("pcsc:Row H PICC")
        reader.open()
        assert len(discover()) == 16
        waiting = Waiting(reader)
        full.reader("Row H PICC").slot.insert(Card())
        field = waiting.joined()
        assert isinstance(field, Field)
        assert shows(KEY)(field)
        reader.close()


def test_sam_and_contact_slots_are_skipped(pcscd: Pcscd) -> None:
    """`pcsc:` takes the contactless slot of a dual reader; a SAM slot is read only when its whole name is given."""
    pcscd.stop()
    names = ("Maker Dual [Dual SAM]", "Maker Dual [Dual ICC]", "Maker Dual [Dual PICC]")
    with Pcscd([Plan(name) for name in names]):
        until_listed(6)
        for spec in ("pcsc:", "pcsc:maker dual"):
            reader = create(spec)
            assert reader.open().name == "Maker Dual [Dual PICC] 00 00"
            reader.close()
        states = {status.spec: status.state for status in discover()}
        assert states["pcsc:Maker Dual [Dual PICC] 00 00"] is ReaderState.READY
        assert states["pcsc:Maker Dual [Dual SAM] 00 00"] is ReaderState.UNSUPPORTED
        with pytest.raises(ReaderMissing, match="only contact and SAM slots are called 'SAM'") as caught:
            create("pcsc:SAM").open()
        assert "Maker Dual [Dual SAM] 00 00" in caught.value.remedy
        exact = create("pcsc:Maker Dual [Dual SAM] 00 00")
        assert exact.open().name == "Maker Dual [Dual SAM] 00 00"
        exact.close()


# --- the card -----------------------------------------------------------------------------------------------------


def test_technology_is_taken_from_the_atr(slot: Slot, reader: PcscReader) -> None:
    """A storage card's ATR names its radio interface; a UID of ISO 15693 is put E0 first and kept as it came."""
    slot.insert(Card())
    field = until(reader, shows(KEY))
    assert field.tags[0].uid.technology is Technology.ISO14443A
    vicinity = bytes.fromhex("3b8f8001804f0ca0000003060b00140000000077")
    slot.insert(Card(uid=bytes.fromhex("1122334455 6604e0"), atr=vicinity))
    field = until(reader, shows("e004665544332211"), field)
    assert field.tags[0].uid.technology is Technology.ISO15693
    assert field.tags[0].raw == "11223344556604e0"


@pytest.mark.parametrize("size", [4, 7, 8, 10])
def test_uid_lengths(slot: Slot, reader: PcscReader, size: int) -> None:
    """UIDs of every length that exists are delivered; judging them is not the reader's business."""
    uid = bytes(range(1, size + 1))
    slot.insert(Card(uid=uid))
    until(reader, shows(uid.hex()))


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (Card(uid=b""), Trouble.NO_UID),
        (Card(uid=b"\x04" * 300), Trouble.NO_UID),
        (Card(bare_status=True, status=b"\x6a\x81"), Trouble.NO_UID),
        (Card(bare_status=True, status=b"\x63\x00"), Trouble.NO_UID),
        (Card(mute=True), Trouble.MUTE),
    ],
    ids=["empty UID", "300 bytes", "function not supported", "failed", "mute"],
)
def test_unreadable_cards(slot: Slot, reader: PcscReader, card: Card, expected: Trouble) -> None:
    """What gives no UID is never a tag: it shows as trouble, and the next good card is read."""
    slot.insert(card)
    field = until(reader, trouble)
    assert (field.tags, field.trouble) == ((), expected)
    slot.insert(Card())
    until(reader, shows(KEY), field)


def test_trouble_ends_with_the_card(slot: Slot, reader: PcscReader) -> None:
    """Taking the unreadable thing away gives absence again."""
    slot.insert(Card(uid=b""))
    field = until(reader, trouble)
    slot.remove()
    assert until(reader, lambda now: not trouble(now), field) == ABSENT


def test_card_torn_away_mid_read(slot: Slot, edges: Stream) -> None:
    """A card gone between the question and its answer is no tag, and the next one is read."""
    commands = len(slot.commands)
    slot.insert(Card(leaves_mid_read=True))
    wait_command(slot, commands)
    slot.insert(Card(uid=bytes.fromhex(OTHER)))
    assert edges.next(TagArrived).tag.uid.wire == OTHER
    assert not [edge for edge in edges.seen if isinstance(edge, TagLeft | TagsCollided)]


def test_late_card_arrives_when_it_came(slot: Slot, reader: PcscReader) -> None:
    """While a card takes its time to answer others go on; the arrival bears the time it was noticed, not read."""
    gate = threading.Event()
    waiting = Waiting(reader)
    commands = len(slot.commands)
    slot.insert(Card(gate=gate))
    wait_command(slot, commands)
    asked = time.monotonic()
    gate.set()
    field = waiting.joined()
    assert isinstance(field, Field)
    assert shows(KEY)(field)
    assert reader.seen_at <= asked


def test_card_held_by_another_program(slot: Slot) -> None:
    """A card that another program holds for itself shows as held; when it lets go (no event tells) it is read."""
    slot.insert(Card())
    neighbour = Neighbour(NAME, raw.SCARD_SHARE_EXCLUSIVE)
    reader = create(f"pcsc:{NAME}")
    reader.open()
    field = until(reader, trouble)
    assert (field.tags, field.trouble) == ((), Trouble.HELD)
    neighbour.leave()
    until(reader, shows(KEY), field)
    reader.close()


def test_pump_tells_that_a_card_is_held(slot: Slot, edges: Stream) -> None:
    """For the worker, a held card is a busy reader that says what to do, once; afterwards the card arrives."""
    edges.pump.close(PATIENCE_S)
    slot.insert(Card())
    neighbour = Neighbour(NAME, raw.SCARD_SHARE_EXCLUSIVE)
    stream = Stream(f"pcsc:{NAME}")
    stream.pump.start()
    assert stream.next(ReaderChanged).status.state is ReaderState.READY
    told = stream.next(ReaderChanged).status
    assert (told.state, told.remedy) == (ReaderState.BUSY, "close that program; this one goes on by itself")
    neighbour.leave()
    assert stream.next(ReaderChanged).status.state is ReaderState.READY
    assert stream.next(TagArrived).tag.uid.wire == KEY
    assert stream.pump.close(PATIENCE_S)


def test_another_program_is_left_alone(slot: Slot, reader: PcscReader) -> None:
    """Our reading neither resets nor unpowers the card under a program that talks to it, too."""
    slot.insert(Card(uid=b"\x04" * 7))
    field = until(reader, shows("04" * 7))
    neighbour = Neighbour(NAME, raw.SCARD_SHARE_SHARED)
    reader.close()
    reader.open()
    field = until(reader, shows("04" * 7))
    assert reader.wait(field, 0.05) is field  # disconnects from the card
    assert neighbour.transmit() == 0
    neighbour.leave()


def test_reset_by_another_program_is_no_news(slot: Slot, reader: PcscReader) -> None:
    """Another program that comes, resets the card and goes changes nothing for us."""
    slot.insert(Card())
    field = until(reader, shows(KEY))
    Neighbour(NAME, raw.SCARD_SHARE_SHARED).leave(raw.SCARD_RESET_CARD)
    Neighbour(NAME, raw.SCARD_SHARE_SHARED).leave(raw.SCARD_UNPOWER_CARD)
    assert reader.wait(field, 0.3) is field


def test_fast_swaps_of_like_cards(slot: Slot, edges: Stream) -> None:
    """Like cards, each replaced the moment it was read: every one arrives, in order, after its forerunner left."""
    uids = [bytes([4, 1, 2, 3, 4, 5, number]) for number in range(50)]
    for uid in uids:
        answers = slot.answers
        slot.insert(Card(uid=uid))
        slot.wait_answer(answers + 1)
    while not (isinstance(edges.next(TagArrived), TagArrived) and edges.seen[-1].tag.uid.data == uids[-1]):
        pass
    came = [edge.tag.uid.data for edge in edges.seen if isinstance(edge, TagArrived)]
    assert came == uids
    kinds = [type(edge) for edge in edges.seen if isinstance(edge, TagArrived | TagLeft)]
    assert kinds == [TagArrived, *[TagLeft, TagArrived] * (len(uids) - 1)]


def test_pump_tells_of_a_mute_card(slot: Slot, edges: Stream) -> None:
    """For the worker, something that cannot be read is a collision and words about what to do."""
    slot.insert(Card(mute=True))
    told = edges.next(ReaderChanged).status
    assert told.state is ReaderState.READY
    assert "take everything away" in told.remedy
    assert edges.next(TagsCollided).tags == ()


# --- finding readers ----------------------------------------------------------------------------------------------


def test_discover(pcscd: Pcscd, reader: PcscReader) -> None:
    """Every reader is listed with a spec that selects just it; one that is held says by whom."""
    found = {status.spec: status for status in discover()}
    assert set(found) == {f"pcsc:{name} 00 0{slot}" for name in ("Polled PICC", NAME) for slot in (0, 1)}
    assert found["pcsc:Polled PICC 00 00"].state is ReaderState.READY
    mine = found[f"pcsc:{NAME} 00 00"]
    assert mine.state is ReaderState.BUSY
    assert "another lane of this station" in mine.message


def test_discover_without_service(pcscd: Pcscd) -> None:
    """Without pcscd one status says so, with the line to type."""
    pcscd.stop()
    (status,) = discover()
    assert status.state is ReaderState.MISSING
    assert "sudo systemctl start pcscd.socket" in status.remedy


def test_first_of_several(pcscd: Pcscd, caplog: pytest.LogCaptureFixture) -> None:
    """A part of a name that fits several readers takes the first, and the log says so."""
    with caplog.at_level("INFO", "tagsmith.readers.pcsc"):
        reader = create("pcsc:picc")
        assert reader.open().name == "Polled PICC 00 00"
    assert "4 readers fit" in caplog.text
    reader.close()


def test_names_part_is_matched_in_any_case(pcscd: Pcscd) -> None:
    """`pcsc:event picc` is the same reader as `pcsc:EVENT PICC`, and its lock is the same, too."""
    reader = create("pcsc:event picc")
    info = reader.open()
    assert info.spec == f"pcsc:{NAME} 00 00"
    with pytest.raises(ReaderBusy):
        create("pcsc:EVENT PICC").open()
    reader.close()
