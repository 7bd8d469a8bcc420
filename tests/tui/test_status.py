"""The lines round the lanes, at the widths a station has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from support.fake_station import NOW, lane, pair, view
from tagsmith.model import Delivery, DeliveryView, Phase, ReaderState, ReaderStatus, ScannerStatus, State, StationView
from tagsmith.tui import status
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.typeset import Ink, Row

BUSY = replace(
    view(),
    paired=1234,
    per_hour=480,
    delivery=DeliveryView(Delivery.ACTIVE, waiting=123, reserved=1100, refused=11, unknown=2),
)


def plain(rows: list[Row]) -> list[str]:
    """The rows as text."""
    return ["".join(text for text, _ in row) for row in rows]


@pytest.mark.parametrize("width", [40, 53, 80, 100, 120, 160])
@pytest.mark.parametrize("shown", [view(), BUSY, view(lane(), lane(lane="2"))], ids=["calm", "busy", "two lanes"])
def test_counters_and_clock_are_on_every_screen(width: int, shown: StationView) -> None:
    """Environment, byte order, clock and the counters, never wider than the screen, in at most two lines."""
    rows = plain(status.status_rows(shown, NOW, width))
    assert len(rows) <= 2
    assert all(cell_len(line) <= width for line in rows)
    text = "\n".join(rows)
    delivery = shown.delivery
    for part in ("SANDBOX", "UID reversed", "14:03:22"):
        assert part in text
    for count in (shown.paired, delivery.waiting, delivery.reserved, delivery.refused, shown.per_hour):
        assert str(count) in text


def test_one_line_where_there_is_room() -> None:
    """120 columns hold everything in one line, also the readers and the API."""
    (line,) = plain(status.status_rows(view(), NOW, 120))
    for part in ("packing-3", "paired 12", "waiting 3", "reserved 9", "refused 0", "84/h", "ready", "API ok"):
        assert part in line


def test_eighty_columns_hold_the_words_in_full() -> None:
    """Two lines, nothing abbreviated."""
    where, counts = plain(status.status_rows(view(), NOW, 80))
    assert "127.0.0.1:8787/drive" in where
    assert "paired 12  waiting 3  reserved 9  refused 0  84/h" in counts
    assert "ready" in counts
    assert "API ok" in counts


def test_unknown_outcomes_are_shouted() -> None:
    """They are counted where there are any."""
    assert "UNKNOWN 2" in plain(status.status_rows(BUSY, NOW, 160))[0]
    assert "UNK" not in "".join(plain(status.status_rows(view(), NOW, 160)))


def test_readers_in_a_few_words() -> None:
    """One by its name and state, several by how many are ready."""
    lost = ReaderStatus("pcsc:", ReaderState.LOST)
    assert "ACS ACR1252 Dual Reader ready" in plain(status.status_rows(view(), NOW, 100))[1]
    assert "reader lost" in plain(status.status_rows(view(lane(reader=lost)), NOW, 80))[1]
    assert "readers 1 of 2 ready" in plain(status.status_rows(view(lane(), lane(reader=lost)), NOW, 80))[1]


@pytest.mark.parametrize(
    ("delivery", "words", "severe"),
    [
        (Delivery.HELD_BACK, "NOTHING IS SENT until a person", True),
        (Delivery.PAUSED, "NOTHING IS SENT: the API refused many", True),
        (Delivery.STOPPED, "NOTHING IS SENT: the API turned", True),
        (Delivery.STANDBY, "another process sends", False),
    ],
)
@pytest.mark.parametrize("width", [40, 80, 160])
def test_what_is_not_sent_is_told_at_once(delivery: Delivery, words: str, severe: bool, width: int) -> None:
    """A banner that stays as long as nothing is sent, at every width."""
    shown = view(delivery=DeliveryView(delivery))
    assert words in " ".join(line.strip() for line in plain(status.banner_rows(shown, width)))
    assert status.is_severe(shown) is severe


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_scanner_that_does_not_work_is_told(width: int) -> None:
    """With its lane, and only while it does not work: a worker who scans into nothing must see why."""
    lost = ScannerStatus("evdev:x", ReaderState.LOST, "", "it was unplugged", "plug it in again", "A")
    well = ScannerStatus("evdev:y", ReaderState.READY, "a wand")
    shown = replace(view(), scanners=(lost, well))
    (line,) = plain(status.banner_rows(shown, width))
    assert cell_len(line) <= width
    assert "SCANNER of lane A lost: plug it" in line
    assert status.is_severe(shown)
    assert status.banner_rows(replace(view(), scanners=(well,)), width) == []
    assert not status.is_severe(replace(view(), scanners=(well,)))


def test_no_banner_when_all_is_well() -> None:
    """An empty line of warning would soon be overlooked."""
    assert status.banner_rows(view(), 80) == []


def test_the_first_moments_of_standing_by_are_no_news() -> None:
    """Until the courier had time to become the active one."""
    shown = view(delivery=DeliveryView(Delivery.STANDBY))
    assert status.banner_rows(shown, 80, settled=False) == []


def test_an_alarm_that_was_seen_stays_in_the_banner() -> None:
    """Before, the lanes themselves show it."""
    shown = view(delivery=DeliveryView(Delivery.ACTIVE, alarm="keyId of the answer is another"))
    assert status.banner_rows(shown, 80) == []
    assert "keyId" in plain(status.banner_rows(shown, 80, alarm_seen=shown.delivery.alarm))[0]
    assert status.is_severe(shown)


@pytest.mark.parametrize("width", [38, 78, 118, 158])
def test_pairs_tell_number_and_state(width: int) -> None:
    """Newest first, what needs a person in capitals, never wider than the screen."""
    shown = view(pairs=(pair("N-1", State.HELD), pair("N-2", State.UNKNOWN, message="[/]\x1b[31m answer lost")))
    rows = status.pair_rows(shown, NOW, width, 5)
    text = plain(rows)
    assert all(cell_len(line) <= width for line in text)
    assert "N-1" in text[1]
    assert "held" in text[1]
    assert "N-2" in text[2]
    assert "UNKNOWN" in text[2]
    assert "\x1b" not in "".join(text)
    assert any(run == ("UNKNOWN", Ink.BOLD) for run in rows[2])


def test_a_single_line_shows_the_last_pair() -> None:
    """A small screen has one line, for the pair and not for a heading."""
    assert "DE*8PS*CD0C00*2" in plain(status.pair_rows(view(), NOW, 40, 1))[0]


def test_every_state_has_a_word() -> None:
    """No pair is shown without how far it got."""
    for state in State:
        assert state.value in plain(status.pair_rows(view(pairs=(pair("N", state),)), NOW, 80, 1))[0].lower()


def test_no_pair_yet() -> None:
    """An empty list says so."""
    assert plain(status.pair_rows(view(pairs=()), NOW, 80, 5))[1] == "no pair yet"


def test_the_line_being_typed_shows_its_end() -> None:
    """What is typed now is what a person looks at; controls are shown as what they are."""
    assert plain([status.entry_row("DE*8", 40)]) == ["Number: DE*8_"]
    line = plain([status.entry_row("0123456789" * 10, 40)])[0]
    assert cell_len(line) <= 40
    assert line.endswith("6789_")
    assert "<1D>" in plain([status.entry_row("A\x1dB", 40)])[0]
    assert plain([status.entry_row("abc", 5)])[0]


def test_three_keys_on_a_narrow_screen() -> None:
    """All of them from 60 columns on."""
    assert plain([status.key_row(view(), 40)])[0].split() == ["F1", "help", "F2", "undo", "last", "Esc", "clear"]
    assert "F10" in plain([status.key_row(view(), 80)])[0]


@pytest.mark.parametrize("width", [40, 80])
def test_keys_that_matter_now_come_first(width: int) -> None:
    """Saving again, and having seen the alarm."""
    unsaved = view(lane(Phase.NOT_SAVED))
    assert plain([status.key_row(unsaved, width)])[0].strip().startswith("F5")
    alarmed = view(delivery=DeliveryView(Delivery.STOPPED, alarm="401"))
    assert plain([status.key_row(alarmed, width)])[0].strip().startswith("F9")
    assert "F9" not in plain([status.key_row(alarmed, width, alarm_seen="401")])[0]


def test_extra_keys_are_shown_as_far_as_they_fit() -> None:
    """The demo's keys."""
    extras = [ExtraKey("f3", "good key", lambda: None), ExtraKey("f4", "random UID", lambda: None)]
    assert plain([status.extra_key_row(extras, 80)])[0].split() == ["F3", "good", "key", "F4", "random", "UID"]
    assert "F4" not in plain([status.extra_key_row(extras, 20)])[0]
