"""What the documentation says is what the code does, as far as it is generated."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from tagsmith.model import Reason, ScanFault
from tagsmith.pairing import describe
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


def test_every_reason_has_words() -> None:
    """No worker is shown a bare reason."""
    for kind in (Reason, ScanFault, UidReason, NumberReason):
        for reason in kind:
            assert reason.value == "ok" or title(reason.value) != reason.value, reason
