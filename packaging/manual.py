"""Write the manual page and the completions of three shells, made of the commands themselves, below a root.

usage: manual.py ROOT
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from tagsmith import __version__
from tagsmith.cli import main

FILES = """\
.SH FILES
.TP
.I /etc/tagsmith/tagsmith.toml
The settings of this machine.
.TP
.I /etc/credstore/tagsmith.api\\-key
The API key for the services; mode 0600, root's.
.TP
.I /var/lib/tagsmith
The journal. It stays when the package is removed or purged.
.TP
.I /usr/share/doc/tagsmith
Every setting, the readers and how to connect them, the event stream.
.SH ENVIRONMENT
.TP
.B TAGSMITH_SECTION__FIELD
A setting, above those of files.
.SH EXIT STATUS
0: done; 1: an error, which is told; 2: wrong usage; 3: something is left to send; 130: interrupted.
"""


def page() -> str:
    """tagsmith(1), in man(7)."""
    root = click.Context(main, info_name="tagsmith")
    text = f'.TH TAGSMITH 1 "" "tagsmith {__version__}" "User Commands"\n.SH NAME\ntagsmith \\- {_roff(_first(main))}\n'
    text += ".SH SYNOPSIS\n.B tagsmith\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
    text += f".SH OPTIONS\n{_options(root)}.SH COMMANDS\n"
    for context in _commands(root):
        text += f".SS {_roff(' '.join([context.command_path, *_arguments(context)]))}\n"
        text += _paragraphs(context.command) + _options(context)
    return text + FILES


def completions() -> dict[str, str]:
    """Path below the root → the file that makes a shell complete tagsmith's command line."""
    made = {
        "usr/share/bash-completion/completions/tagsmith": BashComplete,
        "usr/share/zsh/vendor-completions/_tagsmith": ZshComplete,
        "usr/share/fish/vendor_completions.d/tagsmith.fish": FishComplete,
    }
    return {path: kind(main, {}, "tagsmith", "_TAGSMITH_COMPLETE").source() for path, kind in made.items()}


def write(root: Path) -> None:
    """Write all of it below a root."""
    for name, text in {"usr/share/man/man1/tagsmith.1": page(), **completions()}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def _commands(context: click.Context) -> Iterator[click.Context]:
    """Every command that does something, in the order of the help."""
    group = context.command
    if not isinstance(group, click.Group):
        yield context
        return
    if group.invoke_without_command:
        yield context
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield from _commands(click.Context(command, info_name=name, parent=context))


def _arguments(context: click.Context) -> list[str]:
    return [one.make_metavar(context) for one in context.command.params if isinstance(one, click.Argument)]


def _options(context: click.Context) -> str:
    records = [one.get_help_record(context) for one in context.command.params if isinstance(one, click.Option)]
    return "".join(f".TP\n.B {_roff(record[0])}\n{_roff(record[1])}\n" for record in records if record is not None)


def _first(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").partition("\n")[0].rstrip(".")


def _paragraphs(command: click.Command) -> str:
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(command.help or "").partition("\f")[0])
    return ".PP\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    """One paragraph; its lines stay as they are where the help says so (click: a \\b before them)."""
    if not text.startswith("\b\n"):
        return f"{_roff(' '.join(text.split()))}\n"
    lines = (_roff(line) or "." for line in text.removeprefix("\b\n").split("\n"))
    return ".nf\n" + "".join(f"{line}\n" for line in lines) + ".fi\n"


def _roff(text: str) -> str:
    """Plain words for troff: no line begins a request, and a dash is one that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in ".'" else text


if __name__ == "__main__":
    write(Path(sys.argv[1]))
