"""The manual page and the completions, against the commands themselves."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.shell_completion import BashComplete

from tagsmith.cli import main

MANUAL = Path(__file__).parents[2] / "packaging" / "manual.py"


@pytest.fixture(scope="module")
def manual() -> ModuleType:
    """The program that makes both for the package."""
    spec = importlib.util.spec_from_file_location("manual", MANUAL)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group below a group, with the words that lead to it."""
    for name, command in ((name, group.get_command(click.Context(group), name)) for name in group.list_commands(None)):  # type: ignore[arg-type]
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


TREE = dict(commands(main))


def test_the_manual_has_every_command_and_every_option(manual: ModuleType) -> None:
    """What `--help` shows stands in tagsmith(1)."""
    page = manual.page().replace("\\-", "-")
    for words in (("serve",), ("setup",), ("status",), ("shift", "report"), ("batch", "import"), ("sandbox",)):
        assert words in TREE, "the tree is seen whole"
    for words, command in TREE.items():
        if command.hidden or (isinstance(command, click.Group) and not command.invoke_without_command):
            continue
        _, found, after = page.partition(f"\n.SS tagsmith {' '.join(words)}")
        assert found, f"{words} is missing"
        section = after.partition("\n.SS ")[0]
        options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
        assert [name for one in options for name in one.opts if name not in section] == [], words


@pytest.mark.parametrize("words", TREE, ids=" ".join)
def test_every_word_and_option_is_completed(words: tuple[str, ...]) -> None:
    """By its first letters, wherever it may stand."""
    complete = BashComplete(main, {}, "tagsmith", "_TAGSMITH_COMPLETE")
    *before, last = words
    command = TREE[words]
    if not command.hidden:
        assert last in {one.value for one in complete.get_completions(list(before), last[:2])}
    options = {name for one in command.params if isinstance(one, click.Option) and not one.hidden for name in one.opts}
    offered = {one.value for one in complete.get_completions(list(words), "--")}
    assert {name for name in options if name.startswith("--")} <= offered


def test_three_shells_are_told_how(manual: ModuleType) -> None:
    """Each file calls the program back, and is what its shell can read, where that shell is here."""
    made = manual.completions()
    assert [Path(path).name for path in made] == ["tagsmith", "_tagsmith", "tagsmith.fish"]
    for text, shell in zip(made.values(), ("bash", "zsh", "fish"), strict=True):
        assert f"_TAGSMITH_COMPLETE={shell}_complete" in text
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")


def test_the_readme_names_every_command() -> None:
    """Each in its table, whatever else is said of it."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert [name for name in main.list_commands(click.Context(main)) if f"`tagsmith {name}" not in readme] == []
