"""The language of the sentences: a catalogue by gettext, chosen once at the start of a command.

English is the language of the sources and needs no catalogue. Nothing is translated before `speak` was called, and then
only where something is shown: what programs read (events, JSON, the journal) stays English whatever LANG says.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

DOMAIN = "tagsmith"
LANGUAGES = ("en", "de")
"""The languages there are."""

_LOCALES = Path(__file__).parent / "locales"
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def speak(language: str | None = None) -> str:
    """Show sentences in this language from now on; without one in that of the environment. The language in force."""
    global _catalogue, _language
    _language = language if language in LANGUAGES else language_of(os.environ)
    # English has no catalogue.
    _catalogue = gettext.translation(DOMAIN, _LOCALES, [_language], fallback=True)
    return _language


def language_of(environment: Mapping[str, str]) -> str:
    """The language that these variables ask for, English where it is none of ours. The first one that is set counts."""
    asked = next((value for name in _VARIABLES if (value := environment.get(name))), "")
    language = asked.partition(".")[0].partition("@")[0].partition("_")[0].lower()
    return language if language in LANGUAGES else "en"


def _(message: str) -> str:
    """The sentence in the language of this process; itself where the catalogue has none."""
    return _catalogue.gettext(message) if message else ""


def N_(message: str) -> str:
    """Mark a sentence of a table for the catalogue; it is translated where it is shown."""
    return message


def plural(one: str, many: str, count: int) -> str:
    """The sentence for this count: English and German tell one from many alike."""
    return _(one if count == 1 else many)


class Sentence(str):
    """A sentence with values in it: English as text, and yet able to be said in another language by `spoken`.

    A value that is a `Sentence` or a datetime is said in that language, too; any other value stays as it is.
    """

    msgid: str
    values: dict[str, Any]

    def __new__(cls, msgid: str, /, **values: Any) -> Sentence:
        made = super().__new__(cls, msgid.format(**{name: _english(value) for name, value in values.items()}))
        made.msgid, made.values = msgid, values
        return made


def spoken(text: str) -> str:
    """A sentence as it is shown: in the language of this process, values in their local form."""
    if isinstance(text, Sentence):
        return _(text.msgid).format(**{name: _local(value) for name, value in text.values.items()})
    return _(text)


def _english(value: Any) -> str:
    return f"{value.astimezone():%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _local(value: Any) -> str:
    if isinstance(value, datetime):
        return day_and_time(value)
    return spoken(value) if isinstance(value, str) else str(value)


def number(value: int) -> str:
    """A count in the local form: 1234 in English, where a comma could be read as a decimal one, 1.234 in German."""
    return f"{value:,}".replace(",", ".") if _language == "de" else str(value)


def decimal(value: float) -> str:
    """A value to one place, in the local form: 97.1, or 97,1 in German."""
    return f"{value:.1f}".replace(".", "," if _language == "de" else ".")


def clock_time(at: datetime) -> str:
    """A moment's time of day, local; the same form in all our languages."""
    return f"{at.astimezone():%H:%M:%S}"


def day_and_time(at: datetime) -> str:
    """A moment in local time and in the local form: 2026-05-04 13:45 or 04.05.2026 13:45."""
    return f"{at.astimezone():%d.%m.%Y %H:%M}" if _language == "de" else _english(at)
