"""An open journal, one per test: in a file, and on a PostgreSQL server.

A test that asks for `journal` or `place` runs with both, unless it is marked `sqlite`; `path` is always a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.journal import opened
from support.postgres import a_database
from tagsmith.journal import Journal


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Which databases a test runs with."""
    if "backend" in metafunc.fixturenames:
        only_sqlite = metafunc.definition.get_closest_marker("sqlite") or "path" in metafunc.definition.fixturenames
        metafunc.parametrize("backend", ["sqlite"] if only_sqlite else ["sqlite", "postgresql"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's journal is, in a file."""
    return tmp_path / "journal.db"


@pytest.fixture
def place(tmp_path: Path, backend: str) -> Iterator[Path | str]:
    """Where the test's journal is: a file, or the URL of a database."""
    if backend == "sqlite":
        yield tmp_path / "journal.db"
    else:
        with a_database() as url:
            yield url


@pytest.fixture
def journal(place: Path | str) -> Iterator[Journal]:
    """A journal without entries."""
    with opened(place) as journal:
        yield journal
