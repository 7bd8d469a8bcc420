"""An open journal on the disc, one per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.journal import opened
from tagsmith.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's journal is."""
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """A journal without entries."""
    with opened(path) as journal:
        yield journal
