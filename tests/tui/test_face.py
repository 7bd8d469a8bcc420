"""What a lane is told to show: the one word, its colour, and what comes first when several things are wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.fake_station import READY, STOP, UID, lane, view
from tagsmith.model import Delivery, DeliveryView, Phase, ReaderState, ReaderStatus, StationView
from tagsmith.tui import letters
from tagsmith.tui.face import Face, Tone, faces, uid_lines
from tagsmith.uid import ByteOrder

LOST = ReaderStatus("pcsc:", ReaderState.LOST, "The reader was unplugged.", "Plug it in again.")
MISSING = ReaderStatus("pcsc:", ReaderState.MISSING, "not opened yet")


def only(shown: StationView, **how: object) -> Face:
    """The face of the only lane."""
    ((_, face),) = faces(shown, **how)  # type: ignore[arg-type]
    return face


@pytest.mark.parametrize(
    ("phase", "word", "tone"),
    [
        (Phase.READY, "TAP", Tone.READY),
        (Phase.TAG_WAITS, "SCAN", Tone.HALF),
        (Phase.NUMBER_WAITS, "TAP", Tone.HALF),
        (Phase.VERIFYING, "TAP AGAIN", Tone.HALF),
        (Phase.COMMITTING, "SAVING", Tone.HALF),
        (Phase.PAIRED, "PAIRED", Tone.PAIRED),
        (Phase.REFUSED, "STOP", Tone.ERROR),
        (Phase.KNOWN, "KNOWN", Tone.READY),
        (Phase.NOT_SAVED, "STOP", Tone.ERROR),
    ],
)
def test_each_phase_has_its_word_and_colour(phase: Phase, word: str, tone: Tone) -> None:
    """The table of words; every phase tells what happened and what to do, and every letter has a shape."""
    face = only(view(lane(phase)))
    assert (face.word, face.tone) == (word, tone)
    assert face.title
    assert face.hint
    assert all(letters.known(spelling) for spelling in face.spellings)


def test_every_phase_is_in_the_table() -> None:
    """A new phase must be given a face, and green must stay what it is."""
    green = [phase for phase in Phase if only(view(lane(phase))).tone is Tone.PAIRED]
    assert green == [Phase.PAIRED]


def test_scan_first_starts_with_scan() -> None:
    """A lane that waits for a number first says so."""
    assert only(view(lane(Phase.READY, expects="number"))).word == "SCAN"


def test_a_number_that_is_scanned_twice_is_not_tapped_twice() -> None:
    """What verifies a pair is said as it is meant."""
    face = only(view(lane(Phase.VERIFYING, expects="again")))
    assert (face.word, face.hint) == ("SCAN AGAIN", "Scan the same number once more.")


@pytest.mark.parametrize(("expects", "word"), [("check-tap", "CHECK TAP"), ("check-scan", "CHECK SCAN")])
def test_a_check_looks_like_no_new_key(expects: str, word: str) -> None:
    """Not even right after a pair; a refusal meanwhile is shown as one."""
    for phase in (Phase.READY, Phase.PAIRED):
        face = only(view(lane(phase, expects=expects)))
        assert (face.word, face.tone) == (word, Tone.HALF)
    assert only(view(lane(Phase.REFUSED, expects=expects))).tone is Tone.ERROR


def test_a_notice_says_what_happened_and_what_to_do() -> None:
    """The two lines of a refusal are its own."""
    face = only(view(lane(Phase.REFUSED, notice=STOP)))
    assert (face.title, face.hint) == (STOP.title, STOP.hint)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in (Phase.COMMITTING, Phase.NOT_SAVED)])
def test_a_reader_that_is_not_ready_comes_before_the_phase(phase: Phase) -> None:
    """Nothing can be tapped: also a green lane says so, with the remedy."""
    face = only(view(lane(phase, reader=LOST)))
    assert face.spellings == ("STOP READER", "READER")
    assert (face.tone, face.title, face.hint) == (Tone.ERROR, LOST.message, LOST.remedy)


@pytest.mark.parametrize(("phase", "word"), [(Phase.NOT_SAVED, "STOP"), (Phase.COMMITTING, "SAVING")])
def test_a_pair_that_is_not_on_the_disc_comes_before_the_reader(phase: Phase, word: str) -> None:
    """The reader can wait, the pair cannot."""
    assert only(view(lane(phase, reader=LOST))).word == word


def test_a_reader_without_words_of_its_own_has_some() -> None:
    """A status that brings neither message nor remedy still tells a person something."""
    face = only(view(lane(reader=ReaderStatus("pcsc:", ReaderState.BUSY))))
    assert face.title == "The reader is in use by another."
    assert face.hint


def test_a_reader_that_was_not_opened_yet_is_no_fault() -> None:
    """In the first moments nothing is red; a missing reader is, once things have settled. Forbidden is at once."""
    assert only(view(lane(reader=MISSING)), settled=False).word == "WAIT"
    assert only(view(lane(reader=MISSING)), settled=True).tone is Tone.ERROR
    forbidden = replace(MISSING, state=ReaderState.FORBIDDEN)
    assert only(view(lane(reader=forbidden)), settled=False).tone is Tone.ERROR


def test_before_the_core_has_lanes_the_screen_waits() -> None:
    """The first frame comes before the core: it shows neither green nor red."""
    face = only(replace(view(), lanes=()))
    assert (face.word, face.tone) == ("WAIT", Tone.READY)


@pytest.mark.parametrize("lanes", [(), (lane(Phase.PAIRED),), (lane(Phase.NOT_SAVED, reader=LOST),)])
def test_the_end_of_the_station_comes_first(lanes: tuple[object, ...]) -> None:
    """A station that cannot go on says so in every lane, and when it has none."""
    alarmed = DeliveryView(Delivery.STOPPED, alarm="401")
    face = only(replace(view(), lanes=lanes, fatal="The disc is full.", delivery=alarmed))
    assert (face.word, face.tone, face.title) == ("STOP", Tone.ERROR, "The disc is full.")


def test_an_alarm_takes_the_lane_until_it_was_seen() -> None:
    """Also from a green lane; once seen the lane is the worker's again, and another alarm takes it anew."""
    shown = view(lane(Phase.PAIRED), delivery=DeliveryView(Delivery.STOPPED, alarm="401"))
    assert only(shown).word == "ALARM"
    assert only(shown, alarm_seen="401").word == "PAIRED"
    assert only(shown, alarm_seen="something else").word == "ALARM"


def test_several_lanes_are_named() -> None:
    """Each face says whose it is; the only one needs no name."""
    two = faces(view(lane(), lane(Phase.PAIRED, lane="left")))
    assert [(heading, face.word) for heading, face in two] == [("lane 1", "TAP"), ("lane left", "PAIRED")]
    assert faces(view())[0][0] == ""


@pytest.mark.parametrize(
    ("order", "lines"),
    [
        (ByteOrder.REVERSED, ("wire 04a1b2c3d4e5f6", "reversed f6e5d4c3b2a104 = API")),
        (ByteOrder.WIRE, ("wire 04a1b2c3d4e5f6 = API", "reversed f6e5d4c3b2a104")),
    ],
)
def test_the_uid_is_shown_in_both_orders(order: ByteOrder, lines: tuple[str, str]) -> None:
    """The one that the API gets is marked."""
    assert uid_lines(UID, order) == lines


def test_number_uid_and_warnings_are_shown() -> None:
    """The facts of the pair under way, warnings apart from them."""
    face = only(view(lane(Phase.PAIRED, uid=UID, number="N1", warnings=("4-byte chip.",))))
    assert face.details == (("number N1",), uid_lines(UID, ByteOrder.REVERSED))
    assert face.warnings == ("! 4-byte chip.",)


def test_foreign_text_is_cleaned() -> None:
    """A number, a remedy or an alarm may hold anything."""
    face = only(view(lane(Phase.PAIRED, number="\x1b[31m[/]", reader=READY)))
    assert face.details == (("number <1B>[31m[/]",),)
