"""Every endpoint against an independent server that follows the API's documents: what is sent, what is understood."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal

import pytest

from support.seed_server import KEY, ORDER, RECEIPT, SeedServer
from tagsmith.drive import (
    ENDPOINTS,
    Address,
    DriveClient,
    KeyChange,
    KeyKind,
    KeyOrder,
    OrderState,
    PlugAndChargeRequest,
    Reservation,
)
from tagsmith.drive import endpoints as described
from tagsmith.drive.endpoints import Endpoint
from tagsmith.errors import (
    ApiFailed,
    Conflict,
    DriveError,
    InvalidRequest,
    NotFound,
    NotProcessed,
    OrderedTooSoon,
    OutcomeUnknown,
    Refused,
)

NUMBER = "DE*8PS*CD0C00*2"
PCID = "WDBRF61J21F123456"
ADDRESS = Address(address_line1="Driver road 1", postal_code="11122", city="Berlin", country="Germany")
USER = "/v1/users/user-1/charging-keys"
CALLS: dict[str, tuple[Endpoint, str, str, Callable[[DriveClient], Awaitable[object]]]] = {
    "reserve": (
        described.RESERVE,
        "POST",
        "/v1/charging-keys/reservations",
        lambda drive: drive.reserve(Reservation(uid="27b89043", visual_number=NUMBER).body()),
    ),
    "activate": (
        described.ACTIVATE,
        "POST",
        f"{USER}/DE%2A8PS%2ACD0C00%2A2/activate",
        lambda drive: drive.activate("user-1", NUMBER),
    ),
    "change": (
        described.CHANGE,
        "PATCH",
        f"{USER}/27b89043",
        lambda drive: drive.change_key("user-1", "27b89043", KeyChange(enabled=False)),
    ),
    "list_keys": (described.LIST_KEYS, "GET", USER, lambda drive: drive.list_keys("user-1")),
    "order": (
        described.ORDER,
        "POST",
        f"{USER}/order",
        lambda drive: drive.place_order("user-1", KeyOrder(address=ADDRESS, taxation_country="DE")),
    ),
    "list_orders": (described.LIST_ORDERS, "GET", f"{USER}/orders", lambda drive: drive.list_orders("user-1")),
    "receipt": (
        described.RECEIPT,
        "POST",
        f"{USER}/orders/xXXx10/receipt",
        lambda drive: drive.receipt_url("user-1", "xXXx10"),
    ),
    "prices": (
        described.CONFIGURATION,
        "GET",
        "/v1/charging-keys/orders/configuration",
        lambda drive: drive.prices(),
    ),
    "plug_and_charge": (
        described.PLUG_AND_CHARGE,
        "POST",
        f"{USER}/plug-and-charge",
        lambda drive: drive.create_plug_and_charge("user-1", PlugAndChargeRequest(pcid=PCID)),
    ),
}
DOCUMENTED = {
    "reserve": {400: InvalidRequest, 500: ApiFailed},
    "activate": {400: InvalidRequest, 404: NotFound, 409: Conflict, 500: ApiFailed},
    "change": {400: InvalidRequest, 404: NotFound, 500: ApiFailed},
    "list_keys": {400: InvalidRequest, 404: NotFound, 500: ApiFailed},
    "order": {400: InvalidRequest, 404: NotFound, 429: OrderedTooSoon, 500: ApiFailed},
    "list_orders": {500: ApiFailed},
    "receipt": {400: InvalidRequest, 404: NotFound, 500: ApiFailed},
    "prices": {404: NotFound, 500: ApiFailed},
    "plug_and_charge": {400: InvalidRequest, 404: NotFound, 409: Conflict, 500: ApiFailed},
}
"""Copied by hand from the API's documents, so that no row slips."""


@pytest.fixture
def server() -> Iterator[SeedServer]:
    with SeedServer() as server:
        yield server


@pytest.fixture
async def drive(server: SeedServer) -> AsyncIterator[DriveClient]:
    async with DriveClient(server.url, server.key, timeout_s=10.0) as drive:
        yield drive


def test_every_endpoint_is_tried_here() -> None:
    """One that is added is added here too, and in the words of the documents."""
    assert {id(call[0]) for call in CALLS.values()} == {id(endpoint) for endpoint in ENDPOINTS}
    assert CALLS.keys() == DOCUMENTED.keys()
    for name, (endpoint, *_) in CALLS.items():
        assert {status: kind for status, (kind, _) in endpoint.errors.items()} == DOCUMENTED[name]


@pytest.mark.parametrize(("name", "status"), [(name, status) for name, all_ in DOCUMENTED.items() for status in all_])
async def test_each_documented_error_is_typed(server: SeedServer, drive: DriveClient, name: str, status: int) -> None:
    """Its own kind, with the API's words, and what a person should do."""
    _, method, target, call = CALLS[name]
    server.answer(method, target, status, b'{"message": "said by the API"}')
    with pytest.raises(DriveError) as caught:
        await call(drive)
    assert type(caught.value) is DOCUMENTED[name][status]
    assert (caught.value.status, caught.value.text) == (status, "said by the API")
    assert "said by the API" in caught.value.message
    assert caught.value.remedy
    assert server.count(method, target) == 1


@pytest.mark.parametrize("name", CALLS)
async def test_an_undocumented_status_keeps_its_words(server: SeedServer, drive: DriveClient, name: str) -> None:
    """It is of no narrower kind than what is proved; nothing is claimed about its cause."""
    _, method, target, call = CALLS[name]
    kinds: dict[int, type[DriveError]] = {418: Refused, 429: NotProcessed, 503: OutcomeUnknown, 206: OutcomeUnknown}
    for status, kind in kinds.items():
        server.answer(method, target, status, b"out of the blue")
        with pytest.raises(kind) as caught:
            await call(drive)
        assert (caught.value.status, caught.value.text) == (status, "out of the blue")
        assert (type(caught.value) is kind) or (name, status) == ("order", 429)


@pytest.mark.parametrize("name", CALLS)
async def test_a_success_that_says_nothing_is_unknown(server: SeedServer, drive: DriveClient, name: str) -> None:
    """A portal, a cut or a changed API: nothing is read into it. (Of a reservation no body is documented.)"""
    endpoint, method, target, call = CALLS[name]
    for body in (b"", b"null", b'"OK"', b'{"url": 5}', b"<html>", b'{"keys": 1}', b'[{"id": ""}]'):
        server.answer(method, target, endpoint.success[0], body)
        if name == "reserve" and body != b"<html>":
            await call(drive)
            continue
        with pytest.raises(OutcomeUnknown, match="but not with"):
            await call(drive)


async def test_keys_are_reserved_activated_renamed_disabled_and_listed(server: SeedServer, drive: DriveClient) -> None:
    """The documents' own way, with their samples; the virtual key shows only when asked for."""
    await drive.reserve(Reservation(uid="27b89043", visual_number=NUMBER).body())
    key = await drive.activate("user-1", NUMBER)
    assert (key.key_id, key.contract_id, key.enabled) == ("27b89043", "DE-8PS-C0CD0C002-Q", True)
    renamed = await drive.change_key("user-1", "27b89043", KeyChange(name="my key №1"))
    assert (renamed.name, renamed.enabled) == ("my key №1", True)
    disabled = await drive.change_key("user-1", "DE-8PS-C0CD0C002-Q", KeyChange(enabled=False))
    assert (disabled.name, disabled.enabled) == ("my key №1", False)
    assert await drive.list_keys("user-1") == [disabled]
    assert [one.type for one in await drive.list_keys("user-1", virtual=True)] == [KeyKind.VIRTUAL, KeyKind.TAG]
    bodies = [one.body for one in server.asked if one.method == "PATCH"]
    assert bodies == ['{"name":"my key №1"}'.encode(), b'{"enabled":false}']


async def test_orders_are_placed_listed_and_shown(server: SeedServer, drive: DriveClient) -> None:
    """With the documents' names on the wire; an unknown state is UNKNOWN, and its word is kept."""
    order = KeyOrder(
        address=Address(
            company_name="Smith Consulting",
            first_name="John",
            last_name="Smith",
            address_line1="Driver road 1",
            address_line2="Apartment 5",
            postal_code="11122",
            city="Berlin",
            country="Germany",
        ),
        taxation_country="de",
        payment_option_id="STRIPE-6738556949187507",
    )
    placed = await drive.place_order("user-1", order)
    assert (placed.id, placed.state) == ("xXXx10", OrderState.PLACED)
    assert json.loads(server.asked[-1].body) == {
        "address": {
            "companyName": "Smith Consulting",
            "firstName": "John",
            "lastName": "Smith",
            "addressLine1": "Driver road 1",
            "addressLine2": "Apartment 5",
            "postalCode": "11122",
            "city": "Berlin",
            "country": "Germany",
        },
        "taxationCountry": "DE",
        "paymentOptionId": "STRIPE-6738556949187507",
    }
    (found,) = await drive.list_orders("user-1")
    assert (found.id, found.state, found.raw_state) == ("xXXx10", OrderState.UNKNOWN, "ORDER_FREE_OF_CHARGE")
    assert (found.quantity, found.has_receipt) == (1, True)
    assert found.created is not None
    assert found.created.isoformat() == "2022-04-07T11:30:57+00:00"
    assert await drive.receipt_url("user-1", "xXXx10") == RECEIPT
    assert await drive.list_orders("user-9") == []


async def test_the_price_of_the_sample_is_read_both_ways(drive: DriveClient) -> None:
    """10 is 0.10 by the field's name and 10.00 by the text beside it: the raw value stands by both."""
    (price,) = await drive.prices()
    assert (price.country, price.currency, price.raw, price.vat) == ("FI", "EUR", 10, 25)
    assert (price.amount, price.amount_if_major) == (Decimal("0.10"), Decimal("10.00"))


async def test_vehicles_get_a_key(server: SeedServer, drive: DriveClient) -> None:
    """The PCID goes out in upper case; a contract only if there is one; 200 and 201 are both a success."""
    made = await drive.create_plug_and_charge("user-1", PlugAndChargeRequest(pcid=PCID.lower()))
    assert (made.contract_id, made.pcid, made.key_id) == ("DE-8PS-C0AD21B13-Q", PCID, "DE-8PS-C0AD21B13-Q")
    assert server.asked[-1].body == b'{"pcid":"WDBRF61J21F123456"}'
    request = PlugAndChargeRequest(pcid=PCID, contract_id="DE-8PS-C0AD21B14-Q")
    server.answer(
        "POST",
        f"{USER}/plug-and-charge",
        200,
        b'{"contractId": "de8psC0AD21B14Q", "pcid": "WDBRF61J21F123456", "keyId": "x"}',
    )
    await drive.create_plug_and_charge("user-1", request)
    assert server.asked[-1].body == b'{"pcid":"WDBRF61J21F123456","contractId":"DE-8PS-C0AD21B14-Q"}'
    (listed,) = await drive.list_keys("user-1")
    assert listed.type is KeyKind.PLUG_AND_CHARGE


# --- an answer about something else ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        ({"keyId": "27b89044", "contractId": None}, "another key"),
        ({"keyId": "27b89044"}, "another key"),
        ({"enabled": True}, "still enabled"),
    ],
)
async def test_a_change_of_another_key_is_no_success(
    server: SeedServer, drive: DriveClient, answered: dict[str, object], words: str
) -> None:
    """A key that is believed to be disabled and is not would be paid for by its owner."""
    body = {**KEY, "enabled": False, **answered}
    server.answer("PATCH", f"{USER}/27b89043", 200, json.dumps(body).encode())
    with pytest.raises(OutcomeUnknown, match=words) as caught:
        await drive.change_key("user-1", "27b89043", KeyChange(enabled=False))
    assert caught.value.remedy


@pytest.mark.parametrize("identifier", ["27B89043", "de8psc0cd0c002q", "DE-8PS-C0CD0C002-Q"])
async def test_how_a_key_is_written_does_not_matter(server: SeedServer, drive: DriveClient, identifier: str) -> None:
    """An API that knows it in other case or without separators answers with its own form."""
    server.answer("PATCH", f"{USER}/{identifier}", 200, json.dumps(KEY).encode())
    assert (await drive.change_key("user-1", identifier, KeyChange(enabled=True))).key_id == "27b89043"


@pytest.mark.parametrize(
    "answered",
    [
        {"pcid": "WDBRF61J21F123457", "contractId": "DE-8PS-C0AD21B13-Q"},
        {"pcid": PCID, "contractId": "DE-8PS-C0AD21B14-Q"},
    ],
)
async def test_a_key_for_another_vehicle_is_no_success(
    server: SeedServer, drive: DriveClient, answered: dict[str, str]
) -> None:
    """Somebody else would be billed for what it charges."""
    server.answer("POST", f"{USER}/plug-and-charge", 200, json.dumps({**answered, "keyId": "x"}).encode())
    with pytest.raises(OutcomeUnknown, match="another key"):
        await drive.create_plug_and_charge("user-1", PlugAndChargeRequest(pcid=PCID, contract_id="DE-8PS-C0AD21B13-Q"))


@pytest.mark.parametrize("url", ["", "ftp://a/b", "javascript:alert(1)", "//a/b", "https:///x", " https://a"])
async def test_a_receipt_that_is_no_address_is_none(server: SeedServer, drive: DriveClient, url: str) -> None:
    """The URL is absolute, says the document; people click on what is shown."""
    server.answer("POST", f"{USER}/orders/o/receipt", 200, json.dumps({"url": url}).encode())
    with pytest.raises(OutcomeUnknown):
        await drive.receipt_url("user-1", "o")


async def test_what_cannot_be_asked_is_not_sent(server: SeedServer, drive: DriveClient) -> None:
    """Impossible ids and empty changes are refused here, without a status."""
    order = KeyOrder(address=ADDRESS, taxation_country="DE")
    for call in (
        drive.change_key("a/b", "27b89043", KeyChange(enabled=True)),
        drive.change_key("user-1", "", KeyChange(enabled=True)),
        drive.change_key("user-1", "x" * 256, KeyChange(enabled=True)),
        drive.change_key("user-1", "a\nb", KeyChange(enabled=True)),
        drive.change_key("user-1", "27b89043", KeyChange()),
        drive.change_key("user-1", "27b89043", KeyChange(name=" ")),
        drive.change_key("user-1", "27b89043", KeyChange(name="a\x00")),
        drive.place_order("", order),
        drive.list_orders("a b"),
        drive.receipt_url("user-1", ""),
        drive.create_plug_and_charge("user-1", PlugAndChargeRequest(pcid="short")),
    ):
        with pytest.raises(Refused) as caught:
            await call
        assert caught.value.status is None
    assert server.asked == []


async def test_no_request_is_repeated(server: SeedServer, drive: DriveClient) -> None:
    """Nor is one whose answer was lost: an order would be paid for twice."""
    for name, (_, method, target, call) in CALLS.items():
        server.lose(method, target)
        with pytest.raises(OutcomeUnknown):
            await call(drive)
        assert server.count(method, target) == 1, name


async def test_an_order_that_is_listed_may_lack_everything_but_its_id(server: SeedServer, drive: DriveClient) -> None:
    """No field of a listed order is promised; a new one is kept."""
    rows = [{"id": "a"}, {**ORDER, "tracking": "T1", "address": {"street": "x"}}]
    server.answer("GET", f"{USER}/orders", 200, json.dumps(rows).encode())
    bare, extra = await drive.list_orders("user-1")
    assert (bare.state, bare.raw_state, bare.address, bare.has_receipt) == (OrderState.UNKNOWN, "", None, None)
    assert extra.model_extra == {"tracking": "T1"}
    assert extra.address is not None
    assert extra.address.lines() == ()
