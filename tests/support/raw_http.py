"""Requests to a sandbox in raw bytes, and what comes back byte for byte: what no HTTP client would show."""

from __future__ import annotations

import json
import socket

from tagsmith.sandbox import Sandbox

RESERVATIONS = "/v1/charging-keys/reservations"
CONFIGURATION = "/v1/charging-keys/orders/configuration"


def port_of(sandbox: Sandbox | str) -> int:
    """Where it listens; a sandbox in another process is known by its URL."""
    return int((sandbox if isinstance(sandbox, str) else sandbox.url).rpartition(":")[2])


def request(method: str, path: str, body: object = None, *, key: str = "sandbox", host: str = "127.0.0.1") -> bytes:
    """The bytes of one request, after whose answer the connection ends; a body that is not None is JSON."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    if key:
        lines.append(f"X-API-Key: {key}")
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def exchange(sandbox: Sandbox | str, sent: bytes) -> bytes:
    """All that comes until the other side ends.

    Raises:
        ConnectionResetError: it ends with a reset.
    """
    with socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as connection:
        connection.sendall(sent)
        got = b""
        while data := connection.recv(65536):
            got += data
        return got


def status_of(got: bytes) -> int:
    """The status of an answer."""
    return int(got.split(b" ", 2)[1])


def headers_of(got: bytes) -> dict[str, str]:
    """Its headers, with names in lower case."""
    lines = got.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def body_of(got: bytes) -> bytes:
    """What stands behind the head."""
    return got.partition(b"\r\n\r\n")[2]
