"""How long keys are valid: from what a person writes to what the API is sent. Pure: the clock is given.

A date is a day of the station's own time zone; the API gets UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from tagsmith.errors import Refused
from tagsmith.wall_clock import SET_IT, WallClock

TODAY: Final = "today"
"""The one word for a day, which only a clock can tell."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_LAST = timedelta(milliseconds=1)
"""Between the end of a day and the next: the API writes milliseconds."""


@dataclass(frozen=True, slots=True)
class Validity:
    """Begin and end as the API is sent them; where one is None the API has its own: this day, ten years later."""

    valid_from: str | None = None
    valid_to: str | None = None


def validity(valid_from: str | None, valid_to: str | None, clock: WallClock, zone: tzinfo | None = None) -> Validity:
    """The validity that is meant by two dates (`2031-12-31`, a whole day in `zone`, by default the machine's), or ISO
    datetimes with a zone. The begin may also be `today`.

    Raises:
        Refused: without a status, because nothing was sent: neither of these, an end that is past or not after the
            begin, or a day that only a doubtful clock tells.
    """
    if valid_from == TODAY:
        if clock.doubtful:
            raise Refused(
                f"what day it is nobody knows: this machine's clock shows {clock}, and nobody keeps it right",
                f"write the date, or set the clock: {' && '.join(SET_IT.splitlines())}",
            )
        valid_from = clock.now.astimezone(zone).date().isoformat()
    begin = None if valid_from is None else _moment("validFrom", valid_from, zone, end=False)
    end = None if valid_to is None else _moment("validTo", valid_to, zone, end=True)
    if end is not None and end <= clock.now:
        why = f", and the clock of this machine, which shows {clock}, is kept right by nobody" if clock.doubtful else ""
        raise Refused(f"validTo {valid_to} is past", f"keys made so would never work: correct it{why}")
    if begin is not None and end is not None and end <= begin:
        raise Refused(
            f"validTo {valid_to} does not lie after validFrom {valid_from}",
            "keys made so would never work: correct one of them",
        )
    return Validity(_sent(begin), _sent(end))


def _moment(name: str, text: str, zone: tzinfo | None, *, end: bool) -> datetime:
    """An aware moment; of a date the first one, or with `end` the last.

    Raises:
        Refused: it is none.
    """
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            # Of the next midnight, because not every day has 24 hours; astimezone() asks the machine for its own zone.
            midnight = datetime.combine(day + timedelta(days=end), time.min)
            found = (midnight.replace(tzinfo=zone) if zone else midnight.astimezone()).astimezone(UTC)
            return found - _LAST if end else found
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Refused(
        f"{name} {text[:80]!r} is neither a date nor an ISO datetime with a zone",
        "write it like 2031-12-31 or 2031-12-31T18:00:00+01:00",
    )


def _sent(moment: datetime | None) -> str | None:
    """As the API's samples have it: UTC, milliseconds, Z."""
    return None if moment is None else f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
