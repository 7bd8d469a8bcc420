"""The day's lines: batch, bar, time left, who, how fast, how well; and lists and lanes on sheets of any size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from support.fake_station import NOW, lane, view
from support.scenes import batch, day, eight, pairs
from tagsmith.production import BatchStand, BatchView, Operator, ShiftView
from tagsmith.tui.day import batch_row, day_rows, time_left
from tagsmith.tui.face import Tone, faces
from tagsmith.tui.glyphs import ASCII, CONSOLE, FULL, bar, glyphs, sparkline
from tagsmith.tui.grid import columns
from tagsmith.tui.lists import Item, first_in_sight, pair_items, pick_rows
from tagsmith.tui.text import EMPTY, Safe
from tagsmith.tui.typeset import Ink, Row, face_rows


def plain(rows: list[Row]) -> list[str]:
    """The rows as text."""
    return ["".join(text for text, _ in row) for row in rows]


def test_a_station_without_batches_and_operators_loses_no_line() -> None:
    """Nothing is told of what is not there."""
    assert day_rows(view(), 80) == []


@pytest.mark.parametrize("width", [30, 40, 53, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("most", [1, 2])
def test_the_count_is_on_every_screen(width: int, most: int) -> None:
    """With its target, never wider than the screen, in at most so many lines; what is cut says so."""
    rows = plain(day_rows(day(), width, most=most))
    assert len(rows) <= most
    assert all(cell_len(line) <= width for line in rows)
    assert "213/500" in rows[0] or "213 of 500" in rows[0]
    name = day().batch.stand.batch.name  # type: ignore[union-attr]
    assert name in rows[0] or ".. " in rows[0]


def test_eighty_columns_tell_all() -> None:
    """Bar, percent, time left; operator, yield, the hour and the pace."""
    first, second = plain(day_rows(day(), 80))
    assert "█" in first
    assert "213 of 500  42 %  1 h 20 min left" in first
    assert second.strip() == "Ada Lovelace   yield 97.1 %   last hour ▁▃▅▆▆▇▆▁▃▆█▆  84/h"


def test_a_wide_screen_says_it_in_one_line() -> None:
    """Batch left, day right."""
    (line,) = plain(day_rows(day(), 160))
    assert "213 of 500" in line
    assert "84/h" in line


def test_a_batch_without_a_target_has_no_bar() -> None:
    """How many are made is all that can be said."""
    stand = batch("LOT", 7, goal=None)
    assert plain([batch_row(BatchView(stand), 80)]) == [" LOT  7 made"]


def test_who_is_missing_is_told_where_somebody_must_sign_on() -> None:
    """And the operator's name is foreign text."""
    assert "nobody has signed on" in plain(day_rows(view(shift=ShiftView(required=True)), 80))[0]
    rows = plain(day_rows(view(shift=ShiftView(operator=Operator("A\x1b[31m"))), 80))
    assert rows == [" A<1B>[31m"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "under 1 min left"),
        (60, "1 min left"),
        (3599, "1 h 00 min left"),
        (5000, "1 h 23 min left"),
        (200000, "2 days left"),
    ],
)
def test_time_left(seconds: float, words: str) -> None:
    """To the minute."""
    assert time_left(seconds) == words


@given(st.floats(0, 1), st.integers(2, 60))
def test_a_bar_is_full_only_when_all_is_done(share: float, width: int) -> None:
    """And not empty once something is; always of its width."""
    drawn = bar(share, width, FULL)
    assert len(drawn) == width
    assert ("░" not in drawn) == (share == 1.0)
    assert ("█" in drawn) == (share > 0.0)


def test_the_hour_is_drawn_with_what_the_font_has() -> None:
    """Eighths on a terminal, signs of every font on a console; a little is never nothing."""
    assert sparkline((0, 1, 50, 100), FULL) == "▁▂▅█"
    assert sparkline((0, 1, 50, 100), CONSOLE) == "_.=#"
    assert sparkline((), FULL) == ""
    assert glyphs(is_unicode=True, color_system="standard") is CONSOLE
    assert glyphs(is_unicode=True, color_system="truecolor") is FULL
    assert glyphs(is_unicode=False, color_system="truecolor") is ASCII


def test_percent_and_bar_keep_what_is_left() -> None:
    """499 of 500 is not all."""
    stand = BatchStand(replace(batch("LOT", 499).batch), paired=499)
    (line,) = plain([batch_row(BatchView(stand), 80)])
    assert "99 %" in line
    assert "░" in line


# --- lanes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lanes", "size", "across"),
    [
        (1, (80, 17), 1),
        (3, (120, 25), 3),
        (4, (80, 17), 2),
        (8, (80, 17), 2),
        (8, (120, 31), 3),
        (8, (40, 10), 1),
    ],
)
def test_lanes_share_the_screen(lanes: int, size: tuple[int, int], across: int) -> None:
    """As large as the words can be; where they cannot be in letters, all is told of each lane."""
    assert columns(lanes, *size) == across


@pytest.mark.parametrize(("width", "height"), [(40, 1), (40, 2), (39, 4), (39, 10)])
def test_every_lane_of_eight_tells_word_and_what_happened(width: int, height: int) -> None:
    """At the smallest it may have, too: the name, the word, and the beginning of the sentence."""
    for heading, face in faces(view(*eight())):
        rows = face_rows(face, width, height, heading=heading)
        text = plain(rows)
        assert len(rows) == height
        assert all(cell_len(line) <= width for line in text)
        in_letters = any(ink is Ink.BLOCK for row in rows for _, ink in row)
        assert in_letters or face.spellings[-1] in text[0]
        told = (
            [face.title.split()[0]] if height > 1 or face.tone is Tone.ERROR else [face.expected or face.details[0][0]]
        )
        assert told[0] in " ".join(text)


def test_a_stopped_lane_is_not_cut_for_the_sake_of_letters() -> None:
    """What a person is to choose from is there in full, in letters' stead where there is not room for both."""
    ((heading, face),) = faces(view(eight()[4]))
    for width, height in ((40, 10), (80, 14), (120, 30)):
        text = " ".join("\n".join(plain(face_rows(face, width, height, heading=heading))).split())
        for choice in ("1 card #250 is missing: skip it", "4 a wrong scan: lay this key aside"):
            assert choice in text


def test_the_next_number_is_set_in_letters_where_there_is_room() -> None:
    """And else in a line that stands out."""
    ((_, face),) = faces(view(lane(expected="AB-1234")))
    assert sum(any(ink is Ink.BLOCK for _, ink in row) for row in face_rows(face, 80, 24)) >= 15
    assert ((Safe(" next  AB-1234 "), Ink.REVERSE)) in [run for row in face_rows(face, 40, 10) for run in row]


# --- lists --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 12))
def test_the_marked_item_is_in_sight(at: int, first: int, count: int, height: int) -> None:
    """Wherever the list was scrolled to, and no empty rows while there are items above."""
    at = min(at, count - 1)
    first = first_in_sight(at, first, count, height)
    assert first <= at < first + height
    assert 0 <= first <= max(count - height, 0)


@pytest.mark.parametrize("width", [38, 60, 118])
def test_lines_of_a_list_fit_and_tell_what_is_out_of_sight(width: int) -> None:
    """The mark, number and state; how many more there are above and below."""
    shown = view(lane(), lane(lane="2"), pairs=pairs())
    rows = plain(pick_rows(pair_items(shown, NOW), 6, 4, width, 5, EMPTY))
    assert all(cell_len(line) == width for line in rows)
    assert rows[0].endswith(" +4")
    assert rows[-1].endswith(" +11")
    assert rows[2].startswith("> 13:59  1: DE*8PS*CD0C06*6")
    assert "undone" in rows[2]


def test_a_long_line_keeps_its_state() -> None:
    """What is cut is the left part, and it says so."""
    (row,) = plain(pick_rows([Item("1", Safe("N" * 60), Safe("REFUSED"))], 0, 0, 30, 5, EMPTY))
    assert row.rstrip().endswith("..  REFUSED")
