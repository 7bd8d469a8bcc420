"""A Drive API of our own on loopback, for demo, training and tests: reservation, activation, listing; keys in memory.

    with Sandbox(key="sandbox") as sandbox:
        ... sandbox.url, sandbox.store.reservations, sandbox.store.requests

It is strict where the API's description is, and says what it made up where that is silent (`rules`, `store`). It does
not simulate fair-usage limits, permissions, slowness or faults. Starlette and uvicorn are imported when it starts.
"""

from tagsmith.sandbox.server import Sandbox, serve
from tagsmith.sandbox.store import Key, LoggedRequest, Reserved, Store

__all__ = ["Key", "LoggedRequest", "Reserved", "Sandbox", "Store", "serve"]
