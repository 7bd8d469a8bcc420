"""Faults to order: what there is, and how people write it. Pure; which of them strike a request is `armed`'s.

    WHERE:KIND[-before|-after][=VALUE] [xN] [skip=N] [p=P] [seed=N] [retry-after[=SECONDS]]

    reserve:500                  every reservation answers 500, and nothing is done
    activate:cut-after x3        the next three activations are carried out, then the connection is cut
    *:429 p=0.2 seed=7           one request in five, the same ones at every run
    reserve:latency=2s           two seconds before each reservation is carried out
    *:limit=3000/min             the limiter of the clock minute

`before` and `after` are meant of what the request does: before it nothing is done, after it everything is.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from tagsmith.errors import ConfigError

ENDPOINTS = (
    "reserve",
    "activate",
    "change",
    "list_keys",
    "order",
    "list_orders",
    "receipt",
    "configuration",
    "plug_and_charge",
)
"""The names of the store's methods, by which endpoints are called."""
ANY = "*"
HANDSHAKE = "tls"
"""In place of an endpoint: the TLS handshake, which comes before any request."""
DUPLICATE_STATUSES = (201, 400, 409, 500)
CERTIFICATES = ("good", "self-signed", "expired", "wrong-host")
"""What a sandbox may show at the handshake."""
BROKEN = "cut"
"""A handshake that is broken off."""
MAX_S = 3600.0
_MAX_COUNT = 1_000_000_000


class Kind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """The answer has this status, 400 to 599; written as the number itself."""
    REDIRECT = "redirect"
    """307, or the 3xx that is written: to the same path on this host (`same`), on another (`other`), or below a URL."""
    LIMIT = "limit"
    """429 beyond so many requests in a clock minute or a day of UTC, as `N/min` or `N/day`."""
    DUPLICATE = "duplicate"
    """What a reservation answers whose uid or number is taken: 201, 400, 409 or 500."""
    LATENCY = "latency"
    """A pause, after which everything goes on."""
    CUT = "cut"
    """The connection is closed without an answer."""
    RESET = "reset"
    """The same with a TCP reset."""
    HALF_HEAD = "half-head"
    """The connection is closed in the midst of the answer's head."""
    HALF_BODY = "half-body"
    """The connection is closed in the midst of the answer's body."""
    GARBAGE = "garbage"
    """Bytes that are no HTTP, then the connection is closed."""
    DRIP = "drip"
    """The answer comes one byte at a time, with this pause between them."""
    HANDSHAKE = "handshake"
    """Another certificate, or a cut, at the TLS handshake; written after `tls:`."""


AFTER_BY_ITSELF = frozenset({Kind.HALF_HEAD, Kind.HALF_BODY, Kind.GARBAGE, Kind.DRIP})
"""Kinds that spoil an answer, which there is only after the deed: `after` need not be said."""
_WITHOUT_PLACE = frozenset({Kind.LIMIT, Kind.DUPLICATE, Kind.HANDSHAKE})
_REDIRECTS = (301, 302, 303, 307, 308)
_WORDS = tuple(kind.value for kind in Kind if kind not in (Kind.STATUS, Kind.HANDSHAKE))


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was ordered; `str()` writes it in its shortest form.

    `status` belongs to STATUS, REDIRECT and DUPLICATE; `seconds` to LATENCY and DRIP; `to` is where a REDIRECT leads or
    what a HANDSHAKE shows; `most` in `per` ("min" or "day") is a LIMIT. `after`: the request is carried out first.
    `times` None: for ever. `skip` requests are let pass first; then each is struck with `probability`, drawn from
    `seed`. `retry_after_s` is the header's value; 0 with a LIMIT: the seconds until it opens.
    """

    where: str
    kind: Kind
    status: int = 0
    seconds: float = 0.0
    to: str = ""
    most: int = 0
    per: str = ""
    after: bool = False
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    retry_after_s: int | None = None

    def __str__(self) -> str:
        words = [f"{self.where.replace('_', '-')}:{self._what()}"]
        if self.times is not None:
            words.append(f"x{self.times}")
        if self.skip:
            words.append(f"skip={self.skip}")
        if self.probability < 1:
            words += [f"p={self.probability!r}", f"seed={self.seed}"]
        if self.retry_after_s is not None:
            words.append("retry-after" + (f"={self.retry_after_s}" if self.kind is not Kind.LIMIT else ""))
        return " ".join(words)

    def _what(self) -> str:
        word = str(self.status) if self.kind in (Kind.STATUS, Kind.REDIRECT) else self.kind.value
        if self.after != (self.kind in AFTER_BY_ITSELF):
            word += "-after" if self.after else "-before"
        match self.kind:
            case Kind.REDIRECT:
                return f"{word}={self.to}"
            case Kind.LIMIT:
                return f"{word}={self.most}/{self.per}"
            case Kind.DUPLICATE:
                return f"{word}={self.status}"
            case Kind.LATENCY | Kind.DRIP:
                return f"{word}={_as_text(self.seconds)}"
            case Kind.HANDSHAKE:
                return self.to
        return word


def parse(spec: str) -> Fault:
    """The fault that a spec orders.

    Raises:
        ConfigError: it is not understood; says what is wrong, in one line.
    """
    words = spec.split()
    if not words or ":" not in words[0]:
        _no(spec, "write WHERE:KIND, such as reserve:500 or *:cut-after x3")
    where, _, what = words[0].partition(":")
    where = _where(spec, where)
    kind, fields = _handshake(spec, what) if where == HANDSHAKE else _kind(spec, where, what)
    return Fault(where, kind, **fields, **_options(spec, kind, words[1:]))  # type: ignore[arg-type]


def parse_words(words: Iterable[str]) -> tuple[Fault, ...]:
    """The faults that the words of a command line order, where nobody quotes: each `WHERE:KIND` begins another.

    Raises:
        ConfigError: one of them is not understood.
    """
    specs: list[str] = []
    for word in " ".join(words).split():
        if not specs or ":" in word.partition("=")[0]:
            specs.append(word)
        else:
            specs[-1] += f" {word}"
    return tuple(parse(spec) for spec in specs)


def read_file(path: Path) -> tuple[Fault, ...]:
    """The faults of a TOML file, which is `faults = ["SPEC", …]` and nothing else.

    Raises:
        ConfigError: it cannot be read, or something in it is not understood.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"the faults in {path} cannot be read: {words}") from None
    remedy = 'write faults = ["reserve:500 x3", "*:429 p=0.2"]'
    if extra := [name for name in found if name != "faults"]:
        raise ConfigError(f"{path} has {extra[0]!r}, which is nothing here", remedy)
    specs = found.get("faults", [])
    if not isinstance(specs, list) or not all(isinstance(spec, str) for spec in specs):
        raise ConfigError(f"faults in {path} is no list of texts", remedy)
    try:
        return tuple(parse(spec) for spec in specs)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", error.remedy) from None


# --- the parts of a spec -----------------------------------------------------------------------------------------


def _where(spec: str, text: str) -> str:
    where = text.replace("-", "_")
    if where not in (*ENDPOINTS, ANY, HANDSHAKE):
        _unknown(spec, "endpoint", text, (*ENDPOINTS, ANY, HANDSHAKE))
    return where


def _handshake(spec: str, what: str) -> tuple[Kind, dict[str, object]]:
    if what not in (*CERTIFICATES, BROKEN):
        _unknown(spec, "handshake", what, (*CERTIFICATES, BROKEN))
    return Kind.HANDSHAKE, {"to": what}


def _kind(spec: str, where: str, what: str) -> tuple[Kind, dict[str, object]]:
    name, given, value = what.partition("=")
    word, place = name, ""
    for suffix in ("before", "after"):
        if name.endswith(f"-{suffix}"):
            word, place = name.removesuffix(f"-{suffix}"), suffix
    if given and not value:
        _no(spec, f"nothing stands behind {name}=")
    fields: dict[str, object]
    if re.fullmatch(r"[0-9]{3}", word):
        kind, fields = _numbered(spec, int(word), value)
    elif word in _WORDS:
        kind = Kind(word)
        fields = _valued(spec, where, kind, value)
    else:
        _unknown(spec, "kind", word, ("500", "429", *_WORDS))
    if place and kind in _WITHOUT_PLACE:
        _no(spec, f"{kind} has no before or after")
    return kind, {**fields, "after": place == "after" or (not place and kind in AFTER_BY_ITSELF)}


def _numbered(spec: str, status: int, value: str) -> tuple[Kind, dict[str, object]]:
    if status in _REDIRECTS:
        return Kind.REDIRECT, {"status": status, "to": _target(spec, value)}
    if not 400 <= status <= 599:
        _no(spec, f"{status} is no fault: say 400 to 599, or 301, 302, 303, 307, 308")
    if value:
        _no(spec, f"{status} has no value")
    return Kind.STATUS, {"status": status}


def _valued(spec: str, where: str, kind: Kind, value: str) -> dict[str, object]:
    match kind:
        case Kind.REDIRECT:
            return {"status": 307, "to": _target(spec, value)}
        case Kind.LATENCY:
            return {"seconds": _duration(spec, value)}
        case Kind.DRIP:
            return {"seconds": _duration(spec, value or "100ms")}
        case Kind.LIMIT:
            match = re.fullmatch(r"([0-9]{1,9})/(min|minute|day)", value)
            if match is None:
                _no(spec, "say how many, such as limit=3000/min or limit=1000000/day")
            return {"most": int(match[1]), "per": "min" if match[2] == "minute" else match[2]}
        case Kind.DUPLICATE:
            if where not in ("reserve", ANY):
                _no(spec, "only a reservation can be a duplicate: say reserve:duplicate=201")
            if value not in map(str, DUPLICATE_STATUSES):
                _no(spec, f"a duplicate answers one of {', '.join(map(str, DUPLICATE_STATUSES))}")
            return {"status": int(value)}
    if value:
        _no(spec, f"{kind} has no value")
    return {}


def _target(spec: str, value: str) -> str:
    if value in ("same", "other"):
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", value):
        _no(spec, "say where to: redirect=same, redirect=other or redirect=URL")
    return value


def _options(spec: str, kind: Kind, words: Sequence[str]) -> dict[str, object]:
    options: dict[str, object] = {}
    for word in words:
        name, given, value = word.partition("=")
        if re.fullmatch(r"x[0-9]+", word):
            name, value, found = "xN", word[1:], ("times", _count(spec, "x", word[1:], least=1))
        elif name == "skip":
            found = ("skip", _count(spec, "skip=", value))
        elif name == "seed":
            found = ("seed", _count(spec, "seed=", value))
        elif name == "p":
            found = ("probability", _probability(spec, value))  # type: ignore[assignment]
        elif name == "retry-after":
            found = ("retry_after_s", _retry_after(spec, kind, given, value))
        else:
            _unknown(spec, "option", word, ("xN", "skip=N", "p=P", "seed=N", "retry-after=SECONDS"))
        if found[0] in options:
            _no(spec, f"{name} is said twice")
        if kind is Kind.LIMIT and name != "retry-after":
            _no(spec, f"a limit has no {name}")
        options[found[0]] = found[1]
    if "seed" in options and options.get("probability", 1.0) == 1.0:
        _no(spec, "a seed needs a probability, such as p=0.2")
    return options


def _retry_after(spec: str, kind: Kind, given: str, value: str) -> int:
    if kind is Kind.LIMIT:
        if given:
            _no(spec, "a limit knows when it opens: say retry-after alone")
        return 0
    if kind is not Kind.STATUS:
        _no(spec, f"{kind} has no retry-after")
    return _count(spec, "retry-after=", value)


def _count(spec: str, name: str, value: str, *, least: int = 0) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", value) or not least <= int(value) <= _MAX_COUNT:
        _no(spec, f"{name} wants a whole number from {least}, not {value!r}")
    return int(value)


def _probability(spec: str, value: str) -> float:
    if not re.fullmatch(r"[0-9]*\.?[0-9]+(e-[0-9]+)?", value) or not 0 < float(value) <= 1:
        _no(spec, f"p= wants a number above 0 and up to 1, not {value!r}")
    return float(value)


def _duration(spec: str, value: str) -> float:
    match = re.fullmatch(r"([0-9]*\.?[0-9]+(?:e-[0-9]+)?)(ms|s|m|min)?", value)
    seconds = float(match[1]) * {"ms": 0.001, "m": 60, "min": 60}.get(match[2], 1) if match else 0.0
    if not 0 < seconds <= MAX_S:
        _no(spec, f"say how long, such as 2s or 200ms (at most an hour), not {value!r}")
    return seconds


def _as_text(seconds: float) -> str:
    thousandths = round(seconds * 1000, 3)
    if seconds < 1 and thousandths * 0.001 == seconds:
        return f"{thousandths:g}ms"
    return f"{int(seconds) if seconds == int(seconds) else repr(seconds)}s"


def _unknown(spec: str, what: str, word: str, known: Sequence[str]) -> NoReturn:
    close = difflib.get_close_matches(word, known, n=1)
    _no(spec, f"no {what} {word!r}: " + (f"did you mean {close[0]}?" if close else f"one of {', '.join(known)}"))


def _no(spec: str, why: str) -> NoReturn:
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in spec[:80])
    raise ConfigError(f"the fault {shown!r} is not understood: {why}")
