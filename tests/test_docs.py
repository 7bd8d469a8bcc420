"""What the documentation says is what the code does, as far as it is generated."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from tagsmith.doctor.finding import Section
from tagsmith.errors import ConfigError
from tagsmith.model import Reason, ScanFault
from tagsmith.pairing import describe
from tagsmith.readers import create as create_reader
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


def test_the_doctor_points_to_sections_that_are_there() -> None:
    """Each section that a finding names is an anchor of hardware.md."""
    page = (DOCS.parent / "hardware.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    anchors |= set(re.findall(r'<a id="([^"]+)"', page))
    assert {str(section) for section in Section if section} <= anchors


def test_every_spec_in_the_hardware_page_is_one() -> None:
    """Whatever the page tells people to write as a spec is taken by the program."""
    page = (DOCS.parent / "hardware.md").read_text(encoding="utf-8")
    written = set(re.findall(r"""['"`]((?:pcsc|nfcpy|serial|evdev):[^'"`\s…]+)['"`]""", page))
    assert len(written) > 10
    for spec in sorted(one for one in written if "vvvv" not in one):
        try:
            create_reader(spec)
        except ConfigError:
            create_scanner(spec)


def test_every_reason_has_words() -> None:
    """No worker is shown a bare reason."""
    for kind in (Reason, ScanFault, UidReason, NumberReason):
        for reason in kind:
            assert reason.value == "ok" or title(reason.value) != reason.value, reason
