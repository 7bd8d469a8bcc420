"""Faults at run time: the paths below /control, outside the API, and the client that speaks to them.

`/control/faults` wants the API's key: GET lists, POST `{"faults": [SPEC, …]}` orders, all or none of them; DELETE takes
all back, or with `/ID` one. The client speaks to loopback only, and finds out by itself whether the sandbox speaks TLS.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import Any

from tagsmith.errors import ConfigError, StationError
from tagsmith.sandbox.armed import Faults
from tagsmith.sandbox.faults import Kind, parse
from tagsmith.sandbox.rules import Problem
from tagsmith.sandbox.tls import CONTROL_NAME

PATH = "/control/faults"
_TIMEOUT_S = 5.0


def answer(faults: Faults, tls: bool, method: str, path: str, body: bytes) -> dict[str, object]:
    """Carry out what is asked of the faults; how they stand now. `tls`: whether there are handshakes to spoil.

    Raises:
        Problem: 400, 404 or 405, and says why.
    """
    rest = path.removeprefix(PATH).removeprefix("/")
    if rest and not rest.isdecimal():
        raise Problem(404, "NO_SUCH_PATH", "nothing is here")
    if method == "POST" and not rest:
        _order(faults, tls, body)
    elif method == "DELETE":
        if not faults.clear(int(rest) if rest else None) and rest:
            raise Problem(404, "NO_SUCH_FAULT", f"no fault {rest} is in force")
    elif method != "GET" or rest:
        raise Problem(405, "METHOD_NOT_ALLOWED", "GET, POST and DELETE are allowed here")
    return standing(faults)


def standing(faults: Faults) -> dict[str, object]:
    """The faults in force, and how often each has struck so far."""
    return {
        "faults": [{"id": one.id, "spec": str(one.fault), "hits": one.hits, "left": one.left} for one in faults.listed],
        "counts": faults.counts,
    }


def _order(faults: Faults, tls: bool, body: bytes) -> None:
    try:
        specs = json.loads(body)["faults"]
        ordered = [parse(spec) for spec in specs if isinstance(spec, str)]
        if not isinstance(specs, list) or len(ordered) != len(specs):
            raise TypeError
    except ConfigError as error:
        raise Problem(400, "INVALID_FAULT", error.message) from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Problem(400, "INVALID_REQUEST", 'the body must be {"faults": ["SPEC"]}') from None
    if not tls and any(fault.kind is Kind.HANDSHAKE for fault in ordered):
        raise Problem(400, "NO_TLS", "this sandbox speaks no TLS: start it with --tls good")
    for fault in ordered:
        faults.add(fault)


class Control:
    """Speaks to a running sandbox on 127.0.0.1.

    Every method gives how the faults stand afterwards, as `standing` does.

    Raises:
        StationError: none answers there, or it is no sandbox, or another key is wanted.
        ConfigError: it refuses what is ordered.
    """

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key

    def listed(self) -> dict[str, Any]:
        """How the faults stand."""
        return self._ask("GET", PATH)

    def order(self, specs: list[str]) -> dict[str, Any]:
        """Order faults, all or none of them."""
        return self._ask("POST", PATH, json.dumps({"faults": specs}))

    def clear(self, number: int | None = None) -> dict[str, Any]:
        """Take back one fault, or all."""
        return self._ask("DELETE", PATH if number is None else f"{PATH}/{number}")

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        where = f"127.0.0.1 port {self._port}"
        try:
            # What speaks TLS ends a plain connection before it has read a request.
            try:
                status, raw = self._exchange(False, method, path, body)
            except (http.client.HTTPException, ConnectionResetError, BrokenPipeError):
                status, raw = self._exchange(True, method, path, body)
        except (OSError, http.client.HTTPException) as error:
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise StationError(
                f"no sandbox answers on {where}: {words}", "start one with: tagsmith sandbox; or say its --port"
            ) from None
        try:
            found = json.loads(raw)
            if status == 200 and isinstance(found["faults"], list):
                return dict(found)
            message = str(found["message"])
        except (ValueError, TypeError, KeyError):
            raise StationError(f"what answers on {where} is no sandbox", "say the sandbox's --port") from None
        if status == 401:
            raise StationError(f"the sandbox on {where} wants another key", "say it with --key")
        raise ConfigError(message)

    def _exchange(self, tls: bool, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        raw = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_S)
        try:
            connection.sock = _trusting().wrap_socket(raw, server_hostname=CONTROL_NAME) if tls else raw
            connection.request(method, path, body, {"X-API-Key": self._key})
            response = connection.getresponse()
            return response.status, response.read(1 << 20)
        finally:
            connection.close()
            raw.close()


def _trusting() -> ssl.SSLContext:
    """Trust in whoever answers: it is this machine, the key is no secret, and the certificate may be bad to order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
