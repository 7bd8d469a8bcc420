"""The sandbox's memory: reservations, users with keys and orders, and what was asked. Thread-safe; nothing is kept.

Made up where the API's description is silent: what a duplicate reservation answers (`duplicate_status`), which users
exist (every valid id, except `unknown_users` and ids that begin with `unknown`), names and contract ids. What is made
up of orders: `orders`.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tagsmith.sandbox import rules
from tagsmith.sandbox.orders import PRICES, Order, OrderBook, Price
from tagsmith.sandbox.rules import Problem, Wanted
from tagsmith.uid import ByteOrder, Uid
from tagsmith.visual_number import iso_check

MAX_REQUESTS = 1_000
"""Requests that are remembered."""
DUPLICATE_STATUSES = (201, 400, 409, 500)


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation as it was made; `uid` as it was written."""

    uid: str
    visual_number: str
    type: str
    valid_from: datetime
    valid_to: datetime
    created: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """An activated key of a user; a virtual one has no reference."""

    name: str
    key_id: str
    reference_id: str | None
    contract_id: str
    type: str
    valid_from: datetime
    valid_to: datetime
    created: datetime
    enabled: bool = True
    updated: datetime | None = None
    """When it was changed; None if it never was."""

    def as_json(self) -> dict[str, object]:
        """The object that activation and listing answer."""
        reference = {} if self.reference_id is None else {"referenceId": self.reference_id}
        return {
            "name": self.name,
            "enabled": self.enabled,
            "keyId": self.key_id,
            **reference,
            "contractId": self.contract_id,
            "type": self.type,
            "validFrom": rules.iso(self.valid_from),
            "validTo": rules.iso(self.valid_to),
            "created": rules.iso(self.created),
            "updated": rules.iso(self.updated or self.created),
        }


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request and its answer's status. `path` is raw, without a query; no header is kept, so no key."""

    at: datetime
    method: str
    path: str
    status: int
    body: str = ""


class Store:
    """Everything the sandbox knows. Properties are copies and may be read from any thread.

    `duplicate_status` is what a reservation answers whose uid or number is taken: 201, 400, 409 or 500. Nothing is
    stored then, with 201 neither. `prices` are those of the configuration (none: 404). Without `plug_and_charge` that
    feature is not enabled. `failing` names endpoints (by the names of this class's methods) that answer 500.
    """

    def __init__(
        self,
        *,
        duplicate_status: int = 409,
        unknown_users: Collection[str] = (),
        prices: Sequence[Price] = PRICES,
        plug_and_charge: bool = True,
        failing: Collection[str] = (),
        clock_utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if duplicate_status not in DUPLICATE_STATUSES:
            raise ValueError(f"a duplicate answers one of {DUPLICATE_STATUSES}, not {duplicate_status}")
        self._duplicate_status = duplicate_status
        self._unknown_users = frozenset(unknown_users)
        self._prices = tuple(prices)
        self._plug_and_charge = plug_and_charge
        self.failing = frozenset(failing)
        self._clock_utc = clock_utc
        self._lock = threading.Lock()
        self._uids: set[str] = set()
        self._by_number: dict[str, Reserved] = {}
        self._active: set[str] = set()
        self._keys: dict[str, list[Key]] = {}
        self._orders = OrderBook()
        self._contracts = 0
        self._requests: deque[LoggedRequest] = deque(maxlen=MAX_REQUESTS)

    # --- for whoever looks on ------------------------------------------------------------------------------------

    @property
    def reservations(self) -> tuple[Reserved, ...]:
        """All reservations, oldest first."""
        with self._lock:
            return tuple(self._by_number.values())

    @property
    def keys(self) -> dict[str, tuple[Key, ...]]:
        """The keys of every user seen so far, by user id, the virtual one first."""
        with self._lock:
            return {user: tuple(keys) for user, keys in self._keys.items()}

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """The last requests, oldest first."""
        with self._lock:
            return tuple(self._requests)

    # --- for the app ---------------------------------------------------------------------------------------------

    def note(self, method: str, path: str, status: int, body: str) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(LoggedRequest(self._clock_utc(), method, path, status, body))

    def reserve(self, content_type: str, body: bytes) -> None:
        """Carry out a reservation.

        Raises:
            Problem: 400 for an invalid request; the duplicate's status for a taken uid or number.
        """
        now = self._clock_utc()
        wanted = rules.reservation(content_type, body, now)
        with self._lock:
            if wanted.uid.lower() in self._uids or wanted.visual_number in self._by_number:
                if self._duplicate_status == 201:
                    return
                raise Problem(self._duplicate_status, "DUPLICATE", "uid or visualNumber is already reserved")
            self._uids.add(wanted.uid.lower())
            self._by_number[wanted.visual_number] = _reserved(wanted, now)

    def activate(self, user_id: str, reference_id: str) -> Key:
        """Activate a reserved key for a user.

        Raises:
            Problem: 400 for an invalid user id, 404 for an unknown user or key, 409 when it is active already.
        """
        rules.check_user_id(user_id)
        with self._lock:
            keys = self._keys_of(user_id)
            reserved = self._by_number.get(reference_id)
            if keys is None or reserved is None:
                raise Problem(404, "NOT_FOUND", "User or charging key not found")
            if reference_id in self._active:
                raise Problem(409, "KEY_IN_USE", "Key already in use")
            key = Key(
                # As in the API's sample, where keyId 27b89043 has the name "key 4390b827".
                name=f"key {Uid.from_hex(reserved.uid, ByteOrder.REVERSED).wire}",
                key_id=reserved.uid,
                reference_id=reference_id,
                contract_id=self._contract_id(),
                type=reserved.type.lower(),
                valid_from=reserved.valid_from,
                valid_to=reserved.valid_to,
                created=self._clock_utc(),
            )
            self._active.add(reference_id)
            keys.append(key)
            return key

    def change(self, user_id: str, identifier: str, content_type: str, body: bytes) -> Key:
        """Rename a user's key, or disable or enable it; `identifier` is its key id or its contract id.

        Raises:
            Problem: 400 for an invalid request, 404 for an unknown user or key.
        """
        rules.check_user_id(user_id)
        wanted = rules.change(content_type, body)
        with self._lock:
            keys = self._keys_of(user_id) or []
            for place, key in enumerate(keys):
                if identifier in (key.key_id, key.contract_id):
                    keys[place] = replace(
                        key,
                        name=key.name if wanted.name is None else wanted.name,
                        enabled=key.enabled if wanted.enabled is None else wanted.enabled,
                        updated=self._clock_utc(),
                    )
                    return keys[place]
        raise Problem(404, "NOT_FOUND", "User or charging key not found")

    def plug_and_charge(self, user_id: str, content_type: str, body: bytes) -> dict[str, object]:
        """Make a Plug&Charge key; what is answered.

        Raises:
            Problem: 400 for an invalid request or where the feature is not enabled, 404 for an unknown user, 409 for a
                contract that has a key.
        """
        rules.check_user_id(user_id)
        if not self._plug_and_charge:
            raise Problem(400, "NOT_ENABLED", "Plug&Charge is not enabled for this organization")
        wanted = rules.vehicle(content_type, body)
        with self._lock:
            keys = self._keys_of(user_id)
            if keys is None:
                raise Problem(404, "NOT_FOUND", "User not found")
            contract = wanted.contract_id or self._contract_id()
            taken = {rules.bare(key.contract_id) for keys in self._keys.values() for key in keys}
            if rules.bare(contract) in taken:
                raise Problem(409, "CONTRACT_EXISTS", "a charging key with this contractId exists already")
            now = self._clock_utc()
            keys.append(
                Key(
                    name=f"vehicle {wanted.pcid}",
                    key_id=contract,
                    reference_id=None,
                    contract_id=contract,
                    type="plug_and_charge",
                    valid_from=now,
                    valid_to=now + timedelta(days=3650),
                    created=now,
                )
            )
            return {"contractId": contract, "pcid": wanted.pcid, "keyId": contract}

    def order(self, user_id: str, content_type: str, body: bytes) -> dict[str, object]:
        """Take the order of a key; what is answered.

        Raises:
            Problem: 400 for an invalid request, 404 for an unknown user, 429 within five minutes of the last one.
        """
        rules.check_user_id(user_id)
        wanted = rules.order(content_type, body)
        with self._lock:
            if self._keys_of(user_id) is None:
                raise Problem(404, "NOT_FOUND", "User not found")
            return self._orders.place(user_id, wanted, self._clock_utc())

    def list_orders(self, user_id: str) -> tuple[Order, ...]:
        """All orders of a user; none for an unknown one, since the description has no 404 here.

        Raises:
            Problem: 400 for an invalid user id.
        """
        rules.check_user_id(user_id)
        with self._lock:
            return self._orders.of(user_id)

    def receipt(self, user_id: str, order_id: str) -> str:
        """The URL of an order's receipt.

        Raises:
            Problem: 400 for an invalid user id, 404 where there is no such order or receipt.
        """
        rules.check_user_id(user_id)
        with self._lock:
            return self._orders.receipt(user_id, order_id)

    def configuration(self) -> dict[str, object]:
        """The prices of every country.

        Raises:
            Problem: 404 where there are none.
        """
        if not self._prices:
            raise Problem(404, "NOT_FOUND", "No pricing found for organization")
        return {"countries": [price.as_json() for price in self._prices]}

    def list_keys(self, user_id: str) -> tuple[Key, ...]:
        """All keys of a user.

        Raises:
            Problem: 400 for an invalid user id, 404 for an unknown user.
        """
        rules.check_user_id(user_id)
        with self._lock:
            keys = self._keys_of(user_id)
            if keys is None:
                raise Problem(404, "NOT_FOUND", "User not found")
            return tuple(keys)

    # --- within the lock -----------------------------------------------------------------------------------------

    def _keys_of(self, user_id: str) -> list[Key] | None:
        """A user's keys; one seen for the first time gets the virtual key it would have been created with."""
        if user_id in self._unknown_users or user_id.startswith("unknown"):
            return None
        if user_id not in self._keys:
            now = self._clock_utc()
            virtual = Key(
                name="virtual key",
                key_id=hashlib.sha256(user_id.encode()).hexdigest()[:32],
                reference_id=None,
                contract_id=self._contract_id(),
                type="virtual",
                valid_from=now,
                valid_to=now + timedelta(days=3650),
                created=now,
            )
            self._keys[user_id] = [virtual]
        return self._keys[user_id]

    def _contract_id(self) -> str:
        self._contracts += 1
        instance = f"C{self._contracts:08d}"
        return f"DE-8PS-{instance}-{iso_check(f'DE8PS{instance}')}"


def _reserved(wanted: Wanted, now: datetime) -> Reserved:
    return Reserved(wanted.uid, wanted.visual_number, wanted.type, wanted.valid_from, wanted.valid_to, now)
