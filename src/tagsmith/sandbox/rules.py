"""What the sandbox takes for a valid request. Pure; knows neither HTTP's machinery nor the store.

Stricter than its clients need, so that a mistake of ours is a 400 here and not a wrong key there: unknown fields,
fields that come twice and values of another type are refused, and the message names the field. Which UID lengths the
real API takes is undocumented; 4, 7, 8 and 10 bytes are taken here.
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

_UID = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_UID_DIGITS = (8, 14, 16, 20)
_USER_ID = re.compile(r"[A-Za-z0-9\-._~]{1,255}")
_FIELDS = ("uid", "visualNumber", "validFrom", "validTo", "type")
_TYPES = ("TAG", "CARD")


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
    if content_type.partition(";")[0].strip().lower() != "application/json":
        _invalid("Content-Type must be application/json")
    fields = _object(body)
    if extra := [name for name in fields if name not in _FIELDS]:
        _invalid(f"{extra[0]!r} is no field of a reservation")
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


def check_user_id(user_id: str) -> None:
    """See that it can be a user id.

    Raises:
        Problem: 400.
    """
    if not _USER_ID.fullmatch(user_id):
        _invalid("userId must have 1 to 255 letters, digits and -._~")


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
