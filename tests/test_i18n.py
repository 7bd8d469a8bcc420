"""English and German: sources, catalogue and compiled catalogue together, and who sees which language."""

from __future__ import annotations

import importlib.util
import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from tagsmith import i18n, words
from tagsmith.i18n import Sentence, spoken
from tagsmith.model import Event, Phase, Reason
from tagsmith.sentences import sentence
from tagsmith.tui import letters
from tagsmith.visual_number import judge

DOCS = Path(__file__).parent.parent / "docs"
LONGEST_BIG = 38
"""Cells in which the last word of a huge word must fit: a lane of a narrow screen."""
NEXT_WIDTH = 80
AT = datetime(2026, 5, 4, 11, 45, tzinfo=UTC)


def catalogue() -> ModuleType:
    """docs/catalogue.py as a module."""
    spec = importlib.util.spec_from_file_location("catalogue", DOCS / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CATALOGUE = catalogue()
GERMAN: dict[str, str] = CATALOGUE.read_po(CATALOGUE.po("de"))


@pytest.fixture
def german() -> Iterator[None]:
    """The process speaks German."""
    i18n.speak("de")
    yield
    i18n.speak("en")


def placeholders(text: str) -> set[str]:
    """The names of the values in a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_sentence_is_german() -> None:
    """No sentence lacks a translation, and none is translated that no source says: `make generated`, then fill in."""
    assert CATALOGUE.missing("de") == [], "write them into locales/de/LC_MESSAGES/tagsmith.po after `make generated`"
    assert set(GERMAN) == set(CATALOGUE.sentences()), "run `make generated`"


def test_every_value_is_kept() -> None:
    """A translation has the same values as its sentence."""
    assert {text for text, said in GERMAN.items() if said and placeholders(text) != placeholders(said)} == set()


def test_what_is_installed_is_what_is_written() -> None:
    """The compiled catalogue is that of the .po file, and the template is that of the sources."""
    made = CATALOGUE.po("de").with_suffix(".mo").read_bytes()
    assert made == CATALOGUE.compiled("de", GERMAN), "run `make generated`"
    assert set(CATALOGUE.read_po(CATALOGUE.LOCALES / "tagsmith.pot")) == set(CATALOGUE.sentences())


@pytest.mark.parametrize(
    "word", [*words.BIG.values(), *words.BIG_CHECK.values(), words.BIG_AGAIN, "WAIT", "ALARM", "READER", "LEAVE?"]
)
def test_the_huge_words_fit(word: str) -> None:
    """Every letter has a shape, and on a narrow screen at least the last word has room."""
    said = GERMAN[word]
    assert letters.known(said)
    assert letters.word_width(said.split()[-1]) <= LONGEST_BIG


def test_what_to_do_fits_in_one_line() -> None:
    """What happened and what to do are one line each on a screen of 80 columns."""
    reasons = [text for pair in words._REASONS.values() for text in pair if text]
    assert [GERMAN[text] for text in (*words.NEXT.values(), *reasons) if len(GERMAN[text]) > NEXT_WIDTH] == []
    assert [GERMAN[text] for text in words.STATES.values() if len(GERMAN[text]) > 10] == []


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_AT@euro"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "de"}, "de"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "../de"}, "en"),
    ],
)
def test_the_language_is_that_of_the_environment(environment: dict[str, str], language: str) -> None:
    """LC_ALL counts before LC_MESSAGES before LANG; a language that is not there is English."""
    assert i18n.language_of(environment) == language


@pytest.mark.usefixtures("german")
def test_programs_read_english() -> None:
    """A notice is English in events and JSON though the screen is German, values included; the screen says German."""
    notice = words.number_notice(judge("A" * 65))
    told = words.told(notice)
    assert json.loads(json.dumps({"message": told}))["message"].startswith(
        "That is too long for a number. A number has"
    )
    assert spoken(told) == (
        "Das ist zu lang für eine Nummer. Eine Nummer hat höchstens 64 Zeichen, diese hat 65: "
        "aufgedruckte Nummer scannen."
    )
    assert str(words.notice(Reason.NO_TAG).title) == "No key for this number."


@pytest.mark.usefixtures("german")
def test_numbers_and_times_have_the_local_form() -> None:
    """1.234 and 04.05.2026 in German, 1234 and 2026-05-04 in English."""
    paired = Sentence("{number} with {uid}, {when}", number="N-1", uid="04", when=AT)
    local = AT.astimezone()
    assert spoken(paired) == f"N-1 mit 04, 04.05.2026 {local:%H:%M}"
    assert str(paired) == f"N-1 with 04, 2026-05-04 {local:%H:%M}"
    assert i18n.decimal(97.14) == "97,1"
    keys = "known, has {count} key", "known, has {count} keys"
    said = [i18n.plural(*keys, count) for count in (1, 2)]
    assert said == ["bekannt, hat {count} Karte", "bekannt, hat {count} Karten"]
    assert (i18n.number(1234), i18n.number(1_234_567)) == ("1.234", "1.234.567")
    i18n.speak("en")
    assert i18n.number(1234) == "1234"


@pytest.mark.usefixtures("german")
def test_a_sentence_per_event() -> None:
    """Plain mode says time, lane and what happened, in the language of the process."""
    fields = {"lane": "1", "visual_number": "N-1", "uid_api": "04ab", "warnings": []}
    assert (
        sentence(Event("paired", fields), AT) == f"{AT.astimezone():%H:%M:%S}, Bahn 1: FERTIG: N-1 mit 04ab, gesichert."
    )
    i18n.speak("en")
    assert sentence(Event("paired", fields), AT).endswith("lane 1: PAIRED: N-1 with 04ab, saved.")
    stop = {"lane": "1", "message": words.told(words.notice(Reason.NO_TAG)), "visual_number": "N-1"}
    assert sentence(Event("rejected", stop), AT).endswith(
        ": STOP: No key for this number. Tap the key first, then scan its number. Number N-1."
    )


def test_a_sentence_is_one_line_whatever_came_in() -> None:
    """Nothing from outside ends a line, moves a cursor or is taken for a value of a sentence."""
    nasty = {"visual_number": "A\n\x1b[31m{uid}\u2028", "message": "x{0}", "reason": "x"}
    said = sentence(Event("rejected", nasty), AT)
    assert said.isprintable()
    assert "A<0A><1B>[31m{uid}<2028>" in said


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_said_in_german(phase: Phase) -> None:
    """The huge word of each phase is another one, or the same on purpose."""
    assert GERMAN[words.BIG[phase]] != words.BIG[phase] or words.BIG[phase] == "SCAN"
