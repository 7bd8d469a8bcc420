"""What the sandbox takes for a valid request. Pure; knows neither HTTP's machinery nor the store.

Stricter than its clients need, so that a mistake of ours is a 400 here and not a wrong key there: unknown fields,
fields that come twice and values of another type are refused, and the message names the field. Which UID lengths the
real API takes is undocumented; 4, 7, 8 and 10 bytes are taken here. So is how long names and addresses may be.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import NoReturn

MAX_BODY = 64 * 1024
"""Bytes of the longest request body."""
VALID_YEARS = 10
CONTRACT_PREFIX = "DE-8PS"
"""What contract ids begin with here: that of the API's sample."""

_UID = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_UID_DIGITS = (8, 14, 16, 20)
_USER_ID = re.compile(r"[A-Za-z0-9\-._~]{1,255}")
_FIELDS = ("uid", "visualNumber", "validFrom", "validTo", "type")
_TYPES = ("TAG", "CARD")
_ADDRESS_REQUIRED = ("addressLine1", "postalCode", "city", "country")
_ADDRESS = (*_ADDRESS_REQUIRED, "addressLine2", "firstName", "lastName", "companyName")
_MAX_TEXT = 255
_EMAID = re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?[A-Z0-9]{9}(-?[A-Z0-9])?", re.IGNORECASE | re.ASCII)
"""With or without a check character, which is not judged: the API's own samples have wrong ones."""


class Problem(Exception):
    """An answer that is no success: its status, a word for programs and a sentence for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Wanted:
    """A valid reservation request with its defaults filled in; datetimes in UTC."""

    uid: str
    visual_number: str
    valid_from: datetime
    valid_to: datetime
    type: str


def reservation(content_type: str, body: bytes, now: datetime) -> Wanted:
    """The reservation that a request asks for. `now` is aware UTC.

    Raises:
        Problem: 400, naming what is wrong.
    """
    fields = _fields("a reservation", content_type, body, _FIELDS)
    values: dict[str, str] = {}
    for name, value in fields.items():
        if not isinstance(value, str):
            _invalid(f"{name} must be a string")
        values[name] = value
    for name in ("uid", "visualNumber"):
        if name not in values:
            _invalid(f"{name} is required")
    uid, number, kind = values["uid"], values["visualNumber"], values.get("type", "TAG")
    if not _UID.fullmatch(uid) or len(uid) not in _UID_DIGITS:
        _invalid("uid must be hexadecimal, of 4, 7, 8 or 10 bytes")
    if not 1 <= len(number) <= 64 or not number.isprintable() or not number.strip():
        _invalid("visualNumber must have 1 to 64 printable characters")
    if kind not in _TYPES:
        _invalid(f"type must be {' or '.join(_TYPES)}")
    begin, end = _validity(values.get("validFrom"), values.get("validTo"), now)
    return Wanted(uid, number, begin, end, kind)


@dataclass(frozen=True, slots=True)
class Change:
    """A valid change of a key; what is None stays as it is."""

    name: str | None
    enabled: bool | None


def change(content_type: str, body: bytes) -> Change:
    """The change of a key that a request asks for.

    Raises:
        Problem: 400, naming what is wrong.
    """
    fields = _fields("a change", content_type, body, ("name", "enabled"))
    if not fields:
        _invalid("name or enabled is required")
    name, enabled = fields.get("name"), fields.get("enabled")
    if "enabled" in fields and not isinstance(enabled, bool):
        _invalid("enabled must be true or false")
    return Change(_text("name", name) if "name" in fields else None, enabled if isinstance(enabled, bool) else None)


@dataclass(frozen=True, slots=True)
class WantedOrder:
    """A valid order of a key. `address` has the API's field names."""

    address: dict[str, str]
    taxation_country: str
    payment_option: str


def order(content_type: str, body: bytes) -> WantedOrder:
    """The order that a request asks for.

    Raises:
        Problem: 400, naming what is wrong.
    """
    fields = _fields("an order", content_type, body, ("address", "taxationCountry", "paymentOptionId"))
    given = fields.get("address")
    if not isinstance(given, dict):
        _invalid("address is required, and is an object")
    address: dict[str, str] = {}
    for name, value in given.items():
        if name not in _ADDRESS:
            _invalid(f"{name!r} is no field of an address")
        address[name] = _text(name, value)
    for name in _ADDRESS_REQUIRED:
        if name not in address:
            _invalid(f"{name} is required")
    country = fields.get("taxationCountry")
    if not isinstance(country, str) or not re.fullmatch(r"[A-Z]{2}", country):
        _invalid("taxationCountry must be a code of two letters, like DE")
    payment = _text("paymentOptionId", fields["paymentOptionId"]) if "paymentOptionId" in fields else ""
    return WantedOrder(address, country, payment)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A valid request for a Plug&Charge key; without a contract one is made up."""

    pcid: str
    contract_id: str | None


def vehicle(content_type: str, body: bytes) -> Vehicle:
    """The Plug&Charge key that a request asks for.

    Raises:
        Problem: 400, naming what is wrong.
    """
    fields = _fields("a Plug&Charge key", content_type, body, ("pcid", "contractId"))
    pcid, contract = fields.get("pcid"), fields.get("contractId")
    if not isinstance(pcid, str) or not re.fullmatch(r"[A-Za-z0-9]{17,18}", pcid):
        _invalid("pcid must have 17 or 18 letters and digits")
    if "contractId" not in fields:
        return Vehicle(pcid.upper(), None)
    if not isinstance(contract, str) or not _EMAID.fullmatch(contract):
        _invalid("contractId must be an EMAID, such as DE-8PS-C0AD21B13-Q")
    if not bare(contract).startswith(bare(CONTRACT_PREFIX)):
        _invalid(f"contractId must begin with {CONTRACT_PREFIX}")
    return Vehicle(pcid.upper(), contract.upper())


def bare(contract_id: str) -> str:
    """A contract id without separators, in upper case: two ways to write it are one contract."""
    return contract_id.replace("-", "").upper()


def iso(moment: datetime) -> str:
    """As the API writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_user_id(user_id: str) -> None:
    """See that it can be a user id.

    Raises:
        Problem: 400.
    """
    if not _USER_ID.fullmatch(user_id):
        _invalid("userId must have 1 to 255 letters, digits and -._~")


def _fields(what: str, content_type: str, body: bytes, known: tuple[str, ...]) -> dict[str, object]:
    """The fields of a body in JSON, which are all known ones."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        _invalid("Content-Type must be application/json")
    fields = _object(body)
    if extra := [name for name in fields if name not in known]:
        _invalid(f"{extra[0]!r} is no field of {what}")
    return fields


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value.strip() or len(value) > _MAX_TEXT:
        _invalid(f"{name} must have 1 to {_MAX_TEXT} printable characters")
    return value


def _object(body: bytes) -> dict[str, object]:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise ValueError("a field comes twice")
        return fields

    def no_number(text: str) -> NoReturn:
        raise ValueError(f"{text} is no JSON")

    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except ValueError as error:
        _invalid(f"the body is no JSON object: {error}")
    except RecursionError:
        _invalid("the body is no JSON object: nested too deeply")
    if not isinstance(found, dict):
        _invalid("the body must be a JSON object")
    return found


def _validity(from_text: str | None, to_text: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Begin and end. Defaults: this day (whole, as in the API's sample), and ten years after the begin."""
    if from_text is None:
        begin = datetime.combine(now.date(), time.min, UTC)
        default_end = datetime.combine(_years_later(begin).date(), time(23, 59, 59), UTC)
    else:
        begin = _moment("validFrom", from_text)
        default_end = _years_later(begin)
    end = default_end if to_text is None else _moment("validTo", to_text)
    if end <= begin:
        _invalid("validTo must lie after validFrom")
    if end <= now:
        _invalid("validTo must lie in the future")
    return begin, end


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if "T" not in text or moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        _invalid(f"{name} must be an ISO datetime with a zone, such as 2035-01-31T00:00:00.000Z")


def _years_later(moment: datetime) -> datetime:
    if moment.year + VALID_YEARS > 9999:
        _invalid("validFrom lies too far away")
    if (moment.month, moment.day) == (2, 29):
        moment = moment.replace(day=28)
    return moment.replace(year=moment.year + VALID_YEARS)


def _invalid(message: str) -> NoReturn:
    raise Problem(400, "INVALID_REQUEST", message)
