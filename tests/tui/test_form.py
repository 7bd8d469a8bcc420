"""What the technician's form says in each situation, and that F4 does what it says and nothing else."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from support.fake_station import NOW, lane, view
from support.journal import entry
from tagsmith.enrolment import Enrolment, FormView, Reached, UserKey, UserStand, Wish, reached
from tagsmith.model import (
    Delivery,
    DeliveryView,
    Leg,
    LegState,
    Mark,
    Notice,
    Phase,
    ReaderState,
    ReaderStatus,
    Record,
)
from tagsmith.tui import form
from tagsmith.tui.face import Tone
from tagsmith.tui.form import Correcting, Disabling, FormShown, Question
from tagsmith.uid import Uid

UID = Uid.from_hex("04a1b2c3d4e5f6")
KEY = UserKey("f6e5d4c3b2a104", "DE-8PS-C00000002-7", "OLD-1", "van", enabled=True)
_D, _H, _R, _U, _Q = LegState.DONE, LegState.HELD, LegState.REFUSED, LegState.UNKNOWN, LegState.QUEUED


def record(reservation: Leg, activation: Leg, mark: Mark | None = None) -> Record:
    """A record for the user driver-1 with these legs."""
    return Record(1, replace(entry(1), user_id="driver-1"), reservation, activation, mark, contract_id="DE-8PS-1")


REACHED = {
    Reached.SAVED: record(Leg(_Q), Leg(_H)),
    Reached.RESERVED: record(Leg(_D), Leg(_H)),
    Reached.ACTIVE: record(Leg(_D), Leg(_D)),
    Reached.NO_USER: record(Leg(_D), Leg(_R, status=404, message="User not found")),
    Reached.REFUSED: record(Leg(_R, status=409, message="{taken}"), Leg(_H)),
    Reached.IN_DOUBT: record(Leg(_U), Leg(_H)),
    Reached.GONE: record(Leg(_H), Leg(_H), Mark.UNDONE),
}


@pytest.mark.parametrize("expected", list(Reached))
def test_how_far_an_enrolment_got(expected: Reached) -> None:
    """Every member is reached by a record, and by the one it is of."""
    assert reached(REACHED[expected]) is expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (record(Leg(_D), Leg(_R, status=409)), Reached.REFUSED),
        (record(Leg(_D), Leg(_U, repeat=True)), Reached.RESERVED),
        (record(Leg(_D), Leg(_U)), Reached.IN_DOUBT),
        (record(Leg(LegState.SENDING), Leg(_H)), Reached.SAVED),
    ],
)
def test_only_a_user_that_is_not_found_can_be_corrected(one: Record, expected: Reached) -> None:
    """What is in doubt or refused otherwise is for a person with the journal."""
    assert reached(one) is expected


def shown(phase: Phase = Phase.READY, *, of: Reached | None = None, **how: Any) -> FormShown:
    """The form at one moment."""
    enrolments = (Enrolment(REACHED[of]),) if of else ()
    about = {key: how.pop(key) for key in ("stand", "said", "keys") if key in how}
    made = FormView("driver-1", **({"stand": UserStand.KNOWN, "enrolments": enrolments} | about))
    number = "N-1" if phase in (Phase.CONFIRMING, Phase.NUMBER_WAITS) else ""
    uid = UID if phase in (Phase.CONFIRMING, Phase.TAG_WAITS) else None
    seen = view(
        lane(phase, uid=uid, number=number, notice=how.pop("notice", None), reader=how.pop("reader", lane().reader)),
        delivery=how.pop("delivery", DeliveryView(Delivery.ACTIVE)),
    )
    return FormShown(seen, NOW, form=made, **({"typed_user": "driver-1"} | how))


def test_f4_does_what_the_form_says_and_nothing_else() -> None:
    """In every situation: it is offered exactly where the words say what it does."""
    broken = ReaderStatus("pcsc:", ReaderState.LOST, "unplugged", "plug it in")
    seen = set()
    for phase, of, stand, question, typed, reader, alarm in itertools.product(
        Phase,
        (None, *Reached),
        UserStand,
        Question,
        ("driver-1", "driver-2"),
        (lane().reader, broken),
        ("", "somebody must come"),
    ):
        one = shown(
            phase,
            of=of,
            stand=stand,
            question=question,
            typed_user=typed,
            reader=reader,
            lost=KEY,
            delivery=DeliveryView(Delivery.ACTIVE, alarm=alarm),
        )
        face, offer = form.form_face(one), form.offered(one)
        assert ("F4" in f"{face.title} {face.hint}") is (offer is not None), (phase, of, stand, question, face)
        assert ("F4" in "".join(text for text, _ink in form.keys_row(one, 80))) is (offer is not None)
        seen.add(type(offer))
    assert seen == {type(None), Wish, Correcting, Disabling}


def test_what_is_confirmed_is_what_is_shown() -> None:
    """Key, number, user and name."""
    one = shown(Phase.CONFIRMING, typed_name=" my van ")
    assert form.offered(one) == Wish(UID, "N-1", "driver-1", "my van")
    assert form.form_face(one).title == f"N-1 with {UID.wire} for driver-1, named my van?"


def test_why_a_word_was_refused_stands_beside_what_is_asked() -> None:
    """The question stays, because F4 still answers it."""
    one = shown(Phase.CONFIRMING, notice=Notice("key-away", "The key is not on the reader.", "Lay it there."))
    face = form.form_face(one)
    assert face.tone is Tone.ERROR
    assert "for driver-1?" in face.title
    assert "not on the reader" in face.hint
    assert form.offered(one) is not None


def test_green_means_on_the_disc() -> None:
    """No enrolment that is not saved is green, and nothing that is not active is said to work."""
    for of in Reached:
        face = form.form_face(shown(of=of))
        assert (face.tone is Tone.PAIRED) is (of in (Reached.SAVED, Reached.RESERVED, Reached.ACTIVE))
        assert ("works" in face.hint) is (of is Reached.ACTIVE)
    for phase in (Phase.CONFIRMING, Phase.COMMITTING, Phase.NOT_SAVED):
        assert form.form_face(shown(phase, of=Reached.SAVED)).tone is not Tone.PAIRED


def test_offline_it_says_what_will_be_sent() -> None:
    """While it is asked for a word, while it is saved, and when somebody leaves."""
    offline = {"delivery": DeliveryView(Delivery.ACTIVE, waiting=2, message="no connection")}
    assert "when online" in form.form_face(shown(Phase.CONFIRMING, **offline)).hint
    assert "when the network is back" in form.form_face(shown(of=Reached.SAVED, **offline)).hint
    assert "when the network is back" in form.form_face(shown(of=Reached.RESERVED, **offline)).hint
    held = {"delivery": DeliveryView(Delivery.HELD_BACK, waiting=2)}
    assert "later" in form.form_face(shown(Phase.CONFIRMING, **held)).hint
    leaving = form.form_face(shown(of=Reached.SAVED, question=Question.LEAVE, **offline))
    assert "2 keys are saved and not sent yet" in leaving.title


def test_names_that_are_not_given_yet_are_told_when_leaving() -> None:
    """The journal keeps pairs, not names."""
    waiting = FormView(enrolments=(Enrolment(REACHED[Reached.SAVED], "my van"),))
    assert "tagsmith keys rename" in form.unsent(DeliveryView(Delivery.ACTIVE, waiting=1), waiting)
    done = FormView(enrolments=(Enrolment(REACHED[Reached.ACTIVE], "my van", named=True),))
    assert form.unsent(DeliveryView(Delivery.ACTIVE), done) == ""


def test_words_of_the_api_are_shown_as_they_are() -> None:
    """Braces, escapes and all, made visible."""
    assert "{taken}" in form.form_face(shown(of=Reached.REFUSED)).title
    nasty = replace(KEY, name="\x1b[31mred{number}")
    text = "".join(text for one in form.key_rows([nasty], None, 80, 3) for text, _ink in one)
    assert "<1B>[31mred{number}" in text


@pytest.mark.parametrize("height", [1, 2, 3, 8])
@pytest.mark.parametrize("chosen", [None, 0, 4, 9])
def test_the_chosen_key_is_always_in_sight(height: int, chosen: int | None) -> None:
    """However many keys a user has, and there is a mark for those that are not."""
    keys = [replace(KEY, number=f"N-{number}") for number in range(10)]
    rows = form.key_rows(keys, chosen, 60, height)
    assert len(rows) == height
    lines = ["".join(text for text, _ink in one) for one in rows]
    assert sum(line.startswith(">") for line in lines) == (chosen is not None)
    assert any(f"N-{chosen or 0} " in line for line in lines)
    assert all(len(line) <= 60 for line in lines)
