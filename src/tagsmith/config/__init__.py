"""Settings: what may be set, where it is read, and which API it names. The one door of pydantic-settings.

From low to high: defaults, /etc/tagsmith/tagsmith.toml, $XDG_CONFIG_HOME/tagsmith/tagsmith.toml, the file given by
`--config`, environment variables TAGSMITH_SECTION__FIELD, flags. Files are merged deeply; a list (`[[reader]]`)
replaces the list below it. Every name that starts with TAGSMITH_ belongs to the settings: an unknown one is an error.

The API key may not stand in those files. From high to low: TAGSMITH_API__KEY, the file that `[api] key_file` names,
$CREDENTIALS_DIRECTORY/api-key; a `key_file` given by flag stands above all of them.

The room opens no connection, no journal and no reader. Pydantic costs more at start than all the rest of a command
line, so import this where settings are wanted, inside the function, not at the top of a module.
"""

from tagsmith.config.api import Api, Secret, key_in, key_of, resolve_api, resolve_url
from tagsmith.config.pins import hash_pin, pin_matches
from tagsmith.config.schema import (
    DEFAULT_READER,
    ApiSettings,
    CalibrationSettings,
    CourierSettings,
    Environment,
    FeedbackSettings,
    JournalSettings,
    KeySettings,
    MetricsSettings,
    NumberSettings,
    OperatorSettings,
    PairingSettings,
    ReaderSettings,
    RejectSettings,
    ScannerSettings,
    ScreenSettings,
    Settings,
    ShiftSettings,
    StationSettings,
    UidSettings,
)
from tagsmith.config.showing import Explained, explained
from tagsmith.config.sources import SYSTEM_FILE, load, places, settings_of, state_folder, user_file, where_set

__all__ = [
    "DEFAULT_READER",
    "SYSTEM_FILE",
    "Api",
    "ApiSettings",
    "CalibrationSettings",
    "CourierSettings",
    "Environment",
    "Explained",
    "FeedbackSettings",
    "JournalSettings",
    "KeySettings",
    "MetricsSettings",
    "NumberSettings",
    "OperatorSettings",
    "PairingSettings",
    "ReaderSettings",
    "RejectSettings",
    "ScannerSettings",
    "ScreenSettings",
    "Secret",
    "Settings",
    "ShiftSettings",
    "StationSettings",
    "UidSettings",
    "explained",
    "hash_pin",
    "key_in",
    "key_of",
    "load",
    "pin_matches",
    "places",
    "resolve_api",
    "resolve_url",
    "settings_of",
    "state_folder",
    "user_file",
    "where_set",
]
