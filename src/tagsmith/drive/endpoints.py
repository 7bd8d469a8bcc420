"""The endpoints of the Drive API as they are described: method, path, success, and what each documented error means.

Data only. One more endpoint (direct creation of a key, the EMP mode below `/emp/v1`) is a row here, a model and a
method of the client; a path is whole, so another beginning than `/v1` needs nothing new.

A documented error has a type of its own and a remedy: what a person should do. Statuses that stand nowhere here are
judged by `outcomes.STATUSES`, and keep their status and the answer's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tagsmith.errors import ApiFailed, Conflict, DriveError, InvalidRequest, NotFound, OrderedTooSoon

_USER = "check the user id, and that it is one of this environment"
_LATER = "try again later"
_KEYS = "tagsmith keys list --user ID"
_ORDERS = "tagsmith orders list --user ID"
_LOOK = f"perhaps it was done nevertheless: look first, with {_KEYS}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. `path` holds plain segments; `{…}` stands for a value. `success` are the statuses that are one."""

    method: str
    path: tuple[str, ...]
    success: tuple[int, ...]
    errors: Mapping[int, tuple[type[DriveError], str]]
    """Documented status → its error, and what a person should do."""

    def segments(self, *values: str) -> tuple[str, ...]:
        """The path with these values in place of what stands in braces, in this order."""
        left = iter(values)
        found = tuple(next(left) if segment.startswith("{") else segment for segment in self.path)
        assert next(left, None) is None
        return found


RESERVE = Endpoint(
    "POST",
    ("v1", "charging-keys", "reservations"),
    (201,),
    {
        400: (InvalidRequest, "check uid, number and validity; perhaps one of them is reserved already"),
        500: (ApiFailed, "perhaps it is reserved nevertheless: only the identical request may be sent again"),
    },
)

ACTIVATE = Endpoint(
    "POST",
    ("v1", "users", "{userId}", "charging-keys", "{referenceId}", "activate"),
    (200,),
    {
        400: (InvalidRequest, "check the user id and the number"),
        404: (NotFound, "check the user id, and that exactly this number was reserved: tagsmith journal show NUMBER"),
        409: (Conflict, f"the key is active already; whether for this user tells {_KEYS}"),
        500: (ApiFailed, _LOOK),
    },
)

CHANGE = Endpoint(
    "PATCH",
    ("v1", "users", "{userId}", "charging-keys", "{identifier}"),
    (200,),
    {
        400: (InvalidRequest, "check the user id, the key and the new name"),
        404: (NotFound, f"a key is named by its key id or its contract id, as {_KEYS} shows them"),
        500: (ApiFailed, _LOOK),
    },
)

LIST_KEYS = Endpoint(
    "GET",
    ("v1", "users", "{userId}", "charging-keys"),
    (200,),
    {
        400: (InvalidRequest, _USER),
        404: (NotFound, _USER),
        500: (ApiFailed, _LATER),
    },
)

ORDER = Endpoint(
    "POST",
    ("v1", "users", "{userId}", "charging-keys", "order"),
    (200,),
    {
        400: (
            InvalidRequest,
            "check the address and the country code; has Plugsurfing set up ordering for your organisation?",
        ),
        404: (NotFound, _USER),
        429: (OrderedTooSoon, f"a user may order once in 5 minutes: look first, with {_ORDERS}, then wait"),
        500: (ApiFailed, f"perhaps it was placed nevertheless: look first, with {_ORDERS}"),
    },
)

LIST_ORDERS = Endpoint(
    "GET",
    ("v1", "users", "{userId}", "charging-keys", "orders"),
    (200,),
    {500: (ApiFailed, _LATER)},
)

RECEIPT = Endpoint(
    "POST",
    ("v1", "users", "{userId}", "charging-keys", "orders", "{orderId}", "receipt"),
    (200,),
    {
        400: (InvalidRequest, "check the user id and the order's id"),
        404: (NotFound, f"which orders have a receipt shows {_ORDERS}"),
        500: (ApiFailed, _LATER),
    },
)

CONFIGURATION = Endpoint(
    "GET",
    ("v1", "charging-keys", "orders", "configuration"),
    (200,),
    {
        404: (NotFound, "ask Plugsurfing to set up prices for your organisation"),
        500: (ApiFailed, _LATER),
    },
)

PLUG_AND_CHARGE = Endpoint(
    "POST",
    ("v1", "users", "{userId}", "charging-keys", "plug-and-charge"),
    # The description shows the answer and no status; the other POSTs that create have 200 and 201.
    (200, 201),
    {
        400: (
            InvalidRequest,
            "check PCID and contract id, that the contract begins with your agreed prefix,"
            " and that Plug&Charge is enabled for your organisation",
        ),
        404: (NotFound, _USER),
        409: (Conflict, "there is a key with this contract already: enable that one, or create without --contract-id"),
        500: (ApiFailed, _LOOK),
    },
)

ENDPOINTS = (
    RESERVE,
    ACTIVATE,
    CHANGE,
    LIST_KEYS,
    ORDER,
    LIST_ORDERS,
    RECEIPT,
    CONFIGURATION,
    PLUG_AND_CHARGE,
)
