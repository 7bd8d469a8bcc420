"""What somebody answers who sets up a station, and the settings that follow from it.

A file of answers is a file of settings (docs/settings.md) with one more section:

    [setup]
    mode = "kiosk"              # or headless, or none: no service is enabled
    tty = "tty1"                # where the kiosk's screen is
    key_from = "line-3.key"     # a file of mode 0600 that holds the API key; relative to this file
    key_store = "credential"    # or file: where the key is kept
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from tagsmith.config import Environment, Secret, key_in, resolve_url, settings_of
from tagsmith.errors import ConfigError

SYSTEM_JOURNAL: Final = "sqlite:////var/lib/tagsmith/journal.sqlite"
"""Where the services keep it; commands that are typed must mean the same one."""
KEY_NAME: Final = "api-key"
"""The key's file beside the settings."""
_OWN: Final = ("mode", "tty", "key_from", "key_store")


_Kind = TypeVar("_Kind", bound=enum.StrEnum)


class Mode(enum.StrEnum):
    """What starts with the machine."""

    KIOSK = "kiosk"
    """The screen on a terminal of the machine."""
    HEADLESS = "headless"
    """A service without a screen."""
    NONE = "none"
    """Nothing: the station is started by hand."""


class KeyStore(enum.StrEnum):
    """Where the API key is kept."""

    CREDENTIAL = "credential"
    """Among systemd's credentials: only root and the services get it."""
    FILE = "file"
    """In a file beside the settings, of mode 0600, which commands that are typed may use, too."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A station as it is wanted. `sections` are settings as a file has them; `key` is None where none was given."""

    sections: Mapping[str, Any]
    mode: Mode = Mode.NONE
    tty: str = "tty1"
    key: Secret | None = field(default=None, repr=False)
    key_store: KeyStore = KeyStore.FILE

    @property
    def environment(self) -> Environment | None:
        """The API that is meant."""
        api = self.sections.get("api", {})
        if url := api.get("url"):
            return resolve_url(url)[1]
        return Environment(api["environment"]) if api.get("environment") else None


def read(path: Path) -> Answers:
    """The answers in a file, checked.

    Raises:
        ConfigError: it cannot be read, or an answer is wrong; names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"the answers {path} cannot be read: {error.strerror}", f"ls -l {path}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the answers {path} are not UTF-8 text", "save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no valid TOML: {error}", "mend that line") from None
    try:
        return checked(_answers(values, path.parent))
    except ConfigError as error:
        line = _line(text, error.message)
        raise ConfigError(f"{path}{f', line {line}' if line else ''}: {error.message}", error.remedy) from None


def _answers(values: dict[str, Any], folder: Path) -> Answers:
    own = values.pop("setup", {})
    if not isinstance(own, dict):
        raise ConfigError("[setup] should be a table", "write [setup] on a line of its own, and its answers below")
    if unknown := [name for name in own if name not in _OWN]:
        raise ConfigError(f"unknown setting {unknown[0]!r} under [setup]", f"known are: {', '.join(_OWN)}")
    if wrong := [name for name, value in own.items() if not isinstance(value, str) or not value]:
        raise ConfigError(f"[setup] {wrong[0]} should be text", f'write it like {wrong[0]} = "…"')
    api = values.get("api")
    if isinstance(api, dict) and "key" in api:
        raise ConfigError(
            "[api] key stands in the answers; a key belongs into a file of its own",
            'put it into a file, chmod 600 it, and write key_from = "/path/of/it" under [setup]',
        )
    try:
        key = key_in(folder / Path(own["key_from"]).expanduser()) if "key_from" in own else None
    except ConfigError as error:
        raise ConfigError(f"[setup] key_from: {error.message}", error.remedy) from None
    return Answers(
        values,
        mode=_one_of(Mode, own, "mode", Mode.NONE),
        tty=own.get("tty", "tty1"),
        key=key,
        key_store=_one_of(KeyStore, own, "key_store", KeyStore.FILE),
    )


def _one_of(kind: type[_Kind], own: Mapping[str, str], name: str, default: _Kind) -> _Kind:
    try:
        return kind(own.get(name, default))
    except ValueError:
        raise ConfigError(f"[setup] {name} is none of {', '.join(kind)}", f'write {name} = "{default}"') from None


def checked(answers: Answers) -> Answers:
    """The same answers, if a station can be made of them.

    Raises:
        ConfigError: it cannot; the section and the setting stand in brackets before it.
    """
    from tagsmith.readers import create
    from tagsmith.scanners import create as create_scanner

    settings = settings_of(**{"journal": {"url": SYSTEM_JOURNAL}, **answers.sections})
    if not re.fullmatch(r"tty[0-9]{1,2}", answers.tty, re.ASCII):
        raise ConfigError("[setup] tty is no terminal of the machine", 'write it like tty = "tty1"')
    if answers.environment is None:
        raise ConfigError(
            "[api] environment is missing", 'write environment = "sandbox", "stage" or "production" under [api]'
        )
    for reader in settings.reader:
        create(reader.spec)
    for scanner in settings.scanner:
        if scanner.spec != "stdin:":
            create_scanner(scanner.spec)
        elif answers.mode is not Mode.NONE:
            raise ConfigError(f"[[scanner]] {scanner.spec!r} is nothing for a service", "name a scanner of its own")
    if answers.mode is Mode.HEADLESS and not settings.scanner:
        raise ConfigError(
            "[setup] mode is headless, and no [[scanner]] brings numbers", 'add one, or write mode = "kiosk"'
        )
    return answers


def configuration(answers: Answers, *, system: bool) -> str:
    """The file of settings for these answers. `system`: it is the machine's, else a user's own."""
    sections: dict[str, Any] = {name: value for name, value in answers.sections.items() if value}
    if system:
        sections.setdefault("journal", {"url": SYSTEM_JOURNAL})
    if answers.key is not None:
        api = {name: value for name, value in sections.get("api", {}).items() if name != "key_file"}
        # Relative to the settings, so that an image can be looked at from outside.
        sections["api"] = api | ({"key_file": KEY_NAME} if answers.key_store is KeyStore.FILE else {})
    parts = ["# Written by `tagsmith setup`. Every setting: docs/settings.md. The API key never stands here.\n"]
    for name, value in sections.items():
        tables = (
            [(f"[[{name}]]", table) for table in value] if isinstance(value, list | tuple) else [(f"[{name}]", value)]
        )
        parts += [f"{heading}\n{_body(table)}" for heading, table in tables]
    return "\n".join(parts)


def _body(table: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in table.items() if value is not None and value != "")


def _value(value: object) -> str:
    """A value as TOML has it. Only kinds that settings have."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return '"' + "".join(map(_char, str(value))) + '"'


def _char(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08X}"


# --- where it stands ----------------------------------------------------------------------------------------------


def _line(text: str, message: str) -> int:
    """The line that a complaint is about; 0 where nobody can say. tomllib keeps no positions."""
    lines = text.splitlines()
    if quoted := re.search(r"'([^']{3,})'", message):
        # A spec, or a name that is unknown: it stands there as it is told.
        found = _first(lines, re.escape(quoted[1]))
        if found:
            return found
    named = re.search(r"under \[(\w+)\]", message) or re.search(r"\[+(\w+)\]+(?: (\w+))?", message)
    if named is None:
        return 0
    section, setting = named[1], named[2] if named.re.groups > 1 else None
    begins = _first(lines, rf"^\s*\[+\s*{section}\s*\]+")
    if not begins or setting is None:
        return begins
    for number, line in enumerate(lines[begins:], begins + 1):
        if re.match(rf"\s*{setting}\s*=", line):
            return number
        if re.match(r"\s*\[", line) and not re.match(rf"\s*\[+\s*{section}\s*\]+", line):
            break
    return begins


def _first(lines: Sequence[str], pattern: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if re.search(pattern, line)), 0)
