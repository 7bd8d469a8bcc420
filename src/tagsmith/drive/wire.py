"""HTTP as this client uses it: one pool, one key, one exchange at a time with a bound on its time and its size.

Owns the API key on its way to the wire, and percent-encoding. Knows no endpoint.

It stands on httpx's transport, the connection pool below httpx's client: that follows no redirect (so the key goes
nowhere else), keeps no cookie, reads no proxy or netrc from the environment and logs no URL. TLS is verified, always;
whom to trust and which proxy to use is said by the caller, never by the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tagsmith import __version__, wall_clock
from tagsmith.drive import outcomes
from tagsmith.drive.exchange import Exchange, Observer
from tagsmith.drive.lean import httpx
from tagsmith.drive.outcomes import Answer
from tagsmith.errors import ConfigError, DriveError, Refused
from tagsmith.wall_clock import WallClock

MAX_CONNECTIONS: Final = 8
"""With 32 httpx did a third of the requests per second it does with 8."""
KEEPALIVE_S: Final = 2.0
"""An idle connection older than this is not used again: the server may be closing it, and a POST lost so is unknown."""
MAX_BODY: Final = 1 << 20
"""Bytes of an answer's body, decompressed."""

_TRAFFIC = 5
_MAX_LOGGED = 4_000
_log = logging.getLogger(__name__)


class ApiKey:
    """The API key, in a box that shows itself nowhere: not in repr, str, format, pickle or a traceback's locals."""

    __slots__ = ("_pattern", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        # Also as JSON may write it (`\/`), and broken up by characters that are lost when it is shown.
        self._pattern = re.compile(r"[^ -~]*\\?".join(map(re.escape, value)) if value else r"(?!)")

    def __repr__(self) -> str:
        return "ApiKey(***)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not to be stored")

    def reveal(self) -> str:
        """The key itself; only for the header."""
        return self._value

    def redact(self, text: str) -> str:
        """`text` without the key, should a server repeat it."""
        return self._pattern.sub("***", text)


def path(segments: Sequence[str]) -> str:
    """A path of these segments, each percent-encoded completely: only ASCII letters, digits and `-._~` stay.

    The segments `.` and `..` are encoded too, else they would be taken for steps.

    Raises:
        UnicodeEncodeError: a lone surrogate, which no encoding can carry.
    """
    return "".join("/" + (one.replace(".", "%2E") if one in (".", "..") else quote(one, safe="")) for one in segments)


class Wire:
    """Sends requests below one base URL, and brings back a whole answer or says why there is none.

    For use within one event loop. `connect_timeout_s` bounds each of: getting a connection from the pool, TCP, TLS;
    it is at most a quarter of `timeout_s`, so that the bound on the whole exchange never strikes before the request
    is sent, where it would make an unknown of what is proved not sent. (How long a proxy takes for its tunnel counts
    for the whole exchange.)

    A `proxy` (http:// or https://, with name and password if it wants them) gets CONNECT and then TLS that it cannot
    read, so it never sees the key. `ca_file` holds the certificates (PEM) that are trusted in place of the usual ones,
    by the API and by a proxy on https.

    The `observer` is told of every exchange of which an answer's head came, with times of `clock`.

    Raises:
        ConfigError: `ca_file` cannot be used, or there is a proxy for plain http, which would show it the key.
    """

    def __init__(
        self,
        base_url: str,
        key: ApiKey,
        *,
        timeout_s: float,
        connect_timeout_s: float,
        connections: int,
        proxy: str | None = None,
        ca_file: Path | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], WallClock] = wall_clock.look,
    ) -> None:
        _quiet()
        self._observer = observer
        self._clock = clock
        self._wall_clock = wall_clock
        self.base_url = base_url.rstrip("/")
        self._key = key
        self._timeout_s = timeout_s
        connect_s = min(connect_timeout_s, timeout_s / 4)
        self._timeouts = {"connect": connect_s, "pool": connect_s, "read": timeout_s, "write": timeout_s}
        limit = max(1, min(connections, MAX_CONNECTIONS))
        trusted = _nobody() if self.base_url.lower().startswith("http://") else _trusted(ca_file)
        self._pool = httpx.AsyncHTTPTransport(
            verify=trusted,
            trust_env=False,
            proxy=None if proxy is None else _tunnel(proxy, self.base_url, trusted),
            limits=httpx.Limits(max_connections=limit, max_keepalive_connections=limit, keepalive_expiry=KEEPALIVE_S),
        )

    def __repr__(self) -> str:
        return f"Wire({self.base_url!r})"

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def exchange(self, method: str, segments: Sequence[str], body: str | None = None) -> Answer:
        """Send one request, once, and return the answer, whatever its status. Cancelling leaves the outcome unknown.

        Raises:
            NotProcessed: proved not sent.
            OutcomeUnknown: perhaps sent, and no whole answer.
            Refused: it holds text that cannot be sent; there is no status.
        """
        outcome = await self._attempt(method, segments, body)
        # Raised out here, after the `except` has ended, so that it carries neither the text nor the frames of the
        # exception below, in which the header stands.
        if isinstance(outcome, DriveError):
            _log.debug("%s: %s", method, outcome)
            raise outcome
        return outcome

    async def _attempt(self, method: str, segments: Sequence[str], body: str | None) -> Answer | DriveError:
        try:
            request = self._request(method, path(segments), body)
        except UnicodeError:
            return Refused("it holds bytes that are no text and cannot be sent")
        except httpx.InvalidURL as error:
            return outcomes.of_exception(error, self._shown(str(error)))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(request)
        except httpx.ConnectError as error:
            if complaint := outcomes.of_time(error):
                return outcomes.of_clock(complaint, self._wall_clock())
            return outcomes.of_exception(error, self._shown(str(error)))
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, outcomes.TooLong) as error:
            return outcomes.of_exception(error, self._shown(str(error)))
        except Exception as error:  # noqa: BLE001 – the pair may be at the API: whatever it was, that must be said
            # Without the exception's text, which may quote the header.
            frames = "".join(traceback.format_tb(error.__traceback__))
            _log.error("unexpected %s from the HTTP library\n%s", type(error).__qualname__, frames)
            return outcomes.of_exception(error)

    def _request(self, method: str, raw_path: str, body: str | None) -> httpx.Request:
        headers = [
            (b"User-Agent", f"tagsmith/{__version__}".encode()),
            (b"Accept", b"application/json"),
            # Answers are small; what is not compressed cannot swell.
            (b"Accept-Encoding", b"identity"),
            (b"X-API-Key", self._key.reveal().encode("utf-8")),
        ]
        if body is not None:
            headers.append((b"Content-Type", b"application/json"))
        return httpx.Request(
            method,
            _url(self.base_url, raw_path),
            headers=headers,
            content=None if body is None else body.encode("utf-8"),
            extensions={"timeout": self._timeouts},
        )

    async def _send(self, request: httpx.Request) -> Answer:
        self._traffic(">", request, request.content)
        sent_at = self._clock()
        response = await self._pool.handle_async_request(request)
        self._observe(sent_at, response)
        body = bytearray()
        async with contextlib.aclosing(response):
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    raise outcomes.TooLong
        self._traffic(f"< {response.status_code}", request, bytes(body))
        return Answer(
            response.status_code,
            bytes(body),
            self._shown(outcomes.own_words(bytes(body))),
            outcomes.retry_after_s(
                response.headers.get("Retry-After", ""), response.headers.get("Date", ""), datetime.now(UTC)
            ),
        )

    def _observe(self, sent_at: float, response: httpx.Response) -> None:
        if self._observer is None:
            return
        date = outcomes.http_date(response.headers.get("Date", ""))
        exchange = Exchange(sent_at, self._clock(), response.status_code, date)
        try:
            self._observer(exchange)
        except Exception:  # noqa: BLE001 – whoever looks on, the answer of what cannot be repeated is worth more
            _log.exception("the observer of an exchange failed")

    def _shown(self, text: str) -> str:
        """Foreign text as it may be shown. Shortened last: a part of the key is not to be left at the edge."""
        return outcomes.shortened(outcomes.printable(self._key.redact(text)))

    def _traffic(self, what: str, request: httpx.Request, body: bytes) -> None:
        if _log.isEnabledFor(_TRAFFIC):
            text = outcomes.shortened(self._key.redact(body.decode("utf-8", "replace")), _MAX_LOGGED)
            # The text is quoted: an answer is not to write lines or escape sequences of its own into the log.
            _log.log(_TRAFFIC, "%s %s %s %r", what, request.method, request.url.raw_path.decode(), text)


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    """How the other side of TLS is verified: by the usual authorities (certifi's), or by these certificates alone.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    try:
        if ca_file is None:
            context = httpx.create_ssl_context(trust_env=False)
        else:
            context = ssl.create_default_context(cafile=ca_file.expanduser())
    except ssl.SSLError:
        raise ConfigError(
            f"[api] ca_file {ca_file} holds no certificate", "it wants certificates in PEM, -----BEGIN CERTIFICATE-----"
        ) from None
    except OSError as error:
        raise ConfigError(f"[api] ca_file {ca_file} cannot be read: {error.strerror}", f"ls -l {ca_file}") from None
    except (RuntimeError, ValueError):
        raise ConfigError("[api] ca_file is no path that can be opened", "write the full path") from None
    # Python sets it from SSLKEYLOGFILE: a variable that happens to stand there must not write down how to read TLS.
    context.keylog_filename = None  # type: ignore[assignment]
    return context


def _nobody() -> ssl.SSLContext:
    """Trust in nobody, for plain http: reading the authorities costs more than a request to the sandbox."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _tunnel(proxy: str, base_url: str, trusted: ssl.SSLContext) -> httpx.Proxy:
    """The proxy to go through.

    Raises:
        ConfigError: it is no http(s) address, or the API's address is plain http.
    """
    if not base_url.lower().startswith("https://"):
        raise ConfigError("an API on plain http cannot be asked through a proxy, which would see the key", "use https")
    try:
        url = httpx.URL(proxy)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError
        return httpx.Proxy(url, ssl_context=trusted if url.scheme == "https" else None)
    except (httpx.InvalidURL, ValueError):
        raise ConfigError("[api] proxy is no http(s) address", "write it like http://proxy.example:3128") from None


def _url(base: str, raw_path: str) -> httpx.URL:
    """The URL of a request.

    Raises:
        httpx.InvalidURL: the base is no http(s) address, or has parts that do not belong there.
    """
    try:
        url = httpx.URL(base + raw_path)
        host = url.host
    except UnicodeError:
        raise httpx.InvalidURL("its host name is none") from None
    if url.scheme not in ("http", "https"):
        raise httpx.InvalidURL("it does not begin with http:// or https://")
    if not host or url.userinfo or url.query or url.fragment or "?" in base or "#" in base:
        raise httpx.InvalidURL("it must be scheme, host, port and path, and nothing else")
    if not 1 <= (url.port or 1) <= 65535:
        raise httpx.InvalidURL(f"there is no port {url.port}")
    return url


def _quiet() -> None:
    """Keep the libraries' own logs down at every level of ours: httpx logs URLs, httpcore the answer's headers."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
