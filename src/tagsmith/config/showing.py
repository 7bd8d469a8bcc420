"""The settings in force for a person to look at: each value in words, and where it comes from. No secret is shown."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from tagsmith.config.schema import Settings
from tagsmith.config.sources import Layer, layers_of, settings_from_layers

HIDDEN = "***"
"""What stands in place of a secret."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting. `value` is empty where nothing is set; `where` is empty for a default, else a file or a variable."""

    section: str
    name: str
    value: str
    where: str = ""


def explained(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> tuple[Explained, ...]:
    """All settings that `load` would give, in the order of the schema. Secrets are `***`, whether they are set or not
    empty only; of a URL that may hold a password, no more than its scheme is shown.

    Raises:
        ConfigError: as `load`.
    """
    layers = layers_of(config, overrides or {})
    return tuple(_each(settings_from_layers(layers), layers))


def _each(settings: Settings, layers: list[Layer]) -> Iterator[Explained]:
    for section in Settings.model_fields:
        content = getattr(settings, section)
        if isinstance(content, tuple):
            where = _where(layers, section)
            for place, table in enumerate(content, start=1):
                yield from _fields(f"[{section}] {place}", table, lambda _name, at=where: at)
        else:
            yield from _fields(section, content, lambda name, of=section: _where(layers, of, name))


def _fields(section: str, content: BaseModel, where: Any) -> Iterator[Explained]:
    for name, info in type(content).model_fields.items():
        value = getattr(content, name)
        yield Explained(section, name, _shown(value) if info.repr else _masked(value), where(name))


def _where(layers: list[Layer], *path: str) -> str:
    """The place of the strongest layer that sets it."""
    for layer in reversed(layers):
        values: Any = layer.values
        for part in path:
            values = values.get(part) if isinstance(values, Mapping) else None
        if values is not None:
            return layer.place(path)
    return ""


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return HIDDEN
        case bool():
            return "true" if value else "false"
        case enum.Enum():
            return str(value.value)
        case tuple():
            return ", ".join(map(_shown, value))
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _masked(value: object) -> str:
    """A value that may be a secret, or hold one."""
    if value is None:
        return ""
    text = str(value)
    scheme = re.match(r"[a-z][a-z0-9+]*://", text)
    if scheme is None:
        return HIDDEN
    # Where in a URL a password ends is not to be guessed.
    return text if scheme[0] == "sqlite://" and not {"@", "?"} & set(text) else scheme[0] + HIDDEN
