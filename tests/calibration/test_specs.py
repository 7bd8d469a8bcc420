"""Which readers decide, and the spec that makes another one right."""

from __future__ import annotations

import pytest

from tagsmith.calibration.judgement import Writing
from tagsmith.calibration.specs import bare, claimed_order, heard_otherwise, proves_order, spec_for
from tagsmith.errors import ConfigError
from tagsmith.lines.spec import Spec
from tagsmith.readers import create
from tagsmith.readers.written import Base
from tagsmith.uid import ByteOrder

REVERSED, WIRE = ByteOrder.REVERSED, ByteOrder.WIRE


@pytest.mark.parametrize(
    ("spec", "decides"),
    [
        ("pcsc:", True),
        ("pcsc:ACS ACR1252", True),
        ("nfcpy:usb:054c:06c3", True),
        ("serial:/dev/ttyUSB0?frame=twn4", False),
        ("evdev:/dev/input/event3", False),
        ("something-new:", False),
    ],
)
@pytest.mark.parametrize("sandbox", [True, False])
def test_only_what_reads_the_chip_itself_decides(spec: str, decides: bool, sandbox: bool) -> None:
    """A reader whose order is a setting never decides for the API, whichever it is."""
    assert proves_order(spec, sandbox=sandbox) is decides


def test_a_simulated_reader_calibrates_a_sandbox_only() -> None:
    """Simulated keys prove something about a simulated API, and must not be believed about a true one."""
    assert proves_order("sim:keys.toml", sandbox=True)
    with pytest.raises(ConfigError, match="no true keys"):
        proves_order("sim:keys.toml", sandbox=False)


def test_the_claimed_order() -> None:
    """A spec claims uid0 first unless it says otherwise; another word is told."""
    assert claimed_order("serial:/dev/ttyUSB0") is WIRE
    assert claimed_order("serial:/dev/ttyUSB0?order=reversed&baud=9600") is REVERSED
    with pytest.raises(ConfigError, match="sideways"):
        claimed_order("serial:/dev/ttyUSB0?order=sideways")


def test_what_stands_around_the_digits_is_taken_off() -> None:
    """A reader that types does so with its prefix; a serial one's are off already, and a UID may begin like it."""
    assert bare("evdev:/dev/x?prefix=U%3A&suffix=%23", " U:04a1b2c3#") == "04a1b2c3"
    assert bare("serial:/dev/x?prefix=04", "04a1b2c3") == "04a1b2c3"


SEVEN = Writing(Base.HEX, REVERSED, 7)
NUMBER = Writing(Base.DECIMAL, WIRE, 4, digits=10)
SHORT = Writing(Base.DECIMAL, WIRE, 4, digits=9)
LONG = Writing(Base.DECIMAL, REVERSED, 4, digits=12)
ALL = "4,5,7,8,10"
REGEX = "serial:/dev/x?frame=regex&pattern=(%3FP%3Cuid%3E.*)"

CHANGED = [
    ("serial:/dev/x?length=7", SEVEN, "serial:/dev/x?length=7&order=reversed"),
    ("serial:/dev/x?length=4,7", SEVEN, "serial:/dev/x?length=4,7&order=reversed"),
    (
        "serial:/dev/x?baud=19200&order=wire&length=4",
        SEVEN,
        "serial:/dev/x?baud=19200&order=reversed&length=7",
    ),
    (
        "serial:/dev/x?frame=hex-line&case=upper&length=4,7",
        NUMBER,
        "serial:/dev/x?frame=decimal-line&length=4&order=wire",
    ),
    ("serial:/dev/x?length=4", SHORT, "serial:/dev/x?length=4&order=wire&frame=decimal-line&digits=any"),
    ("serial:/dev/x?length=7", LONG, "serial:/dev/x?length=4&order=reversed&frame=decimal-line&digits=12"),
    (
        "serial:/dev/x?frame=decimal-line&length=4&digits=any",
        SEVEN,
        "serial:/dev/x?frame=hex-line&length=7&order=reversed",
    ),
    ("serial:/dev/x?frame=stx-etx", SEVEN, "serial:/dev/x?frame=stx-etx&order=reversed&length=7"),
    ("serial:/dev/x?frame=stx-etx", NUMBER, "serial:/dev/x?frame=stx-etx&order=wire&base=decimal&length=4"),
    ("serial:/dev/x?frame=twn4", SEVEN, "serial:/dev/x?frame=twn4&order=reversed"),
    ("serial:/dev/x?frame=twn4&length=4", SEVEN, "serial:/dev/x?frame=twn4&length=7&order=reversed"),
    (
        "serial:/dev/x?frame=length-prefixed&checksum=xor",
        SEVEN,
        "serial:/dev/x?frame=length-prefixed&checksum=xor&order=reversed",
    ),
    (
        "serial:/dev/x?frame=length-prefixed&length=7",
        SEVEN,
        "serial:/dev/x?frame=length-prefixed&length=7&order=reversed",
    ),
    (f"{REGEX}&length=4", SEVEN, f"{REGEX}&length=7&order=reversed"),
    (f"{REGEX}&length=7", NUMBER, f"{REGEX}&length=4&order=wire&base=decimal"),
    ("evdev:/dev/x?layout=de&length=7", SEVEN, "evdev:/dev/x?layout=de&length=7&order=reversed"),
    ("evdev:/dev/x?length=4", NUMBER, "evdev:/dev/x?length=4&order=wire&base=decimal"),
    ("evdev:/dev/x?base=hex&length=4", SHORT, "evdev:/dev/x?base=decimal&length=4&order=wire&digits=any"),
    ("evdev:/dev/x?length=7", LONG, "evdev:/dev/x?length=4&order=reversed&base=decimal&digits=12"),
    (
        "evdev:/dev/x?base=decimal&digits=any&length=4&prefix=%26",
        SEVEN,
        "evdev:/dev/x?length=7&prefix=%26&order=reversed",
    ),
    ("evdev:/dev/x?length=4&silence=0.2", SEVEN, "evdev:/dev/x?length=7&silence=0.2&order=reversed"),
]


@pytest.mark.parametrize(("spec", "writing", "wanted"), CHANGED)
def test_the_spec_to_write(spec: str, writing: Writing, wanted: str) -> None:
    """Order, digits and length become what the reader needs; everything else stays as it was written."""
    assert spec_for(spec, writing) == wanted


@pytest.mark.parametrize(
    ("spec", "writing", "length"),
    [
        ("serial:/dev/x?length=7", SEVEN, "4,7"),
        ("serial:/dev/x?length=4,7,10", SEVEN, "4,7,10"),
        ("evdev:/dev/x?length=4", SEVEN, "4,7"),
        ("serial:/dev/x?frame=twn4&length=7", SEVEN, "4,7"),
        ("serial:/dev/x?frame=stx-etx", SEVEN, "7"),
        ("serial:/dev/x?length=4,7", NUMBER, "4"),
        ("evdev:/dev/x?length=4&silence=0.2", SEVEN, "7"),
    ],
)
def test_keys_of_both_kinds_are_both_taken(spec: str, writing: Writing, length: str) -> None:
    """Where a key of four and one of seven bytes were seen, the spec lists both, where a reader may have several."""
    wanted = spec_for(spec, writing, {4, 7})
    assert Spec(wanted).text_of("length") == length
    create(wanted.replace("/dev/x", "/dev/input/event99"))


@pytest.mark.parametrize(("spec", "writing"), [(spec, writing) for spec, writing, _ in CHANGED])
def test_every_spec_that_is_told_is_one(spec: str, writing: Writing) -> None:
    """What people are told to write, and what is listened by, are specs that the readers themselves accept."""
    spec = spec.replace("evdev:/dev/x", "evdev:/dev/input/event99").replace("layout=de", "layout=us")
    create(spec_for(spec, writing))
    for other in heard_otherwise(spec, 7):
        create(other)


@pytest.mark.parametrize(
    ("spec", "others"),
    [
        (
            "serial:/dev/x?length=4",
            (f"serial:/dev/x?length={ALL}", "serial:/dev/x?length=10&frame=decimal-line&digits=any"),
        ),
        (
            "serial:/dev/x?frame=decimal-line&length=4",
            (
                "serial:/dev/x?frame=decimal-line&length=10&digits=any",
                f"serial:/dev/x?frame=hex-line&length={ALL}",
            ),
        ),
        (f"serial:/dev/x?length={ALL}", ("serial:/dev/x?length=10&frame=decimal-line&digits=any",)),
        (
            "serial:/dev/x?frame=stx-etx",
            (
                "serial:/dev/x?frame=stx-etx&length=7",
                "serial:/dev/x?frame=stx-etx&base=decimal&length=10&digits=any",
            ),
        ),
        (f"{REGEX}&length=4", (f"{REGEX}&length={ALL}", f"{REGEX}&length=10&base=decimal&digits=any")),
        (
            "evdev:/dev/x?length=4,7",
            (f"evdev:/dev/x?length={ALL}", "evdev:/dev/x?length=10&base=decimal&digits=any"),
        ),
        (
            "evdev:/dev/x?length=4&silence=0.2",
            ("evdev:/dev/x?length=7&silence=0.2", "evdev:/dev/x?length=7&silence=0.2&base=decimal"),
        ),
        ("serial:/dev/x?frame=twn4", ()),
        ("serial:/dev/x?frame=length-prefixed&length=7", ()),
    ],
)
def test_how_a_reader_is_heard_that_is_set_wrong(spec: str, others: tuple[str, ...]) -> None:
    """First UIDs of all lengths are taken, then the other kind of digits; binary frames can only be what they are."""
    assert heard_otherwise(spec, 7) == others
