"""From answers to a station: the file of settings, the key in its place, the units. Asks nobody; that is the command's.

answers   what is answered, read from a file or gathered, and the settings that follow (pure but for the reading)
applying  settings and key to the disc: whole or not at all, and what was there is kept
units     which services start, and the lines to type where nobody may start them
"""

from tagsmith.setup.answers import Answers, KeyStore, Mode, checked, configuration, read
from tagsmith.setup.applying import Places, difference, give_journal, places, put_key, put_settings
from tagsmith.setup.units import enable, lines

__all__ = [
    "Answers",
    "KeyStore",
    "Mode",
    "Places",
    "checked",
    "configuration",
    "difference",
    "enable",
    "give_journal",
    "lines",
    "places",
    "put_key",
    "put_settings",
    "read",
]
