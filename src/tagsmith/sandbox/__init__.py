"""A Drive API of our own on loopback, for demo, training and tests: every endpoint; keys and orders in memory.

    with Sandbox(key="sandbox") as sandbox:
        ... sandbox.url, sandbox.store.reservations, sandbox.store.requests

It is strict where the API's description is, and says what it made up where that is silent (`rules`, `store`). It does
not simulate fair-usage limits, permissions or slowness. Starlette and uvicorn are imported when it starts.
"""

from tagsmith.sandbox.orders import PRICES, Order, Price
from tagsmith.sandbox.server import Sandbox, serve
from tagsmith.sandbox.store import Key, LoggedRequest, Reserved, Store

__all__ = ["PRICES", "Key", "LoggedRequest", "Order", "Price", "Reserved", "Sandbox", "Store", "serve"]
