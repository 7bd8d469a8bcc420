"""lines/spec.py: how the text that selects a device is cut, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.errors import ConfigError
from tagsmith.lines.spec import Spec


@pytest.mark.parametrize(
    ("text", "scheme", "address"),
    [
        ("serial:/dev/ttyUSB0", "serial", "/dev/ttyUSB0"),
        ("serial:/dev/ttyUSB0?baud=9600", "serial", "/dev/ttyUSB0"),
        ("serial:socket://127.0.0.1:4001?x=1", "serial", "socket://127.0.0.1:4001"),
        ("evdev:", "evdev", ""),
        ("nothing", "nothing", ""),
        ("", "", ""),
    ],
)
def test_scheme_and_address(text: str, scheme: str, address: str) -> None:
    """The first colon ends the scheme, the first question mark the address."""
    spec = Spec(text)
    assert (spec.text, spec.scheme, spec.address) == (text, scheme, address)


def test_options_are_read_by_kind() -> None:
    """Text, words, whole numbers, seconds, yes and no; what is not given is its default."""
    spec = Spec("serial:x?name=a=b&order=wire&baud=9600&low=-3&stay=0.25&loud=yes&&last=1")
    assert spec.text_of("name") == "a=b"
    assert spec.choice("order", ("wire", "reversed"), "reversed") == "wire"
    assert spec.integer("baud", 1, 50, 10_000) == 9600
    assert spec.integer("low", 0, -3, 3) == -3
    assert spec.seconds("stay", 1.0, 0, 10) == 0.25
    assert spec.flag("loud", default=False)
    assert spec.integer("last", 0, 0, 1) == 1
    assert spec.text_of("none") == ""
    assert spec.text_of("none", "x") == "x"
    assert spec.choice("none", ("a", "b"), "b") == "b"
    assert spec.integer("none", 7, 0, 9) == 7
    assert spec.seconds("none", 0.5, 0, 1) == 0.5
    assert not spec.flag("none", default=False)
    assert spec.has("baud")
    assert not spec.has("none")
    spec.finish()


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_values_are_percent_decoded(value: str) -> None:
    """Any text can stand in an option when it is quoted."""
    assert Spec(f"x:y?a={quote(value, safe='')}&b=1").text_of("a") == value


def test_a_plus_sign_is_a_plus_sign() -> None:
    """It means one or more in a regular expression, and no blank."""
    assert Spec("x:y?pattern=[0-9]+%26").text_of("pattern") == "[0-9]+&"


@pytest.mark.parametrize(
    ("text", "use", "says"),
    [
        ("x:y?baud", lambda spec: None, "write baud=…"),
        ("x:y?a=1&a=2", lambda spec: None, "'a' stands twice"),
        ("x:y?order=wier", lambda spec: spec.choice("order", ("wire", "reversed"), "wire"), "did you mean wire?"),
        ("x:y?order=?", lambda spec: spec.choice("order", ("wire", "reversed"), "wire"), "one of: wire, reversed"),
        ("x:y?n=", lambda spec: spec.integer("n", 1, 0, 9), "from 0 to 9"),
        ("x:y?n=10", lambda spec: spec.integer("n", 1, 0, 9), "from 0 to 9"),
        ("x:y?n=1.0", lambda spec: spec.integer("n", 1, 0, 9), "whole number"),
        ("x:y?n=٣", lambda spec: spec.integer("n", 1, 0, 9), "whole number"),
        ("x:y?n=0000000001", lambda spec: spec.integer("n", 1, 0, 9), "whole number"),
        ("x:y?s=1e1", lambda spec: spec.seconds("s", 1, 0, 20), "like 0.25"),
        ("x:y?s=nan", lambda spec: spec.seconds("s", 1, 0, 20), "like 0.25"),
        ("x:y?s=-1", lambda spec: spec.seconds("s", 1, 0, 20), "like 0.25"),
        ("x:y?s=21", lambda spec: spec.seconds("s", 1, 0, 20), "from 0 to 20"),
        ("x:y?f=true", lambda spec: spec.flag("f", default=True), "yes"),
    ],
)
def test_what_is_wrong_is_refused(text: str, use: Callable[[Spec], object], says: str) -> None:
    """Each error names the spec and the option, and says what may stand there."""
    with pytest.raises(ConfigError) as caught:
        use(Spec(text))
    assert says in str(caught.value)
    assert text in caught.value.message


def test_what_nobody_asked_for_is_refused() -> None:
    """With what was perhaps meant, or else all that is possible."""
    spec = Spec("x:y?buad=9600")
    spec.integer("baud", 1, 0, 10_000)
    spec.text_of("end")
    with pytest.raises(ConfigError, match="did you mean baud"):
        spec.finish()
    with pytest.raises(ConfigError, match="options here: none"):
        Spec("x:y?a=1").finish()
    spec = Spec("x:y?zzz=1")
    spec.text_of("end")
    spec.text_of("baud")
    with pytest.raises(ConfigError, match="options here: baud, end"):
        spec.finish()
