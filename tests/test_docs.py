"""What the documentation says is what the code does, as far as it is generated."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tagsmith.doctor.finding import Section
from tagsmith.model import Reason, ScanFault, Tag
from tagsmith.pairing import describe
from tagsmith.readers import create as create_reader
from tagsmith.readers.serial_spec import plan
from tagsmith.scanners import create as create_scanner
from tagsmith.uid import UidReason
from tagsmith.visual_number import NumberReason
from tagsmith.words import title

DOCS = Path(__file__).parent.parent / "docs"


def generator() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_of_pairing_is_the_table() -> None:
    """docs/pairing.md is what `describe()` makes of the table now."""
    assert (DOCS / "pairing.md").read_text(encoding="utf-8") == describe(), "run `make generated`"


def test_every_reason_is_listed() -> None:
    """docs/events.md lists each stable word with its meaning."""
    page = (DOCS / "events.md").read_text(encoding="utf-8")
    assert generator().events(page) == page, "run `make generated`"


def test_every_known_device_is_listed() -> None:
    """hardware.md has the table of the devices that doctor and discovery know."""
    page = (DOCS.parent / "hardware.md").read_text(encoding="utf-8")
    assert generator().hardware(page) == page, "run `make generated`"


def test_the_rules_and_the_list_of_modules_are_of_the_same_table() -> None:
    """udev's rules and modprobe's list are what the table of known devices gives."""
    made = {"93-tagsmith.rules": generator().rules(), "modprobe.d/tagsmith.conf": generator().modules()}
    for name, text in made.items():
        assert (DOCS.parent / "udev" / name).read_text(encoding="utf-8") == text, "run `make generated`"


def test_the_doctor_points_to_sections_that_are_there() -> None:
    """Each section that a finding names is an anchor of hardware.md."""
    page = (DOCS.parent / "hardware.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    anchors |= set(re.findall(r'<a id="([^"]+)"', page))
    assert {str(section) for section in Section if section} <= anchors


@pytest.mark.parametrize(("name", "least"), [("hardware.md", 12), ("docs/settings.md", 2)])
def test_every_spec_that_people_are_told_is_one(name: str, least: int) -> None:
    """Whatever a page tells people to write as a spec is taken by the program: as a scanner's below `[[scanner]]`."""
    page = (DOCS.parent / name).read_text(encoding="utf-8")
    found = re.finditer(r"""(\[\[scanner]]\n *spec = )?['"`]((?:pcsc|nfcpy|serial|evdev):[^'"`\s…]+)['"`]""", page)
    specs = {match.groups() for match in found if "vvvv" not in match[2]}
    assert len(specs) >= least
    for scanner, spec in specs:
        (create_scanner if scanner else create_reader)(spec)


def test_every_row_of_the_table_of_lines_is_read_as_the_key_it_is_of() -> None:
    """What hardware.md says that a serial reader sends for one key, and the options beside it, give that key's UID."""
    page = (DOCS.parent / "hardware.md").read_text(encoding="utf-8")
    (key,) = re.findall(r"^\| for `([0-9A-F]+)` it sends", page, re.MULTILINE)
    rows = re.findall(r"^\| `([0-9A-F:UID=]+)`.*\| `(frame=[^`]+)`", page, re.MULTILINE)
    assert len(rows) >= 7
    for sent, options in rows:
        made = plan(f"serial:/dev/ttyUSB0?{options}")
        made.framing.start(0.0)
        made.framing.feed(b"", 1.0)
        (frame,) = made.framing.feed(f"{sent}\r\n".encode(), 2.0)
        tag = made.writing.read(frame.payload)
        assert isinstance(tag, Tag)
        assert tag.uid.wire == key.lower(), options


def test_every_reason_has_words() -> None:
    """No worker is shown a bare reason."""
    for kind in (Reason, ScanFault, UidReason, NumberReason):
        for reason in kind:
            assert reason.value == "ok" or title(reason.value) != reason.value, reason
