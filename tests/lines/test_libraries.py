"""The line that installs a missing library."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from tagsmith.lines.libraries import missing, pip_line

EXTRAS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_the_line_is_for_the_python_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for the first pip on the PATH; blanks in a path are no end of a word."""
    assert missing("nfcpy") == f"{sys.executable} -m pip install nfcpy==1.0.4"
    monkeypatch.setattr(sys, "executable", "/home/a b/bin/python")
    assert pip_line("x>1", "y") == "'/home/a b/bin/python' -m pip install 'x>1' y"


@pytest.mark.parametrize("extra", sorted(set(EXTRAS) - {"all"}))
def test_it_names_what_the_extra_brings(extra: str) -> None:
    """The package that pip knows, and the one version where only one will do; never tagsmith, which pip may not."""
    named = shlex.split(missing(extra))[4:]
    assert named == [one if re.search("[^=]==[0-9]", one) else re.split("[<>]", one)[0] for one in EXTRAS[extra]]
