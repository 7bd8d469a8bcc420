"""The command line within the test's own process: as fast as a call, and with a terminal where one is wanted."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from unittest import mock

import pytest

from tagsmith import cli


@contextlib.contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """What a command sets up for its process must not outlive it here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: one.level for name, one in logging.Logger.manager.loggerDict.items() if hasattr(one, "level")}
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, was in levels.items():
            logging.getLogger(name).setLevel(was)


def _exit(code: int) -> NoReturn:
    """What ends a process at once ends the call."""
    raise SystemExit(code)


def called(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `tagsmith ARGUMENTS…` to its end as `support.headless.tagsmith` does, but in this process: ten times faster.

    For commands that look or change and end; what takes signals or other processes wants a process of its own.
    """
    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        _logging_as_it_was(),
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch.object(os, "_exit", _exit),
        mock.patch.object(sys, "argv", ["tagsmith", *arguments]),
        mock.patch.object(sys, "stdin", io.StringIO()),
        mock.patch.object(sys, "stdout", output),
        mock.patch.object(sys, "stderr", errors),
        pytest.raises(SystemExit) as ended,
    ):
        cli.run_command_line()
    said = [stream.buffer.getvalue().decode() for stream in (output, errors)]  # type: ignore[attr-defined]
    code = ended.value.code
    return subprocess.CompletedProcess(arguments, code if isinstance(code, int) else 0, *said)


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
