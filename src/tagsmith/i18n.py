"""The language of the sentences: a catalogue by gettext, chosen once at the start of a command.

English is the language of the sources and needs no catalogue. Nothing is translated before `speak` was called, so
that what programs read (events, JSON, the journal) stays in one language whatever LANG says.
"""

from __future__ import annotations

import gettext

DOMAIN = "tagsmith"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def _(message: str) -> str:
    """The sentence in the language of this process; itself where the catalogue has none."""
    return _catalogue.gettext(message) if message else ""


def plural(one: str, many: str, count: int) -> str:
    """The sentence for this count."""
    return _catalogue.ngettext(one, many, count)
