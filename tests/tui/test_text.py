"""Nothing from outside reaches the terminal but plain, visible characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.tui.text import EMPTY, LIMIT, Safe, joined, printable


@given(st.text(alphabet=st.characters(codec=None)))
def test_safe_text_holds_nothing_a_terminal_obeys(text: str) -> None:
    """For every text at all: no control, no invisible, no bidi, no surrogate character is left, and no odd blank."""
    for character in Safe(text):
        category = unicodedata.category(character)
        assert category not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert category != "Zs" or character == " "


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;PWNED\x07", "<1B>]0;PWNED<07>"),
        ("\x9b31m", "<9B>31m"),
        ("a\u202egnp", "a<202E>gnp"),
        ("a\u00a0b", "a<A0>b"),
        ("a\u200bb", "a<200B>b"),
        ("x\u3164y", "x<3164>y"),
        ("line\r\nnext", "line<0D><0A>next"),
        ("\udc9b", "<DC9B>"),
        ("[/][bold]", "[/][bold]"),
        ("Schlüssel Ω 鍵", "Schlüssel Ω 鍵"),
    ],
)
def test_how_it_is_shown(text: str, shown: str) -> None:
    """What is not shown as it is stands there as its code point; markup is text like any other."""
    assert printable(text) == shown


def test_safe_text_stays_as_it_is() -> None:
    """Cleaning twice is cleaning once, and costs nothing."""
    safe = Safe("a\x00b")
    assert Safe(safe) is safe


def test_long_text_is_cut_and_says_so() -> None:
    """A pasted book does not become a line of a screen."""
    assert printable("x" * (LIMIT + 1)) == "x" * LIMIT + ".."
    assert printable("x" * LIMIT) == "x" * LIMIT


def test_joined_leaves_nothing_out_but_nothing() -> None:
    """Empty parts leave no gap."""
    assert joined([Safe("a"), EMPTY, Safe("b")], " | ") == "a | b"
