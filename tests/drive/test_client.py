"""The client on a real wire: what it sends, and what it makes of every way in which an answer can go wrong.

No test measures time: where an answer never comes, the client's own limit (a fraction of a second here) ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from support.wire_server import (
    DROP_AFTER_COMMIT,
    DROP_BEFORE_COMMIT,
    GARBAGE,
    GARBAGE_AFTER_COMMIT,
    HALF_BODY,
    HALF_HEAD,
    HANG,
    HANG_AFTER_COMMIT,
    PORTAL,
    RESET,
    Fault,
    Kind,
    WireServer,
    always,
    delay,
    drip,
    garbage_body,
    in_turn,
    redirect,
    status,
)
from tagsmith import __version__
from tagsmith.drive import DriveClient, KeyKind, Receipt, Reservation
from tagsmith.drive.wire import MAX_BODY, MAX_CONNECTIONS
from tagsmith.errors import DriveError, NotProcessed, OutcomeUnknown, Refused, Unauthorised

KEY = "k3y-of-the-t3st"
PAIR = ("27b89043", "DE*8PS*CD0C00*2")
BODY = Reservation(uid=PAIR[0], visual_number=PAIR[1]).body()


@pytest.fixture
def server() -> Iterator[WireServer]:
    """A server that answers properly until a test gives it another plan."""
    with WireServer(key=KEY, prefix="/drive") as server:
        yield server


@pytest.fixture
async def drive(server: WireServer) -> AsyncIterator[DriveClient]:
    """A client that is out of patience soon, for answers that never come."""
    async with DriveClient(server.url, KEY, timeout_s=2.0) as drive:
        yield drive


async def reserve(drive: DriveClient) -> object:
    return await drive.reserve(BODY)


async def activate(drive: DriveClient) -> object:
    return await drive.activate("user-1", PAIR[1])


async def list_keys(drive: DriveClient) -> object:
    return await drive.list_keys("user-1")


CALLS = pytest.mark.parametrize("call", [reserve, activate, list_keys])
Call = Callable[[DriveClient], Awaitable[object]]


# --- success -----------------------------------------------------------------------------------------------------


async def test_a_pair_is_reserved_activated_and_listed(server: WireServer, drive: DriveClient) -> None:
    """The whole documented way, with typed answers."""
    assert await drive.reserve(BODY) == Receipt(201, "")
    key = await drive.activate("user-1", PAIR[1])
    assert (key.key_id, key.reference_id, key.type, key.enabled) == (*PAIR, KeyKind.TAG, True)
    assert await drive.list_keys("user-1") == [key]
    assert await drive.list_keys("user-2") == []
    assert server.committed == {PAIR: 1}
    assert server.active == {PAIR[1]: "user-1"}


async def test_what_goes_over_the_wire(server: WireServer, drive: DriveClient) -> None:
    """Path below the base URL, key, names, and exactly the text of the body; an activation has none."""
    await drive.reserve(BODY)
    await drive.activate("user-1", PAIR[1])
    reservation, activation = server.requests
    assert (reservation.method, reservation.target) == ("POST", "/drive/v1/charging-keys/reservations")
    assert reservation.body == BODY.encode()
    assert reservation.headers == {
        "host": f"127.0.0.1:{server.port}",
        "content-length": str(len(BODY)),
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"tagsmith/{__version__}",
        "x-api-key": KEY,
    }
    assert activation.body == b""
    assert activation.headers["content-length"] == "0"
    assert "content-type" not in activation.headers


async def test_the_body_is_sent_as_it_is(server: WireServer, drive: DriveClient) -> None:
    """What the journal froze goes out byte by byte: nothing is parsed, sorted or escaped again."""
    text = '{ "visualNumber" : "Grün/Nº 1\\u002a",\n"uid":"27b89043" }'
    await drive.reserve(text)
    assert server.requests[0].body == text.encode()
    assert server.committed == {("27b89043", "Grün/Nº 1*"): 1}


@pytest.mark.parametrize("base", ["", "/", "/drive", "/drive/", "/a/b"])
async def test_a_base_url_may_have_a_path_or_none(base: str) -> None:
    """/v1/… follows whatever stands before, with one slash between."""
    with WireServer(key=KEY, prefix=base.rstrip("/")) as server:
        async with DriveClient(f"http://127.0.0.1:{server.port}{base}", KEY) as drive:
            await drive.reserve(BODY)
        assert server.requests[0].target == f"{base.rstrip('/')}/v1/charging-keys/reservations"


@pytest.mark.parametrize(
    ("number", "segment"),
    [
        ("DE*8PS*CD0C00*2", "DE%2A8PS%2ACD0C00%2A2"),
        ("a/b", "a%2Fb"),
        ("a b", "a%20b"),
        (" a ", "%20a%20"),
        ("a+b&c=d;e,f:g@h", "a%2Bb%26c%3Dd%3Be%2Cf%3Ag%40h"),
        ("a?b#c", "a%3Fb%23c"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("%zz", "%25zz"),
        ("a\\b", "a%5Cb"),
        ("Grün№", "Gr%C3%BCn%E2%84%96"),
        ("🔑", "%F0%9F%94%91"),
        ("!$'()\"<>[]{}|^`", "%21%24%27%28%29%22%3C%3E%5B%5D%7B%7D%7C%5E%60"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("a..b", "a..b"),
        ("../x", "..%2Fx"),
        ("a-b._~", "a-b._~"),
    ],
)
async def test_a_number_is_one_segment_of_the_path(
    server: WireServer, drive: DriveClient, number: str, segment: str
) -> None:
    """Encoded completely and once, and neither encoded again nor normalised on its way to the wire."""
    await drive.reserve(Reservation(uid=PAIR[0], visual_number=number).body())
    key = await drive.activate("..", number)
    assert key.reference_id == number
    assert server.requests[-1].target == f"/drive/v1/users/%2E%2E/charging-keys/{segment}/activate"
    assert server.active == {number: ".."}


async def test_connections_are_reused_and_few(server: WireServer) -> None:
    """Requests one after the other share a connection; more at once than allowed share the few there are."""
    async with DriveClient(server.url, KEY) as drive:
        for _ in range(3):
            await drive.list_keys("user-1")
    assert server.connections == 1
    server.plan = always(delay(0.05))
    async with DriveClient(server.url, KEY, concurrency=64) as drive:
        await asyncio.gather(*(drive.list_keys("user-1") for _ in range(20)))
    assert server.connections - 1 == MAX_CONNECTIONS


async def test_no_cookie_is_kept(server: WireServer, drive: DriveClient) -> None:
    """Whatever a portal or a balancer plants is not carried to the next request."""
    server.plan = in_turn([Fault(Kind.STATUS, status=404, headers=(("Set-Cookie", "a=b; Path=/"),)), None])
    with pytest.raises(Refused):
        await drive.list_keys("user-1")
    await drive.list_keys("user-1")
    assert "cookie" not in server.requests[-1].headers


# --- an answer that says no --------------------------------------------------------------------------------------


@CALLS
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Refused),
        (404, Refused),
        (405, Refused),
        (409, Refused),
        (413, Refused),
        (422, Refused),
        (451, Refused),
        (401, Unauthorised),
        (403, Unauthorised),
        (429, NotProcessed),
        (500, OutcomeUnknown),
        (501, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
        (599, OutcomeUnknown),
        (202, OutcomeUnknown),
        (204, OutcomeUnknown),
        (300, OutcomeUnknown),
        (304, OutcomeUnknown),
        (999, OutcomeUnknown),
    ],
)
async def test_each_status_is_one_outcome(
    server: WireServer, drive: DriveClient, call: Call, code: int, kind: type[DriveError]
) -> None:
    """For every endpoint alike; status and the API's own words are handed on."""
    body = b"" if code in (204, 304) else None
    server.plan = always(status(code, body))
    with pytest.raises(DriveError) as caught:
        await call(drive)
    assert type(caught.value) is kind
    assert caught.value.status == code
    assert caught.value.text == ("" if body == b"" else f"ordered to answer {code}")


async def test_the_success_of_one_endpoint_is_none_of_another(server: WireServer, drive: DriveClient) -> None:
    """200 to a reservation and 201 to an activation are not documented, so neither is believed."""
    server.plan = always(status(200, b"{}"))
    with pytest.raises(OutcomeUnknown):
        await drive.reserve(BODY)
    server.plan = always(None)
    await drive.reserve(BODY)
    key = (await drive.activate("user-1", PAIR[1])).model_dump_json(by_alias=True).encode()
    server.plan = always(status(201, key))
    with pytest.raises(OutcomeUnknown):
        await drive.activate("user-1", PAIR[1])


@pytest.mark.parametrize(("header", "seconds"), [(None, None), ("17", 17.0), ("nonsense", None)])
async def test_a_pause_that_the_api_asks_for_is_handed_on(
    server: WireServer, drive: DriveClient, header: str | None, seconds: float | None
) -> None:
    """429 is proved not processed; Retry-After where it makes sense."""
    server.plan = always(status(429, retry_after=header))
    with pytest.raises(NotProcessed) as caught:
        await drive.reserve(BODY)
    assert (caught.value.status, caught.value.retry_after_s) == (429, seconds)


async def test_words_of_an_answer_are_made_fit_to_show(server: WireServer, drive: DriveClient) -> None:
    """Shortened, and without anything that could drive a terminal."""
    server.plan = always(status(400, b"\x1b]0;title\x07" + b"no! " * 1000))
    with pytest.raises(Refused) as caught:
        await drive.reserve(BODY)
    assert caught.value.text.startswith("]0;title no! no!")
    assert len(caught.value.text) == 300
    assert caught.value.text.isprintable()


@CALLS
async def test_a_redirect_is_not_followed(server: WireServer, drive: DriveClient, call: Call) -> None:
    """The key goes nowhere else, and what became of the request is not known."""
    with WireServer(key=KEY) as elsewhere:
        for code in (301, 302, 303, 307, 308):
            server.plan = always(redirect(f"{elsewhere.url}/v1/charging-keys/reservations", code))
            with pytest.raises(OutcomeUnknown) as caught:
                await call(drive)
            assert caught.value.status == code
        assert elsewhere.connections == 0


# --- no answer, or one that cannot be trusted --------------------------------------------------------------------


@CALLS
@pytest.mark.parametrize(
    "fault",
    [
        RESET,
        DROP_BEFORE_COMMIT,
        DROP_AFTER_COMMIT,
        HALF_BODY,
        HALF_HEAD,
        GARBAGE,
        GARBAGE_AFTER_COMMIT,
        garbage_body(),
        garbage_body(b'{"uid": "27b8'),
        garbage_body(b"<html><body>Created</body></html>"),
        PORTAL,
        status(201, b"<html>Please log in</html>"),
        status(500, commit=True),
        Fault(Kind.STATUS, status=201, headers=(("Content-Encoding", "gzip"),), body=b"no gzip"),
        Fault(Kind.STATUS, status=200, headers=(("X", "x" * 200_000),), body=b"{}"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 -1 Nonsense\r\n\r\n"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        Fault(Kind.GARBAGE, body=b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=lambda fault: f"{fault.kind.name}-{fault.status}-{fault.body[:12]!r}-{fault.commit}",
)
async def test_what_is_no_whole_answer_leaves_the_outcome_unknown(
    server: WireServer, drive: DriveClient, call: Call, fault: Fault
) -> None:
    """Whether the server had committed or not: the client cannot tell, so it does not say."""
    if call is activate:
        await drive.reserve(BODY)
    before = len(server.requests)
    server.plan = always(fault)
    with pytest.raises(OutcomeUnknown):
        await call(drive)
    assert len(server.requests) == before + 1, "a request is sent once"


@CALLS
@pytest.mark.parametrize("fault", [HANG, HANG_AFTER_COMMIT, drip(0.05), delay(30.0)], ids=lambda fault: fault.kind.name)
async def test_an_answer_that_does_not_come_in_time_is_unknown(server: WireServer, call: Call, fault: Fault) -> None:
    """The limit is on the whole request: one that drips for ever ends too, though no single read takes long."""
    server.plan = always(fault)
    async with DriveClient(server.url, KEY, timeout_s=0.3) as drive:
        with pytest.raises(OutcomeUnknown):
            await call(drive)


@CALLS
async def test_an_endless_body_is_garbage(server: WireServer, drive: DriveClient, call: Call) -> None:
    """Memory is bounded; one byte less is still read."""
    for code in (200, 201, 400):
        server.plan = always(status(code, b" " * (MAX_BODY + 1)))
        with pytest.raises(OutcomeUnknown, match="too long"):
            await call(drive)
    server.plan = always(status(400, b" " * MAX_BODY))
    with pytest.raises(Refused):
        await call(drive)


async def test_a_closed_idle_connection_proves_nothing(server: WireServer, drive: DriveClient) -> None:
    """A server that closes without an answer on a connection used before is not told from one that had committed."""
    server.plan = in_turn([None, DROP_AFTER_COMMIT])
    await drive.list_keys("user-1")
    with pytest.raises(OutcomeUnknown):
        await drive.reserve(BODY)
    assert server.connections == 1
    assert server.committed == {PAIR: 1}


async def test_a_connection_cut_unread_is_unknown(server: WireServer, drive: DriveClient) -> None:
    """The server read nothing, but the request was written: nothing proves that."""
    server.close_unread = 1
    with pytest.raises(OutcomeUnknown):
        await drive.reserve(BODY)
    assert server.attempts == {}


async def test_a_pool_recovers_from_whatever_happened(server: WireServer) -> None:
    """With a single connection, one that is lost in any way would leave the next request waiting for ever."""
    faults = [HANG, drip(0.05), RESET, HALF_BODY, GARBAGE, status(400, b" " * (MAX_BODY + 1)), status(500)]
    server.plan = in_turn([one for fault in faults for one in (fault, None)])
    async with DriveClient(server.url, KEY, timeout_s=0.5, concurrency=1) as drive:
        for _ in faults:
            with pytest.raises(OutcomeUnknown):
                await drive.list_keys("user-1")
            assert await drive.list_keys("user-1") == []


# --- proved not sent ---------------------------------------------------------------------------------------------


@CALLS
async def test_a_refused_connection_is_not_processed(call: Call) -> None:
    """Nobody listens: nothing was sent. The words say so."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with DriveClient(f"http://127.0.0.1:{port}", KEY) as drive:
        with pytest.raises(NotProcessed, match="no connection to the API") as caught:
            await call(drive)
    assert (caught.value.status, caught.value.retry_after_s) == (None, None)


async def test_a_connection_not_accepted_in_time_is_not_processed() -> None:
    """A full backlog swallows the first packet; the limit for connecting strikes before the one for the request."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        async with DriveClient(f"http://127.0.0.1:{full.getsockname()[1]}", KEY, timeout_s=0.5) as drive:
            with pytest.raises(NotProcessed, match="did not accept"):
                await drive.reserve(BODY)


async def test_no_free_connection_is_not_processed(server: WireServer) -> None:
    """The one connection is busy and stays so; the request that waits for it is never sent."""
    server.plan = always(HANG)
    async with DriveClient(server.url, KEY, timeout_s=1.0, concurrency=1) as drive:
        first, second = await asyncio.gather(drive.reserve(BODY), drive.reserve(BODY), return_exceptions=True)
    assert type(first) is OutcomeUnknown
    assert type(second) is NotProcessed
    assert len(server.requests) == 1


async def test_a_failed_tls_handshake_is_not_processed(server: WireServer) -> None:
    """The other side speaks no TLS: the request never left."""
    server.close_unread = 1
    async with DriveClient(f"https://127.0.0.1:{server.port}", KEY, timeout_s=2.0) as drive:
        with pytest.raises(NotProcessed):
            await drive.reserve(BODY)


@CALLS
@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "127.0.0.1:8787",
        "ftp://127.0.0.1",
        "http://",
        "http:///drive",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:-1",
        "http://300.1.1.1",
        "http://[::1",
        "http://[zz]",
        "http://xn--",
        "http://a\ud800b",
        "http://a..b",
        "http://" + "a" * 70 + ".invalid",
        "http://user:word@127.0.0.1",
        "http://127.0.0.1/drive?x=1",
        "http://127.0.0.1/drive?",
        "http://127.0.0.1/drive#x",
        "http://127.0.0.1/\ndrive",
        "http://127.0.0.1/" + "x" * 70_000,
    ],
)
async def test_an_address_that_is_none_is_not_processed(url: str, call: Call) -> None:
    """Nothing can have been sent there, and nothing foreign is raised."""
    async with DriveClient(url, KEY, timeout_s=2.0) as drive:
        with pytest.raises(NotProcessed):
            await call(drive)


@pytest.mark.parametrize("key", ["line\nend", "carriage\r\nX-Other: header", "nul\0", " blank", "blank "])
async def test_a_key_that_is_no_header_is_not_processed(server: WireServer, key: str) -> None:
    """It is refused before it is written; the words send people to the key and do not show it."""
    async with DriveClient(server.url, key) as drive:
        with pytest.raises(NotProcessed, match="API key") as caught:
            await drive.reserve(BODY)
    assert key.strip() not in str(caught.value)
    assert not server.requests


async def test_the_environment_is_not_asked(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that happens to stand in the environment never sees the key."""
    with WireServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with DriveClient(server.url, KEY) as drive:
            await drive.reserve(BODY)
        assert proxy.connections == 0


# --- refused here ------------------------------------------------------------------------------------------------


async def test_what_cannot_be_asked_is_refused_unsent(server: WireServer, drive: DriveClient) -> None:
    """An impossible user id or reference would lead to another path, or to none; there is no status."""
    calls = [
        drive.activate("", "A1"),
        drive.activate("a/b", "A1"),
        drive.activate("user-1", ""),
        drive.activate("user-1", "x" * 65),
        drive.activate("user-1", "\ud800"),
        drive.list_keys("a b"),
        drive.list_keys("x" * 256),
        drive.reserve('{"uid":"27b89043","visualNumber":"\udcff"}'),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            await call
        assert caught.value.status is None
    assert not server.requests


# --- cancelling --------------------------------------------------------------------------------------------------


async def test_cancelling_passes_through(server: WireServer) -> None:
    """A station that ends does not get an outcome it would take for an answer; the connection is free again."""
    server.plan = in_turn([HANG])
    async with DriveClient(server.url, KEY, concurrency=1) as drive:
        task = asyncio.create_task(drive.reserve(BODY))
        await asyncio.to_thread(server.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await drive.list_keys("user-1") == []


async def test_a_limit_of_the_callers_own_is_the_callers(server: WireServer, drive: DriveClient) -> None:
    """The client's timeout does not swallow one that stands around it."""
    server.plan = always(HANG)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await drive.reserve(BODY)


async def test_an_interim_answer_is_not_the_answer(server: WireServer, drive: DriveClient) -> None:
    """100 and 103 may come first; what follows counts."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
    server.plan = always(Fault(Kind.GARBAGE, body=interim + b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"))
    assert await drive.reserve(BODY) == Receipt(201, "")


async def test_a_list_with_a_garbled_key_is_no_list(server: WireServer, drive: DriveClient) -> None:
    """A key left out silently could be the one that is looked for."""
    server.plan = always(status(200, json.dumps({"keys": [{"keyId": "27b89043"}]}).encode()))
    with pytest.raises(OutcomeUnknown, match="list of charging keys"):
        await drive.list_keys("user-1")
