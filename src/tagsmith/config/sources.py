"""Where settings are read: files, environment, flags; and the words for what is wrong with them.

No error shows the value it complains of, since it may be a key; each says where it stands.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings.exceptions import SettingsError

from tagsmith.config.schema import DELIMITER, PREFIX, Settings
from tagsmith.errors import ConfigError

_PATHS = (("api", "key_file"), ("api", "ca_file"), ("metrics", "textfile"), ("shift", "report_dir"))
"""Settings that are paths: in a file relative to that file."""
SYSTEM_FILE = Path("/etc/tagsmith/tagsmith.toml")
"""The settings of the machine, below those of the user."""


_FLAGS = "the command line"


@dataclass(frozen=True, slots=True)
class Layer:
    """One source's values, and how to name the place of one of them."""

    values: dict[str, Any]
    name: str = ""
    environment: bool = False

    def place(self, path: tuple[str, ...]) -> str:
        return _variable(path) if self.environment else self.name


def load(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings in force: defaults, files, environment, then `overrides` (flags; sections as nested mappings).

    `config` is the file of `--config`; it must be there, unlike the machine's and the user's. In `overrides` None means
    "not given", as command lines have it.

    Raises:
        ConfigError: a file cannot be read or parsed, or a name or value is wrong; says where it stands.
    """
    return settings_from_layers(layers_of(config, overrides or {}))


def where_set(section: str, field: str, config: Path | None = None) -> str:
    """Where a setting in force stands: a file's path, or a variable's name; empty for one that nobody set.

    Raises:
        ConfigError: as `load`.
    """
    path = (section, field)
    for layer in reversed(layers_of(config, {})):
        values = layer.values.get(section)
        if isinstance(values, Mapping) and field in values:
            return layer.place(path)
    return ""


def places(config: Path | None = None) -> tuple[str, ...]:
    """Where settings come from now, the weakest first: paths of files, and the names of variables.

    Raises:
        ConfigError: as `load`.
    """
    found: list[str] = []
    for layer in layers_of(config, {}):
        if layer.environment:
            found += [
                _variable((section, *field)) for section, field in _known_paths() if _is_set(layer, section, field)
            ]
        elif layer.name:
            found.append(layer.name)
    return tuple(place for place in found if place != _FLAGS)


def _is_set(layer: Layer, section: str, field: tuple[str, ...]) -> bool:
    values = layer.values.get(section)
    return values is not None and (not field or (isinstance(values, Mapping) and field[0] in values))


def user_file() -> Path | None:
    """The settings of the user, above those of the machine; None for one without a home."""
    folder = _xdg("XDG_CONFIG_HOME", ".config")
    return None if folder is None else folder / "tagsmith" / "tagsmith.toml"


def layers_of(config: Path | None, overrides: Mapping[str, Any]) -> list[Layer]:
    """Every source of settings, the weakest first, as `load` takes them.

    Raises:
        ConfigError: a file cannot be read or parsed, or a variable is wrong.
    """
    url = _default_journal_url()
    layers = [Layer({"journal": {"url": url} if url else {}})]
    files = [_file(SYSTEM_FILE, required=False)]
    if (mine := user_file()) is not None:
        files.append(_file(mine, required=False))
    if config is not None:
        files.append(_file(config, required=True))
    layers += [layer for layer in files if layer is not None]
    flags = Layer(_given(overrides), _FLAGS)
    environment = _environment()
    api = flags.values.get("api")
    if isinstance(api, Mapping) and "key_file" in api:
        # A key file named by flag is more explicit than a key left in the environment.
        environment.values.get("api", {}).pop("key", None)
    return [*layers, environment, flags]


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {field: item for field, item in value.items() if item is not None}
        if isinstance(value, Mapping)
        else value
        for name, value in overrides.items()
        if value is not None
    }


def settings_of(**sections: Any) -> Settings:
    """Settings of these sections alone, with no regard for any file or variable (for the demo and for tests).

    `journal` must be among them, since nothing is guessed: `settings_of(journal={"url": "sqlite:////tmp/x.sqlite"})`.

    Raises:
        ConfigError: a value or a name is wrong.
    """
    return settings_from_layers([Layer(sections)])


def settings_from_layers(layers: list[Layer]) -> Settings:
    """Merge, check names, validate. Raises ConfigError that names the place and never the value."""
    merged: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for layer in layers:
        problems += [_unknown(path, layer) for path in _unknown_paths(layer.values)]
        merged = _merge(merged, layer.values)
    if not problems:
        try:
            return Settings(**merged)
        except ValidationError as error:
            problems = [
                (_complaint(item["loc"], item["type"], item["msg"], layers), "")
                for item in error.errors(include_url=False, include_context=False, include_input=False)
            ]
    if len(problems) == 1:
        raise ConfigError(*problems[0])
    raise ConfigError("; ".join(f"{message} ({remedy})" if remedy else message for message, remedy in problems))


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for name, value in high.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _file(path: Path, *, required: bool) -> Layer | None:
    """The layer of one TOML file; None where an optional one is not there. Raises ConfigError."""
    try:
        path = path.expanduser()
        values = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if not required:
            return None
        raise ConfigError(f"there is no configuration file {path}", "check the path given with --config") from None
    except (OSError, RuntimeError) as error:
        # RuntimeError: `~` of nobody in particular, or brackets nested beyond reason (RecursionError is one).
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ConfigError(f"the configuration file {path} cannot be read: {reason}", f"ls -l {path}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the configuration file {path} is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no valid TOML: {error}", "mend that line") from None
    except ValueError:
        # What is left of them: a number of thousands of digits, or a path that no system can open.
        raise ConfigError(
            f"the configuration file {str(path)!r} cannot be read", "check the path, and its numbers"
        ) from None
    for section, name in _PATHS:
        table = values.get(section)
        if isinstance(table, dict) and isinstance(file := table.get(name), str) and file and not file.startswith("~"):
            table[name] = str(path.absolute().parent / file)
    api = values.get("api")
    if isinstance(api, dict) and "key" in api:
        raise ConfigError(
            f"an API key stands in {path}; a key belongs into a file of its own",
            'put it into a file, chmod 600 that file, and write key_file = "/path/of/it" under [api]',
        )
    return Layer(values, str(path))


def _environment() -> Layer:
    """The layer of the variables TAGSMITH_…, in any case. Raises ConfigError for unknown names and broken JSON."""
    known = {_variable((section, *field)) for section, field in _known_paths()}
    seen: dict[str, str] = {}
    for name in os.environ:
        upper = name.upper()
        if not upper.startswith(PREFIX):
            continue
        if upper not in known:
            raise ConfigError(f"unknown environment variable {name}", _hint_for_variable(upper, known))
        if upper in seen:
            raise ConfigError(f"{name} and {seen[upper]} are the same setting", "unset one of them")
        seen[upper] = name
    try:
        return Layer(EnvSettingsSource(Settings)(), environment=True)
    except (SettingsError, RecursionError):
        lists = [name for upper, name in seen.items() if DELIMITER not in upper]
        raise ConfigError(
            f"{' or '.join(lists)} is no valid JSON", f"""write a list, like {PREFIX}READER='[{{"spec": "pcsc:"}}]'"""
        ) from None


def _variable(path: tuple[str, ...]) -> str:
    return (PREFIX + DELIMITER.join(path)).upper()


def _fields(section: str) -> tuple[str, ...]:
    """The names that may stand in a section, or in one table of a list."""
    annotation = Settings.model_fields[section].annotation
    model: Any = next(iter(get_args(annotation)), annotation)
    return tuple(model.model_fields)


def _known_paths() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every settable (section, field); a list of tables has no fields of its own and is set as one."""
    for section, info in Settings.model_fields.items():
        if get_args(info.annotation):
            yield section, ()
        else:
            yield from ((section, (field,)) for field in _fields(section))


def _unknown_paths(values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for section, content in values.items():
        if section not in Settings.model_fields:
            yield (section,)
            continue
        known = _fields(section)
        for table in content if isinstance(content, list | tuple) else [content]:
            if isinstance(table, Mapping):
                yield from ((section, str(field)) for field in table if field not in known)


def _unknown(path: tuple[str, ...], layer: Layer) -> tuple[str, str]:
    """The words for one unknown name: what and where, and what was probably meant."""
    *sections, name = path
    known = _fields(sections[0]) if sections else tuple(Settings.model_fields)
    under = f" under [{sections[0]}]" if sections else ""
    place = f" in {layer.place(path)}" if layer.place(path) else ""
    if homes := [f"[{section}]" for section in Settings.model_fields if name in _fields(section)]:
        hint = f"did you mean `{name}` under {' or '.join(homes)}?"
    elif close := difflib.get_close_matches(name.lower(), known, n=1):
        hint = f"did you mean `{close[0]}`?"
    else:
        hint = f"known{under} are: {', '.join(known)}"
    return f"unknown setting {name!r}{under}{place}", hint


def _hint_for_variable(name: str, known: set[str]) -> str:
    if name.startswith(tuple(f"{PREFIX}{name}{DELIMITER}" for name in ("READER", "SCANNER", "OPERATOR"))):
        return f"""a list takes JSON: {name.split(DELIMITER)[0]}='[{{"spec": "…"}}]'"""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean `{close[0]}`?" if close else f"settings are named {PREFIX}SECTION__FIELD; unset this one"


_WORDS = {
    "model_type": "should be a table",
    "tuple_type": "should be a list of tables, each under [[…]]",
    "missing": "is missing",
}


def _complaint(loc: tuple[int | str, ...], kind: str, message: str, layers: list[Layer]) -> str:
    """One validation error in our words, with the place that last set the value."""
    names = tuple(part for part in loc if isinstance(part, str))[:2]
    words = _WORDS.get(kind) or message.removeprefix("Value error, ").replace("Input should", "should", 1)
    setting = f"[{names[0]}]" + (f" {names[1]}" if len(names) > 1 else "") if names else "settings"
    for layer in reversed(layers):
        section = layer.values.get(names[0]) if names else None
        if section is None or (isinstance(section, Mapping) and len(names) > 1 and names[1] not in section):
            continue
        if place := layer.place(names if isinstance(section, Mapping) else names[:1]):
            return f"{setting} {words} (set in {place})"
        break
    return f"{setting} {words}"


def _xdg(variable: str, default: str) -> Path | None:
    """A base directory of the XDG specification, which tells to ignore relative paths; None without any home."""
    value = os.environ.get(variable, "")
    if value.startswith("/"):
        return Path(value)
    try:
        return Path.home() / default
    except RuntimeError:
        return None


def state_folder() -> Path | None:
    """Where this machine keeps what must outlive a command: $STATE_DIRECTORY (systemd), or the user's state folder.

    None where there is neither.
    """
    # systemd gives several directories with colons between them; the first is the main one.
    service = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if service.startswith("/"):
        return Path(service)
    state = _xdg("XDG_STATE_HOME", ".local/state")
    return state / "tagsmith" if state else None


def _default_journal_url() -> str | None:
    folder = state_folder()
    return f"sqlite:///{folder}/journal.sqlite" if folder else None
