"""The API key shows itself nowhere: not in repr, errors, tracebacks with locals, nor in logs at any level."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import traceback
from collections.abc import Iterator

import pytest

from support.wire_server import (
    DROP_AFTER_COMMIT,
    GARBAGE,
    HALF_BODY,
    HANG,
    WireServer,
    always,
    in_turn,
    redirect,
    status,
)
from tagsmith.drive import DriveClient, Reservation
from tagsmith.drive import wire as wire_module
from tagsmith.drive.wire import ApiKey
from tagsmith.errors import DriveError, OutcomeUnknown, Refused

KEY = "s3cr3t/K3y+with=signs"
TRAFFIC = 5
LIBRARIES = ("httpx", "httpcore", "h11", "anyio", "asyncio", "hpack")
BODY = Reservation(uid="27b89043", visual_number="A/1").body()
ECHO = json.dumps({"message": f"the key {KEY} is not known"}).encode()
ECHO_AT_THE_EDGE = b"x" * 290 + KEY.encode()
ECHO_BEHIND_CONTROLS = KEY.replace("K", "\x00K").encode()


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer(key=KEY) as server:
        yield server


class Collector(logging.Handler):
    """Keeps each record as text, with its arguments and its traceback."""

    def __init__(self) -> None:
        super().__init__(0)
        self.lines: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, self.format(record) + repr(record.args)))


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Iterator[Collector]:
    """Everything that is logged from level 1 up by anybody; every logger is left as it was."""
    loggers = [logging.getLogger(name) for name in (None, "tagsmith", *LIBRARIES)]
    before = [logger.level for logger in loggers]
    collector = Collector()
    loggers[0].addHandler(collector)
    loggers[0].setLevel(1)
    yield collector
    loggers[0].removeHandler(collector)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


async def everything(server: WireServer) -> list[BaseException]:
    """Every kind of success and failure once; what was raised."""
    raised: list[BaseException] = []
    faults = [
        None,
        status(400, ECHO),
        status(401, ECHO),
        status(409, ECHO_AT_THE_EDGE),
        status(422, ECHO_BEHIND_CONTROLS),
        status(429, ECHO),
        status(500, ECHO),
        status(201, ECHO),
        status(201, b"no receipt: " + KEY.encode()),
        redirect("http://127.0.0.1:1/"),
        DROP_AFTER_COMMIT,
        HALF_BODY,
        GARBAGE,
        HANG,
    ]
    server.plan = in_turn([one for fault in faults for one in (fault, fault)])
    async with DriveClient(server.url, KEY, timeout_s=1.0) as drive:
        for _ in faults:
            for call in (drive.reserve(BODY), drive.activate("user-1", "A/1")):
                try:
                    await call
                except DriveError as error:
                    raised.append(error)
    for url, key in (("http://127.0.0.1:1", KEY), ("no url", KEY), (server.url, f"{KEY}\n"), (server.url, f"{KEY}é")):
        async with DriveClient(url, key) as drive:
            try:
                await drive.reserve(BODY)
            except DriveError as error:
                raised.append(error)
    return raised


def in_any_form(error: BaseException) -> str:
    """An error as anything could print it: text, repr, attributes, a traceback with the locals of its frames.

    The frames of this file, which knows the key, are left out; those of our client and the libraries stay.
    """
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown.stack = traceback.StackSummary.from_list([frame for frame in shown.stack if frame.filename != __file__])
    return "\n".join([str(error), repr(error), repr(error.args), repr(vars(error)), *shown.format()])


async def test_no_error_shows_the_key(server: WireServer) -> None:
    """Also where the server repeats it, at the edge of the shortened text or broken up by control characters.

    Nor does an error drag the HTTP library's own exception behind it, whose frames hold the header.
    """
    raised = await everything(server)
    assert len(raised) > 25
    for error in raised:
        assert KEY not in in_any_form(error)
        assert "s3cr3t" not in in_any_form(error)
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__
    texts = [error.text for error in raised if isinstance(error, DriveError)]
    assert "the key *** is not known" in texts


async def test_no_log_shows_the_key_at_any_level(server: WireServer, log: Collector) -> None:
    """Neither ours nor the libraries' own, which stay silent below WARNING at whatever level the root logs."""
    await everything(server)
    assert any(level == TRAFFIC for _, level, _ in log.lines)
    for name, level, line in log.lines:
        assert "s3cr3t" not in line, name
        assert name.split(".")[0] not in ("httpx", "httpcore") or level >= logging.WARNING


async def test_no_log_of_the_libraries_shows_the_key_even_when_forced(server: WireServer, log: Collector) -> None:
    """Somebody may turn them up after the client was made."""
    async with DriveClient(server.url, KEY) as drive:
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(1)
        await drive.reserve(BODY)
        server.plan = always(GARBAGE)
        with pytest.raises(OutcomeUnknown):
            await drive.reserve(BODY)
    assert any(name.startswith("httpcore") for name, _, _ in log.lines)
    for name, _, line in log.lines:
        assert "s3cr3t" not in line, name


async def test_traffic_shows_method_path_status_and_body(server: WireServer, log: Collector) -> None:
    """At level 5, one line out and one in, quoted so that an answer cannot write lines of its own."""
    server.plan = always(status(400, b'{"message": "no\nway"}'))
    async with DriveClient(server.url, KEY) as drive:
        with pytest.raises(Refused):
            await drive.reserve(BODY)
    lines = [line for name, level, line in log.lines if name == "tagsmith.drive.wire" and level == TRAFFIC]
    assert len(lines) == 2
    assert lines[0].startswith(f"> POST /v1/charging-keys/reservations {BODY!r}")
    assert lines[1].startswith('< 400 POST /v1/charging-keys/reservations \'{"message": "no\\nway"}\'')


async def test_a_cancelled_request_shows_no_key(server: WireServer) -> None:
    """The one exception that passes through with its frames: while it waits for an answer, no local shows the key."""
    server.plan = always(HANG)
    async with DriveClient(server.url, KEY) as drive:
        task = asyncio.create_task(drive.reserve(BODY))
        await asyncio.to_thread(server.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert "s3cr3t" not in in_any_form(caught.value)


async def test_a_surprise_of_the_library_becomes_unknown_and_shows_no_key(
    server: WireServer, log: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception of no table, whose text quotes the header: where it came from is logged, its text is not."""

    class Quoting(wire_module.httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: object) -> object:
            raise ValueError("illegal header value " + KEY)

    monkeypatch.setattr(wire_module.httpx, "AsyncHTTPTransport", Quoting)
    async with DriveClient(server.url, KEY) as drive:
        with pytest.raises(OutcomeUnknown) as caught:
            await drive.reserve(BODY)
    assert "s3cr3t" not in in_any_form(caught.value)
    errors = [line for name, level, line in log.lines if level == logging.ERROR]
    assert len(errors) == 1
    assert "ValueError" in errors[0]
    assert "handle_async_request" in errors[0]
    assert "s3cr3t" not in errors[0]


def test_the_client_and_the_key_show_nothing() -> None:
    """Neither does a format, a copy that is printed, or a pickle, which is refused."""
    drive = DriveClient("https://drive-api.plugsurfing.com/drive/", KEY)
    key = ApiKey(KEY)
    shown = [repr(drive), str(drive), f"{drive!r}", repr(vars(drive)), repr(key), str(key), f"{key}", f"{key!r:>30}"]
    assert not any("s3cr3t" in text for text in shown)
    assert repr(drive) == "DriveClient('https://drive-api.plugsurfing.com/drive')"
    for store in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            store(key)
    assert key.reveal() == KEY


@pytest.mark.parametrize("form", ["{}", "a {} b", "{0}{0}", '{{"key": "{}"}}'])
def test_a_repeated_key_is_taken_out(form: str) -> None:
    """As it is, as JSON may escape it, and broken up; nothing else is touched."""
    broken = "\x00".join(KEY)
    for written in (KEY, KEY.replace("/", "\\/"), broken):
        assert ApiKey(KEY).redact(form.format(written)) == form.format("***")
    assert ApiKey(KEY).redact(KEY[:-1]) == KEY[:-1]


def test_an_empty_key_redacts_nothing() -> None:
    """An empty needle is found between all letters."""
    assert ApiKey("").redact("abc") == "abc"
