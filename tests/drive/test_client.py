"""The client on a real wire: what it sends, and what it makes of answers that are whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from support.wire_server import (
    Fault,
    Kind,
    WireServer,
    always,
    delay,
    in_turn,
    redirect,
    status,
)
from tagsmith import __version__
from tagsmith.drive import DriveClient, KeyKind, Receipt, Reservation
from tagsmith.drive.wire import MAX_CONNECTIONS
from tagsmith.errors import DriveError, NotProcessed, OutcomeUnknown, Refused, Unauthorised

PAIR = ("27b89043", "DE*8PS*CD0C00*2")
BODY = Reservation(uid=PAIR[0], visual_number=PAIR[1]).body()
Call = Callable[[DriveClient], Awaitable[object]]


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
        "x-api-key": server.key,
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
    with WireServer(key="k", prefix=base.rstrip("/")) as server:
        async with DriveClient(f"http://127.0.0.1:{server.port}{base}", server.key) as drive:
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
    async with DriveClient(server.url, server.key) as drive:
        for _ in range(3):
            await drive.list_keys("user-1")
    assert server.connections == 1
    server.plan = always(delay(0.05))
    async with DriveClient(server.url, server.key, concurrency=64) as drive:
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
    """For every endpoint alike, or of that kind; status and the API's own words are handed on."""
    body = b"" if code in (204, 304) else None
    server.plan = always(status(code, body))
    with pytest.raises(DriveError) as caught:
        await call(drive)
    assert isinstance(caught.value, kind)
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


async def test_a_redirect_is_not_followed(server: WireServer, drive: DriveClient, call: Call) -> None:
    """The key goes nowhere else, and what became of the request is not known."""
    with WireServer(key="k") as elsewhere:
        for code in (301, 302, 303, 307, 308):
            server.plan = always(redirect(f"{elsewhere.url}/v1/charging-keys/reservations", code))
            with pytest.raises(OutcomeUnknown) as caught:
                await call(drive)
            assert caught.value.status == code
        assert elsewhere.connections == 0


async def test_an_interim_answer_is_not_the_answer(server: WireServer, drive: DriveClient) -> None:
    """100 and 103 may come first; what follows counts."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
    server.plan = always(Fault(Kind.GARBAGE, body=interim + b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"))
    assert await drive.reserve(BODY) == Receipt(201, "")
