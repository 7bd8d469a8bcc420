"""A Drive API of our own on loopback, for demo, training and tests: every endpoint, and faults to order.

    with Sandbox(key="sandbox", faults=["reserve:cut-after x3"]) as sandbox:
        ... sandbox.url, sandbox.store.reservations, sandbox.store.requests, sandbox.faults.counts

It is strict where the API's description is, and says what it made up where that is silent (`rules`, `store`). It does
not simulate permissions, and limits only to order. Starlette and uvicorn are imported when it starts.
"""

from tagsmith.sandbox.armed import Faults
from tagsmith.sandbox.control import Control
from tagsmith.sandbox.faults import CERTIFICATES, DUPLICATE_STATUSES, Fault, Kind, parse, parse_words, read_file
from tagsmith.sandbox.keys import Key, LoggedRequest, Reserved
from tagsmith.sandbox.orders import PRICES, Order, Price
from tagsmith.sandbox.server import Sandbox, serve
from tagsmith.sandbox.store import Store

__all__ = [
    "CERTIFICATES",
    "DUPLICATE_STATUSES",
    "PRICES",
    "Control",
    "Fault",
    "Faults",
    "Key",
    "Kind",
    "LoggedRequest",
    "Order",
    "Price",
    "Reserved",
    "Sandbox",
    "Store",
    "parse",
    "parse_words",
    "read_file",
    "serve",
]
