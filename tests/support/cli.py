"""The command line within the test's own process: as fast as a call, and with a terminal where one is wanted."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tagsmith import cli


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class _Terminal(io.StringIO):
    """What a person types, line by line; more is asked than was typed: end of input."""

    def isatty(self) -> bool:
        return True


class CommandLine:
    """Runs `tagsmith ARGUMENTS…` and says how it ended. Settings come from the environment, as for a person."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str, typed: Sequence[str] | None = None) -> Done:
        """`typed` are the lines that a person types at a terminal; None: there is no terminal."""
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["tagsmith", *arguments])
            patch.setattr(sys, "stdin", io.StringIO() if typed is None else _Terminal("".join(f"{t}\n" for t in typed)))
            if typed is not None:
                patch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
            self._capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.run_command_line()
        captured = self._capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, captured.out, captured.err)
