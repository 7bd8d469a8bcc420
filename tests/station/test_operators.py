"""Who somebody is, who is a supervisor, and what the settings take of people."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from tagsmith.cli.shift import shift
from tagsmith.config import Settings, hash_pin, pin_matches, settings_of
from tagsmith.errors import ConfigError
from tagsmith.station.operators import Operators, supervisor_check
from tagsmith.uid import Uid

BADGE, OTHER = "04b0b1b2b3b4b5", "04c0c1c2c3c4c5"


def settings(*people: dict[str, Any]) -> Settings:
    """Settings with these operators."""
    return settings_of(journal={"url": "sqlite:////nowhere"}, operator=list(people))


def test_a_supervisor_is_known_by_badge_code_and_pin() -> None:
    """And nobody else is, whatever he knows of his own."""
    people = settings(
        {"name": "Ada", "badge": BADGE, "code": "OP-0001", "supervisor": True, "pin_hash": hash_pin("4711")},
        {"name": "Bo", "badge": OTHER, "code": "OP-0002", "pin_hash": hash_pin("1234")},
    ).operator
    check = supervisor_check(people)
    assert [check(secret) for secret in (BADGE, "op-0001", " 4711 ")] == [True] * 3
    assert not any(check(secret) for secret in (OTHER, "OP-0002", "1234", "Ada", "", "  ", "471"))
    known = Operators(people)
    ada = known.of_badge(Uid.from_hex(BADGE))
    assert ada is not None
    assert (ada.name, ada.supervisor) == ("Ada", True)
    assert known.of_name("bo") == known.of_code("op-0002")


def test_a_pin_is_kept_as_a_hash_with_a_salt() -> None:
    """Two lines for one PIN differ, both match it, and a damaged line matches nothing."""
    one, two = hash_pin("4711"), hash_pin("4711")
    assert one != two
    assert "4711" not in one.rpartition("$")[0].split("$")[0]
    assert pin_matches("4711", one)
    assert pin_matches("4711", two)
    assert not pin_matches("4712", one)
    assert not pin_matches("4711", one[:-4])
    assert not pin_matches("4711", one.replace("$16384$", "$1073741824$"))
    with pytest.raises(ValueError, match="4 to 64"):
        hash_pin("123")


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([{"name": "Ada"}, {"name": "ada"}], "the same name"),
        ([{"name": "Ada", "badge": BADGE}, {"name": "Bo", "badge": BADGE.upper()}], "the same badge"),
        ([{"name": "Ada", "code": "OP-1"}, {"name": "Bo", "code": "op-1"}], "the same code"),
        ([{"name": "Ada", "pin_hash": "4711"}], "never the PIN itself"),
        ([{"name": "Ada", "code": "TAGSMITHUNDO"}], "commands"),
        ([{"name": "Ada", "badge": "xyz"}], "UID in hex"),
    ],
)
def test_people_who_could_be_taken_for_one_another_are_refused(people: list[dict[str, Any]], said: str) -> None:
    """And a PIN in clear, without showing it."""
    with pytest.raises(ConfigError, match=said) as caught:
        settings(*people)
    assert "4711" not in str(caught.value)


def test_the_command_prints_a_line_that_the_settings_take() -> None:
    """The PIN itself is asked for twice, and printed nowhere."""
    done = CliRunner().invoke(shift, ["pin"], input="4711\n4711\n")
    assert done.exit_code == 0
    [line] = [line for line in done.output.splitlines() if line.startswith("pin_hash = ")]
    kept = line.removeprefix('pin_hash = "').removesuffix('"')
    assert pin_matches("4711", kept)
    assert "4711" not in done.output.replace(kept, "")
    assert settings({"name": "Ada", "pin_hash": kept}).operator[0].pin_hash == kept
