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
    """The five that need no lane, whatever the lanes are."""
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


def lane_texts(names_: list[str]) -> dict[str, str]:
    """Lane → what stands after LANE."""
    found = {command.lane: text for text, command in commands(names_).items() if command.kind is CommandKind.LANE}
    return {lane: text.removeprefix(f"{MARK}LANE") for lane, text in found.items()}


def test_lanes_by_name() -> None:
    """Letters only, in any case: by name, and names within one another are told apart."""
    assert lane_texts(["left", "Right"]) == {"left": "LEFT", "Right": "RIGHT"}
    assert lane_texts(["B", "A"]) == {"B": "B", "A": "A"}
    assert recognise("TAGSMITHLANEAB", ["A", "AB"]) == Command(CommandKind.LANE, "AB")
    assert recognise("TAGSMITHLANEA", ["AB", "A"]) == Command(CommandKind.LANE, "A")
    assert recognise("tagsmithlaneright", ["left", "Right"]) == Command(CommandKind.LANE, "Right")


@pytest.mark.parametrize("other", ["2", "a-b", "\u00e4", "left lane", "\u0391", "\uff21", "x" * (NAME_LENGTH + 1)])
def test_lanes_by_place(other: str) -> None:
    """One name that is not letters, or too long for a barcode, and all go by place."""
    assert lane_texts(["C", other, "B"]) == {"C": "A", other: "B", "B": "C"}
    assert recognise("TAGSMITHLANEA", ["C", other, "B"]) == Command(CommandKind.LANE, "C")


def test_names_that_keyboards_exchange_go_by_place() -> None:
    """Y and Z, or names that differ in nothing else: one would be the other on a German keyboard."""
    assert lane_texts(["Y", "Z"]) == {"Y": "A", "Z": "B"}
    assert lane_texts(["ply", "plz", "other"]) == {"ply": "A", "plz": "B", "other": "C"}
    assert lane_texts(["Y", "X"]) == {"Y": "Y", "X": "X"}


def test_many_places() -> None:
    """After X comes AA: never Y or Z."""
    texts = list(lane_texts([str(place) for place in range(1, 60)]).values())
    assert texts[:3] == ["A", "B", "C"]
    assert texts[22:27] == ["W", "X", "AA", "AB", "AC"]
    assert not {"Y", "Z"} & set("".join(texts))


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
@example("AGSMITHUNDO", ["1"])
@example("UNDO", ["UNDO"])
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
    assert recognise("TAGSMITHLANEA", []) == UNKNOWN
