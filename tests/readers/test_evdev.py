"""A reader that types: lines to what lies on the reader, what it refuses, and what is listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.input_device import SYN, SYN_DROPPED, Inputs, PlayedDevice, run_checks
from tagsmith.errors import ConfigError, DeviceLost, ReaderBusy, ReaderLost
from tagsmith.lines import inputs as room
from tagsmith.model import Field, ReaderState, Tag, Trouble
from tagsmith.readers import create
from tagsmith.readers.evdev import STAY_S, EvdevReader, discover
from tagsmith.readers.pump import Edge, Pump, ReaderChanged, TagArrived, TagLeft, TagsCollided
from tagsmith.uid import Uid

NODE = "/dev/input/event7"
KEY = "04a1b2c3d4e5f6"
OTHER = "0499999999999a"


Opener = Callable[..., EvdevReader]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens readers on played devices, and closes them when the test ends."""
    readers: list[EvdevReader] = []

    def open_(device: PlayedDevice, options: str = "?length=7") -> EvdevReader:
        readers.append(EvdevReader(f"{NODE}{options}", device=device, clock=device.clock))
        readers[-1].open()
        return readers[-1]

    yield open_
    for reader in readers:
        reader.close()


@pytest.fixture
def device() -> PlayedDevice:
    return PlayedDevice()


def tag(uid: str, raw: str | None = None) -> Tag:
    return Tag(Uid.from_hex(uid), raw=uid if raw is None else raw)


def heard(line: str, options: str) -> Tag | Trouble | None:
    """What a reader with these options makes of a line."""
    device = PlayedDevice()
    reader = EvdevReader(f"{NODE}{options}", device=device, clock=device.clock)
    try:
        reader.open()
        device.type(line)
        field = reader.wait(Field(), 5)
        assert len(field.tags) <= 1
        return field.tags[0] if field.tags else field.trouble
    finally:
        reader.close()


def test_the_conformance_suite_holds_on_a_wire() -> None:
    """Every check that can be made of a reader that types holds over the real python-evdev (wire_evdev.py)."""
    run_checks(Path(__file__).with_name("wire_evdev.py"))


# --- what lies there ----------------------------------------------------------------------------------------------


def test_a_key_lies_there_for_its_stay(device: PlayedDevice, opened: Opener) -> None:
    """A typed UID lies there from its line's end on for the stay, then no more; it is known since its first key."""
    reader = opened(device)
    began = device.now
    device.type(KEY, after_s=1.0)
    field = reader.wait(Field(), 60)
    assert field == Field((tag(KEY),), 1)
    assert reader.seen_at == pytest.approx(began + 1.001)
    ended = device.now
    assert reader.wait(field, 60) == Field()
    assert device.now == pytest.approx(ended + STAY_S)
    assert reader.seen_at == pytest.approx(ended + STAY_S)
    assert reader.wait(Field(), 1) == Field()


def test_the_same_key_again_is_another_arrival(device: PlayedDevice, opened: Opener) -> None:
    """Tapped again, within its stay or after it, the same key is news; within it, its stay begins again."""
    reader = opened(device)
    device.type(KEY)
    first = reader.wait(Field(), 60)
    device.type(KEY, after_s=STAY_S / 2)
    second = reader.wait(first, 60)
    assert (second.tags, second.count) == (first.tags, 2)
    again_at = device.now
    assert reader.wait(second, 60) == Field()
    assert device.now == pytest.approx(again_at + STAY_S)
    device.type(KEY, after_s=1)
    assert reader.wait(Field(), 60) == Field((tag(KEY),), 3)


def test_taps_that_waited_are_shown_one_after_the_other(device: PlayedDevice, opened: Opener) -> None:
    """After a stall of this process every tap shows, in its order, with an absence where there was one."""
    reader = opened(device)
    device.type(KEY)
    device.type(OTHER, after_s=0.2)
    device.type(OTHER, after_s=5.0)
    device.now += 60
    field, shown = Field(), []
    for _ in range(5):
        field = reader.wait(field, 0.1)
        shown.append(field)
    assert shown == [
        Field((tag(KEY),), 1),
        Field((tag(OTHER),), 2),
        Field(),
        Field((tag(OTHER),), 3),
        Field(),
    ]
    assert reader.wait(field, 0.1) == Field()


def test_a_pump_makes_taps_of_it(device: PlayedDevice) -> None:
    """Behind a pump each tap arrives and leaves, also of the same key, and a line without a UID collides."""
    reader = EvdevReader(f"{NODE}?length=7", device=device, clock=device.clock)
    edges: list[Edge] = []
    device.type(KEY, after_s=1)
    device.type(KEY, after_s=3)
    device.type("garbage", after_s=5)
    device.type(OTHER, after_s=7)

    def take(edge: Edge) -> None:
        edges.append(edge)
        if isinstance(edge, TagLeft) and edge.tag == tag(OTHER):
            pump.close()

    pump = Pump(reader, take, clock=device.clock, pause=lambda _: pump.close())
    pump.run()
    told = [type(edge) for edge in edges if not isinstance(edge, ReaderChanged)]
    assert told == [TagArrived, TagLeft, TagArrived, TagLeft, TagsCollided, TagArrived, TagLeft]


def test_what_was_under_way_at_a_loss_is_forgotten(device: PlayedDevice, opened: Opener) -> None:
    """A reader that went away and came back begins with nothing on it, and with its first count."""
    reader = opened(device)
    device.type(KEY)
    field = reader.wait(Field(), 60)
    device.error = DeviceLost("it was unplugged", "plug it in again")
    with pytest.raises(ReaderLost, match="unplugged"):
        reader.wait(field, 60)
    reader.close()
    device.error = None
    reader.open()
    assert reader.wait(Field(), 0.1) == Field()
    device.type(KEY)
    assert reader.wait(Field(), 60).count == 1
    reader.close()


# --- what is a UID ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "line", "uid"),
    [
        ("?length=4,7", "04A1B2C3D4E5F6", KEY),
        ("?length=4,7", "27b89043", "27b89043"),
        ("?length=7&order=reversed", "F6E5D4C3B2A104", KEY),
        ("?length=7&case=lower", KEY, KEY),
        ("?length=7&separator=:", "04:A1:B2:C3:D4:E5:F6", KEY),
        ("?length=4&prefix=UID%3D&suffix=;", "UID=04A1B2C3;", "04a1b2c3"),
        ("?base=decimal&length=4", "0077705923", "04a1b2c3"),
        ("?base=decimal&length=4&digits=any", "77705923", "04a1b2c3"),
        ("?base=decimal&length=4&digits=12", "000077705923", "04a1b2c3"),
        ("?base=decimal&length=4&order=reversed", "3283263748", "04a1b2c3"),
        ("?base=decimal&length=7", "01303691382875638", None),
    ],
)
def test_the_options_say_how_it_is_written(options: str, line: str, uid: str | None) -> None:
    """Base, order, length and what stands around the digits are as the options say; `raw` is the line as typed."""
    expected = uid or int(line).to_bytes(7, "big").hex()
    assert heard(line, options) == tag(expected, line)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("?length=4,7", "04A1B2C3D4E5F"),
        ("?length=4,7", "04A1B2C3D4E5"),
        ("?length=4,7", "04 A1 B2 C3"),
        ("?length=4,7", "04:A1:B2:C3"),
        ("?length=4,7", "04A1B2C3D4E5F6 04A1B2C3D4E5F6"),
        ("?length=4,7", KEY + KEY),
        ("?length=4,7", "G4A1B2C3"),
        ("?length=7", "04A1B2C3"),
        ("?length=4", KEY),
        ("?length=4,7", "04A1B2C3D4"),
        ("?length=7&case=upper", KEY),
        ("?base=decimal&length=4&digits=12", "0077705923"),
        ("?length=4&prefix=ab", "0504A1B2C3"),
        ("?length=4&suffix=ab", "04A1B2C305"),
        ("?length=4&prefix=ab&suffix=ba", "aba"),
        ("?base=decimal&length=4", "77705923"),
        ("?base=decimal&length=4", "00077705923"),
        ("?base=decimal&length=4", "4294967296"),
        ("?base=decimal&length=4", "04A1B2C3D4"),
        ("?base=decimal&length=4&digits=any", "42949672960"),
    ],
)
def test_what_does_not_fit_is_no_shorter_uid(options: str, line: str) -> None:
    """Lost, added or foreign characters give no tag at all; that something was typed is shown as NO_UID."""
    assert heard(line, options) is Trouble.NO_UID


@given(st.binary(min_size=7, max_size=7), st.lists(st.integers(0, 13), min_size=1, max_size=13, unique=True))
@settings(max_examples=50)
def test_a_line_that_lost_characters_is_never_a_uid_of_its_length(uid: bytes, lost: list[int]) -> None:
    """With its length stated, no line that lost characters becomes a UID."""
    line = "".join(digit for place, digit in enumerate(uid.hex()) if place not in lost)
    if line:
        assert heard(line, "?length=7") is Trouble.NO_UID


def test_a_spoilt_line_is_no_uid(device: PlayedDevice, opened: Opener) -> None:
    """Events that the kernel dropped, and half a line, are never a UID, whatever can be read of them."""
    reader = opened(device)
    device.play([(SYN, SYN_DROPPED, 0), (SYN, 0, 0)])
    device.type(KEY, after_s=0.1)
    field = reader.wait(Field(), 60)
    assert field == Field((), 1, Trouble.NO_UID)
    assert reader.wait(field, 60) == Field()
    device.type("04a1b2c3", None, after_s=1)
    field = reader.wait(Field(), 60)
    assert field == Field((), 2, Trouble.NO_UID)
    assert reader.wait(field, 60) == Field()
    device.type("d4e5f6aa", after_s=1)
    assert reader.wait(Field(), 60).trouble is Trouble.NO_UID


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("?base=decimal", "length"),
        ("", "write length=7, or length=4,7 where keys of both kinds are used"),
        ("?silence=0.2", "write length=7, or length=4,7"),
        ("?silence=0.2&length=4,7", "half a line"),
        ("?silence=0.2&length=7&base=decimal&digits=any", "half a line"),
        ("?length=6", "length=6 should list"),
        ("?base=octal", "base=octal"),
        ("?length=7&order=backwards", "order=backwards"),
        ("?length=7&stay=0", "stay=0"),
        ("?length=7&oder=wire", "did you mean order"),
        ("?base=decimal&length=4&zeros=no", "option 'zeros' is unknown"),
    ],
)
def test_wrong_options_are_refused(options: str, said: str) -> None:
    """A spec that could not be read safely is refused before anything is opened."""
    with pytest.raises(ConfigError, match=said):
        EvdevReader(f"{NODE}{options}")


def test_silence_ends_a_line_of_known_length(device: PlayedDevice, opened: Opener) -> None:
    """A reader that sends no end is read where its UIDs have a stated length."""
    reader = opened(device, "?silence=0.2&length=7")
    device.type(KEY, None)
    assert reader.wait(Field(), 60).tags == (tag(KEY),)


def test_one_device_is_one_lane(device: PlayedDevice, opened: Opener) -> None:
    """A second reader on the same node is refused by name, whatever its options are."""
    reader = opened(device)
    with pytest.raises(ReaderBusy, match="another lane of this station"):
        opened(PlayedDevice(), "?length=7")
    reader.close()


# --- what is there ------------------------------------------------------------------------------------------------


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inputs]:
    """A folder of devices, which takes the place of the machine's own."""
    with Inputs() as made:
        monkeypatch.setattr(room, "SYS", made.sys)
        monkeypatch.setattr(room, "DEV", made.dev)
        yield made


def test_known_readers_are_listed_with_their_spec(there: Inputs) -> None:
    """Readers that type are listed with the spec to use; scanners and other keyboards are not."""
    there.plug(1, vid=0x09D8, pid=0x0410, link="usb-OEM_RFID_Device-event-kbd")
    there.plug(2, vid=0x0C2E, pid=0x0901)
    there.plug(3, vid=0x046D, pid=0xC31C)
    (status,) = discover()
    assert status.spec == f"evdev:{there.by_id}/usb-OEM_RFID_Device-event-kbd?length=4,7"
    assert status.state is ReaderState.READY
    assert "TWN4" in status.message
    create(status.spec)


def test_readers_alike_are_listed_with_a_spec_each(there: Inputs) -> None:
    """What tells them apart stays an option beside the length, and the spec can be used as it is."""
    for number, serial in ((1, "A"), (2, "B")):
        there.plug(number, serial=serial)
    specs = [status.spec for status in discover()]
    assert specs == ["evdev:ffff:0035?serial=A&length=4,7", "evdev:ffff:0035?serial=B&length=4,7"]
    for spec in specs:
        create(spec)


def test_their_state_is_told(there: Inputs) -> None:
    """Held by a lane, not readable, or of a kind that reads no charging keys: each with its remedy."""
    keyboard = there.plug(1)
    device = PlayedDevice()
    device.find = lambda: keyboard.node  # type: ignore[method-assign]
    reader = EvdevReader("ffff:0035?length=7", device=device, clock=device.clock)
    reader.open()
    (status,) = discover()
    assert (status.state, "another lane" in status.message) == (ReaderState.BUSY, True)
    reader.close()
    (there.dev / "input" / "event1").unlink()
    (status,) = discover()
    assert status.state is ReaderState.FORBIDDEN
    assert status.remedy
    there.plug(2, vid=0x08FF, pid=0x0009)
    assert [status.state for status in discover()] == [ReaderState.FORBIDDEN, ReaderState.UNSUPPORTED]


def test_nothing_is_listed_where_there_is_none(there: Inputs) -> None:
    """No reader that types: an empty list, and no error."""
    assert discover() == []
