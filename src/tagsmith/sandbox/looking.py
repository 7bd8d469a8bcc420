"""The page on `/`: what the sandbox holds and is asked, live, for training and demonstrations.

It needs no key and shows none. It is for this machine's own browser: asked under any name that is not loopback's, as
by a foreign site whose name leads here, it is not given. All that came from outside goes into the page as text.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from tagsmith.sandbox.armed import Faults
from tagsmith.sandbox.control import standing
from tagsmith.sandbox.rules import iso
from tagsmith.sandbox.store import Store

LIVE = "/live"
_FOLDER = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", b"text/html; charset=utf-8"),
    "/page.css": ("page.css", b"text/css; charset=utf-8"),
    "/page.js": ("page.js", b"text/javascript; charset=utf-8"),
}
PATHS = frozenset({*_FILES, LIVE})
HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


def is_here(host: str) -> bool:
    """Whether a Host header names this machine by a name that nobody else can have."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def file(path: str) -> tuple[bytes, bytes]:
    """A file of the page: its media type, and what it holds."""
    name, kind = _FILES[path]
    return kind, (_FOLDER / name).read_bytes()


def live(store: Store, faults: Faults, seen: str) -> dict[str, object]:
    """How everything stands, as the page draws it; next to nothing where that is what was `seen` already."""
    view = store.view()
    version = f"{view.version}.{faults.version}.{view.this_minute}"
    now = iso(store.clock_utc())
    if seen == version:
        return {"version": version, "now": now}
    return {
        "version": version,
        "now": now,
        "totals": {
            "reserved": view.reserved,
            "active": view.active,
            "users": view.users,
            "orders": view.ordered,
            "requests": view.requests,
            "minute": view.this_minute,
        },
        "reservations": [
            {"at": iso(one.created), "number": one.visual_number, "uid": one.uid, "type": one.type, "user": user}
            for one, user in view.reservations
        ],
        "keys": [
            {
                "user": user,
                "name": key.name,
                "key": key.key_id,
                "contract": key.contract_id,
                "type": key.type,
                "enabled": key.enabled,
            }
            for user, key in view.keys
            if key.type != "virtual"
        ],
        "orders": [
            {"at": iso(order.created), "id": order.id, "user": order.user_id, "state": order.state}
            for order in view.orders
        ],
        "requests": [
            {
                "at": iso(one.at),
                "method": one.method,
                "path": one.path,
                "status": one.status,
                "body": one.body,
                "fault": one.fault,
            }
            for one in view.latest
        ],
        **standing(faults),
    }
