"""Orders, prices and vehicles without any wire: what would be sent, and what is refused before."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.drive import Address, KeyOrder, OrderState, PlacedOrder, PlugAndChargeRequest, Price, pcid_hint
from tagsmith.drive.models import same_id
from tagsmith.drive.orders import parse_orders, parse_placed, parse_prices, parse_receipt
from tagsmith.drive.plug_and_charge import check_pcid, parse_plug_and_charge
from tagsmith.errors import Refused

GOOD = {"address_line1": "Road 1", "postal_code": "1", "city": "Berlin", "country": "Germany"}
STATES = (
    "ORDER_FILLED ORDER_CANCELLED ORDER_PROCESSING ORDER_PAYMENT_FAILED ORDER_REFUND_FAILED ORDER_REFUNDED"
    " ORDER_PLACED ORDER_PAID UNKNOWN"
)
"""As the API's document lists them."""


def order(taxation: str = "DE", payment: str | None = None, **address: str | None) -> KeyOrder:
    given = {name: value for name, value in {**GOOD, **address}.items() if value is not None}
    return KeyOrder(address=Address(**given), taxation_country=taxation, payment_option_id=payment)


@pytest.mark.parametrize("missing", GOOD)
def test_an_address_has_what_a_letter_needs(missing: str) -> None:
    """Each required part, by the API's name for it."""
    with pytest.raises(Refused, match="lacks its") as caught:
        order(**{missing: None}).body()
    assert caught.value.status is None
    with pytest.raises(Refused, match="is empty"):
        order(**{missing: "  "}).body()
    with pytest.raises(Refused, match="nobody can see"):
        order(**{missing: "a\x1bb"}).body()


@pytest.mark.parametrize("country", ["", "D", "DEU", "Germany", "D3", "ДЕ", "ＤＥ", "DE\n"])
def test_a_country_code_has_two_ascii_letters(country: str) -> None:
    """Upper-casing would make ASCII of some of these."""
    with pytest.raises(Refused, match="two letters"):
        order(country).body()


@given(st.sampled_from(sorted(Address.model_fields)), st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_every_address_survives_the_body(field: str, text: str) -> None:
    """Whatever is sent comes out of the JSON as it went in; what is refused is refused in words."""
    wanted = order(**{field: text})
    if text.strip() and text.isprintable():
        assert json.loads(wanted.body())["address"][Address.model_fields[field].alias or ""] == text
    else:
        with pytest.raises(Refused):
            wanted.body()


def test_what_is_not_given_is_not_sent() -> None:
    """No null, no default of ours."""
    assert json.loads(order().body()) == {
        "address": {"addressLine1": "Road 1", "postalCode": "1", "city": "Berlin", "country": "Germany"},
        "taxationCountry": "DE",
    }
    with pytest.raises(Refused):
        order(payment=" ").body()


def test_a_mistyped_part_of_an_address_is_no_part() -> None:
    """What goes out is closed; what comes back is open."""
    with pytest.raises(ValueError):
        Address(adress_line1="x")


@pytest.mark.parametrize("word", STATES.split())
def test_every_documented_state_is_known(word: str) -> None:
    """And no other stands in the enum."""
    assert OrderState(word).value == word
    assert {state.value for state in OrderState} == set(STATES.split())


@given(st.text())
def test_any_other_state_is_unknown_and_kept(word: str) -> None:
    """The sample of the API's own document has such a one."""
    placed = parse_placed(json.dumps({"id": "1", "state": word}).encode())
    assert placed.raw_state == word
    assert placed.state is (OrderState(word) if word in STATES.split() else OrderState.UNKNOWN)
    assert json.loads(placed.model_dump_json(by_alias=True)) == {"id": "1", "state": word}


def test_an_order_without_a_state_was_placed() -> None:
    """Its id is the proof; a missing word is no reason to call it in doubt."""
    assert parse_placed(b'{"id": "1"}') == PlacedOrder(id="1")


@pytest.mark.parametrize("parse", [parse_placed, parse_orders, parse_receipt, parse_prices, parse_plug_and_charge])
@pytest.mark.parametrize("text", ["", "null", '"OK"', "{", "<html>", "{}", "[" * 100_000, '[{"id": 1}]'])
def test_garbage_is_nothing(parse: object, text: str) -> None:
    """Nothing else than ValueError comes out, however odd the bytes."""
    assert callable(parse)
    with pytest.raises(ValueError):
        parse(text.encode())


@pytest.mark.parametrize(
    ("raw", "currency", "minor", "major"),
    [
        (1000, "EUR", "10.00", "1000.00"),
        (10, "EUR", "0.10", "10.00"),
        (0, "EUR", "0.00", "0.00"),
        (9.5, "EUR", "0.10", "9.50"),
        (990, "ISK", "990", "990"),
        (1500, "KWD", "1.500", "1500.000"),
        (10, "???", "0.10", "10.00"),
    ],
)
def test_an_amount_is_exact(raw: float, currency: str, minor: str, major: str) -> None:
    """Decimal, with the digits of the currency; never a binary fraction."""
    price = Price(country="FI", currency=currency, raw=raw, vat=25)
    assert (price.amount, price.amount_if_major) == (Decimal(minor), Decimal(major))
    assert (str(price.amount), str(price.amount_if_major)) == (minor, major)


@pytest.mark.parametrize("raw", ["10", None, True])
def test_a_price_is_a_number(raw: object) -> None:
    """Text, nothing and true are none; nothing is guessed about money."""
    row = {"country": "FI", "currency": "EUR", "priceMinorInclVat": raw, "vat": 25}
    with pytest.raises(ValueError):
        parse_prices(json.dumps({"countries": [row]}).encode())


# --- vehicles ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pcid", ["WDBRF61J21F123456", "wdbrf61j21f1234567", "0" * 17, "IOQIOQIOQIOQIOQIOQ"])
def test_a_pcid_has_17_or_18_letters_and_digits(pcid: str) -> None:
    """No check digit is enforced, and I, O and Q are no error."""
    assert check_pcid(pcid) == pcid.upper()


@pytest.mark.parametrize(
    "pcid", ["", "A" * 16, "A" * 19, "WDBRF61J21F12345-", "WDBRF61J21F12345٣", "ß" * 17, "A" * 17 + "\n"]
)
def test_anything_else_is_no_pcid(pcid: str) -> None:
    """ASCII is tested before the case changes: ß would become two letters."""
    with pytest.raises(Refused) as caught:
        PlugAndChargeRequest(pcid=pcid).body()
    assert caught.value.status is None


@pytest.mark.parametrize(
    ("pcid", "letters"),
    [
        ("WDBRF61J21F123456", ""),
        ("WDBRFO1J21F123456", "O"),
        ("wdbrfi1j2qf123456", "I and Q"),
        ("WDBRF61J21F123456O", ""),
        ("WDBRF61J21F12345O8", "O"),
    ],
)
def test_letters_that_no_vehicle_has_are_pointed_out(pcid: str, letters: str) -> None:
    """In the first 17 places only; the 18th may be anything."""
    assert (letters in pcid_hint(pcid)) if letters else pcid_hint(pcid) == ""


@pytest.mark.parametrize("contract", ["", " ", "DE-8PS C0AD21B13", "DE–8PS", "x" * 65, "a\n", "ДЕ8PS"])
def test_a_contract_id_is_ascii_without_blanks(contract: str) -> None:
    """What else is wrong with it is the API's to say: its own samples fail the check digit."""
    with pytest.raises(Refused, match="no contract id"):
        PlugAndChargeRequest(pcid="A" * 17, contract_id=contract).body()


@given(st.text(max_size=6), st.text(max_size=6))
def test_two_ways_to_write_an_id(one: str, other: str) -> None:
    """Equal text is the same id; ids that hold nothing but separators are not all one."""
    assert same_id(one, one)
    assert not same_id(one, None)
    assert same_id(one, other) is same_id(other, one)
    if not any(character.isascii() and character.isalnum() for character in one + other):
        assert same_id(one, other) is (one == other)
