"""lines/framing.py: where frames begin and end on a bad wire. Times are given, so nothing here waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from functools import reduce
from operator import xor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.lines.framing import (
    LIMIT,
    QUIET_S,
    SILENCE_S,
    Check,
    End,
    Fault,
    Frame,
    Framing,
    LengthPrefixed,
    Lines,
    StxEtx,
)

cheap = settings(max_examples=120, deadline=None)
KEY, OTHER = b"04A1B2C3D4E5F6", b"0499887766554A"


def opened(framing: Framing) -> Framing:
    """A framing whose port has been open and silent for long: what comes now begins a frame."""
    framing.start(-10.0)
    assert framing.feed(b"", -1.0) == []
    return framing


def fed(framing: Framing, chunks: Iterable[bytes], *, step_s: float = 0.001) -> list[Frame]:
    """The frames of chunks that follow each other closely, and of the silence behind them."""
    frames, at = [], 0.0
    for chunk in chunks:
        frames += framing.feed(chunk, at)
        at += step_s
    return frames + framing.feed(b"", at + SILENCE_S)


def payloads(frames: Iterable[Frame]) -> list[bytes]:
    """What can be used of frames."""
    return [frame.payload for frame in frames if frame.fault is None]


def faults(frames: Iterable[Frame]) -> list[Fault | None]:
    """What is wrong with frames."""
    return [frame.fault for frame in frames]


def rdm6300(payload: bytes, *, tail: bytes = b"") -> bytes:
    """A frame as these modules send it."""
    return b"\x02" + payload.hex().upper().encode() + f"{reduce(xor, payload):02X}".encode() + tail + b"\x03"


def prefixed(payload: bytes, check: Check = Check.NONE) -> bytes:
    """A frame that begins with its length."""
    if check is Check.NONE:
        return bytes([len(payload)]) + payload
    length = len(payload) + 1
    return bytes([length]) + payload + bytes([reduce(xor, payload) ^ (length if check is Check.XOR_ALL else 0)])


# --- any cutting gives the same -----------------------------------------------------------------------------------

WIRES: dict[str, tuple[Callable[[], Framing], bytes]] = {
    "any": (Lines, b"\x00\x01" + KEY + b"\r\n\r\n" + OTHER + b"\r" + KEY + b"\nrest"),
    "crlf": (lambda: Lines(End.CRLF), KEY + b"\r\n\nx\r\r\n" + OTHER + b"\r\n\r\n"),
    "etx": (lambda: Lines(End.ETX, prefix=b"\x02"), b"\x02" + KEY + b"\x03" + KEY + b"\x03\x02\x03"),
    "endless": (lambda: Lines(limit=20), b"x" * 30 + b"\r" + KEY + b"\r" + b"y" * 21 + b"\r" + OTHER + b"\r"),
    "affixes": (lambda: Lines(prefix=b"ID:", suffix=b";"), b"ID:" + KEY + b";\rID:" + OTHER + b"\rID:;\r;\r"),
    "stx-etx": (StxEtx, b"no\x03ise" + rdm6300(b"\x01\x02\x03\x04\x05") * 2 + b"\x02\x02AB\x03" + b"\x02" + b"7" * 600),
    "id-12": (StxEtx, rdm6300(b"\x0a\x02\x00\x04\x05", tail=b"\r\n") + rdm6300(b"\x01\x02", tail=b"\r")),
    "length-prefixed": (LengthPrefixed, prefixed(b"abcdefg") * 3),
    "xor": (lambda: LengthPrefixed(Check.XOR), prefixed(b"abcd", Check.XOR) + prefixed(b"efgh", Check.XOR)),
    "mangled": (lambda: LengthPrefixed(Check.XOR_ALL), prefixed(b"abcd", Check.XOR_ALL) + b"\x05efgh!"),
}


@pytest.mark.parametrize("name", WIRES)
@given(cuts=st.lists(st.integers(0, 700), max_size=12))
@cheap
def test_however_a_stream_is_cut_its_frames_are_the_same(name: str, cuts: list[int]) -> None:
    """Chunks of any size, down to nothing, give the payloads and faults that the whole stream gives."""
    make, wire = WIRES[name]
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    whole = fed(opened(make()), [wire])
    torn = fed(opened(make()), [wire[a:b] for a, b in itertools.pairwise(places)])
    assert [(frame.payload, frame.fault) for frame in torn] == [(frame.payload, frame.fault) for frame in whole]


@pytest.mark.parametrize("name", WIRES)
def test_byte_by_byte_is_no_different(name: str) -> None:
    """The worst cutting: each byte for itself."""
    make, wire = WIRES[name]
    whole = fed(opened(make()), [wire])
    torn = fed(opened(make()), [bytes([byte]) for byte in wire], step_s=0.0001)
    assert [(frame.payload, frame.fault) for frame in torn] == [(frame.payload, frame.fault) for frame in whole]


@pytest.mark.parametrize("name", WIRES)
@given(noise=st.lists(st.tuples(st.binary(max_size=40), st.floats(0, 1)), max_size=12))
@cheap
def test_nothing_raises_and_little_is_kept(name: str, noise: list[tuple[bytes, float]]) -> None:
    """Any bytes at any times give frames or none; a payload is never longer than allowed."""
    framing, at = WIRES[name][0](), 0.0
    framing.start(at)
    for data, gap_s in noise:
        at += gap_s
        for frame in framing.feed(data, at):
            assert len(frame.payload) <= LIMIT + 10
            assert frame.began <= frame.at <= at


# --- lines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "wire"),
    [
        (End.ANY, KEY + b"\r" + OTHER + b"\n" + KEY + b"\r\n"),
        (End.CR, KEY + b"\r" + OTHER + b"\r" + KEY + b"\r"),
        (End.LF, KEY + b"\n" + OTHER + b"\n" + KEY + b"\n"),
        (End.CRLF, KEY + b"\r\n" + OTHER + b"\r\n" + KEY + b"\r\n"),
        (End.TAB, KEY + b"\t" + OTHER + b"\t" + KEY + b"\t"),
        (End.ETX, KEY + b"\x03" + OTHER + b"\x03" + KEY + b"\x03"),
    ],
)
def test_glued_lines_are_cut_at_their_terminators(end: End, wire: bytes) -> None:
    """Each kind of terminator ends a line and is no part of it."""
    frames = fed(opened(Lines(end)), [wire])
    assert payloads(frames) == [KEY, OTHER, KEY]
    assert faults(frames) == [None] * 3


def test_a_single_mark_of_two_is_a_character() -> None:
    """Where CR LF ends a line, a lone CR or LF belongs to it, so that it shows as damage."""
    assert payloads(fed(opened(Lines(End.CRLF)), [b"a\rb\nc\r\n"])) == [b"a\rb\nc"]


def test_times_are_those_of_the_first_and_the_last_byte() -> None:
    """A frame says when its first byte had been read, and when its terminator had."""
    lines = opened(Lines())
    assert lines.feed(b"\r\n04", 1.0) == []
    assert lines.feed(b"A1", 1.1) == []
    assert lines.feed(b"\r", 1.2) == [Frame(b"04A1", 1.0, 1.2)]


def test_prefix_and_suffix_must_be_there() -> None:
    """They are taken off; a line without one of them, or with both in one, is mangled."""
    frames = fed(opened(Lines(prefix=b"aa", suffix=b"a")), [b"aaXa\rXa\raaX\raa\raaa\r"])
    assert faults(frames) == [None, Fault.MANGLED, Fault.MANGLED, Fault.MANGLED, None]
    assert payloads(frames) == [b"X", b""]


def test_a_line_under_way_when_the_port_was_opened_is_not_used() -> None:
    """Up to the first terminator nobody knows whether a line is whole; the next one is."""
    lines = Lines(rests_are_told=True)
    lines.start(0.0)
    frames = lines.feed(b"C3D4E5F6\r" + KEY + b"\r", 0.1)
    assert faults(frames) == [Fault.TORN, None]
    assert payloads(frames) == [KEY]


def test_silence_after_opening_makes_the_first_line_a_whole_one() -> None:
    """The silence must have been seen by a read that found nothing: a late first read proves none."""
    lines = Lines()
    lines.start(0.0)
    assert lines.due == SILENCE_S
    assert lines.feed(b"", SILENCE_S) == []
    assert lines.due is None
    assert payloads(lines.feed(KEY + b"\r", 1.0)) == [KEY]
    lines.start(10.0)
    assert payloads(lines.feed(KEY + b"\r", 20.0)) == []


def test_a_line_without_its_end_is_given_up_after_a_silence() -> None:
    """It is told as torn once, at the time of its last byte, when that is due; never before."""
    lines = opened(Lines())
    assert lines.feed(KEY, 1.0) == []
    assert lines.due == 1.0 + SILENCE_S
    assert lines.feed(b"", 1.0 + SILENCE_S / 2) == []
    assert lines.feed(b"", lines.due) == [Frame(KEY, 1.0, 1.0, Fault.TORN)]
    assert lines.due is None
    assert lines.feed(b"", 9.0) == []


def test_where_a_rest_can_be_told_the_line_after_a_torn_one_is_used() -> None:
    """With a fixed length or a prefix nothing is lost but the torn line itself, and nothing is glued to it."""
    for lines, before in ((Lines(rests_are_told=True), b""), (Lines(prefix=b"#", rests_are_told=True), b"#")):
        opened(lines)
        assert lines.feed(before + KEY[:6], 1.0) == []
        frames = lines.feed(before + OTHER + b"\r", 2.0)
        assert faults(frames) == [Fault.TORN, None]
        assert payloads(frames) == [OTHER]


def test_where_a_rest_cannot_be_told_only_a_terminator_is_trusted() -> None:
    """A line that stalls and goes on would else end as a shorter one: eight of fourteen digits are a good UID."""
    lines = opened(Lines())
    assert lines.feed(KEY[:6], 1.0) == []
    frames = lines.feed(KEY[6:] + b"\r" + OTHER + b"\r", 1.0 + SILENCE_S)
    assert faults(frames) == [Fault.TORN, Fault.TORN, None]
    assert payloads(frames) == [OTHER]


def test_silence_alone_never_makes_a_rest_a_line() -> None:
    """However often and long the line is silent after a torn frame, what follows is not trusted."""
    lines = opened(Lines())
    lines.feed(KEY[:6], 1.0)
    for at in (2.0, 3.0, 30.0):
        lines.feed(b"", at)
    assert payloads(lines.feed(KEY[6:] + b"\r", 31.0)) == []
    assert payloads(lines.feed(OTHER + b"\r", 31.1)) == [OTHER]


@pytest.mark.parametrize("told", [False, True])
def test_an_endless_line_is_said_once_and_not_kept(told: bool) -> None:
    """It is told when it gets too long; megabytes later nothing is kept, and the next terminator ends it."""
    lines = opened(Lines(limit=100, rests_are_told=told))
    frames = [frame for at in range(300) for frame in lines.feed(b"x" * 10_000, 1.0 + at / 1000)]
    assert faults(frames) == [Fault.ENDLESS]
    assert len(frames[0].payload) == 101
    assert lines.due is None
    assert payloads(lines.feed(b"tail\r" + KEY + b"\r", 1.4)) == [KEY]


def test_silence_ends_an_endless_line_where_rests_are_told() -> None:
    """Else only a terminator does."""
    for told, expected in ((True, [KEY]), (False, [])):
        lines = opened(Lines(limit=20, rests_are_told=told))
        lines.feed(b"x" * 21, 1.0)
        assert payloads(lines.feed(KEY + b"\r", 2.0)) == expected


def test_the_longest_line_fits() -> None:
    """The limit counts what stands between prefix, suffix and terminator."""
    lines = opened(Lines(End.CRLF, prefix=b"<<", suffix=b">", limit=14))
    frames = fed(lines, [b"<<" + KEY + b">\r\n<<" + KEY + b"0>\r\n<<" + OTHER + b">\r\n"])
    assert payloads(frames) == [KEY, OTHER]
    assert faults(frames) == [None, Fault.ENDLESS, None]


def test_opening_again_forgets_everything() -> None:
    """Half a line of before an unplug is not glued to what comes after it."""
    lines = opened(Lines())
    lines.feed(KEY[:8], 1.0)
    lines.start(2.0)
    assert payloads(lines.feed(KEY[8:] + b"\r", 2.1)) == []
    assert payloads(lines.feed(KEY + b"\r", 2.2)) == [KEY]


# --- STX … ETX ----------------------------------------------------------------------------------------------------

EM4100 = bytes.fromhex("0800a1b2c3")


def test_the_data_sheets_sample_is_read() -> None:
    """RDM6300: 02 '62E3086CED' '08' 03, as its data sheet works it out: 62 ^ E3 ^ 08 ^ 6C ^ ED = 08."""
    assert payloads(fed(opened(StxEtx()), [b"\x0262E3086CED08\x03"])) == [b"62E3086CED"]


def test_both_forms_are_read_glued_and_between_noise() -> None:
    """RDM6300 without and ID-12 with CR LF; what stands outside the marks is nothing."""
    wire = b"\r\nzz\x03" + rdm6300(EM4100) + rdm6300(EM4100, tail=b"\r\n") + b"\x00\xff" + rdm6300(b"\x01\x02")
    frames = fed(opened(StxEtx()), [wire])
    assert payloads(frames) == [EM4100.hex().upper().encode()] * 2 + [b"0102"]
    assert faults(frames) == [None] * 3


@pytest.mark.parametrize(
    ("wire", "fault"),
    [
        (b"\x020102030405FF\x03", Fault.CHECKSUM),
        (b"\x02010203040\x03", Fault.MANGLED),
        (b"\x0201\x03", Fault.MANGLED),
        (b"\x02\x03", Fault.MANGLED),
        (b"\x0201020304\x000501\x03", Fault.MANGLED),
        (b"\x0201 203040501\x03", Fault.MANGLED),
        (rdm6300(EM4100, tail=b"\n\r"), Fault.MANGLED),
        (rdm6300(EM4100)[:-1], Fault.TORN),
        (rdm6300(EM4100)[:-1] + b"\x02", Fault.TORN),
        (b"\x02" + b"0" * 600, Fault.ENDLESS),
    ],
)
def test_a_damaged_frame_has_its_fault_and_the_next_is_whole(wire: bytes, fault: Fault) -> None:
    """Whatever is wrong with one frame, the next STX begins a new one."""
    frames = fed(opened(StxEtx()), [wire, rdm6300(EM4100)])
    assert frames[0].fault is fault
    assert payloads(frames) == [EM4100.hex().upper().encode()]


def test_a_frame_that_stalls_is_torn() -> None:
    """Its end, coming late, ends nothing."""
    framing = opened(StxEtx())
    assert framing.feed(rdm6300(EM4100)[:-1], 1.0) == []
    assert framing.due == 1.0 + SILENCE_S
    assert faults(framing.feed(b"\x03", 2.0)) == [Fault.TORN]
    assert framing.due is None


def test_without_a_checksum_any_text_is_a_payload() -> None:
    """For readers that have none; CR LF in front of ETX still is no part of it."""
    assert payloads(fed(opened(StxEtx(checksum=False)), [b"\x02hello\r\n\x03\x02\x03"])) == [b"hello", b""]


@given(
    st.binary(min_size=5, max_size=5),
    st.integers(0, 15),
    st.integers(0, 255),
    st.sampled_from([b"", b"\r\n"]),
)
@cheap
def test_a_mangled_byte_gives_the_true_frame_or_none(payload: bytes, place: int, byte: int, tail: bytes) -> None:
    """Whatever one byte of a frame with a checksum becomes, no other payload of its length comes out."""
    wire = bytearray(rdm6300(payload, tail=tail))
    wire[place % len(wire)] = byte
    frames = fed(opened(StxEtx()), [bytes(wire) + rdm6300(EM4100)])
    for found in payloads(frames):
        if len(found) == 10:
            assert bytes.fromhex(found.decode()) in (payload, EM4100)


# --- a length, then that many bytes -------------------------------------------------------------------------------


def test_a_frame_ends_with_a_pause() -> None:
    """It is known when the line has been quiet, and bears the time of its last byte."""
    framing = opened(LengthPrefixed())
    assert framing.feed(b"\x04\x01", 1.0) == []
    assert framing.feed(b"\x02\x03\x04", 1.005) == []
    assert framing.due == 1.005 + QUIET_S
    assert framing.feed(b"", 1.005 + QUIET_S / 2) == []
    assert framing.feed(b"", framing.due) == [Frame(b"\x01\x02\x03\x04", 1.0, 1.005)]
    assert framing.due is None


def test_a_short_gap_that_nobody_saw_ends_nothing() -> None:
    """A busy machine reads late: only a read that found nothing, or a long gap, proves a pause."""
    framing = opened(LengthPrefixed())
    assert framing.feed(b"\x04\x01\x02", 1.0) == []
    assert framing.feed(b"\x03\x04", 1.0 + 2 * QUIET_S) == []
    assert payloads(framing.feed(b"\x04", 2.0)) == [b"\x01\x02\x03\x04"]


@pytest.mark.parametrize("check", Check)
def test_the_checksum_is_what_was_chosen(check: Check) -> None:
    """None, over the payload, or over the length as well; the length counts it."""
    wire = prefixed(b"\x04\x05\x06\x0f", check)
    assert payloads(fed(opened(LengthPrefixed(check)), [wire])) == [b"\x04\x05\x06\x0f"]
    for other in {Check.XOR, Check.XOR_ALL} - {check}:
        frames = fed(opened(LengthPrefixed(other)), [wire])
        assert payloads(frames) == []
        assert faults(frames) == [Fault.CHECKSUM]


def test_glued_frames_are_cut_or_refused_both() -> None:
    """With a checksum they are cut. Without, they must be one and the same: else a lost byte has shifted them."""
    glued = fed(opened(LengthPrefixed(Check.XOR)), [prefixed(b"abcd", Check.XOR) + prefixed(b"efgh", Check.XOR)])
    assert payloads(glued) == [b"abcd", b"efgh"]
    assert payloads(fed(opened(LengthPrefixed()), [prefixed(b"abcd") * 3])) == [b"abcd"] * 3
    assert faults(fed(opened(LengthPrefixed()), [prefixed(b"abcd") + prefixed(b"efgh")])) == [Fault.MANGLED]
    # The second frame's length is mangled, and not under the checksum.
    mangled = prefixed(b"abcd", Check.XOR) + b"\x07" + prefixed(b"efgh", Check.XOR)[1:]
    assert faults(fed(opened(LengthPrefixed(Check.XOR)), [mangled])) == [Fault.MANGLED]


@pytest.mark.parametrize("wire", [b"\x00", b"\x00\x00", b"\x04abc", b"\x04abcde", b"\x01", b"\xff" * 300])
def test_what_does_not_come_out_even_is_refused(wire: bytes) -> None:
    """Too short, too long, no length at all."""
    frames = fed(opened(LengthPrefixed(Check.XOR if wire == b"\x00\x00" else Check.NONE)), [wire])
    assert frames
    assert payloads(frames) == []


def test_what_was_under_way_at_opening_is_not_used() -> None:
    """A payload byte may look like a length: 04 begins many a UID."""
    framing = LengthPrefixed()
    framing.start(0.0)
    assert framing.due == SILENCE_S
    assert framing.feed(b"\x04abcd", 0.1) == []
    assert faults(framing.feed(b"", 0.2)) == [Fault.TORN]
    framing.feed(b"\x04abcd", 0.3)
    assert payloads(framing.feed(b"", 0.4)) == [b"abcd"]


@given(st.binary(min_size=4, max_size=10), st.integers(0, 11), st.integers(0, 255), st.sampled_from(["xor", "xor-all"]))
@cheap
def test_a_mangled_byte_under_a_checksum_gives_the_true_frame_or_none(
    payload: bytes, place: int, byte: int, check: str
) -> None:
    """Also where it is the length that is mangled."""
    wire = bytearray(prefixed(payload, Check(check)))
    wire[place % len(wire)] = byte
    found = payloads(fed(opened(LengthPrefixed(Check(check))), [bytes(wire)]))
    assert [one for one in found if len(one) >= 4] in ([], [payload])
