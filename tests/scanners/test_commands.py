"""Commands by barcode: known under every pair of keyboards, and nothing else ever a command."""

from __future__ import annotations

import itertools
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tagsmith.scanners import Command, CommandKind, recognise
from tagsmith.scanners.commands import MARK, NAME_LENGTH, commands
from tagsmith.visual_number.keyboards import PAIRS, Layout, retype

FIXED = {
    "TAGSMITHUNDO": CommandKind.UNDO,
    "TAGSMITHCLEAR": CommandKind.CLEAR,
    "TAGSMITHRETRY": CommandKind.RETRY,
    "TAGSMITHVERIFY": CommandKind.VERIFY,
    "TAGSMITHACK": CommandKind.ACK,
    "TAGSMITHSIGNOFF": CommandKind.SIGN_OFF,
    "TAGSMITHSHIFTSTART": CommandKind.SHIFT_START,
    "TAGSMITHSHIFTEND": CommandKind.SHIFT_END,
    "TAGSMITHREJPRINT": CommandKind.REJECT_PRINT,
    "TAGSMITHREJDEAD": CommandKind.REJECT_DEAD,
    "TAGSMITHREJWRONG": CommandKind.REJECT_WRONG,
    "TAGSMITHREJDOUBLE": CommandKind.REJECT_DOUBLE,
    "TAGSMITHREJOTHER": CommandKind.REJECT_OTHER,
    "TAGSMITHUNLOCK": CommandKind.UNLOCK,
    "TAGSMITHSKIP": CommandKind.SKIP,
    "TAGSMITHRECHECK": CommandKind.RECHECK,
    "TAGSMITHRUNUNDO": CommandKind.UNDO_RUN,
    "TAGSMITHAGAIN": CommandKind.AGAIN,
    "TAGSMITHASIDE": CommandKind.ASIDE,
}
UNKNOWN = Command(CommandKind.UNKNOWN)
EVERY_PAIR = [*PAIRS, *((layout, layout) for layout in Layout)]
LANES = [
    [],
    ["1"],
    ["left", "right"],
    ["A", "AB", "B", "ABA"],
    ["Q", "A", "M", "W", "Z"],
    ["Y", "Z"],
    ["north-1", "north-2"],
    ["UNDO", "ACK"],
    [str(place) for place in range(1, 60)],
]

names = st.text(st.sampled_from(string.ascii_letters), min_size=1, max_size=4)
lanes = st.lists(names, max_size=6, unique_by=str.casefold) | st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=6),
    max_size=6,
    unique_by=str.casefold,
)


def arrivals(text: str) -> set[str]:
    """Everything that a barcode may arrive as: either case, any scanner's layout on any computer's, Caps Lock."""
    found = set()
    for typed, (scanner, computer) in itertools.product((text, text.lower()), EVERY_PAIR):
        arrived = retype(typed, of=scanner, as_=computer)
        assert arrived is not None, (typed, scanner, computer)
        found |= {arrived, arrived.swapcase()}
    return found


# --- commands are known -------------------------------------------------------------------------------------------


def test_the_fixed_commands() -> None:
    """Those that need no lane, whatever the lanes are."""
    for names_ in LANES:
        texts = commands(names_)
        assert {text: command.kind for text, command in texts.items() if not command.lane} == FIXED
        for text, kind in FIXED.items():
            assert recognise(text, names_) == Command(kind)


@pytest.mark.parametrize(
    ("arrived", "kind"),
    [
        ("TQGS?ITHUNDO", CommandKind.UNDO),
        ("tqgs,ithcleqr", CommandKind.CLEAR),
        ("tQGS?ITH", CommandKind.UNKNOWN),
        ("TAGSMITHRETRZ", CommandKind.RETRY),
        ("TAGSMITHVERIFZ", CommandKind.VERIFY),
        ("TQGS:ITHQCK", CommandKind.ACK),
        ("TQGS\u00d1ITHQCK", CommandKind.ACK),
        ("tqgs\u00f6ithqck", CommandKind.ACK),
        (" \tTAGSMITHACK\r\n", CommandKind.ACK),
    ],
)
def test_as_they_arrive(arrived: str, kind: CommandKind) -> None:
    """By hand: US and German scanners on French computers and the other way round, Y for Z, case, blanks around."""
    assert recognise(arrived, ["1"]) == Command(kind)


@given(lanes)
@settings(max_examples=60, deadline=None)
@example(["Y", "Z"])
@example(["A", "Q"])
@example(["M", "m\u00f6"])
@example(["A", "AB", "B"])
@example(["ky", "kz", "k"])
@example([str(place) for place in range(60)])
def test_every_command_under_every_pair(names_: list[str]) -> None:
    """Each arrives as exactly itself, and every lane has one and only one command, letters only."""
    texts = commands(names_)
    assert sorted(command.lane for command in texts.values() if command.kind is CommandKind.LANE) == sorted(names_)
    for text, command in texts.items():
        assert text.isascii()
        assert text.isalpha()
        assert text.isupper()
        for arrived in arrivals(text):
            assert recognise(arrived, names_) == command, (text, arrived)


# --- lanes --------------------------------------------------------------------------------------------------------


def printed(names_: list[str]) -> dict[str, str]:
    """Lane → what is printed for it, after the mark."""
    found = {command.lane: text for text, command in commands(names_).items() if command.kind is CommandKind.LANE}
    return {lane: text.removeprefix(MARK) for lane, text in found.items()}


def chosen(text: str, names_: list[str]) -> str | None:
    """The lane that a text after the mark chooses; None where it is refused."""
    found = recognise(MARK + text, names_)
    assert found is not None
    assert found == UNKNOWN or found.kind is CommandKind.LANE
    return found.lane or None


def test_lanes_by_name() -> None:
    """Letters only, in any case: by name, and names within one another are told apart."""
    assert printed(["left", "Right"]) == {"left": "LANELEFT", "Right": "LANERIGHT"}
    assert printed(["left", "2", "Right"])["Right"] == "LANERIGHT"
    assert chosen("LANEAB", ["A", "AB"]) == "AB"
    assert chosen("LANEA", ["AB", "A"]) == "A"
    assert chosen("laneright", ["left", "Right"]) == "Right"


@pytest.mark.parametrize("other", ["2", "a-b", "\u00e4", "left lane", "\u0391", "\uff21"])
def test_a_name_is_never_taken_for_a_place(other: str) -> None:
    """Beside a name that is not letters: letters go by name wherever they stand; the other has its own form."""
    names_ = ["C", other, "B"]
    assert [chosen(f"LANE{letter}", names_) for letter in "ABC"] == [None, "B", "C"]
    assert [chosen(f"PLACE{letter}", names_) for letter in "ABC"] == [None, other, None]
    assert [chosen(f"LANE{letter}", ["B", "A", "L3"]) for letter in "ABC"] == ["A", "B", None]
    assert chosen("LANEB", ["B", "A1"]) == "B"


def test_places_count_while_no_lane_has_a_name() -> None:
    """The lanes of a station that gives them none; one name, however long or odd, ends it."""
    for names_ in (["1", "2"], ["L-1", "L-2"]):
        for form in ("LANE", "PLACE"):
            assert [chosen(f"{form}{letter}", names_) for letter in "ABC"] == [*names_, None]
    for name in ("left", "Y", "x" * (NAME_LENGTH + 1)):
        assert chosen("LANEA", ["1", "2", name]) is None
        assert chosen("PLACEA", ["1", "2", name]) == "1"


def test_names_that_keyboards_exchange_are_refused() -> None:
    """Y and Z, or names that differ in nothing else: one is the other on a German keyboard. What is printed works."""
    assert (chosen("LANEY", ["Y", "Z"]), chosen("LANEZ", ["Y", "Z"])) == (None, None)
    assert (chosen("LANEPLY", ["ply", "plz"]), chosen("LANEPLY", ["ply", "p"])) == (None, "ply")
    for text, lane in zip(printed(["Y", "Z"]).values(), "YZ", strict=True):
        assert chosen(text, ["Y", "Z"]) == lane


def test_many_places() -> None:
    """After X comes AA: never Y or Z, and four letters for the name."""
    texts = list(printed([str(place) for place in range(1, 60)]).values())
    places = [text.removeprefix("PLACE")[:-4] for text in texts]
    assert places[:3] == ["A", "B", "C"]
    assert places[22:27] == ["W", "X", "AA", "AB", "AC"]
    assert not {"Y", "Z"} & set("".join(texts))


@given(lanes, lanes)
@settings(max_examples=60, deadline=None)
@example(["1", "2"], ["B", "A"])
@example(["B", "A"], ["1", "2"])
@example(["left-1", "left-2"], ["new-1", "left-1", "left-2"])
@example(["ply", "plz"], ["plz", "p"])
@example(["bz", "1"], ["by", "1"])
@example(["x" * (NAME_LENGTH + 1)], ["x" * NAME_LENGTH])
@example([str(place) for place in range(30)], ["A", "AA", "AB"])
def test_what_was_printed_never_becomes_another_lane(before: list[str], after: list[str]) -> None:
    """Under any keyboards: whatever lanes there are later, a printed barcode means the same lane, or is refused."""
    for text, command in commands(before).items():
        for arrived in arrivals(text):
            found = recognise(arrived, after)
            assert found is not None
            assert found == UNKNOWN or (found.kind, found.lane.casefold()) == (command.kind, command.lane.casefold())


@given(lanes)
@settings(max_examples=100, deadline=None)
@example(["B", "A", "L3"])
@example(["B", "A1"])
@example(["Z", "Y", "1"])
def test_what_spells_a_lane_is_that_lane_or_nothing(names_: list[str]) -> None:
    """Whatever stands where, and however long the name is."""
    for name in names_:
        for text in (f"{MARK}LANE{name}", f"{MARK}LANE{name.upper()}", f"{MARK}PLACE{name}"):
            found = recognise(text, names_)
            assert found is not None
            if not text.startswith(f"{MARK}PLACE"):
                assert found == UNKNOWN or found.lane == name
    for letter in string.ascii_uppercase:
        found = recognise(f"{MARK}LANE{letter}", names_)
        spelt = [name for name in names_ if name.upper() == letter]
        assert found is not None
        if spelt:
            assert found == UNKNOWN or found.lane == spelt[0]
        elif any(name.isascii() and name.isalpha() for name in names_) and letter not in "YZ":
            assert found == UNKNOWN


# --- and nothing else is ------------------------------------------------------------------------------------------

numbers = st.one_of(
    st.from_regex(r"[A-Z]{2}-?[A-Z0-9]{3}-?[A-Z]?[0-9]{5,9}-?[0-9A-Z]?", fullmatch=True),
    st.from_regex(r"[0-9]{4,20}", fullmatch=True),
    st.text(st.sampled_from(string.ascii_letters + string.digits + "-_/ .:"), max_size=40),
    st.text(max_size=40),
)


@given(numbers, lanes)
@settings(max_examples=200, deadline=None)
@example("NL-TNM-012204-5", ["1"])
@example("TAGSMIT", ["1"])
@example("UNDO", ["UNDO"])
@example("SMITHACKSMITH", ["1"])
@example("SMITHLANE12345", ["1"])
@example("SM-ITH-LANERIGHT-1", ["right"])
@example("SMITH", ["1"])
@example("MITHACK", ["1"])
@example("LANEA", ["A"])
@example("", [])
def test_numbers_are_never_commands(text: str, names_: list[str]) -> None:
    """Visual numbers, contract ids and whatever else a scanner may read."""
    assert recognise(text, names_) is None


@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(sorted(arrivals(MARK))), lanes)
@settings(max_examples=200, deadline=None)
@example("", "", "TAGSMITH", ["1"])
@example("", "UNDOX", "TAGSMITH", ["1"])
@example("", "LANE", "TAGSMITH", ["A"])
@example("", "LANEB", "TAGSMITH", ["A"])
@example("", "UNDO TAGSMITHUNDO", "TAGSMITH", ["A"])
@example("4711", "UNDO", "TAGSMITH", ["1"])
@example("", " UNDO", "TAGSMITH", ["1"])
@example("", "\x00UNDO", "TAGSMITH", ["1"])
def test_whatever_bears_the_mark_is_no_number(before: str, after: str, mark: str, names_: list[str]) -> None:
    """The mark under any keyboards, with anything around it: a command only if it is just that, else refused."""
    text = before + mark + after
    found = recognise(text, names_)
    assert found is not None
    if text.strip() not in {arrived for command in commands(names_) for arrived in arrivals(command)}:
        assert found == UNKNOWN


@pytest.mark.parametrize(
    "text",
    ["TAG\u017fMITHUNDO", "TAGSMITHAC\u212a", "TAGSM\u0130THUNDO", "\uff34AGSMITHUNDO", "T\u0410GSMITHUNDO"],
)
def test_look_alikes_are_no_commands(text: str) -> None:
    """Unicode's long s, Kelvin sign, dotted I, full-width and Cyrillic letters: no keyboard of ours makes them."""
    assert recognise(text, ["1"]) in (None, UNKNOWN)


def test_commands_of_other_stations_are_refused() -> None:
    """A sheet that was printed for other lanes chooses none here."""
    assert recognise("TAGSMITHLANERIGHT", ["1", "2"]) == UNKNOWN
    assert recognise("TAGSMITHLANEC", ["1", "2"]) == UNKNOWN
    assert recognise("TAGSMITHPLACEC", ["1", "2"]) == UNKNOWN
    assert recognise("TAGSMITHLANEA", []) == UNKNOWN


@pytest.mark.parametrize("lost", range(1, 4))
@pytest.mark.parametrize("names_", [["1", "2"], ["left", "right"], ["B", "A", "L3"], []], ids=str)
def test_a_command_that_lost_its_beginning_is_no_number(lost: int, names_: list[str]) -> None:
    """Up to three letters, under any keyboards; also the barcode of a lane that is not here."""
    other = [f"{MARK}LANERIGHT", f"{MARK}LANEB", f"{MARK}LANE", f"{MARK}PLACEABCDE"]
    for text in (*commands(names_), *other):
        for arrived in arrivals(text):
            assert recognise(f" {arrived[lost:]}\r\n", names_) == UNKNOWN


@pytest.mark.parametrize("count", [3, 25, 26, 60])
def test_a_command_that_lost_its_end_is_no_number(count: int) -> None:
    """As long as the mark is whole; and never another lane, although a place's letter alone is known too."""
    names_ = ["left", *(str(place) for place in range(2, count))]
    for text, command in commands(names_).items():
        for length in range(len(MARK), len(text)):
            assert recognise(text[:length], names_) in (
                UNKNOWN,
                command if text.startswith(f"{MARK}PLACE") else UNKNOWN,
            )
