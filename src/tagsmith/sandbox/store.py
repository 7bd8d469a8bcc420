"""The sandbox's memory: reservations, users with keys and orders, and what was asked. Thread-safe.

Kept for another day only with a state file; requests never are.

Made up where the API's description is silent: what a duplicate reservation answers (`duplicate_status`), which users
exist (every valid id, except `unknown_users` and ids that begin with `unknown`), names and contract ids. What is made
up of orders: `orders`.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from tagsmith.sandbox import rules
from tagsmith.sandbox.faults import DUPLICATE_STATUSES
from tagsmith.sandbox.keys import Key, LoggedRequest, Reserved
from tagsmith.sandbox.orders import MAX_LATEST, PRICES, Order, OrderBook, Price
from tagsmith.sandbox.rules import Problem, Wanted
from tagsmith.sandbox.state import Change, Owned, StateFile
from tagsmith.uid import ByteOrder, Uid
from tagsmith.visual_number import iso_check

MAX_REQUESTS = 1_000
"""Requests that are remembered."""


class View(NamedTuple):
    """How the store stands, for a look at it: totals, and the latest of each kind, newest first."""

    version: int
    reserved: int
    active: int
    users: int
    ordered: int
    requests: int
    this_minute: int
    reservations: tuple[tuple[Reserved, str], ...]
    """Each with the user it is active for; empty if it is not."""
    keys: tuple[Owned, ...]
    orders: tuple[Order, ...]
    latest: tuple[LoggedRequest, ...]


class Store:
    """Everything the sandbox knows. Properties are copies and may be read from any thread.

    `duplicate_status` is what a reservation answers whose uid or number is taken: 201, 400, 409 or 500. Nothing is
    stored then, with 201 neither. `prices` are those of the configuration (none: 404). Without `plug_and_charge` that
    feature is not enabled.
    """

    def __init__(
        self,
        *,
        duplicate_status: int = 409,
        unknown_users: Collection[str] = (),
        prices: Sequence[Price] = PRICES,
        plug_and_charge: bool = True,
        clock_utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if duplicate_status not in DUPLICATE_STATUSES:
            raise ValueError(f"a duplicate answers one of {DUPLICATE_STATUSES}, not {duplicate_status}")
        self._duplicate_status = duplicate_status
        self._unknown_users = frozenset(unknown_users)
        self._prices = tuple(prices)
        self._plug_and_charge = plug_and_charge
        self.clock_utc = clock_utc
        self._lock = threading.Lock()
        self._uids: set[str] = set()
        self._by_number: dict[str, Reserved] = {}
        self._active: dict[str, str] = {}
        self._keys: dict[str, dict[str, Key]] = {}
        self._latest_keys: deque[tuple[str, str]] = deque(maxlen=MAX_LATEST)
        self._orders = OrderBook()
        self._taken: set[str] = set()
        self._contracts = 0
        self._requests: deque[LoggedRequest] = deque(maxlen=MAX_REQUESTS)
        self._asked = 0
        self._minute = (-1, 0)
        self._version = 0
        self._state: StateFile | None = None

    def keep_in(self, state: StateFile) -> None:
        """Take over what a state file holds, and put every change there from now on. Before the first request.

        Raises:
            ConfigError, StationError: the file cannot be used.
        """
        for change in state.read():
            self._apply(change)
        self._state = state

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
            return {user: tuple(keys.values()) for user, keys in self._keys.items()}

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """The last requests, oldest first."""
        with self._lock:
            return tuple(self._requests)

    def view(self) -> View:
        """How it stands now; costs the same however much there is."""
        with self._lock:
            minute, count = self._minute
            return View(
                version=self._version,
                reserved=len(self._by_number),
                active=len(self._active),
                users=len(self._keys),
                ordered=self._orders.count,
                requests=self._asked,
                this_minute=count if minute == _minute(self.clock_utc()) else 0,
                reservations=tuple(
                    (one, self._active.get(one.visual_number, ""))
                    for one in islice(reversed(self._by_number.values()), MAX_LATEST)
                ),
                keys=tuple(Owned(user, self._keys[user][key_id]) for user, key_id in reversed(self._latest_keys)),
                orders=self._orders.latest[::-1],
                latest=tuple(islice(reversed(self._requests), MAX_LATEST)),
            )

    # --- for the app ---------------------------------------------------------------------------------------------

    def note(self, method: str, path: str, status: int, body: str, fault: str = "") -> None:
        """Remember a request."""
        now = self.clock_utc()
        minute = _minute(now)
        with self._lock:
            self._requests.append(LoggedRequest(now, method, path, status, body, fault))
            self._asked += 1
            self._minute = (minute, self._minute[1] + 1 if self._minute[0] == minute else 1)
            self._version += 1

    def reserve(
        self, content_type: str, body: bytes, duplicate_status: Callable[[], int | None] = lambda: None
    ) -> None:
        """Carry out a reservation. `duplicate_status` is asked where it is a duplicate; None: what it always answers.

        Raises:
            Problem: 400 for an invalid request; the duplicate's status for a taken uid or number.
        """
        now = self.clock_utc()
        wanted = rules.reservation(content_type, body, now)
        with self._lock:
            if wanted.uid.lower() in self._uids or wanted.visual_number in self._by_number:
                status = duplicate_status() or self._duplicate_status
                if status == 201:
                    return
                raise Problem(status, "DUPLICATE", "uid or visualNumber is already reserved")
            self._commit(_reserved(wanted, now))

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
                created=self.clock_utc(),
            )
            self._commit(Owned(user_id, key))
            return key

    def change(self, user_id: str, identifier: str, content_type: str, body: bytes) -> Key:
        """Rename a user's key, or disable or enable it; `identifier` is its key id or its contract id.

        Raises:
            Problem: 400 for an invalid request, 404 for an unknown user or key.
        """
        rules.check_user_id(user_id)
        wanted = rules.change(content_type, body)
        with self._lock:
            keys = self._keys_of(user_id) or {}
            contracts = (key for key in keys.values() if key.contract_id == identifier)
            key = keys.get(identifier) or next(contracts, None)
            if key is not None:
                changed = replace(
                    key,
                    name=key.name if wanted.name is None else wanted.name,
                    enabled=key.enabled if wanted.enabled is None else wanted.enabled,
                    updated=self.clock_utc(),
                )
                self._commit(Owned(user_id, changed))
                return changed
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
            if self._keys_of(user_id) is None:
                raise Problem(404, "NOT_FOUND", "User not found")
            contract = wanted.contract_id or self._contract_id()
            if rules.bare(contract) in self._taken:
                raise Problem(409, "CONTRACT_EXISTS", "a charging key with this contractId exists already")
            now = self.clock_utc()
            key = Key(
                name=f"vehicle {wanted.pcid}",
                key_id=contract,
                reference_id=None,
                contract_id=contract,
                type="plug_and_charge",
                valid_from=now,
                valid_to=now + timedelta(days=3650),
                created=now,
            )
            self._commit(Owned(user_id, key))
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
            order = self._orders.wanted(user_id, wanted, self.clock_utc())
            self._commit(order)
            return {"id": order.id, "state": "ORDER_PLACED"}

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
            return tuple(keys.values())

    # --- within the lock -----------------------------------------------------------------------------------------

    def _commit(self, change: Change) -> None:
        """Carry out a change: on the disc first, where it is kept.

        Raises:
            Problem: 500, it cannot be kept; nothing was changed.
        """
        if self._state is not None:
            try:
                self._state.append(change)
            except OSError as error:
                raise Problem(500, "NOT_KEPT", f"the state file cannot be written: {error.strerror}") from None
        self._apply(change)

    def _apply(self, change: Change) -> None:
        self._version += 1
        if isinstance(change, Reserved):
            self._uids.add(change.uid.lower())
            self._by_number[change.visual_number] = change
        elif isinstance(change, Order):
            self._orders.add(change)
        else:
            user, key = change
            keys = self._keys.setdefault(user, {})
            if key.key_id not in keys:
                self._latest_keys.append((user, key.key_id))
                self._taken.add(rules.bare(key.contract_id))
                if key.reference_id is not None:
                    self._active[key.reference_id] = user
            keys[key.key_id] = key

    def _keys_of(self, user_id: str) -> dict[str, Key] | None:
        """A user's keys; one seen for the first time gets the virtual key it would have been created with."""
        if user_id in self._unknown_users or user_id.startswith("unknown"):
            return None
        if user_id not in self._keys:
            now = self.clock_utc()
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
            self._commit(Owned(user_id, virtual))
        return self._keys[user_id]

    def _contract_id(self) -> str:
        """One that no key has, also none of an earlier day."""
        while True:
            self._contracts += 1
            instance = f"C{self._contracts:08d}"
            contract = f"DE-8PS-{instance}-{iso_check(f'DE8PS{instance}')}"
            if rules.bare(contract) not in self._taken:
                return contract


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _reserved(wanted: Wanted, now: datetime) -> Reserved:
    return Reserved(wanted.uid, wanted.visual_number, wanted.type, wanted.valid_from, wanted.valid_to, now)
