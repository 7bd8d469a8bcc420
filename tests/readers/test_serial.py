"""readers/serial.py: presence made of frames, on a scripted port and a clock of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.scripted_port import Clock, ScriptedPort
from tagsmith.errors import DeviceLost, DeviceMissing, ReaderLost, ReaderMissing, ReaderUnsupported
from tagsmith.lines.nodes import Holder
from tagsmith.lines.ports import PortInfo
from tagsmith.model import Field, ReaderState, Tag, Trouble
from tagsmith.readers import serial as module
from tagsmith.readers.pump import Edge, Pump, ReaderChanged, TagArrived, TagLeft, TagsCollided
from tagsmith.readers.serial import DUMB, SerialReader, discover
from tagsmith.readers.serial_spec import plan
from tagsmith.uid import Uid

KEY, OTHER = "04a1b2c3d4e5f6", "0499887766554a"


class Rig:
    """A reader of a spec's options on a scripted port, opened, with the line silent since."""

    def __init__(self, options: str) -> None:
        self.clock = Clock()
        self.port = ScriptedPort(self.clock)
        self.reader = SerialReader(f"/dev/ttyTEST0?{options}", clock=self.clock, port=lambda _: self.port)
        self.info = self.reader.open()
        self.field = Field()
        if "twn4" not in options:
            self.wait(0.5)

    def wait(self, timeout_s: float = 5.0) -> Field:
        """The next news, or the field as it is."""
        self.field = self.reader.wait(self.field, timeout_s)
        return self.field

    def send(self, *uids: str, after_s: float = 0.01) -> None:
        """Lines of hex in one chunk."""
        self.port.play([(after_s, "".join(f"{uid}\r\n" for uid in uids).encode())])


@pytest.fixture
def rigs() -> Iterator[list[Rig]]:
    """Rigs that are closed at the end: a reader's lock is a file of this machine."""
    made: list[Rig] = []
    yield made
    for rig in made:
        rig.reader.close()


@pytest.fixture
def once(rigs: list[Rig]) -> Rig:
    """A reader that speaks once per tap."""
    rigs.append(Rig("length=7&stay=0.3"))
    return rigs[-1]


@pytest.fixture
def repeat(rigs: list[Rig]) -> Rig:
    """A reader that repeats itself while a key lies there."""
    rigs.append(Rig("length=7&mode=repeat&stay=0.6"))
    return rigs[-1]


def field(uid: str, count: int) -> Field:
    """A field with one key."""
    return Field((Tag(Uid.from_hex(uid), raw=uid),), count)


def no_uid(count: int) -> Field:
    """A field with something that gives no UID."""
    return Field((), count, Trouble.NO_UID)


def test_a_tap_is_there_for_a_short_stay(once: Rig) -> None:
    """From the frame's last byte on; then the field is empty, and says since when."""
    once.send(KEY, after_s=0.2)
    sent_at = once.clock.now + 0.2
    assert once.wait() == field(KEY, 1)
    assert once.reader.seen_at == pytest.approx(sent_at)
    assert once.clock.now == pytest.approx(sent_at)
    assert once.wait() == Field()
    assert once.reader.seen_at == pytest.approx(sent_at + 0.3)
    assert once.wait(1.0) is once.field


def test_the_last_byte_counts(once: Rig) -> None:
    """A line that comes byte by byte is known when its terminator is there, and not before."""
    started = once.clock.now
    once.port.play((0.001 * place, bytes([byte])) for place, byte in enumerate(f"{KEY}\r".encode(), 1))
    assert once.wait() == field(KEY, 1)
    assert once.reader.seen_at == pytest.approx(started + 0.015)


def test_the_same_key_tapped_twice_is_two_arrivals(once: Rig) -> None:
    """Within the stay it shows by its count, after it by the absence between."""
    once.send(KEY)
    once.send(KEY, after_s=0.2)
    once.send(KEY, after_s=2.0)
    assert [once.wait() for _ in range(5)] == [field(KEY, 1), field(KEY, 2), Field(), field(KEY, 3), Field()]


def test_a_second_tap_makes_the_stay_longer(once: Rig) -> None:
    """The stay counts from the last frame."""
    started = once.clock.now
    once.send(KEY, after_s=0.1)
    once.send(KEY, after_s=0.3)
    for _ in range(3):
        once.wait()
    assert once.field == Field()
    assert once.reader.seen_at == pytest.approx(started + 0.6)


def test_another_key_within_the_stay_takes_its_place(once: Rig) -> None:
    """There is no absence between two keys that are tapped quickly."""
    once.send(KEY)
    once.send(OTHER, after_s=0.1)
    assert [once.wait() for _ in range(3)] == [field(KEY, 1), field(OTHER, 2), Field()]


def test_two_keys_in_one_chunk_are_both_shown(once: Rig) -> None:
    """A busy machine that reads late misses none."""
    once.send(KEY, OTHER, KEY)
    assert [once.wait() for _ in range(4)] == [field(KEY, 1), field(OTHER, 2), field(KEY, 3), Field()]


def test_a_key_stays_while_its_frames_go_on(repeat: Rig) -> None:
    """Repeated frames are no news; after the last one the key is gone when the stay is over."""
    started = repeat.clock.now
    for beat in range(1, 21):
        repeat.send(KEY, after_s=beat / 10)
    assert repeat.wait() == field(KEY, 1)
    assert repeat.wait(10) == Field()
    assert repeat.reader.seen_at == pytest.approx(started + 2.0 + 0.6)
    repeat.send(KEY)
    assert repeat.wait() == field(KEY, 2)


def test_a_swap_on_a_repeating_reader_is_seen(repeat: Rig) -> None:
    """Another UID ends the stay of the one before at once."""
    repeat.send(KEY, KEY)
    repeat.send(OTHER, OTHER, after_s=0.1)
    assert [repeat.wait() for _ in range(3)] == [field(KEY, 1), field(OTHER, 2), Field()]


# --- frames that are no UIDs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["04a1b2c3", f"{KEY}{KEY}", "zz", "01303691382875638"])
def test_a_frame_that_is_no_uid_is_shown_for_a_stay(once: Rig, line: str) -> None:
    """Another length, glued lines, what is not hex, decimal for hex: a reader that is set wrong shows at once."""
    once.send(line, after_s=0.1)
    sent_at = once.clock.now + 0.1
    assert once.wait() == no_uid(1)
    assert once.reader.seen_at == pytest.approx(sent_at)
    assert once.wait() == Field()
    assert once.reader.seen_at == pytest.approx(sent_at + 0.3)


def test_a_key_that_was_not_read_takes_the_place_of_the_one_before(once: Rig) -> None:
    """The one before is gone at once: what is scanned next is not its number."""
    once.send(KEY)
    once.send("04a1b2c3d4e5", after_s=0.1)
    assert [once.wait() for _ in range(3)] == [field(KEY, 1), no_uid(2), Field()]


def test_a_torn_frame_is_shown_when_it_is_known_to_be_torn(once: Rig) -> None:
    """After a silence, and for a whole stay from then on; the time shown never lies before what was shown already."""
    started = once.clock.now
    once.send(KEY)
    once.port.play([(0.3, KEY[:8].encode())])
    assert [once.wait() for _ in range(3)] == [field(KEY, 1), Field(), no_uid(2)]
    assert once.clock.now == pytest.approx(started + 0.3 + 0.25)
    assert once.reader.seen_at == pytest.approx(started + 0.01 + 0.3)
    assert once.wait() == Field()
    assert once.clock.now == pytest.approx(started + 0.3 + 0.25 + 0.3)


def _told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the reader itself has said, as far as an operator hears it."""
    return [one for one in caplog.records if one.name.endswith("serial") and one.levelno >= logging.INFO]


def test_what_was_under_way_when_the_port_was_opened_is_not_shown(once: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Its beginning was not heard, and nobody tapped: neither news nor a warning; later it is both."""
    once.reader.close()
    once.reader.open()
    once.port.play([(0.01, KEY[4:].encode() + b"\r")])
    with caplog.at_level(logging.INFO, "tagsmith.readers.serial"):
        assert once.reader.wait(Field(), 3.0) == Field()
        assert not _told(caplog)
        once.port.play([(0.01, KEY[4:].encode())])
        assert once.reader.wait(Field(), 3.0).trouble is Trouble.NO_UID
    assert len(_told(caplog)) == 1


def test_one_spoilt_frame_of_a_reader_that_repeats_itself_costs_nothing(repeat: Rig) -> None:
    """The next frame is waited for, whether a key lies there already or comes."""
    repeat.send("zz", KEY)
    repeat.send("zz", after_s=0.1)
    repeat.send(KEY, after_s=0.2)
    repeat.send("zz", after_s=0.3)
    repeat.send(KEY, after_s=0.4)
    assert [repeat.wait() for _ in range(3)] == [field(KEY, 1), Field(), Field()]


def test_one_spoilt_frame_behind_which_nothing_comes_is_shown(repeat: Rig) -> None:
    """A key that was there for one frame only is not passed over: the one before it counts no longer."""
    started = repeat.clock.now
    repeat.send(KEY, after_s=0.1)
    repeat.send("zz", after_s=0.2)
    assert [repeat.wait() for _ in range(3)] == [field(KEY, 1), Field(), no_uid(2)]
    assert repeat.reader.seen_at == pytest.approx(started + 0.2 + 0.6)
    assert repeat.wait() == Field()
    assert repeat.reader.seen_at == pytest.approx(started + 0.2 + 0.6 + 0.6)


def test_spoilt_frames_that_go_on_are_shown(repeat: Rig) -> None:
    """The second in a row is news, those behind it are none; they end with the stay after the last."""
    started = repeat.clock.now
    for beat in range(1, 11):
        repeat.send("04a1b2c3", after_s=beat / 10)
    assert repeat.wait() == no_uid(1)
    assert repeat.clock.now == pytest.approx(started + 0.2)
    assert repeat.wait() == Field()
    assert repeat.reader.seen_at == pytest.approx(started + 1.0 + 0.6)


def test_what_is_no_uid_is_said_aloud_once_until_a_good_one_comes(once: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A line may have much noise, and the log is read by people."""
    once.send(KEY)
    once.send("04a1b2c3d4e5", "zz", after_s=0.1)
    with caplog.at_level(logging.DEBUG, "tagsmith.readers.serial"):
        for _ in range(4):
            once.wait()
        once.send(KEY)
        once.wait()
        once.send("04a1b2c3d4e5", after_s=1.0)
        once.wait()
        once.wait(2.0)
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.DEBUG, logging.WARNING]


def test_bytes_that_never_make_a_frame_are_said(once: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The wrong baud rate shows in the log, not by nothing."""
    once.port.play((0.001 * place, b"\xfe\x81") for place in range(1, 150))
    with caplog.at_level(logging.WARNING, "tagsmith.readers.serial"):
        once.wait(0.2)
    assert [record.getMessage() for record in caplog.records if "no frame" in record.getMessage()]


def test_half_a_frame_is_not_glued_to_the_next(once: Rig) -> None:
    """A frame that lost its end is dropped after a silence."""
    once.port.play([(0.01, KEY[:8].encode())])
    once.send(OTHER, after_s=2.0)
    assert [once.wait() for _ in range(3)] == [no_uid(1), Field(), field(OTHER, 2)]


def test_nothing_is_polled_while_nothing_comes(once: Rig) -> None:
    """Ten silent seconds are a read or two: it blocks."""
    before = once.port.reads
    once.wait(10.0)
    assert once.port.reads - before <= 2


def test_a_frame_without_an_end_mark_is_known_after_a_pause(rigs: list[Rig]) -> None:
    """Its time is that of its last byte all the same."""
    rigs.append(rig := Rig("frame=length-prefixed&length=7&quiet=0.02"))
    started = rig.clock.now
    rig.port.play([(0.1, b"\x07" + bytes.fromhex(KEY))])
    assert rig.wait() == field(KEY, 1)
    assert rig.reader.seen_at == pytest.approx(started + 0.1)
    assert rig.clock.now == pytest.approx(started + 0.12)


def test_a_reader_that_is_gone_is_lost(once: Rig) -> None:
    """What the port raises becomes the reader's error, with its remedy; opened again, nothing is known of before."""
    once.send(KEY)
    once.wait()
    once.port.play([(0.01, DeviceLost("/dev/ttyTEST0 was unplugged", "plug it in again"))])
    with pytest.raises(ReaderLost) as caught:
        once.wait()
    assert caught.value.remedy == "plug it in again"
    once.reader.close()
    assert not once.port.is_open
    once.reader.open()
    assert once.reader.wait(Field(), 0.5) == Field()
    once.send(KEY)
    assert once.reader.wait(Field(), 1.0) == field(KEY, 2)


def test_half_a_frame_of_before_a_loss_is_not_glued_to_what_comes_after(rigs: list[Rig]) -> None:
    """Opened again, the line is one of which nothing is known: the rest of a frame is no shorter UID."""
    rigs.append(rig := Rig("length=4,7"))
    rig.port.play([(0.01, KEY[:6].encode()), (0.02, DeviceLost("unplugged", "plug it in"))])
    with pytest.raises(ReaderLost):
        rig.wait()
    rig.reader.close()
    rig.reader.open()
    rig.send(KEY[6:], OTHER)
    assert rig.wait() == field(OTHER, 1)


def test_what_cannot_be_opened_frees_the_lock(once: Rig) -> None:
    """The port's error is the reader's; another try is free to go on."""
    once.reader.close()
    once.port.refuses = DeviceMissing("/dev/ttyTEST0 is not there", "plug it in")
    with pytest.raises(ReaderMissing):
        once.reader.open()
    once.port.refuses = None
    once.reader.open()


def test_what_it_can_is_said(once: Rig, rigs: list[Rig]) -> None:
    """One that speaks when it likes sees no removal; one that is asked does."""
    assert (once.info.name, once.info.spec) == ("/dev/ttyTEST0", once.reader.spec)
    assert (once.info.sees_two, once.info.sees_removal, once.info.sees_sak) == (False, False, False)
    once.reader.close()
    rigs.append(rig := Rig("frame=twn4"))
    assert rig.info.sees_removal


# --- the pump's edges ---------------------------------------------------------------------------------------------


def test_the_pump_makes_two_taps_of_two_taps(once: Rig) -> None:
    """The same key tapped twice, with a hand's pause between, arrives twice and leaves twice."""
    once.reader.close()
    edges: list[object] = []
    pump = Pump(once.reader, edges.append, clock=once.clock, wait_s=0.5)

    def end() -> bytes:
        pump.close()
        return b""

    once.send(KEY, after_s=1.0)
    once.send(KEY, after_s=2.0)
    once.port.play([(4.0, end)])
    pump.run()
    kinds = [type(edge) for edge in edges if isinstance(edge, TagArrived | TagLeft)]
    assert kinds == [TagArrived, TagLeft, TagArrived, TagLeft]


def test_the_pump_tells_of_a_key_without_a_uid_and_goes_on(once: Rig) -> None:
    """A line that is no UID collides and is said in words; the next key arrives as ever."""
    once.reader.close()
    edges: list[Edge] = []
    pump = Pump(once.reader, edges.append, clock=once.clock, wait_s=0.5)

    def end() -> bytes:
        pump.close()
        return b""

    once.send("04a1b2c3", after_s=1.0)
    once.send(KEY, after_s=2.0)
    once.port.play([(4.0, end)])
    pump.run()
    said = [edge.status.message for edge in edges if isinstance(edge, ReaderChanged)]
    assert said == ["", "the key on the reader gives no UID", ""]
    kinds = [type(edge) for edge in edges if not isinstance(edge, ReaderChanged)]
    assert kinds == [TagsCollided, TagArrived, TagLeft]


# --- a reader that is asked ---------------------------------------------------------------------------------------

ASK, NOTHING = b"050010\r", b"0000\r"
FOUND = b"0001803807" + KEY.upper().encode() + b"\r"


@pytest.fixture
def asked(rigs: list[Rig]) -> Rig:
    """A TWN4 with nothing on it."""
    rigs.append(rig := Rig("frame=twn4&poll=0.05&stay=0.25"))
    rig.port.answers[ASK] = NOTHING
    rig.wait(1.0)
    return rig


def test_it_is_asked_again_and_again(asked: Rig) -> None:
    """A question, its answer, a pause of `poll`: about twenty a second."""
    assert set(asked.port.written) == {ASK}
    assert 15 <= len(asked.port.written) <= 21


def test_a_key_is_there_while_it_is_found(asked: Rig) -> None:
    """It comes with the first answer that has it and goes when none had it for the stay; one miss is none."""
    asked.port.answers[ASK] = FOUND
    assert [tag.uid.wire for tag in asked.wait().tags] == [KEY]
    shown = asked.field
    asked.port.answers[ASK] = NOTHING
    assert asked.wait(0.08) is shown
    asked.port.answers[ASK] = FOUND
    assert asked.wait(1.0) is shown
    asked.port.answers[ASK] = NOTHING
    assert asked.wait(1.0) == Field()


def test_a_tag_without_a_uid_is_a_trouble(asked: Rig) -> None:
    """LEGIC and the like lie there, answer, and are no key."""
    asked.port.answers[ASK] = b"0001832004A1B2C3D4\r"
    assert asked.wait().trouble is Trouble.NO_UID
    asked.port.answers[ASK] = NOTHING
    assert asked.wait() == Field()


def test_a_tag_of_another_length_is_a_trouble_and_an_answer(rigs: list[Rig]) -> None:
    """It shows for as long as it lies there, and the reader is not taken for one that cannot be asked."""
    rigs.append(rig := Rig("frame=twn4&poll=0.05&stay=0.25&length=4"))
    rig.port.answers[ASK] = FOUND
    assert rig.wait() == no_uid(1)
    assert rig.wait(10.0) == no_uid(1)
    rig.port.answers[ASK] = NOTHING
    assert rig.wait() == Field()


def test_a_mangled_answer_is_asked_for_again(asked: Rig) -> None:
    """It says nothing, and costs one pause."""
    asked.port.answers[ASK] = FOUND[:-3] + b"\r"
    assert asked.wait(0.1) == Field()
    asked.port.answers[ASK] = FOUND
    assert asked.wait(0.2) != Field()


def test_one_that_never_answers_is_of_another_kind(rigs: list[Rig]) -> None:
    """After some questions it is said, with the way out."""
    rigs.append(rig := Rig("frame=twn4"))
    with pytest.raises(ReaderUnsupported, match="Simple Protocol") as caught:
        rig.wait(60)
    assert "hex-line" in caught.value.remedy
    assert len(rig.port.written) == DUMB


def test_one_that_answers_no_more_is_lost(asked: Rig) -> None:
    """It did answer: its cable or its firmware is in trouble."""
    asked.port.answers.clear()
    with pytest.raises(ReaderLost, match="any more"):
        asked.wait(60)


# --- what is there ------------------------------------------------------------------------------------------------


def statuses(monkeypatch: pytest.MonkeyPatch, *infos: PortInfo, allowed: bool = True) -> list[tuple[str, ReaderState]]:
    """What discovery says of some ports."""
    monkeypatch.setattr(module.nodes, "allowed", lambda node: allowed)
    return [(status.spec, status.state) for status in discover(lambda: infos)]


def test_ports_are_listed_with_a_spec_to_begin_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stable name is the one to write; nothing there is an empty list."""
    stable = Path("/dev/serial/by-id/usb-FTDI-if00")
    info = PortInfo(Path("/dev/ttyUSB0"), stable, "FT232R", 0x0403, 0x6001)
    assert statuses(monkeypatch, info) == [(f"serial:{stable}?frame=hex-line&length=4,7", ReaderState.READY)]
    plan(f"serial:{stable}?frame=hex-line&length=4,7")
    assert statuses(monkeypatch) == []


def test_a_port_that_cannot_be_had_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """No permission, and somebody else's, are told apart; each has its remedy."""
    info = PortInfo(Path("/dev/ttyUSB0"), Path("/dev/ttyUSB0"), "FT232R", 0x0403, 0x6001)
    assert [state for _, state in statuses(monkeypatch, info, allowed=False)] == [ReaderState.FORBIDDEN]
    monkeypatch.setattr(module.nodes, "holders", lambda node: (Holder(4711, "minicom"),))
    monkeypatch.setattr(module.nodes, "allowed", lambda node: True)
    (status,) = discover(lambda: (info,))
    assert status.state is ReaderState.BUSY
    assert "process 4711 (minicom)" in status.message


def test_a_port_that_a_lane_reads_is_busy(monkeypatch: pytest.MonkeyPatch, once: Rig) -> None:
    """Our own lock is looked at, too; the station that has it is not disturbed."""
    real = Path(once.port.identity)
    ((_, state),) = statuses(monkeypatch, PortInfo(real, real, "a reader"))
    assert state is ReaderState.BUSY


@pytest.mark.parametrize("kind", ["scanner", "low-frequency"])
def test_what_is_no_reader_of_keys_is_said(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A barcode scanner, and a reader for 125 kHz, by their USB ids."""
    from tagsmith.lines.known import Access, Kind, KnownDevice

    device = KnownDevice(1, 2, "Some device", Kind(kind), (Access.SERIAL,))
    monkeypatch.setattr(module, "find", lambda vid, pid: device)
    info = PortInfo(Path("/dev/ttyACM0"), Path("/dev/ttyACM0"), "x", 1, 2)
    ((_, state),) = statuses(monkeypatch, info)
    assert state is ReaderState.UNSUPPORTED
