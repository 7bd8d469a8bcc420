"""scanners/registry.py: which kind of scanner a spec means."""

from __future__ import annotations

import pytest

from tagsmith.errors import ConfigError
from tagsmith.scanners.evdev import EvdevScanner
from tagsmith.scanners.registry import create
from tagsmith.scanners.serial import SerialScanner


def test_the_scheme_chooses_the_kind() -> None:
    """A scanner keeps its spec, without blanks around it; nothing is opened."""
    serial = create(" serial:/dev/ttyACM0?end=cr ")
    assert isinstance(serial, SerialScanner)
    assert serial.spec == "serial:/dev/ttyACM0?end=cr"
    assert isinstance(create("evdev:/dev/input/event0"), EvdevScanner)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("serail:/dev/ttyACM0", "did you mean serial:"),
        ("evdve:x", "did you mean evdev:"),
        ("serial", "did you mean serial:"),
        ("", "write serial:"),
        ("/dev/ttyACM0", "write serial:"),
        ("serial:/dev/ttyACM0?bua=1", "unknown"),
    ],
)
def test_what_names_no_scanner_is_refused(spec: str, says: str) -> None:
    """With the kind that was perhaps meant, or all of them."""
    with pytest.raises(ConfigError) as caught:
        create(spec)
    assert says in str(caught.value)
