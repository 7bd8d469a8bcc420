"""The endpoints of the Drive API, one method each. What HTTP does below is `wire`'s, what it means `outcomes`'.

An endpoint states its method, its path as plain segments, its documented status and how its body is read; nothing
else. So one more endpoint is a model and a method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self, TypeVar

from tagsmith.drive import models, outcomes
from tagsmith.drive.models import ChargingKey, Receipt
from tagsmith.drive.wire import ApiKey, Wire
from tagsmith.errors import Refused

T = TypeVar("T")


class DriveClient:
    """The Drive API of one organisation in one environment; for use within one event loop.

    `base_url` is all that stands before `/v1`, such as `https://drive-api.plugsurfing.com/drive`. `timeout_s` bounds
    a whole request, from the first try to connect to the last byte of the answer; `connect_timeout_s` (at most a
    quarter of it) what comes before the request is sent. `concurrency` is the number of connections, at most 8; more
    requests than that wait for one, and fail as not processed if none becomes free within `connect_timeout_s`.

    Nothing is retried in here, and no request is sent twice. Every method raises one of

        Refused:         the API said no; `text` has its own words. Without a status it was not sent at all.
        Unauthorised:    401 or 403.
        NotProcessed:    proved not done; `retry_after_s` where the API asked for a pause.
        OutcomeUnknown:  perhaps done, perhaps not.

    and nothing else; cancelling passes through and leaves the outcome unknown.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = 20.0,
        connect_timeout_s: float = 5.0,
        concurrency: int = 4,
    ) -> None:
        self._wire = Wire(
            base_url,
            ApiKey(api_key),
            timeout_s=timeout_s,
            connect_timeout_s=connect_timeout_s,
            connections=concurrency,
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

    async def reserve(self, body: str) -> Receipt:
        """Reserve a pair: POST exactly this JSON text (`Reservation.body`).

        Only 201 with an empty body, JSON, or the bare word OK or Created is a receipt.
        """
        answer = await self._wire.exchange("POST", ("v1", "charging-keys", "reservations"), body)
        if answer.status != 201:
            raise outcomes.of_answer(answer)
        if not outcomes.says_reserved(answer.body):
            raise outcomes.garbled(answer, "a receipt")
        return Receipt(answer.status, answer.text)

    async def activate(self, user_id: str, reference_id: str) -> ChargingKey:
        """Activate a reserved key for a user; `reference_id` is the reserved visual number.

        That `key_id` of the answer is the uid that was reserved is for the caller to see to.
        """
        if not 1 <= len(reference_id) <= models.MAX_VISUAL_NUMBER:
            raise Refused(f"a reference has 1 to {models.MAX_VISUAL_NUMBER} characters, not {len(reference_id)}")
        path = (*_user(user_id), "charging-keys", reference_id, "activate")
        return await self._fetch("POST", path, models.parse_charging_key, "a charging key")

    async def list_keys(self, user_id: str) -> list[ChargingKey]:
        """All activated keys of a user, the virtual one among them (not to be shown to people: see `type`)."""
        path = (*_user(user_id), "charging-keys")
        return await self._fetch("GET", path, models.parse_charging_keys, "a list of charging keys")

    async def _fetch(self, method: str, path: Sequence[str], parse: Callable[[bytes], T], expected: str) -> T:
        """A request without a body whose documented success is 200 with a body that `parse` takes."""
        answer = await self._wire.exchange(method, path)
        if answer.status != 200:
            raise outcomes.of_answer(answer)
        try:
            return parse(answer.body)
        except ValueError:
            raise outcomes.garbled(answer, expected) from None


def _user(user_id: str) -> tuple[str, ...]:
    """The path of a user.

    Raises:
        Refused: no user can have this id; nothing is sent.
    """
    return ("v1", "users", models.check_user_id(user_id))
