"""The Drive API of charging keys, orders and Plug&Charge as its two documents describe it; nothing else.

Written from the documents alone, on the standard library's HTTP server: it shares no code with tagsmith, neither with
its client nor with its sandbox, so that one misreading is not made twice. Where the documents are silent, the most
literal reading counts: samples are answered as they stand.

    with SeedServer() as server:
        server.answer("GET", "/v1/charging-keys/orders/configuration", 404, b'{"message": "No pricing"}')
        ... server.url, server.asked

By `answer` the next request of an endpoint gets any answer, and by `lose` it is carried out and never answered. With
`certificate` (PEM: certificate and key) it speaks TLS.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

Answer = tuple[int, Any]

KEY = {
    "name": "key 4390b827",
    "enabled": True,
    "keyId": "27b89043",
    "referenceId": "DE*8PS*CD0C00*2",
    "contractId": "DE-8PS-C0CD0C002-Q",
    "type": "tag",
    "validFrom": "2021-12-08T00:00:00.000Z",
    "validTo": "2031-12-08T23:59:59.000Z",
    "created": "2021-12-08T10:33:01.000Z",
    "updated": "2021-12-08T10:33:01.000Z",
}
"""The sample of activation, PATCH and list."""
VIRTUAL = {
    "name": "virtual",
    "enabled": True,
    "keyId": "a1b2",
    "contractId": "DE-8PS-C00000001-X",
    "type": "virtual",
    **{name: KEY[name] for name in ("validFrom", "validTo", "created", "updated")},
}
"""Without a referenceId, as the documents say of virtual keys."""
ORDER = {
    "id": "vrj82A9EpJ",
    "created": "2022-04-07T11:30:57.000Z",
    "updated": "2022-04-07T11:30:57.000Z",
    "address": {
        "companyName": "Smith Consulting",
        "firstName": "John",
        "lastName": "Smith",
        "addressLine1": "Rättarvägen 3",
        "postalCode": "12345",
        "city": "Solna",
        "country": "Sweden",
    },
    "quantity": 1,
    "state": "ORDER_FREE_OF_CHARGE",
    "hasReceipt": True,
}
"""The sample of the list of orders, with a state that the list of states lacks."""
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
"""A moment as all samples write it."""
RECEIPT = "https://test-fortum-product-receipts.s3.eu-west-1.amazonaws.com/4381089-47759"
PRICES = {"countries": [{"country": "FI", "currency": "EUR", "priceMinorInclVat": 10, "vat": 25}]}


@dataclass(frozen=True)
class Asked:
    """One request as it came; `target` is raw, header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class SeedServer:
    """The server and its memory. One user, `user-1`, exists; every other is not found."""

    key: str = "seed-key"
    certificate: Path | None = None
    asked: list[Asked] = field(default_factory=list)
    reserved: dict[str, dict[str, Any]] = field(default_factory=dict)
    """visualNumber → the reservation's body."""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [dict(VIRTUAL)])
    orders: list[dict[str, Any]] = field(default_factory=list)
    _ordered_at: float | None = None
    _answers: dict[tuple[str, str], list[tuple[int, bytes]]] = field(default_factory=dict)
    _lost: dict[tuple[str, str], int] = field(default_factory=dict)

    def answer(self, method: str, target: str, status: int, body: bytes = b"") -> None:
        """The next request of this kind gets this answer, and nothing is done for it."""
        self._answers.setdefault((method, target), []).append((status, body))

    def lose(self, method: str, target: str) -> None:
        """The next request of this kind is carried out; then the connection ends without a byte."""
        self._lost[method, target] = self._lost.get((method, target), 0) + 1

    def count(self, method: str, target: str) -> int:
        """How often this was asked."""
        return sum((one.method, one.target) == (method, target) for one in self.asked)

    @property
    def url(self) -> str:
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if self.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    # --- what the documents say ----------------------------------------------------------------------------------

    def carry_out(self, asked: Asked) -> Answer:
        """Status and answer of a request; None is an empty body."""
        if asked.headers.get("x-api-key") != self.key:
            return 401, {"message": "Unauthorized"}
        for method, pattern, act in self._endpoints():
            match = re.fullmatch(pattern, asked.target)
            if match and asked.method == method:
                return act(asked, *map(unquote, match.groups()))
        return 404, {"message": "no endpoint"}

    def _endpoints(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        user = "/v1/users/([^/]+)/charging-keys"
        return [
            ("POST", "/v1/charging-keys/reservations", self._reserve),
            ("GET", "/v1/charging-keys/orders/configuration", lambda asked: (200, PRICES)),
            ("GET", user, self._list),
            ("POST", f"{user}/order", self._order),
            ("GET", f"{user}/orders", lambda asked, who: (200, self.orders if who == "user-1" else [])),
            ("POST", f"{user}/plug-and-charge", self._plug_and_charge),
            ("POST", f"{user}/([^/]+)/activate", self._activate),
            ("POST", f"{user}/orders/([^/]+)/receipt", self._receipt),
            ("PATCH", f"{user}/([^/]+)", self._patch),
        ]

    def _reserve(self, asked: Asked) -> Answer:
        body = _object(asked)
        moments = [body[name] for name in ("validFrom", "validTo") if name in body]
        if (
            set(body) - {"uid", "visualNumber", "validFrom", "validTo", "type"}
            or not re.fullmatch("([0-9A-Fa-f]{2})+", str(body.get("uid")))
            or not isinstance(body.get("visualNumber"), str)
            or body.get("type", "TAG") not in ("TAG", "CARD")
            or not all(isinstance(one, str) and re.fullmatch(ISO, one) for one in moments)
        ):
            return 400, {"message": "body is invalid"}
        self.reserved[body["visualNumber"]] = body
        return 201, None

    def _activate(self, asked: Asked, user: str, reference: str) -> Answer:
        if user != "user-1" or reference not in self.reserved:
            return 404, {"message": "User or charging key not found"}
        if any(key.get("referenceId") == reference for key in self.keys):
            return 409, {"message": "Key already in use"}
        reserved = self.reserved[reference]
        validity = {name: reserved.get(name, KEY[name]) for name in ("validFrom", "validTo")}
        kind = str(reserved.get("type", "TAG")).lower()
        self.keys.append({**KEY, **validity, "type": kind, "keyId": reserved["uid"], "referenceId": reference})
        return 200, self.keys[-1]

    def _patch(self, asked: Asked, user: str, identifier: str) -> Answer:
        body = _object(asked)
        name, enabled = body.get("name", ""), body.get("enabled", True)
        if not body or set(body) - {"name", "enabled"} or type(name) is not str or type(enabled) is not bool:
            return 400, {"message": "body is invalid"}
        for key in self.keys:
            if user == "user-1" and identifier in (key["keyId"], key.get("contractId")):
                key.update(body)
                return 200, key
        return 404, {"message": "User or charging key not found"}

    def _list(self, asked: Asked, user: str) -> Answer:
        return (200, {"keys": self.keys}) if user == "user-1" else (404, {"message": "User not found"})

    def _order(self, asked: Asked, user: str) -> Answer:
        body = _object(asked)
        address = body.get("address")
        needed = {"addressLine1", "postalCode", "city", "country"}
        optional = {"addressLine2", "firstName", "lastName", "companyName"}
        if not isinstance(address, dict) or not needed <= set(address) <= needed | optional:
            return 400, {"message": "address is invalid"}
        if not re.fullmatch("[A-Z]{2}", str(body.get("taxationCountry"))) or set(body) - {
            "address",
            "taxationCountry",
            "paymentOptionId",
        }:
            return 400, {"message": "body is invalid"}
        if user != "user-1":
            return 404, {"message": "User not found"}
        now = time.monotonic()
        if self._ordered_at is not None and now - self._ordered_at < 300:
            return 429, {"message": "Too many requests"}
        self._ordered_at = now
        self.orders.append({**ORDER, "id": f"xXXx1{len(self.orders)}", "address": address})
        return 200, {"id": self.orders[-1]["id"], "state": "ORDER_PLACED"}

    def _receipt(self, asked: Asked, user: str, order: str) -> Answer:
        found = any(one["id"] == order and one["hasReceipt"] for one in self.orders)
        return (200, {"url": RECEIPT}) if found else (404, {"message": "Receipt not found"})

    def _plug_and_charge(self, asked: Asked, user: str) -> Answer:
        body = _object(asked)
        if not re.fullmatch("[0-9A-Z]{17,18}", str(body.get("pcid"))) or set(body) - {"pcid", "contractId"}:
            return 400, {"message": "PCID or contractId syntactically invalid"}
        if user != "user-1":
            return 404, {"message": "User not found"}
        contract = body.get("contractId", "DE-8PS-C0AD21B13-Q")
        if any(key.get("contractId") == contract for key in self.keys):
            return 409, {"message": "Conflict"}
        made = {"contractId": contract, "pcid": body["pcid"], "keyId": contract}
        self.keys.append({**VIRTUAL, **made, "name": "car", "type": "plug_and_charge"})
        return 201, made

    # --- HTTP ----------------------------------------------------------------------------------------------------

    def respond(self, asked: Asked) -> tuple[int, bytes] | None:
        """Status and body for a request; None where the answer is lost."""
        self.asked.append(asked)
        place = (asked.method, asked.target)
        if self._answers.get(place):
            return self._answers[place].pop(0)
        status, found = self.carry_out(asked)
        if self._lost.get(place, 0):
            self._lost[place] -= 1
            return None
        return status, b"" if found is None else json.dumps(found).encode()


def _object(asked: Asked) -> dict[str, Any]:
    """The JSON object of a body; an empty one for anything else."""
    try:
        found = json.loads(asked.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and asked.headers.get("content-type") == "application/json" else {}


def _handler(server: SeedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            answer = server.respond(Asked(self.command, self.path, headers, body))
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, content = answer
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("Location", content.decode())
                content = b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = handle_any

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True  # the client went away, or does not trust us

        def log_message(self, *_: object) -> None:
            pass

    return Handler
