"""The sandbox over HTTP: with our own client, and with requests that our client would never make."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.drive import DriveClient, KeyKind, Receipt, Reservation
from tagsmith.errors import OutcomeUnknown, Refused, Unauthorised
from tagsmith.model import KeyType
from tagsmith.sandbox import Sandbox
from tagsmith.sandbox.rules import MAX_BODY

KEY = "train1ng"
RESERVATIONS = "/v1/charging-keys/reservations"
GOOD = json.dumps({"uid": "27b89043", "visualNumber": "A1"})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One server for many examples."""
    with Sandbox(key=KEY) as sandbox:
        yield sandbox


def ask(
    sandbox: Sandbox, method: str, path: str, body: str | bytes | None = None, **headers: str
) -> tuple[int, dict[str, object]]:
    """A raw request with the key, unless `headers` (X_API_Key for X-API-Key) say otherwise; status and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=10)
    sent = {"X-API-Key": KEY, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, body, {name: value for name, value in sent.items() if value})
        response = connection.getresponse()
        raw = response.read()
        assert raw == b"" or response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(raw or b"{}")
    finally:
        connection.close()


async def test_our_client_and_the_sandbox_agree(sandbox: Sandbox) -> None:
    """Reservation, activation and listing, with the awkward numbers that a path must carry."""
    numbers = ["DE*8PS*CD0C00*2", "a/b", "a b", "Grün№", "100%", "%2F", "..", ".", "a?b#c", "a+b&c;d", "x" * 64]
    async with DriveClient(sandbox.url, KEY) as drive:
        for index, number in enumerate(numbers):
            uid = f"27b890{index:02x}"
            body = Reservation(uid=uid, visual_number=number, type=KeyType.CARD).body()
            assert await drive.reserve(body) == Receipt(201, "")
            key = await drive.activate("user-1", number)
            assert (key.key_id, key.reference_id, key.type) == (uid, number, KeyKind.CARD)
            assert key.created <= datetime.now(UTC) < key.valid_to
        keys = await drive.list_keys("user-1", virtual=True)
    assert [key.reference_id for key in keys] == [None, *numbers]
    assert keys[0].type is KeyKind.VIRTUAL
    assert [one.visual_number for one in sandbox.store.reservations] == numbers


async def test_refusals_reach_our_client_in_words(sandbox: Sandbox) -> None:
    """Each with its status and the sandbox's own sentence."""
    async with DriveClient(sandbox.url, KEY) as drive:
        await drive.reserve(GOOD)
        for call, status, words in (
            (drive.reserve(GOOD), 409, "uid or visualNumber is already reserved"),
            (drive.reserve("{}"), 400, "uid is required"),
            (drive.activate("user-1", "A2"), 404, "User or charging key not found"),
            (drive.list_keys("unknown"), 404, "User not found"),
        ):
            with pytest.raises(Refused) as caught:
                await call
            assert (caught.value.status, caught.value.text) == (status, words)


@pytest.mark.parametrize("status", [201, 400, 500])
async def test_what_a_duplicate_answers_can_be_ordered(status: int) -> None:
    """Because nobody knows what the real API answers, a station is tried against each."""
    with Sandbox(key=KEY, duplicate_status=status) as sandbox:
        async with DriveClient(sandbox.url, KEY) as drive:
            await drive.reserve(GOOD)
            if status == 201:
                assert await drive.reserve(GOOD) == Receipt(201, "")
            else:
                with pytest.raises(Refused if status == 400 else OutcomeUnknown):
                    await drive.reserve(GOOD)
        assert len(sandbox.store.reservations) == 1


async def test_the_key_is_wanted(sandbox: Sandbox) -> None:
    """Missing, wrong, almost right, and in bytes that are no ASCII: 401 on every path, and nothing is done."""
    for key in ("", "wrong", KEY + "x", KEY.upper()):
        assert ask(sandbox, "POST", RESERVATIONS, GOOD, X_API_Key=key)[0] == 401
        assert ask(sandbox, "GET", "/nowhere", X_API_Key=key)[0] == 401
    async with DriveClient(sandbox.url, "schlüssel") as drive:
        with pytest.raises(Unauthorised):
            await drive.reserve(GOOD)
    assert sandbox.store.reservations == ()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404),
        ("GET", "/v1", 404),
        ("POST", RESERVATIONS + "/", 404),
        ("POST", "/drive" + RESERVATIONS, 404),
        ("POST", "//v1/charging-keys/reservations", 404),
        ("GET", RESERVATIONS, 405),
        ("DELETE", RESERVATIONS, 405),
        ("PUT", "/v1/users/u/charging-keys/A1/activate", 405),
        ("POST", "/v1/users/u/charging-keys", 405),
        ("GET", "/v1/users/u/charging-keys/A1", 405),
        ("GET", "/v1/users/u/charging-keys/order", 405),
        ("POST", "/v1/users/u/charging-keys/orders", 405),
        ("GET", "/v1/users/u/charging-keys/plug-and-charge", 405),
        ("GET", "/v1/users/u/charging-keys/orders/o/receipt", 405),
        ("PUT", "/v1/charging-keys/orders/configuration", 405),
        ("GET", "/v1/users/u/charging-keys/orders/o", 404),
        ("POST", "/v1/users/u/charging-keys/a/b/activate", 404),
        ("POST", "/v1/users/u/charging-keys/%FF/activate", 400),
        ("POST", "/v1/users/a%2Fb/charging-keys/A1/activate", 400),
        ("GET", "/v1/users/%20/charging-keys", 400),
        ("GET", "/v1/users//charging-keys", 400),
    ],
)
def test_paths_that_lead_nowhere(shared: Sandbox, method: str, path: str, status: int) -> None:
    """Each is answered in JSON with a code and a message; a segment is never two."""
    found, answer = ask(shared, method, path)
    assert found == status
    assert set(answer) == {"code", "message"}


def test_a_body_is_judged_as_it_came(sandbox: Sandbox) -> None:
    """Wrong media type, no JSON, an unknown field, and one that is far too long."""
    for body, headers, status, words in (
        (GOOD, {"Content_Type": "text/plain"}, 400, "Content-Type"),
        ("{", {}, 400, "no JSON"),
        ('{"uid": "27b89043", "number": "A1"}', {}, 400, "'number' is no field"),
        (b"\xff", {}, 400, "no JSON"),
        ("x" * (MAX_BODY + 1), {}, 413, "at most"),
    ):
        found, answer = ask(sandbox, "POST", RESERVATIONS, body, **headers)
        assert found == status
        assert words in str(answer["message"])
    assert ask(sandbox, "POST", RESERVATIONS, GOOD)[0] == 201


def test_requests_are_remembered_without_the_key(sandbox: Sandbox) -> None:
    """Method, raw path, status and body; a query is left out, because a key may have strayed into it."""
    ask(sandbox, "POST", RESERVATIONS + f"?key={KEY}", GOOD)
    ask(sandbox, "POST", "/v1/users/u/charging-keys/a%2Fb/activate")
    ask(sandbox, "GET", "/v1/users/u/charging-keys", X_API_Key="wrong")
    assert [(one.method, one.path, one.status, one.body) for one in sandbox.store.requests] == [
        ("POST", RESERVATIONS, 201, GOOD),
        ("POST", "/v1/users/u/charging-keys/a%2Fb/activate", 404, ""),
        ("GET", "/v1/users/u/charging-keys", 401, ""),
    ]
    assert KEY not in repr(sandbox.store.requests)


USER = "/v1/users/u/charging-keys"
ORDER = {
    "address": {"addressLine1": "Road 1", "postalCode": "1", "city": "Berlin", "country": "Germany"},
    "taxationCountry": "DE",
}
VEHICLE = {"pcid": "WDBRF61J21F123456"}


def test_each_endpoint_answers_what_is_described(sandbox: Sandbox) -> None:
    """Status, and exactly the fields of the API's samples."""
    assert ask(sandbox, "POST", RESERVATIONS, GOOD) == (201, {})
    status, key = ask(sandbox, "POST", f"{USER}/A1/activate")
    assert (status, key["referenceId"]) == (200, "A1")
    status, changed = ask(sandbox, "PATCH", f"{USER}/27b89043", '{"name": "mine", "enabled": false}')
    assert (status, changed) == (
        200,
        {**key, "name": "mine", "enabled": False, "updated": changed["updated"]},
    )
    status, made = ask(sandbox, "POST", f"{USER}/plug-and-charge", json.dumps(VEHICLE))
    assert (status, made["pcid"], made["keyId"]) == (200, VEHICLE["pcid"], made["contractId"])
    assert set(made) == {"contractId", "pcid", "keyId"}
    status, listed = ask(sandbox, "GET", USER)
    assert (status, listed["keys"][1]) == (200, changed)  # type: ignore[index]
    assert ask(sandbox, "POST", f"{USER}/order", json.dumps(ORDER)) == (200, {"id": "order1", "state": "ORDER_PLACED"})
    status, orders = ask(sandbox, "GET", f"{USER}/orders")
    (order,) = orders
    assert set(order) == {"id", "created", "updated", "address", "quantity", "state", "hasReceipt"}  # type: ignore[arg-type]
    assert ask(sandbox, "POST", f"{USER}/orders/order1/receipt") == (200, {"url": "https://receipts.invalid/order1"})
    status, prices = ask(sandbox, "GET", "/v1/charging-keys/orders/configuration")
    assert status == 200
    assert {tuple(price) for price in prices["countries"]} == {  # type: ignore[attr-defined]
        ("country", "currency", "priceMinorInclVat", "vat")
    }


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("PATCH /27b89043", {}, "name or enabled"),
        ("PATCH /27b89043", {"name": ""}, "name"),
        ("PATCH /27b89043", {"name": 5}, "name"),
        ("PATCH /27b89043", {"enabled": "yes"}, "enabled"),
        ("PATCH /27b89043", {"enabled": None}, "enabled"),
        ("PATCH /27b89043", {"type": "TAG"}, "'type' is no field"),
        ("POST /order", {}, "address"),
        ("POST /order", {**ORDER, "address": "Road 1"}, "address"),
        ("POST /order", {**ORDER, "address": {**ORDER["address"], "street": "x"}}, "'street' is no field"),  # type: ignore[dict-item]
        ("POST /order", {**ORDER, "address": {**ORDER["address"], "city": ""}}, "city"),  # type: ignore[dict-item]
        ("POST /order", {**ORDER, "address": {"city": "Berlin"}}, "addressLine1 is required"),
        ("POST /order", {**ORDER, "taxationCountry": "de"}, "taxationCountry"),
        ("POST /order", {**ORDER, "addrress": {}}, "'addrress' is no field"),
        ("POST /order", {**ORDER, "paymentOptionId": None}, "paymentOptionId"),
        ("POST /plug-and-charge", {}, "pcid"),
        ("POST /plug-and-charge", {"pcid": "short"}, "pcid"),
        ("POST /plug-and-charge", {**VEHICLE, "contractId": "x"}, "contractId"),
        ("POST /plug-and-charge", {**VEHICLE, "contractId": "NL-TNM-C00122045-K"}, "DE-8PS"),
        ("POST /plug-and-charge", {**VEHICLE, "contractId": None}, "contractId"),
        ("POST /plug-and-charge", {**VEHICLE, "emaid": "x"}, "'emaid' is no field"),
    ],
)
def test_a_request_that_is_wrong_names_the_field(
    shared: Sandbox, path: str, fields: dict[str, object], words: str
) -> None:
    """Strict, so that a mistake of a client is a 400 here and not a wrong key there; nothing is done."""
    method, _, rest = path.partition(" ")
    status, answer = ask(shared, method, USER + rest, json.dumps(fields))
    assert (status, words in str(answer["message"])) == (400, True), answer
    assert ask(shared, "GET", f"{USER}/orders") == (200, [])
    assert len(ask(shared, "GET", USER)[1]["keys"]) == 1  # type: ignore[arg-type]


def test_an_endpoint_fails_to_order() -> None:
    """500, without anything being done; the others go on."""
    with Sandbox(key=KEY, failing=["reserve"]) as sandbox:
        assert ask(sandbox, "POST", RESERVATIONS, GOOD)[0] == 500
        assert ask(sandbox, "GET", USER)[0] == 200
        assert sandbox.store.reservations == ()


@given(path=st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), max_size=60), body=st.binary())
def test_no_request_makes_it_fail(shared: Sandbox, path: str, body: bytes) -> None:
    """Whatever comes is answered below 500."""
    for method in ("GET", "POST", "PATCH"):
        assert ask(shared, method, f"/v1/users/{path}".replace("?", "/").replace("#", "/"), body)[0] < 500
    assert ask(shared, "POST", RESERVATIONS, body)[0] < 500
