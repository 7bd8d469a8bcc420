"""What holds for every test: a clean environment, and log calls that must be well formed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

TRAFFIC = 5
"""The level of wire bytes; everything from there up is formatted in tests."""


class _FailOnBadFormatting(logging.Handler):
    """Formats every record as a real handler would. What cannot be formatted is kept, and fails the test."""

    def __init__(self) -> None:
        super().__init__(TRAFFIC)
        self.failures: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            record.getMessage()
        except Exception as error:
            # A handler must not raise: logging would print it and go on, and the test would pass.
            self.failures.append(f"{record.pathname}:{record.lineno}: {record.msg!r} % {record.args!r}: {error}")


@pytest.fixture(autouse=True)
def well_formed_logging() -> Iterator[None]:
    """Every log call of ours, at every level, is formatted; one that cannot be fails the test that made it."""
    logger = logging.getLogger("tagsmith")
    level, handler = logger.level, _FailOnBadFormatting()
    logger.setLevel(TRAFFIC)
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    logger.setLevel(level)
    assert not handler.failures, "malformed log calls: " + "; ".join(handler.failures)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No setting, home or terminal of the machine reaches a test, nor any process that it starts. Gives the home."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.upper().startswith("TAGSMITH_"):
            monkeypatch.delenv(name)
    for name in ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "FORCE_COLOR", "COLORTERM", "LINES"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in (
        ("HOME", "."),
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_RUNTIME_DIR", ".run"),
    ):
        path = home / folder
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(path))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "120")
    return home
