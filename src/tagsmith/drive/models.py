"""Reservations and keys: what goes to the Drive API and what comes back, with its own field names as aliases. No HTTP.

Answers may gain fields: unknown ones are kept (`model_extra`), unknown words of an enum become its UNKNOWN.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool
from pydantic.alias_generators import to_camel

from tagsmith.errors import Refused
from tagsmith.model import KeyType

MAX_VISUAL_NUMBER = 64
"""Characters of the longest visual number that is sent."""

_USER_ID = re.compile(r"[A-Za-z0-9\-._~]{1,255}")
_UID = re.compile(r"(?:[0-9A-Fa-f]{2}){1,10}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def check_user_id(user_id: str) -> str:
    """The user id, if the API could know a user by it: 1 to 255 ASCII letters, digits and `-._~`.

    Source: developer.plugsurfing.com/reference/createuser

    Raises:
        Refused: without a status: no request with it is ever sent.
    """
    if not _USER_ID.fullmatch(user_id):
        raise Refused(f"{user_id[:80]!r} is no user id", "a user id has 1 to 255 letters, digits and -._~")
    return user_id


def _iso_text(value: object) -> object:
    """Only ISO text is a datetime here; a number would be taken for seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return value
    raise ValueError("an ISO datetime is expected")


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Instant = Annotated[datetime, BeforeValidator(_iso_text), AfterValidator(_in_utc)]
"""A moment in UTC; text without a zone is taken as UTC, which is what the API's samples use."""


class ApiModel(BaseModel):
    """Immutable; named by our words in code and by the API's on the wire; never shows its input in an error."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class FromApi(ApiModel):
    """A part of an answer: fields that this version does not know are kept."""

    model_config = ConfigDict(extra="allow")


class KeyKind(enum.StrEnum):
    """The `type` of a charging key in answers (lower case there, upper case in reservations)."""

    TAG = "tag"
    """A key fob with a chip."""
    CARD = "card"
    """A card with a chip."""
    VIRTUAL = "virtual"
    """Made with the user, has no chip and no number; never shown to people."""
    PLUG_AND_CHARGE = "plug_and_charge"
    """A vehicle's ISO 15118 contract."""
    UNKNOWN = "unknown"
    """A word this version does not know."""

    @classmethod
    def _missing_(cls, value: object) -> KeyKind | None:
        if not isinstance(value, str):
            return None
        return next((kind for kind in cls if kind.value == value.lower()), cls.UNKNOWN)


class ChargingKey(FromApi):
    """A charging key as the API shows it. For a key with a chip `key_id` is the uid it was reserved with."""

    name: str | None = None
    enabled: StrictBool
    key_id: Annotated[str, Field(min_length=1)]
    reference_id: str | None = None
    """The visual number; virtual keys have none."""
    contract_id: str | None = None
    """The EMAID used in roaming."""
    type: KeyKind
    valid_from: Instant
    valid_to: Instant
    created: Instant
    updated: Instant

    def is_named(self, identifier: str) -> bool:
        """Whether this is its key id or its contract id; separators and case do not count."""
        return any(same_id(identifier, found) for found in (self.key_id, self.contract_id))


class ChargingKeyList(FromApi):
    """All activated keys of a user, the virtual one among them."""

    keys: list[ChargingKey]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The API's word that it holds a pair: the HTTP status and what the answer said, shortened."""

    status: int
    text: str = ""


class Reservation(ApiModel):
    """A pair to reserve. `uid` stands in the API's byte order; `valid_from` and `valid_to` are sent as written."""

    uid: str
    visual_number: str
    valid_from: str | None = None
    valid_to: str | None = None
    type: KeyType | None = None

    def body(self, now: datetime | None = None) -> str:
        """The exact JSON text to send: compact, API names, what is None left out; the same at every call.

        `now` (aware, the present by default) decides what is past.

        Raises:
            Refused: without a status, because it was never sent: a uid that is no hex, a number that is empty, longer
                than 64 characters or no Unicode text, a validity that is no ISO datetime with a zone, ends before it
                begins, or has ended (such a key is made expired, and a reservation cannot be changed).
        """
        if not _UID.fullmatch(self.uid):
            raise Refused(f"the uid {self.uid!r} is no hexadecimal UID")
        if not 1 <= len(self.visual_number) <= MAX_VISUAL_NUMBER:
            raise Refused(f"a visual number has 1 to {MAX_VISUAL_NUMBER} characters, not {len(self.visual_number)}")
        if any("\ud800" <= character <= "\udfff" for character in self.visual_number):
            raise Refused("the visual number holds bytes that are no text")
        moment = datetime.now(UTC) if now is None else now
        begin = moment if self.valid_from is None else _moment("validFrom", self.valid_from)
        end = None if self.valid_to is None else _moment("validTo", self.valid_to)
        if end is not None and end <= moment:
            raise Refused(f"validTo {self.valid_to} is past", "correct the validity in the settings")
        if end is not None and end <= begin:
            raise Refused("validTo does not lie after validFrom", "correct the validity in the settings")
        return self.model_dump_json(by_alias=True, exclude_none=True)


def _moment(name: str, text: str) -> datetime:
    """A setting's ISO text as an aware datetime."""
    match = _INSTANT.fullmatch(text)
    try:
        if match is None or match[3] is None:
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{name} {text!r} is no ISO datetime with a zone", "write it like 2035-01-31T00:00:00.000Z"
        ) from None


class KeyChange(ApiModel):
    """What is to become of a key: another name, and whether it works; what is None stays as it is."""

    name: str | None = None
    enabled: bool | None = None

    def body(self) -> str:
        """The JSON text to send.

        Raises:
            Refused: without a status: it changes nothing, or the name is blank or holds what nobody can see.
        """
        if self.name is None and self.enabled is None:
            raise Refused("neither a name nor a state is given: nothing would change")
        if self.name is not None:
            check_text("the name", self.name)
        return self.model_dump_json(by_alias=True, exclude_none=True)


def same_id(one: str, other: str | None) -> bool:
    """Whether two ways to write a key or contract id mean the same one: separators and case do not count."""
    return other is not None and (one == other or (_bare(one) == _bare(other) != ""))


def _bare(identifier: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", identifier).upper()


def check_text(what: str, text: str) -> str:
    """The text, if a person could read it: not blank, and without control or other invisible characters.

    Raises:
        Refused: without a status: no request with it is ever sent.
    """
    if not text.strip():
        raise Refused(f"{what} is empty")
    if not text.isprintable():
        raise Refused(f"{what} holds characters that nobody can see")
    return text


def check_segment(what: str, text: str) -> str:
    """The text, if it can name something in a path: 1 to 255 visible characters.

    Raises:
        Refused: without a status: no request with it is ever sent.
    """
    if len(text) > 255:
        raise Refused(f"{what} has at most 255 characters, not {len(text)}")
    return check_text(what, text)


def parse_charging_key(data: bytes) -> ChargingKey:
    """A key from an answer's body.

    Raises:
        ValueError: it is none.
    """
    return ChargingKey.model_validate_json(data)


def parse_charging_keys(data: bytes) -> list[ChargingKey]:
    """A user's keys from an answer's body.

    Raises:
        ValueError: it is no list of keys.
    """
    return ChargingKeyList.model_validate_json(data).keys
