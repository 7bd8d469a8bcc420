"""The endpoints of the Drive API, one method each. What HTTP does below is `wire`'s, what it means `outcomes`'.

What is described of an endpoint stands in `endpoints`; a method adds what goes into it and how its answer is read. So
one more endpoint is a row, a model and a method.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from tagsmith import wall_clock
from tagsmith.drive import endpoints, models, orders, outcomes, plug_and_charge
from tagsmith.drive.endpoints import Endpoint
from tagsmith.drive.exchange import Observer
from tagsmith.drive.models import ChargingKey, KeyChange, KeyKind, Receipt
from tagsmith.drive.orders import KeyOrder, Order, PlacedOrder, Price
from tagsmith.drive.outcomes import Answer
from tagsmith.drive.plug_and_charge import PlugAndChargeKey, PlugAndChargeRequest
from tagsmith.drive.wire import ApiKey, Wire
from tagsmith.errors import OutcomeUnknown, Refused
from tagsmith.wall_clock import WallClock

T = TypeVar("T")


class DriveClient:
    """The Drive API of one organisation in one environment; for use within one event loop.

    `base_url` is all that stands before `/v1`, such as `https://drive-api.plugsurfing.com/drive`. `timeout_s` bounds
    a whole request, from the first try to connect to the last byte of the answer; `connect_timeout_s` (at most a
    quarter of it) what comes before the request is sent. `concurrency` is the number of connections, at most 8; more
    requests than that wait for one, and fail as not processed if none becomes free within `connect_timeout_s`.
    `proxy` and `ca_file` as `wire.Wire` has them; neither is ever taken from the environment. The `observer` is told
    of each exchange of which an answer's head came (`exchange.Exchange`), with times of the monotonic `clock`. The
    `wall_clock` is asked where a certificate is refused for its time.

    Nothing is retried in here, and no request is sent twice. Every method raises one of

        Refused:         the API said no; `text` has its own words. Without a status it was not sent at all.
        Unauthorised:    401 or 403.
        NotProcessed:    proved not done; `retry_after_s` where the API asked for a pause. `ClockWrong` where TLS was
                         refused for a time that only a wrong clock may show.
        OutcomeUnknown:  perhaps done, perhaps not.

    or what is documented for its endpoint below these (`endpoints`), and nothing else; cancelling passes through and
    leaves the outcome unknown.

    Raises:
        ConfigError: `proxy` or `ca_file` cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = 20.0,
        connect_timeout_s: float = 5.0,
        concurrency: int = 4,
        proxy: str | None = None,
        ca_file: Path | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], WallClock] = wall_clock.look,
    ) -> None:
        self._wire = Wire(
            base_url,
            ApiKey(api_key),
            timeout_s=timeout_s,
            connect_timeout_s=connect_timeout_s,
            connections=concurrency,
            proxy=proxy,
            ca_file=ca_file,
            observer=observer,
            clock=clock,
            wall_clock=wall_clock,
        )

    def __repr__(self) -> str:
        return f"DriveClient({self._wire.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()

    # --- reservation and keys ------------------------------------------------------------------------------------

    async def reserve(self, body: str) -> Receipt:
        """Reserve a pair: POST exactly this JSON text (`Reservation.body`).

        Only 201 with an empty body, JSON, or the bare word OK or Created is a receipt.
        """
        answer = await self._ask(endpoints.RESERVE, (), body)
        if not outcomes.says_reserved(answer.body):
            raise outcomes.garbled(answer, "a receipt")
        return Receipt(answer.status, answer.text)

    async def activate(self, user_id: str, reference_id: str) -> ChargingKey:
        """Activate a reserved key for a user; `reference_id` is the reserved visual number.

        That `key_id` of the answer is the uid that was reserved is for the caller to see to.
        """
        if not 1 <= len(reference_id) <= models.MAX_VISUAL_NUMBER:
            raise Refused(f"a reference has 1 to {models.MAX_VISUAL_NUMBER} characters, not {len(reference_id)}")
        values = (models.check_user_id(user_id), reference_id)
        return await self._fetch(endpoints.ACTIVATE, values, models.parse_charging_key, "a charging key")

    async def change_key(self, user_id: str, identifier: str, change: KeyChange) -> ChargingKey:
        """Rename a key, or disable or enable it; `identifier` is its `key_id` or its `contract_id`.

        A key that is disabled stops working at once (at chargers of some operators within minutes). An answer that
        shows another key, or one that is not as it was asked to be, is an unknown outcome.
        """
        values = (models.check_user_id(user_id), models.check_segment("the key's id", identifier))
        key = await self._fetch(
            endpoints.CHANGE, values, models.parse_charging_key, "a charging key", body=change.body()
        )
        if not key.is_named(identifier):
            raise _unasked(f"the API changed another key: {key.key_id[:80]!r} came back for {identifier[:80]!r}")
        if change.enabled is not None and key.enabled is not change.enabled:
            raise _unasked(f"the API took the request, but the key is still {'en' if key.enabled else 'dis'}abled")
        return key

    async def list_keys(self, user_id: str, *, virtual: bool = False) -> list[ChargingKey]:
        """All activated keys of a user; with `virtual` also the one that is not to be shown to people."""
        values = (models.check_user_id(user_id),)
        keys = await self._fetch(endpoints.LIST_KEYS, values, models.parse_charging_keys, "a list of charging keys")
        return [key for key in keys if virtual or key.type is not KeyKind.VIRTUAL]

    async def create_plug_and_charge(self, user_id: str, request: PlugAndChargeRequest) -> PlugAndChargeKey:
        """Make a Plug&Charge key for a user's vehicle. An answer for another vehicle is an unknown outcome."""
        values = (models.check_user_id(user_id),)
        key = await self._fetch(
            endpoints.PLUG_AND_CHARGE,
            values,
            plug_and_charge.parse_plug_and_charge,
            "a Plug&Charge key",
            body=request.body(),
        )
        if not request.is_for(key):
            raise _unasked(f"the API made another key: PCID {key.pcid[:80]!r}, contract {key.contract_id[:80]!r}")
        return key

    # --- orders --------------------------------------------------------------------------------------------------

    async def place_order(self, user_id: str, order: KeyOrder) -> PlacedOrder:
        """Order a key for a user, who is charged for it. The API takes one order per user in five minutes.

        After an unknown outcome only a person, who has seen the list of orders, may decide to order again.
        """
        values = (models.check_user_id(user_id),)
        return await self._fetch(endpoints.ORDER, values, orders.parse_placed, "an order", body=order.body())

    async def list_orders(self, user_id: str) -> list[Order]:
        """All orders of a user."""
        values = (models.check_user_id(user_id),)
        return await self._fetch(endpoints.LIST_ORDERS, values, orders.parse_orders, "a list of orders")

    async def receipt_url(self, user_id: str, order_id: str) -> str:
        """The absolute URL of an order's receipt. It leads to another host and needs no key."""
        values = (models.check_user_id(user_id), models.check_segment("the order's id", order_id))
        return await self._fetch(endpoints.RECEIPT, values, orders.parse_receipt, "the URL of a receipt")

    async def prices(self) -> list[Price]:
        """What a key costs in each country that is set up for the organisation."""
        return await self._fetch(endpoints.CONFIGURATION, (), orders.parse_prices, "prices")

    # --- below ---------------------------------------------------------------------------------------------------

    async def _fetch(
        self,
        endpoint: Endpoint,
        values: tuple[str, ...],
        parse: Callable[[bytes], T],
        expected: str,
        *,
        body: str | None = None,
    ) -> T:
        """What `parse` makes of the body of a success."""
        answer = await self._ask(endpoint, values, body)
        try:
            return parse(answer.body)
        except ValueError:
            raise outcomes.garbled(answer, expected) from None

    async def _ask(self, endpoint: Endpoint, values: tuple[str, ...], body: str | None) -> Answer:
        """The answer of an endpoint with its documented success; raises what became of it otherwise."""
        answer = await self._wire.exchange(endpoint.method, endpoint.segments(*values), body)
        if answer.status not in endpoint.success:
            raise outcomes.of_answer(answer, endpoint.errors)
        return answer


def _unasked(message: str) -> OutcomeUnknown:
    """A success that is not what was asked for: a person has to look."""
    return OutcomeUnknown(message, "look at the user's keys: tagsmith keys list --user ID", status=200)
