"""Orders of charging keys: what is asked for, and how the Drive API shows orders, receipts and prices. No HTTP in here.

Answers may gain fields: unknown ones are kept (`model_extra`), and so is a state that this version does not know.
"""

from __future__ import annotations

import enum
import re
from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field, RootModel, StrictBool, StrictFloat, StrictInt

from tagsmith.drive.models import ApiModel, FromApi, Instant, check_text
from tagsmith.errors import Refused

_REQUIRED = ("address_line1", "postal_code", "city", "country")
"""Of an address. Source: the API's description, which marks the others optional."""

_Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
_Id = Annotated[str, Field(min_length=1)]


class Address(ApiModel):
    """Where an ordered key goes. `country` is its name, as on a letter (the API's sample: Germany)."""

    model_config = ConfigDict(extra="forbid")

    company_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = None

    def lines(self) -> tuple[str, ...]:
        """As on a letter, without empty lines."""
        name = " ".join(filter(None, (self.first_name, self.last_name)))
        town = " ".join(filter(None, (self.postal_code, self.city)))
        parts = (self.company_name, name, self.address_line1, self.address_line2, town, self.country)
        return tuple(part for part in parts if part)


class OrderAddress(Address):
    """An address as the API shows it with an order."""

    model_config = ConfigDict(extra="allow")


class KeyOrder(ApiModel):
    """An order of one charging key for a user, who is charged for it.

    `taxation_country` is a code of two letters. Without `payment_option_id` the user's default one is charged.
    """

    address: Address
    taxation_country: str
    payment_option_id: str | None = None

    def body(self) -> str:
        """The JSON text to send, what is None left out.

        Raises:
            Refused: without a status, because it was never sent: a part that must be there is not, a part is blank or
                holds what nobody can see, or the country's code has not two letters.
        """
        given = self.address.model_dump(exclude_none=True)
        for name in _REQUIRED:
            if name not in given:
                raise Refused(f"the address lacks its {_wire_name(name)}")
        for name, text in given.items():
            check_text(f"{_wire_name(name)} of the address", text)
        if not re.fullmatch(r"[A-Za-z]{2}", self.taxation_country):
            raise Refused("taxationCountry has two letters, like DE")
        if self.payment_option_id is not None:
            check_text("paymentOptionId", self.payment_option_id)
        order = self.model_copy(update={"taxation_country": self.taxation_country.upper()})
        return order.model_dump_json(by_alias=True, exclude_none=True)


def _wire_name(name: str) -> str:
    return Address.model_fields[name].alias or name


class OrderState(enum.StrEnum):
    """How an order stands. The description lists these, and its own sample shows another: so any other is UNKNOWN."""

    PLACED = "ORDER_PLACED"
    """The API has it."""
    PAID = "ORDER_PAID"
    """The user was charged."""
    PROCESSING = "ORDER_PROCESSING"
    """The key is on its way."""
    FILLED = "ORDER_FILLED"
    """The key was delivered."""
    CANCELLED = "ORDER_CANCELLED"
    """Nothing will come of it."""
    PAYMENT_FAILED = "ORDER_PAYMENT_FAILED"
    """The user could not be charged."""
    REFUNDED = "ORDER_REFUNDED"
    """The user has the money back."""
    REFUND_FAILED = "ORDER_REFUND_FAILED"
    """The user should have the money back, and has not."""
    UNKNOWN = "UNKNOWN"
    """A word this version does not know; it stands beside it as it came."""

    @classmethod
    def _missing_(cls, value: object) -> OrderState:
        return cls.UNKNOWN


class PlacedOrder(FromApi):
    """The API's word that it has an order."""

    id: _Id
    raw_state: Annotated[str, Field(alias="state")] = ""
    """The state in the API's own word."""

    @property
    def state(self) -> OrderState:
        """How the order stands."""
        return OrderState(self.raw_state)


class Order(PlacedOrder):
    """An order in a user's list. The description promises no field; one that has no id is none."""

    created: Instant | None = None
    updated: Instant | None = None
    """When its state changed last."""
    address: OrderAddress | None = None
    quantity: _Number | None = None
    has_receipt: StrictBool | None = None


class _OrderList(RootModel[list[Order]]):
    model_config = ConfigDict(hide_input_in_errors=True)


class _ReceiptUrl(FromApi):
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]")]


class Price(FromApi):
    """What a key costs in a country, VAT included. `vat` is in percent.

    The API's description contradicts itself: the field is called minor, and its sample of 10 is said to be 10 euros
    and 0 cents. So `raw` is kept, and `amount` reads it as the name says.
    """

    country: str
    currency: str
    raw: Annotated[_Number, Field(alias="priceMinorInclVat")]
    vat: _Number

    @property
    def amount(self) -> Decimal:
        """The price if `priceMinorInclVat` counts the currency's minor unit, like cents."""
        return Decimal(str(self.raw)).scaleb(-self.decimals).quantize(Decimal(1).scaleb(-self.decimals))

    @property
    def amount_if_major(self) -> Decimal:
        """The price if it counts whole units, as the description's sample has it."""
        return Decimal(str(self.raw)).quantize(Decimal(1).scaleb(-self.decimals))

    @property
    def decimals(self) -> int:
        """The digits of the currency's minor unit: 2 but for some. Source: ISO 4217."""
        return _DECIMALS.get(self.currency, 2)


_NO_DECIMALS = {"CLP", "ISK", "JPY", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
_THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
_DECIMALS = dict.fromkeys(_NO_DECIMALS, 0) | dict.fromkeys(_THREE_DECIMALS, 3)


class _Configuration(FromApi):
    countries: list[Price]


def parse_placed(data: bytes) -> PlacedOrder:
    """The order that was placed, from an answer's body.

    Raises:
        ValueError: it is none.
    """
    return PlacedOrder.model_validate_json(data)


def parse_orders(data: bytes) -> list[Order]:
    """A user's orders from an answer's body.

    Raises:
        ValueError: it is no list of orders.
    """
    return _OrderList.model_validate_json(data).root


def parse_receipt(data: bytes) -> str:
    """The absolute URL of a receipt from an answer's body.

    Raises:
        ValueError: it holds none.
    """
    return _ReceiptUrl.model_validate_json(data).url


def parse_prices(data: bytes) -> list[Price]:
    """The prices of all countries from an answer's body.

    Raises:
        ValueError: it is no configuration.
    """
    return _Configuration.model_validate_json(data).countries
