"""readers/serial_spec.py: what a spec may say, and what its frames then make of a bad wire."""

from __future__ import annotations

from functools import reduce
from operator import xor
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.errors import ConfigError, UidError
from tagsmith.lines.framing import SILENCE_S
from tagsmith.lines.ports import Settings
from tagsmith.model import Tag
from tagsmith.readers.serial_spec import FRAMES, plan
from tagsmith.readers.written import digits_of
from tagsmith.uid import Uid

cheap = settings(max_examples=150, deadline=None)
PORT = "serial:/dev/ttyUSB0"


def test_a_port_and_its_lengths_are_lines_of_hex_once_per_tap() -> None:
    """The defaults: 9600 8N1, uid0 first."""
    made = plan(f"{PORT}?length=4,7")
    assert (made.address, made.settings) == ("/dev/ttyUSB0", Settings(9600, 8, "N", 1))
    assert (made.repeats, made.stay_s, made.poll_s) == (False, 0.3, None)
    assert read(f"{PORT}?length=4,7", b"04A1B2C3D4E5F6\r\n4390b827\r") == ["04a1b2c3d4e5f6", "4390b827"]


def test_the_port_is_set_as_the_spec_says() -> None:
    """Baud, data bits, parity and stop bits; an address over the net is taken whole."""
    made = plan("serial:socket://127.0.0.1:4001?baud=115200&bits=7&parity=even&stop=2&mode=repeat&stay=1.5&length=7")
    assert (made.address, made.settings) == ("socket://127.0.0.1:4001", Settings(115200, 7, "E", 2))
    assert (made.repeats, made.stay_s) == (True, 1.5)


def test_a_reader_that_is_asked_is_one_that_repeats() -> None:
    """TWN4: how often it is asked can be set."""
    made = plan(f"{PORT}?frame=twn4&poll=0.2")
    assert (made.repeats, made.stay_s, made.poll_s) == (True, 0.25, 0.2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("frame=hexline", "did you mean hex-line?"),
        ("lenght=7", "write length=7"),
        ("length=7&oder=wire", "did you mean order?"),
        ("frame=twn4&mode=once", "option 'mode' is unknown"),
        ("frame=length-prefixed&length=7&prefix=x", "option 'prefix' is unknown"),
        ("frame=hex-line&length=7&digits=10", "option 'digits' is unknown"),
        ("", "write length=7, or length=4,7 where keys of both kinds are used"),
        ("prefix=UID%3D", "write length=7, or length=4,7"),
        ("frame=regex&pattern=(%3FP%3Cuid%3E.*)", "write length=7, or length=4,7"),
        ("frame=length-prefixed", "write length=7, or length=4,7"),
        ("length=6", "length=6 should list bytes that UIDs have"),
        ("length=11", "length=11 should list"),
        ("frame=decimal-line&length=4,7", "write length=4 or length=7"),
        ("frame=stx-etx&length=4,7", "takes one length"),
        ("length=7&order=backwards", "order=backwards is unknown"),
        ("baud=fast", "baud=fast"),
        ("frame=decimal-line", "write length=4 or length=7"),
        ("frame=stx-etx&base=decimal&length=4&digits=9", "from 10 to 30"),
        ("frame=decimal-line&length=7&digits=16", "from 17 to 30"),
        ("frame=hex-line&base=decimal", "base=decimal is unknown"),
        ("frame=regex", "needs a pattern"),
        ("frame=regex&pattern=(", "no regular expression"),
        ("frame=regex&pattern=[0-9]%2B", "no group for the UID"),
        ("frame=regex&base=decimal&pattern=(%3FP%3Cuid%3E.)", "write length=4 or length=7"),
        ("length=7&separator=ab", "should be one character"),
        ("length=7&separator=a", "should be one character"),
        ("length=7&prefix=%C3%A9", "not ASCII"),
        ("length=7&stay=0", "stay=0"),
        ("length=7&end=crcr", "did you mean cr"),
    ],
)
def test_what_is_wrong_is_said_with_a_way_out(options: str, says: str) -> None:
    """A slip in an option names the option, and what is meant or possible."""
    with pytest.raises(ConfigError) as caught:
        plan(f"{PORT}?{options}")
    assert says in str(caught.value)


@pytest.mark.parametrize("address", ["", "ttyUSB0", "COM3", "http://example/", "hwgrep://x"])
def test_what_is_no_port_is_refused(address: str) -> None:
    """A whole path, or a URL of a kind that is known."""
    with pytest.raises(ConfigError):
        plan(f"serial:{address}")


# --- from the wire to the UID -------------------------------------------------------------------------------------


def read(text: str, *chunks: bytes, step_s: float = 0.001) -> list[str]:
    """The UIDs that a reader of this spec makes of chunks, in wire order; nothing of what is refused."""
    made = plan(text)
    made.framing.start(-10.0)
    made.framing.feed(b"", -1.0)
    frames, at = [], 0.0
    for chunk in chunks:
        frames += made.framing.feed(chunk, at)
        at += step_s
    frames += made.framing.feed(b"", at + SILENCE_S)
    found = []
    for frame in frames:
        if frame.fault is None:
            try:
                tag = made.writing.read(frame.payload)
            except UidError:
                continue
            if isinstance(tag, Tag):
                found.append(tag.uid.wire)
    return found


def written(frame: str, data: bytes) -> bytes:
    """A UID as a reader of that kind sends it, whole."""
    text = data.hex().upper().encode()
    match frame:
        case "decimal-line":
            return str(int.from_bytes(data, "big")).zfill(digits_of(len(data))).encode() + b"\r\n"
        case "stx-etx":
            return b"\x02" + text + f"{reduce(xor, data):02X}".encode() + b"\r\n\x03"
        case "length-prefixed":
            return bytes([len(data) + 1]) + data + bytes([reduce(xor, data)])
        case "twn4":
            return f"000180{8 * len(data):02X}{len(data):02X}".encode() + text + b"\r"
        case "regex":
            return b"ID " + text + b"\r\n"
    return text + b"\r\n"


OPTIONS = {
    "length-prefixed": "&checksum=xor",
    "regex": f"&pattern={quote('ID (?P<uid>[0-9A-F]+)')}",
}


def spec_of(frame: str, length: int, more: str = "") -> str:
    """The spec for what `written` sends."""
    return f"{PORT}?frame={frame}&length={length}{OPTIONS.get(frame, '')}{more}"


UIDS = st.sampled_from((4, 5, 7, 8, 10)).flatmap(lambda n: st.binary(min_size=n, max_size=n))


@pytest.mark.parametrize("frame", FRAMES)
@given(UIDS)
@cheap
def test_every_frame_is_read(frame: str, data: bytes) -> None:
    """What a reader sends whole comes out as it is; set to the other order, it comes out turned round."""
    assert read(spec_of(frame, len(data)), written(frame, data)) == [data.hex()]
    assert read(spec_of(frame, len(data), "&order=reversed"), written(frame, data)) == [data[::-1].hex()]


@pytest.mark.parametrize("frame", FRAMES)
@given(UIDS, st.sets(st.integers(0, 40), min_size=1))
@cheap
def test_lost_bytes_never_make_another_uid_of_fixed_length(frame: str, data: bytes, lost: set[int]) -> None:
    """Any bytes missing from a frame, between two whole ones: no UID comes out that no chip has."""
    before, after = bytes(range(1, 1 + len(data))), bytes(range(101, 101 + len(data)))
    torn = bytes(byte for place, byte in enumerate(written(frame, data)) if place not in lost)
    found = read(spec_of(frame, len(data)), written(frame, before) + torn + written(frame, after))
    assert set(found) <= {data.hex(), before.hex(), after.hex()}


@pytest.mark.parametrize("frame", FRAMES)
@given(UIDS, st.integers(0, 40))
@cheap
def test_a_reader_opened_in_mid_frame_gives_whole_frames_only(frame: str, data: bytes, start: int) -> None:
    """Also where every length is taken: the rest of a frame that was under way is never a shorter UID."""
    length = str(len(data)) if frame in ("decimal-line", "stx-etx") else "4,5,7,8,10"
    made = plan(f"{PORT}?frame={frame}&length={length}{OPTIONS.get(frame, '')}")
    made.framing.start(0.0)
    wire = written(frame, data)
    first = wire[start % len(wire) :]
    frames = made.framing.feed(first, 0.01) + made.framing.feed(b"", 0.06) + made.framing.feed(wire, 0.07)
    frames += made.framing.feed(b"", 1.0)
    tags = [made.writing.read(each.payload) for each in frames if each.fault is None]
    assert {tag.uid for tag in tags if isinstance(tag, Tag)} == {Uid(data)}


@pytest.mark.parametrize("frame", ["hex-line", "decimal-line", "regex", "twn4"])
@pytest.mark.parametrize("dirt", [b"\x00", b"\xff", b" ", b"\x1b[A", b"Z"])
def test_dirt_inside_a_line_refuses_it_alone(frame: str, dirt: bytes) -> None:
    """The lines before and after it are read."""
    data, other = bytes.fromhex("04a1b2c3d4e5f6"), bytes.fromhex("0499999999999a")
    line = written(frame, other)
    wire = written(frame, data) + line[:6] + dirt + line[6:] + written(frame, data)
    assert read(spec_of(frame, 7), wire) == [data.hex()] * 2


@pytest.mark.parametrize("frame", ["hex-line", "decimal-line", "regex", "twn4"])
def test_two_lines_without_the_terminator_between_them_are_refused_both(frame: str) -> None:
    """Glued they are too long; the line after them is read."""
    data, other = bytes.fromhex("04a1b2c3d4e5f6"), bytes.fromhex("0499999999999a")
    wire = written(frame, data).rstrip() + written(frame, other) + written(frame, data)
    assert read(spec_of(frame, 7), wire) == [data.hex()]


def test_stx_etx_frames_have_five_bytes_unless_they_are_said_to_have_others() -> None:
    """A pair of zeros may be lost without the checksum noticing, so a length is always fixed."""
    whole = written("stx-etx", bytes.fromhex("0400a1b2c3"))
    assert read(f"{PORT}?frame=stx-etx", whole, whole.replace(b"00", b"", 1)) == ["0400a1b2c3"]
    assert read(f"{PORT}?frame=stx-etx&length=4", whole, whole.replace(b"00", b"", 1)) == ["04a1b2c3"]


@pytest.mark.parametrize("lengths", [(4,), (4, 7), (5, 8), (4, 5, 7, 8, 10)])
@pytest.mark.parametrize("frame", ["hex-line", "regex", "length-prefixed", "twn4"])
def test_every_listed_length_is_taken_and_no_other(frame: str, lengths: tuple[int, ...]) -> None:
    """Whole bytes, and as many as the list says."""
    text = f"{PORT}?frame={frame}&length={','.join(map(str, lengths))}{OPTIONS.get(frame, '')}"
    sent = [bytes(range(1, 1 + length)) for length in range(1, 12)]
    assert [len(uid) // 2 for data in sent for uid in read(text, written(frame, data))] == list(lengths)


@pytest.mark.parametrize("options", ["frame=twn4", "frame=length-prefixed&checksum=xor"])
def test_what_counts_its_bytes_needs_no_length(options: str) -> None:
    """A frame with a count or a checksum of its own tells that it is whole: any UID is taken."""
    frame = options.partition("&")[0].removeprefix("frame=")
    sent = [bytes(range(1, 1 + length)) for length in range(1, 12)]
    found = [len(uid) // 2 for data in sent for uid in read(f"{PORT}?{options}", written(frame, data))]
    assert found == [4, 5, 7, 8, 10]


def test_a_line_that_lost_its_beginning_is_no_shorter_uid() -> None:
    """Of seven bytes the last four came: with one length they are refused, and a spec without any is, too."""
    assert read(f"{PORT}?length=7", b"C3D4E5F6\r\n") == []
    with pytest.raises(ConfigError):
        plan(f"{PORT}?frame=hex-line")


@pytest.mark.parametrize(
    ("options", "start", "is_read"),
    [
        ("length=7", "", True),
        ("length=4,7", "", False),
        ("length=4,7&prefix=ID:", "ID:", True),
        ("length=4,7&prefix=A", "A", False),
        ("length=4,7&prefix=%23", "#", False),
    ],
)
def test_what_follows_a_torn_line_is_read_only_where_it_is_told_from_its_rest(
    options: str, start: str, is_read: bool
) -> None:
    """One length tells, or a prefix that no rest begins with; of two, the rest of the longer may be the shorter."""
    line = f"{start}0499887766554A\r".encode()
    assert read(f"{PORT}?{options}", b"04A1", line, line, step_s=1.0) == ["0499887766554a"] * (1 + is_read)
