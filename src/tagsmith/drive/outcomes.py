"""What became of a request: every exception of httpx and every HTTP status has exactly one outcome. Pure.

The question is always the same: may the API have carried the request out? *No* only where it is proved: no connection
was made or had, the URL or a header could not be sent, or the API itself says "not now" (429). Everything else after
the first byte is *unknown*. `ReadError` also came when the server had read nothing, and `RemoteProtocolError` is the
same for "committed, then dropped" and for an idle connection that the server had closed, so neither proves anything.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic_core import from_json

from tagsmith import wall_clock
from tagsmith.drive.lean import httpx
from tagsmith.errors import ClockWrong, DriveError, NotProcessed, OutcomeUnknown, Refused, Unauthorised
from tagsmith.wall_clock import WallClock

MAX_TEXT = 300
"""Characters of an answer's own words that are kept."""


class TooLong(Exception):
    """The answer's body exceeds what any answer of this API needs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. `text` is what it says in its own words, for people; `body` what it is, for parsing.

    The body stands as it came, so it is not in the repr: a server may repeat the API key in it.
    """

    status: int
    body: bytes = field(repr=False)
    text: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of either table: the outcome, and the words for it."""

    outcome: type[DriveError]
    words: str
    remedy: str = ""
    detail: bool = False
    """The exception's own text helps and cannot hold a header's value."""


_NETWORK = "check the network and the API's address"
_ADDRESS = "correct the API's address in the settings"
_CUT = "the connection broke after the request was sent"
_MISUSE = "the HTTP library was used wrongly"

_TIMES = {9: "is not valid yet", 10: "has expired"}
"""Source: X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL, x509_vfy.h."""

EXCEPTIONS: dict[type[Exception], Verdict] = {
    # Proved not sent.
    httpx.ConnectError: Verdict(NotProcessed, "no connection to the API", _NETWORK, detail=True),
    httpx.ConnectTimeout: Verdict(NotProcessed, "the API did not accept a connection in time", _NETWORK),
    httpx.PoolTimeout: Verdict(NotProcessed, "no connection became free in time"),
    httpx.InvalidURL: Verdict(NotProcessed, "the API's address is no URL", _ADDRESS, detail=True),
    httpx.UnsupportedProtocol: Verdict(NotProcessed, "the API's address is neither http nor https", _ADDRESS),
    # h11 refuses our own request before it is written; its text would quote the header, and so the API key.
    httpx.LocalProtocolError: Verdict(
        NotProcessed, "the request cannot be written as HTTP", "check the API key for stray characters"
    ),
    # A proxy is only ever asked for a tunnel: this is its answer to CONNECT, and the request comes after that.
    # Source: httpcore 1.0, AsyncTunnelHTTPConnection.handle_async_request.
    httpx.ProxyError: Verdict(
        NotProcessed, "the proxy makes no connection to the API", "check [api] proxy, and what it allows", detail=True
    ),
    # Perhaps sent, perhaps done.
    httpx.ReadTimeout: Verdict(OutcomeUnknown, "the API did not answer in time"),
    httpx.WriteTimeout: Verdict(OutcomeUnknown, "the API did not take the request in time"),
    TimeoutError: Verdict(OutcomeUnknown, "the API did not finish its answer in time"),
    httpx.ReadError: Verdict(OutcomeUnknown, _CUT),
    httpx.WriteError: Verdict(OutcomeUnknown, "the connection broke while the request was sent"),
    httpx.CloseError: Verdict(OutcomeUnknown, "the connection could not be closed"),
    httpx.RemoteProtocolError: Verdict(OutcomeUnknown, "the answer was cut off or is no HTTP"),
    httpx.DecodingError: Verdict(OutcomeUnknown, "the answer cannot be decompressed"),
    TooLong: Verdict(OutcomeUnknown, "the answer is far too long to be one of this API"),
    httpx.TooManyRedirects: Verdict(OutcomeUnknown, "the API's address leads in circles"),
    # Bases, and what only a client's misuse raises: never seen, and proving nothing if it were.
    httpx.HTTPError: Verdict(OutcomeUnknown, "the request failed"),
    httpx.RequestError: Verdict(OutcomeUnknown, "the request failed"),
    httpx.TransportError: Verdict(OutcomeUnknown, "the request failed"),
    httpx.TimeoutException: Verdict(OutcomeUnknown, "the API did not answer in time"),
    httpx.NetworkError: Verdict(OutcomeUnknown, _CUT),
    httpx.ProtocolError: Verdict(OutcomeUnknown, "the answer is no HTTP"),
    httpx.HTTPStatusError: Verdict(OutcomeUnknown, _MISUSE),
    httpx.CookieConflict: Verdict(OutcomeUnknown, _MISUSE),
    httpx.StreamError: Verdict(OutcomeUnknown, _MISUSE),
    httpx.StreamConsumed: Verdict(OutcomeUnknown, _MISUSE),
    httpx.StreamClosed: Verdict(OutcomeUnknown, _MISUSE),
    httpx.ResponseNotRead: Verdict(OutcomeUnknown, _MISUSE),
    httpx.RequestNotRead: Verdict(OutcomeUnknown, _MISUSE),
    Exception: Verdict(OutcomeUnknown, "the request failed in an unexpected way", "please report this"),
}
"""An exception is judged by the first of its classes that stands here."""

STATUSES: tuple[tuple[range, Verdict], ...] = (
    (
        range(401, 402),
        Verdict(Unauthorised, "the API turned the key away", "check the API key; each environment has its own"),
    ),
    # A 403 may also be a wrong path or a gateway's refusal: the answer's own words are shown, no cause is claimed.
    (range(403, 404), Verdict(Unauthorised, "the API forbids this")),
    (range(429, 430), Verdict(NotProcessed, "the API asks to wait")),
    # Often a proxy's word, about a request that it may have passed on.
    (range(408, 409), Verdict(OutcomeUnknown, "the API did not get the request in time")),
    (range(400, 500), Verdict(Refused, "the API refused this")),
    (range(500, 600), Verdict(OutcomeUnknown, "the API failed")),
    (range(300, 400), Verdict(OutcomeUnknown, "the API's address leads elsewhere", _ADDRESS)),
    (range(1000), Verdict(OutcomeUnknown, "this is no answer of the API", _ADDRESS)),
)
"""A status other than the documented success is judged by the first row it stands in."""


def of_exception(error: Exception, detail: str = "") -> DriveError:
    """The outcome of a request that raised; `detail` is the exception's text, fit to be shown."""
    verdict = next(EXCEPTIONS[base] for base in type(error).__mro__ if base in EXCEPTIONS)
    words = f"{verdict.words}: {detail}" if verdict.detail and detail else verdict.words
    return verdict.outcome(words, verdict.remedy)


def of_time(error: BaseException) -> str:
    """What is wrong with the time of the other side's certificate, if TLS was refused for that; else empty."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return _TIMES.get(found.verify_code, "")
        found = found.__cause__ or found.__context__
    return ""


def of_clock(complaint: str, clock: WallClock) -> NotProcessed:
    """The outcome of a request that was not sent because a certificate `complaint`, by what this clock shows."""
    if not clock.doubtful:
        words = f"no connection to the API: its certificate {complaint} (the clock shows {clock})"
        return NotProcessed(words, "ask the API's operator; is the address right?")
    why = "before this program was written" if clock.impossible else "and no time server keeps it right"
    words = f"this machine's clock is likely wrong: it shows {clock}, {why}, and the API's certificate {complaint} then"
    return ClockWrong(words, f"set the clock: {' && '.join(wall_clock.SET_IT.splitlines())}")


def of_answer(answer: Answer, documented: Mapping[int, tuple[type[DriveError], str]] | None = None) -> DriveError:
    """The outcome of a request whose answer is not its success.

    `documented` is what the endpoint's description says of a status: a narrower error, and what a person should do.
    """
    verdict = next(verdict for statuses, verdict in STATUSES if answer.status in statuses)
    outcome, remedy = (documented or {}).get(answer.status, (verdict.outcome, verdict.remedy))
    message = (
        f"{verdict.words} ({answer.status}: {answer.text})" if answer.text else f"{verdict.words} ({answer.status})"
    )
    if issubclass(outcome, NotProcessed):
        return outcome(message, remedy, status=answer.status, text=answer.text, retry_after_s=answer.retry_after_s)
    return outcome(message, remedy, status=answer.status, text=answer.text)


def garbled(answer: Answer, expected: str) -> OutcomeUnknown:
    """The outcome of a request whose answer has the documented status and a body that is not `expected`."""
    return OutcomeUnknown(
        f"the API answered {answer.status}, but not with {expected}", status=answer.status, text=answer.text
    )


def says_reserved(body: bytes) -> bool:
    """Whether a 201's body may stand there: nothing, JSON, or the bare word OK or Created.

    None is documented; what is none of these came from something that is not the API, whatever its status.
    """
    return body.strip().lower() in (b"", b"ok", b"created") or _json(body) is not None


def own_words(body: bytes) -> str:
    """What an answer says, best effort: `message`, `error` or `code` of a JSON object, else its text."""
    found = _json(body)
    if found is not None and (words := _words_in(found.value)):
        return words
    return body.decode("utf-8", "replace")


def printable(text: str) -> str:
    """Text without control, formatting or other invisible characters, blanks collapsed."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def shortened(text: str, limit: int = MAX_TEXT) -> str:
    """At most `limit` characters; an ellipsis shows that there were more."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def retry_after_s(header: str, date: str, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for; None where it is nonsense.

    An HTTP date is measured from the answer's own Date where it has one, because a station's clock may be wrong
    (a Raspberry Pi has none), else from `now` (aware).
    """
    text = header.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    until = http_date(text)
    if until is None:
        return None
    return max(0.0, (until - (http_date(date) or now)).total_seconds())


@dataclass(frozen=True, slots=True)
class _Json:
    value: object


def _json(body: bytes) -> _Json | None:
    """JSON, in a box so that `null` is not nothing."""
    try:
        return _Json(from_json(body, allow_inf_nan=False))
    except ValueError:  # also raised for nesting so deep that json.loads would end in RecursionError
        return None


def _words_in(value: object) -> str:
    """The words in a JSON value; an `error` or `message` may itself be an object or a list of texts."""
    match value:
        case str():
            return value
        case bool() | None:
            return ""
        case int():
            return str(value)
        case [*items]:
            return "; ".join(item for item in items if isinstance(item, str))
        case {**fields}:
            return next((words for name in ("message", "error", "code") if (words := _words_in(fields.get(name)))), "")
    return ""


def http_date(text: str) -> datetime | None:
    """A moment in UTC from an HTTP header; None where it is nonsense. What names no zone is taken as UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
