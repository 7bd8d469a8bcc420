"""Setting faces on sheets of every size: the word is always there, and as large as it can be."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from support.fake_station import STOP, UID, lane, view
from tagsmith.model import Phase
from tagsmith.tui import letters
from tagsmith.tui.face import Face, Tone, faces
from tagsmith.tui.text import EMPTY, Safe
from tagsmith.tui.typeset import Ink, Row, face_rows, first_that_fits, fitted, padded, wrapped

FULL = faces(view(lane(Phase.REFUSED, notice=STOP, uid=UID, number="DE*8PS*CD0C00*2", warnings=("Check it.",))))[0][1]


def plain(rows: list[Row]) -> list[str]:
    """The rows as text."""
    return ["".join(text for text, _ in row) for row in rows]


def letter_height(rows: list[Row]) -> int:
    """Rows that hold a part of a block letter."""
    return sum(any(ink is Ink.BLOCK for _, ink in row) for row in rows)


@settings(max_examples=300)
@given(
    width=st.integers(1, 200),
    height=st.integers(1, 60),
    title=st.text(max_size=120),
    hint=st.text(max_size=80),
    heading=st.sampled_from([EMPTY, Safe("lane 7")]),
    spellings=st.sampled_from([("PAIRED",), ("TAP AGAIN", "AGAIN"), ("STOP READER", "READER"), ("GOLDEN KEY", "KEY")]),
)
@example(width=20, height=1, title="", hint="", heading=Safe("lane 7"), spellings=("STOP READER", "READER"))
def test_every_size_is_filled_exactly(
    width: int, height: int, title: str, hint: str, heading: Safe, spellings: tuple[str, ...]
) -> None:
    """Exactly the height, never wider than the width, and the word in letters or in print."""
    face = Face(spellings, Tone.ERROR, Safe(title), Safe(hint), details=((Safe("a"), Safe("b" * 30)),))
    rows = face_rows(face, width, height, heading=heading)
    assert len(rows) == height
    assert all(cell_len(line) <= width for line in plain(rows))
    if width >= 20:
        assert letter_height(rows) or any(word in "\n".join(plain(rows)) for word in spellings)


@pytest.mark.parametrize(
    "word", ["TAP", "SCAN", "SAVING", "PAIRED", "STOP", "AGAIN", "KNOWN", "READER", "ALARM", "WAIT"]
)
def test_every_word_fits_the_smallest_screen(word: str) -> None:
    """In 40 columns, and in the eight rows that are left of fifteen with a banner of two lines."""
    rows = face_rows(Face((word,), Tone.ERROR, Safe("What happened."), Safe("What to do.")), 40, 8)
    assert letter_height(rows) >= letters.HEIGHT
    assert "What to do." in "\n".join(plain(rows))


@pytest.mark.parametrize(("width", "height", "letters_high"), [(40, 11, 5), (80, 16, 10), (120, 26, 15), (160, 36, 20)])
def test_the_word_grows_with_the_screen(width: int, height: int, letters_high: int) -> None:
    """PAIRED with all its facts, at the sizes a station has."""
    face = faces(view(lane(Phase.PAIRED, uid=UID, number="DE*8PS*CD0C00*2")))[0][1]
    rows = face_rows(face, width, height)
    assert letter_height(rows) == letters_high
    assert "reversed f6e5d4c3b2a104 = API" in "\n".join(plain(rows))


def test_facts_go_before_sentences() -> None:
    """On a sheet that is too low the UID is dropped, then the warning, the hint and the title not."""
    text = "\n".join(plain(face_rows(FULL, 60, 8)))
    assert STOP.title in text
    assert STOP.hint in text
    assert "wire" not in text


def test_the_word_goes_last() -> None:
    """Five rows hold the word and nothing else."""
    assert letter_height(face_rows(FULL, 40, 5)) == 5


def test_a_narrow_lane_takes_the_shorter_spelling() -> None:
    """AGAIN instead of TAP AGAIN, rather than no letters at all."""
    face = Face(("TAP AGAIN", "AGAIN"), Tone.HALF, Safe("Once more."))
    assert letter_height(face_rows(face, 40, 11)) == 5
    widest = max(cell_len(line.rstrip()) for line in plain(face_rows(face, 40, 11)))
    assert widest <= 38


def test_a_lane_too_small_for_letters_says_it_in_print() -> None:
    """Four lanes on a small screen: name, word, and as much of the rest as there is room for."""
    rows = plain(face_rows(FULL, 30, 3, heading=Safe("lane 2")))
    assert "lane 2: STOP" in rows[0]
    assert "This number" in rows[1]


def test_block_letters_are_drawn_in_one_colour() -> None:
    """Full cells are of the ink whose front and back are alike; `#` serves where the console has no block."""
    rows = face_rows(Face(("TAP",), Tone.READY, EMPTY), 40, 5, block="#")
    cells = {character for row in rows for text, ink in row if ink is Ink.BLOCK for character in text}
    assert cells == {"#"}
    assert "#" not in {character for row in rows for text, ink in row if ink is not Ink.BLOCK for character in text}


@given(st.text(max_size=300), st.integers(1, 80))
def test_wrapping_loses_nothing_but_blanks(text: str, width: int) -> None:
    """With enough lines every visible character is there, in order, and no line is too wide (but for a wide letter)."""
    safe = Safe(text)
    lines = wrapped(safe, width, len(safe) + 1)
    assert "".join(lines).replace(" ", "") == safe.replace(" ", "")
    assert all(cell_len(line) <= max(width, 2) for line in lines)


def test_wrapping_into_few_lines_is_marked() -> None:
    """What is left out leaves two dots."""
    assert wrapped(Safe("one two three four"), 9, 2) == ["one two", "three f.."]


def test_fitting() -> None:
    """Cut and padded to cells, not to characters; the first variant that fits is taken."""
    assert fitted("abcdef", 4) == "ab.."
    assert fitted("鍵鍵鍵", 4) == "鍵.."
    assert padded("鍵", 4) == "鍵  "
    assert first_that_fits(5, ("paired 12", "p 12", "12")) == "p 12"
    assert first_that_fits(2, ("paired 12", "p 12")) == "p "


def test_letters_are_all_different_and_whole() -> None:
    """No two letters look alike, and every one is five rows of one width."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ?!0123456789-*/.:_"
    assert len({letters.word_rows(letter) for letter in alphabet}) == len(alphabet)
    for letter in alphabet:
        rows = letters.word_rows(letter)
        assert len(rows) == letters.HEIGHT
        assert len({len(row) for row in rows}) == 1
    assert letters.word_width("PAIRED") <= 38
    assert letters.word_rows("é") == letters.word_rows("?")
