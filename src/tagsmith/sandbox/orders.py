"""Orders of keys as the sandbox keeps them. Not thread-safe: `Store` calls it within its lock.

Made up where the API's description is silent: an order is answered as placed, and paid with a receipt whenever
somebody looks afterwards. A `paymentOptionId` that begins with `fail` cannot be charged and has no receipt; one that
begins with `free` gives the state ORDER_FREE_OF_CHARGE, which the description's list lacks and its sample shows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from tagsmith.sandbox.rules import Problem, WantedOrder, iso

APART = timedelta(minutes=5)
"""One order per user in this time."""
MAX_LATEST = 50
"""Orders, keys and reservations that are shown to whoever looks on."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order of one key. `address` has the API's field names."""

    id: str
    user_id: str
    created: datetime
    address: dict[str, str]
    state: str
    has_receipt: bool

    def as_json(self) -> dict[str, object]:
        """The object of the list of orders."""
        return {
            "id": self.id,
            "created": iso(self.created),
            "updated": iso(self.created),
            "address": self.address,
            "quantity": 1,
            "state": self.state,
            "hasReceipt": self.has_receipt,
        }


@dataclass(frozen=True, slots=True)
class Price:
    """What a key costs in a country; `minor` in hundredths, VAT included, `vat` in percent."""

    country: str
    currency: str
    minor: int
    vat: int

    def as_json(self) -> dict[str, object]:
        """The object of the configuration."""
        return {
            "country": self.country,
            "currency": self.currency,
            "priceMinorInclVat": self.minor,
            "vat": self.vat,
        }


PRICES = (Price("DE", "EUR", 1000, 19), Price("FI", "EUR", 1000, 25), Price("SE", "SEK", 9900, 25))


class OrderBook:
    """All orders, by user."""

    def __init__(self) -> None:
        self._orders: dict[str, list[Order]] = {}
        self._latest: deque[Order] = deque(maxlen=MAX_LATEST)
        self.count = 0

    def wanted(self, user_id: str, wanted: WantedOrder, now: datetime) -> Order:
        """The order as it would be taken; `add` takes it.

        Raises:
            Problem: 429 where the user's last one is not five minutes old.
        """
        placed = self._orders.get(user_id)
        if placed and now - placed[-1].created < APART:
            raise Problem(429, "TOO_MANY_REQUESTS", "only one order per user is taken within 5 minutes")
        failed, free = (wanted.payment_option.startswith(word) for word in ("fail", "free"))
        state = "ORDER_PAYMENT_FAILED" if failed else "ORDER_FREE_OF_CHARGE" if free else "ORDER_PAID"
        return Order(f"order{self.count + 1}", user_id, now, wanted.address, state, has_receipt=not failed)

    def add(self, order: Order) -> None:
        """Take an order."""
        self.count += 1
        self._orders.setdefault(order.user_id, []).append(order)
        self._latest.append(order)

    def of(self, user_id: str) -> tuple[Order, ...]:
        """A user's orders, oldest first."""
        return tuple(self._orders.get(user_id, ()))

    @property
    def latest(self) -> tuple[Order, ...]:
        """The last orders of all users, oldest first."""
        return tuple(self._latest)

    def receipt(self, user_id: str, order_id: str) -> str:
        """The URL of a receipt, which leads nowhere.

        Raises:
            Problem: 404.
        """
        if not any(order.id == order_id and order.has_receipt for order in self.of(user_id)):
            raise Problem(404, "NOT_FOUND", "Receipt not found")
        return f"https://receipts.invalid/{order_id}"
