"""What may be set: the sections, their defaults and their limits.

Making `Settings` reads no file and no variable; that is the work of `sources`.
"""

from __future__ import annotations

import enum
import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tagsmith.config.pins import is_pin_hash
from tagsmith.errors import UidError
from tagsmith.uid import ByteOrder, Uid
from tagsmith.visual_number import CheckPolicy

PREFIX = "TAGSMITH_"
DELIMITER = "__"


class Environment(enum.StrEnum):
    """Which Drive API is meant. There is no default, so that nothing is production by accident."""

    SANDBOX = "sandbox"
    """A Drive API of our own on loopback."""
    STAGE = "stage"
    """The vendor's test system."""
    PRODUCTION = "production"
    """Real drivers, real bills; also every host that is neither loopback nor the stage host."""


def _number_only(value: object) -> object:
    # Pydantic takes true for 1: a slip of the pen must not become a period of one second.
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


def _plain_text(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("should be plain text without control characters, and without blanks around it")
    return value


def _journal_url(value: str) -> str:
    if not re.match(r"[a-z][a-z0-9+]*://", value):
        raise ValueError("should be a URL like sqlite:////var/lib/tagsmith/journal.sqlite")
    return value


def _proxy(value: str) -> str:
    wrong = "should be an http:// or https:// address of a host, with a port, and no path"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if not re.fullmatch(r"[!-~]+", value) or parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(wrong)
    if parts.path not in ("", "/") or "?" in value or "#" in value:
        raise ValueError(wrong)
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"should be a regular expression: {getattr(error, 'msg', 'too large')}") from None
    return value


def _uid(value: str) -> str:
    try:
        return Uid.from_hex(value).wire
    except UidError as error:
        raise ValueError(f"should be a UID in hex, uid0 first: {error.message}") from None


def _directed(value: str) -> str:
    if len(Uid.from_hex(value).data) not in (4, 7, 8, 10):
        raise ValueError("should be a UID of 4, 7, 8 or 10 bytes")
    if Uid.from_hex(value).reversed == value:
        raise ValueError(
            "should be a UID that differs from its reverse: one that reads the same both ways proves nothing"
        )
    return value


def _pin_hash(value: str) -> str:
    if not is_pin_hash(value):
        raise ValueError("should be the line that `tagsmith shift pin` prints, never the PIN itself")
    return value


def _code(value: str) -> str:
    if value.casefold().startswith("tagsmith"):
        raise ValueError("should not begin with TAGSMITH: such barcodes are commands")
    return value


_TYPED = {"ctrl+h": "Backspace", "ctrl+i": "Tab", "ctrl+j": "Enter", "ctrl+m": "Enter"}


def _screen_key(value: str) -> str:
    key = value.strip().casefold()
    if key in _TYPED:
        raise ValueError(f"should be another key: {key} is what {_TYPED[key]} sends")
    if not re.fullmatch(r"f([1-9]|1[0-9]|2[0-4])|ctrl\+[a-z]|escape", key):
        raise ValueError(
            "should be a function key (f1 to f24), ctrl+ and a letter, or escape: all other keys are a number's"
        )
    return key


_Key = Annotated[str, Field(max_length=16), AfterValidator(_screen_key)]
_Seconds = Annotated[float, BeforeValidator(_number_only), Field(allow_inf_nan=False, le=86_400)]
_Count = Annotated[int, BeforeValidator(_number_only)]
_Pin = Annotated[int, BeforeValidator(_number_only), Field(ge=0, le=27)]
_Name = Annotated[str, Field(max_length=64), AfterValidator(_plain_text)]
_Spec = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_plain_text)]


class _Section(BaseModel):
    """Base of the sections: closed, immutable, and silent about the values it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ApiSettings(_Section):
    """`[api]`: which Drive API, and where its key lies. `resolve_api` makes sense of it."""

    url: str | None = Field(default=None, min_length=1, max_length=2048)
    environment: Environment | None = None
    key_file: Path | None = None
    """A file that holds nothing but the key; a relative path in a TOML file is relative to that file."""
    key: SecretStr | None = None
    """Never in a TOML file: environment or code only."""
    timeout_s: _Seconds = Field(default=20.0, gt=0)
    proxy: Annotated[str, AfterValidator(_proxy)] | None = Field(
        default=None, min_length=1, max_length=2048, repr=False
    )
    """How to reach the API, in place of the direct way; no variable like HTTPS_PROXY is asked. May hold a password."""
    ca_file: Path | None = None
    """Certificates (PEM) that are trusted in place of the usual ones; relative as `key_file` is."""


class UidSettings(_Section):
    """`[uid]`: how a UID is sent, and which are taken."""

    order: ByteOrder | None = None
    """How the API gets UIDs. Not set: as the calibration of this API found it, else reversed."""
    confirmed: bool = False
    """Production sends without a calibration: a person answers for the byte order. A calibration is the better way."""
    allow_eight_bytes: bool = False


class PairingSettings(_Section):
    """`[pairing]`: how a tap and a number become a pair."""

    order: Literal["tap-first", "scan-first", "either"] = "tap-first"
    timeout_s: _Seconds = Field(default=30.0, gt=0)
    """How long a half pair waits for its other half."""
    verify: bool = False
    """A second tap of the same key is asked for before the pair is saved."""
    keep_removed: bool = True
    """A tag that is taken away before its number comes stays valid."""


class CalibrationSettings(_Section):
    """`[calibration]`: keys that prove that a station reads as it should. UIDs in hex, uid0 first."""

    golden_key: Annotated[str, AfterValidator(_uid), AfterValidator(_directed)] | None = None
    """Asked for on every lane before its first key; another key, or its bytes the other way round, stops the lane."""
    not_for_pairing: tuple[Annotated[str, AfterValidator(_uid)], ...] = ()
    """Badges and other keys that must never become charging keys; the golden key and calibrated keys never do."""


class FeedbackSettings(_Section):
    """`[feedback]`: what is heard and seen beside the screen. A buzzer that fails never stops a pair."""

    silent: bool = False
    """No sound anywhere; lights stay."""
    reader: bool = True
    """Buzzer and light of the reader, where it has them."""
    bell: bool = True
    """The terminal's bell on a refusal."""
    gpio_green: _Pin | None = None
    gpio_red: _Pin | None = None
    gpio_buzzer: _Pin | None = None
    """GPIO numbers (BCM) of lights and a buzzer on a Raspberry Pi; they serve all lanes."""


class NumberSettings(_Section):
    """`[number]`: what is asked of a visual number."""

    check_digit: CheckPolicy = CheckPolicy.WARN
    pattern: Annotated[str, AfterValidator(_pattern)] | None = Field(default=None, min_length=1, max_length=1024)
    """A regular expression the whole text must match; a group named `number` takes the number out of a longer one."""


class JournalSettings(_Section):
    """`[journal]`: where pairs are recorded, as an SQLAlchemy URL. Not shown: a URL may hold a password."""

    url: Annotated[str, AfterValidator(_journal_url)] = Field(repr=False)


class CourierSettings(_Section):
    """`[courier]`: how pairs are delivered."""

    hold_s: _Seconds = Field(default=10.0, ge=0)
    """The undo window before a pair is sent."""
    drain_s: _Seconds = Field(default=30.0, ge=0)
    """How long a headless station that ends waits for deliveries."""
    concurrency: _Count = Field(default=4, ge=1, le=8)
    requests_per_minute: _Count = Field(default=600, ge=1, le=3000)
    """3,000 is what one organisation has for all of its stations together."""
    requests_per_day: _Count = Field(default=100_000, ge=1, le=1_000_000)
    """Of a million that the organisation has, in a day of UTC."""


class StationSettings(_Section):
    """`[station]`: the name that stands in records."""

    name: _Name = Field(default_factory=lambda: os.uname().nodename, min_length=1)


class OperatorSettings(_Section):
    """One `[[operator]]`: somebody who works here, known by a badge, a scanned code, or the name alone."""

    name: _Name = Field(min_length=1)
    badge: Annotated[str, AfterValidator(_uid)] | None = None
    """The UID of a badge, hex, uid0 first: a tap of it signs on, and it is never paired."""
    code: Annotated[str, AfterValidator(_plain_text), AfterValidator(_code)] | None = Field(
        default=None, min_length=4, max_length=64, repr=False
    )
    """What is scanned to sign on. No number of a key may look like it."""
    supervisor: bool = False
    """May let a lane that has stopped go on."""
    pin_hash: Annotated[str, AfterValidator(_pin_hash)] | None = Field(default=None, max_length=256, repr=False)
    """What `tagsmith shift pin` makes of a supervisor's PIN."""


class ShiftSettings(_Section):
    """`[shift]`: whether work begins with a sign-on and a start of shift, and where reports are written."""

    required: bool = False
    """Nothing is paired before somebody has signed on, and a shift was started and all its checks are passed."""
    report_dir: Path | None = None
    """A folder for the report of each shift, as text and as JSON; relative as `[api] key_file` is."""


class RejectSettings(_Section):
    """`[reject]`: when a lane stops because key after key is rejected."""

    stop_after: _Count = Field(default=5, ge=0, le=1000)
    """So many rejected keys in a row stop their lane until a supervisor lets it go on; 0: never."""


class MetricsSettings(_Section):
    """`[metrics]`: what is written for Prometheus."""

    textfile: Path | None = None
    """A file ending in .prom for node_exporter's textfile collector, written every 15 s; relative as `key_file` is."""


class ScreenSettings(_Section):
    """`[screen]`: how the screen looks."""

    theme: Literal["dark", "light", "high-contrast", "console"] | None = None
    """Not set: dark, or console where the terminal has 16 colours."""


class KeySettings(_Section):
    """`[keys]`: the keys of the screen, by the name of what they do. None may be there twice on one screen."""

    help: _Key = "f1"
    undo: _Key = "f2"
    batches: _Key = "f3"
    pairs: _Key = "f4"
    retry: _Key = "f5"
    work: _Key = "f6"
    reject: _Key = "f7"
    log: _Key = "f8"
    acknowledge: _Key = "f9"
    leave: _Key = "f10"
    choices: _Key = "f11"
    shift: _Key = "f12"
    readers: _Key = "ctrl+r"
    settings: _Key = "ctrl+t"
    palette: _Key = "ctrl+p"
    find: _Key = "ctrl+f"
    clear: _Key = "escape"
    do_it: _Key = "f4"
    """On the technician's form, in place of `pairs`."""
    replace: _Key = "f6"
    """On the technician's form, in place of `work`."""

    @model_validator(mode="after")
    def _each_key_once(self) -> KeySettings:
        held: dict[str, str] = self.model_dump()
        for absent in (_NOT_ON_THE_OPERATORS, _NOT_ON_THE_FORM):
            taken: dict[str, str] = {}
            for action, key in held.items():
                if action in absent:
                    continue
                if key in taken:
                    raise ValueError(f"{taken[key]} and {action} have the same key, {key}: give each one of its own")
                taken[key] = action
        return self


_NOT_ON_THE_OPERATORS = frozenset({"do_it", "replace"})
_NOT_ON_THE_FORM = frozenset({"batches", "pairs", "work", "reject", "choices"})


DEFAULT_READER = "pcsc:"
"""The reader where neither flags nor settings name one: the first that the PC/SC service has."""


class ReaderSettings(_Section):
    """One `[[reader]]`. The lane is the name of its position; empty only until `Settings` has numbered it."""

    spec: _Spec
    lane: _Name = ""


class ScannerSettings(_Section):
    """One `[[scanner]]`. An empty lane means the only one there is, or that the scanner says it with each number."""

    spec: _Spec
    lane: _Name = ""


def _lanes(readers: tuple[ReaderSettings, ...]) -> tuple[ReaderSettings, ...]:
    """Give every reader a lane (its place in the list, from 1, unless named) and see that no two share one."""
    named = tuple(
        reader if reader.lane else reader.model_copy(update={"lane": str(place)})
        for place, reader in enumerate(readers, start=1)
    )
    # Lanes are addressed without regard to case: A and a would be one address for two keys.
    if len({reader.lane.casefold() for reader in named}) < len(named):
        raise ValueError("two readers have the same lane: give each [[reader]] a lane of its own")
    if len({reader.spec for reader in named}) < len(named):
        raise ValueError("the same reader is named twice")
    return named


def _operators(operators: tuple[OperatorSettings, ...]) -> tuple[OperatorSettings, ...]:
    """See that nobody is taken for another."""
    for what, values in (
        ("name", [one.name.casefold() for one in operators]),
        ("badge", [one.badge for one in operators if one.badge]),
        ("code", [one.code.casefold() for one in operators if one.code]),
    ):
        if len(set(values)) < len(values):
            raise ValueError(f"two operators have the same {what}: give each [[operator]] one of its own")
    return operators


class Settings(BaseSettings):
    """All settings, immutable. Made by `load`, or from given values alone by `settings_of`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        # systemd and container files like to set a variable to nothing; that is the same as not setting it.
        env_ignore_empty=True,
    )

    api: ApiSettings = ApiSettings()
    uid: UidSettings = UidSettings()
    pairing: PairingSettings = PairingSettings()
    number: NumberSettings = NumberSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    journal: JournalSettings
    courier: CourierSettings = CourierSettings()
    station: StationSettings = Field(default_factory=StationSettings)
    metrics: MetricsSettings = MetricsSettings()
    screen: ScreenSettings = ScreenSettings()
    keys: KeySettings = KeySettings()
    reader: Annotated[tuple[ReaderSettings, ...], AfterValidator(_lanes)] = ()
    scanner: tuple[ScannerSettings, ...] = ()
    shift: ShiftSettings = ShiftSettings()
    reject: RejectSettings = RejectSettings()
    operator: Annotated[tuple[OperatorSettings, ...], AfterValidator(_operators)] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: `load` reads files and variables, and remembers what came from where."""
        return (init_settings,)
