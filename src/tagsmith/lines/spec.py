"""The text that selects a device: `scheme:address?option=value&option=value`.

Owns how it is cut and how options are read; what they mean is the backend's. Values are percent-decoded, so `%26` is
an `&` (a plus sign is a plus sign).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from urllib.parse import unquote

from tagsmith.errors import ConfigError


def with_options(text: str, options: str) -> str:
    """The text of a spec with more options, as they are written, behind those that it has."""
    return f"{text}{'&' if '?' in text else '?'}{options}" if options else text


class Spec:
    """A device's address and its options, each of which is read once; `finish` then refuses what nobody read.

    Raises:
        ConfigError: an option without a value, or one that stands twice.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        head, _, query = text.partition("?")
        self.scheme, _, self.address = head.partition(":")
        self._options: dict[str, str] = {}
        self._known: set[str] = set()
        for part in filter(None, query.split("&")):
            name, equals, value = part.partition("=")
            if not equals:
                raise self.error(f"option {name!r} has no value", f"write {name}=…")
            if name in self._options:
                raise self.error(f"option {name!r} stands twice")
            self._options[name] = unquote(value)

    def error(self, message: str, remedy: str = "") -> ConfigError:
        """A ConfigError that names this spec."""
        return ConfigError(f"{self.text}: {message}", remedy)

    def has(self, name: str) -> bool:
        """Whether the option is given."""
        return name in self._options

    def text_of(self, name: str, default: str = "") -> str:
        """An option as it is written."""
        self._known.add(name)
        return self._options.get(name, default)

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """One of some words.

        Raises:
            ConfigError: another word.
        """
        value = self.text_of(name, default)
        if value not in choices:
            close = difflib.get_close_matches(value, choices, n=1)
            hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(choices)}"
            raise self.error(f"{name}={value} is unknown", hint)
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`.

        Raises:
            ConfigError: something else.
        """
        value = self.text_of(name, str(default))
        if not re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII) or not low <= int(value) <= high:
            raise self.error(f"{name}={value} should be a whole number from {low} to {high}")
        return int(value)

    def seconds(self, name: str, default: float, low: float, high: float) -> float:
        """A time in seconds from `low` to `high`.

        Raises:
            ConfigError: something else.
        """
        value = self.text_of(name, str(default))
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value, re.ASCII) or not low <= float(value) <= high:
            raise self.error(f"{name}={value} should be seconds from {low:g} to {high:g}, like 0.25")
        return float(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """yes or no.

        Raises:
            ConfigError: something else.
        """
        return self.choice(name, ("yes", "no"), "yes" if default else "no") == "yes"

    def finish(self) -> None:
        """Refuse options that were not asked for.

        Raises:
            ConfigError: there is one; says which was perhaps meant.
        """
        for name in self._options:
            if name not in self._known:
                close = difflib.get_close_matches(name, self._known, n=1)
                known = ", ".join(sorted(self._known)) or "none"
                raise self.error(
                    f"option {name!r} is unknown", f"did you mean {close[0]}?" if close else f"options here: {known}"
                )
