"""What the sandbox remembers and answers, without HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tagsmith.sandbox import Store
from tagsmith.sandbox.rules import Problem
from tagsmith.sandbox.store import MAX_REQUESTS
from tagsmith.visual_number import Check, Format, VisualNumber

NOW = datetime(2021, 12, 8, 10, 33, 1, tzinfo=UTC)


def store(**options: object) -> Store:
    """A store whose clock stands at the time of the API's sample."""
    return Store(clock_utc=lambda: NOW, **options)


def reserve(store: Store, uid: str = "27b89043", number: str = "DE*8PS*CD0C00*2", **more: str) -> None:
    body = json.dumps({"uid": uid, "visualNumber": number, **more})
    store.reserve("application/json", body.encode())


def test_an_activated_key_is_that_of_the_description() -> None:
    """The API's sample, but for its contract id, which the API itself makes."""
    sandbox = store()
    reserve(sandbox)
    answer = sandbox.activate("user-1", "DE*8PS*CD0C00*2").as_json()
    contract = answer.pop("contractId")
    assert answer == {
        "name": "key 4390b827",
        "enabled": True,
        "keyId": "27b89043",
        "referenceId": "DE*8PS*CD0C00*2",
        "type": "tag",
        "validFrom": "2021-12-08T00:00:00.000Z",
        "validTo": "2031-12-08T23:59:59.000Z",
        "created": "2021-12-08T10:33:01.000Z",
        "updated": "2021-12-08T10:33:01.000Z",
    }
    assert isinstance(contract, str)
    assert contract.startswith("DE-8PS-C")
    number = VisualNumber.parse(contract)
    assert (number.format, number.check) == (Format.ISO, Check.OK)


def test_the_key_id_is_the_uid_as_it_was_written() -> None:
    """The caller compares it with what it sent; the type comes back in lower case."""
    sandbox = store()
    reserve(sandbox, uid="7D009D67181896", type="CARD")
    key = sandbox.activate("user-1", "DE*8PS*CD0C00*2")
    assert (key.key_id, key.type) == ("7D009D67181896", "card")


def test_every_key_has_a_contract_of_its_own() -> None:
    """Virtual keys too."""
    sandbox = store()
    for index in range(5):
        reserve(sandbox, f"27b8904{index}", f"A{index}")
        sandbox.activate(f"user-{index % 2}", f"A{index}")
    contracts = [key.contract_id for keys in sandbox.keys.values() for key in keys]
    assert len(set(contracts)) == 7


@pytest.mark.parametrize("policy", [400, 409, 500])
@pytest.mark.parametrize("pair", [("27b89043", "A1"), ("27B89043", "A2"), ("27b89044", "A1")])
def test_a_duplicate_is_refused_as_ordered(policy: int, pair: tuple[str, str]) -> None:
    """The same pair, the same uid (in either case) and the same number; the first stays as it was."""
    sandbox = store(duplicate_status=policy)
    reserve(sandbox, "27b89043", "A1")
    with pytest.raises(Problem) as caught:
        reserve(sandbox, *pair)
    assert caught.value.status == policy
    assert [(one.uid, one.visual_number) for one in sandbox.reservations] == [("27b89043", "A1")]


def test_a_duplicate_may_be_confirmed() -> None:
    """With 201 nothing is stored again either."""
    sandbox = store(duplicate_status=201)
    for _ in range(2):
        reserve(sandbox)
    assert len(sandbox.reservations) == 1


def test_another_policy_for_duplicates_is_refused() -> None:
    """A typo is not to become an answer that no client expects."""
    with pytest.raises(ValueError):
        Store(duplicate_status=418)


def test_an_invalid_duplicate_is_invalid() -> None:
    """The request is looked at before the store."""
    sandbox = store(duplicate_status=201)
    reserve(sandbox)
    with pytest.raises(Problem) as caught:
        reserve(sandbox, type="tag")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("user", "number", "status"),
    [
        ("user-1", "A2", 404),
        ("unknown-1", "A1", 404),
        ("ghost", "A1", 404),
        ("a b", "A1", 400),
        ("user-1", "a1", 404),
    ],
)
def test_what_does_not_exist_cannot_be_activated(user: str, number: str, status: int) -> None:
    """404 does not tell a missing user from a missing key, as in the API's description."""
    sandbox = store(unknown_users=["ghost"])
    reserve(sandbox, number="A1")
    with pytest.raises(Problem) as caught:
        sandbox.activate(user, number)
    assert caught.value.status == status
    assert all(len(keys) == 1 for keys in sandbox.keys.values())


def test_a_key_is_activated_once() -> None:
    """409 afterwards, for the same user and for another."""
    sandbox = store()
    reserve(sandbox, number="A1")
    sandbox.activate("user-1", "A1")
    for user in ("user-1", "user-2"):
        with pytest.raises(Problem) as caught:
            sandbox.activate(user, "A1")
        assert caught.value.status == 409


def test_a_user_has_a_virtual_key_and_what_was_activated() -> None:
    """The virtual key has no reference and stays the same one."""
    sandbox = store()
    (virtual,) = sandbox.list_keys("user-1")
    assert (virtual.type, virtual.reference_id) == ("virtual", None)
    assert "referenceId" not in virtual.as_json()
    reserve(sandbox, number="A1")
    key = sandbox.activate("user-1", "A1")
    assert sandbox.list_keys("user-1") == (virtual, key)
    assert sandbox.keys["user-1"] == (virtual, key)
    assert sandbox.list_keys("user-2") != (virtual,)


@pytest.mark.parametrize(("user", "status"), [("unknown", 404), ("ghost", 404), ("", 400)])
def test_keys_of_nobody_are_not_listed(user: str, status: int) -> None:
    """An unknown user is a 404, an impossible id a 400."""
    sandbox = store(unknown_users=["ghost"])
    with pytest.raises(Problem) as caught:
        sandbox.list_keys(user)
    assert caught.value.status == status
    assert sandbox.keys == {}


def test_the_request_log_is_bounded() -> None:
    """A training station may run for weeks."""
    sandbox = store()
    for index in range(MAX_REQUESTS + 5):
        sandbox.note("GET", f"/{index}", 200, "")
    assert len(sandbox.requests) == MAX_REQUESTS
    assert sandbox.requests[-1].path == f"/{MAX_REQUESTS + 4}"


ORDER = json.dumps(
    {
        "address": {"addressLine1": "Road 1", "postalCode": "1", "city": "Berlin", "country": "Germany"},
        "taxationCountry": "DE",
    }
).encode()


def test_one_order_per_user_in_five_minutes() -> None:
    """Counted from the last order that was taken; other users are free."""
    now = [NOW]
    sandbox = Store(clock_utc=lambda: now[0])
    sandbox.order("a", "application/json", ORDER)
    sandbox.order("b", "application/json", ORDER)
    for passed_s, free in ((299, False), (300, True), (599, False), (600, True)):
        now[0] = NOW + timedelta(seconds=passed_s)
        if free:
            sandbox.order("a", "application/json", ORDER)
        else:
            with pytest.raises(Problem) as caught:
                sandbox.order("a", "application/json", ORDER)
            assert caught.value.status == 429
    assert [order.created for order in sandbox.list_orders("a")] == [
        NOW + timedelta(seconds=seconds) for seconds in (0, 300, 600)
    ]


def test_what_becomes_of_an_order_is_its_payment() -> None:
    """Paid with a receipt; not charged, without one; free of charge, which is a state that no list documents."""
    sandbox = store()
    for user, payment, state, receipt in (
        ("a", "card-1", "ORDER_PAID", True),
        ("b", "fail-1", "ORDER_PAYMENT_FAILED", False),
        ("c", "free-1", "ORDER_FREE_OF_CHARGE", True),
    ):
        body = json.dumps({**json.loads(ORDER), "paymentOptionId": payment}).encode()
        placed = sandbox.order(user, "application/json", body)
        (order,) = sandbox.list_orders(user)
        assert (order.id, order.state, order.has_receipt) == (placed["id"], state, receipt)
        if receipt:
            assert sandbox.receipt(user, order.id).endswith(order.id)
        for asker in ("a", "b", "c"):
            if asker != user or not receipt:
                with pytest.raises(Problem) as caught:
                    sandbox.receipt(asker, order.id)
                assert caught.value.status == 404


def test_a_key_is_changed_by_key_id_or_contract() -> None:
    """Of its own user only; what is not said stays, and the change has its time."""
    sandbox = store()
    reserve(sandbox)
    key = sandbox.activate("user-1", "DE*8PS*CD0C00*2")
    changed = sandbox.change("user-1", key.key_id, "application/json", b'{"enabled": false}')
    assert (changed.enabled, changed.name, changed.updated) == (False, key.name, NOW)
    changed = sandbox.change("user-1", key.contract_id, "application/json", b'{"name": "x"}')
    assert (changed.enabled, changed.name) == (False, "x")
    assert sandbox.list_keys("user-1")[1] == changed
    for user, identifier in (("user-2", key.key_id), ("user-1", "DE*8PS*CD0C00*2"), ("unknown", key.key_id)):
        with pytest.raises(Problem) as caught:
            sandbox.change(user, identifier, "application/json", b'{"enabled": true}')
        assert caught.value.status == 404


def test_a_contract_has_one_key() -> None:
    """However it is written, whoever asks, and whether it is a vehicle's or a card's; made-up ones are new."""
    sandbox = store()
    virtual = sandbox.list_keys("user-1")[0].contract_id
    body = json.dumps({"pcid": "WDBRF61J21F123456"}).encode()
    first = sandbox.plug_and_charge("user-1", "application/json", body)
    second = sandbox.plug_and_charge("user-1", "application/json", body)
    assert first["contractId"] != second["contractId"]
    for contract in (virtual, str(first["contractId"]).replace("-", "").lower()):
        taken = json.dumps({"pcid": "WDBRF61J21F123456", "contractId": contract}).encode()
        with pytest.raises(Problem) as caught:
            sandbox.plug_and_charge("user-2", "application/json", taken)
        assert caught.value.status == 409
