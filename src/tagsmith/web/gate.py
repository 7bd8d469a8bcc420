"""Who may see the screen: decided from a request's headers alone. Pure but for the secrets it makes.

The token is in the fragment of the address that is printed once: browsers send fragments to nobody, so it stands in no
log of a proxy. The page hands it in by a POST and gets a cookie that no script can read.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Gate:
    """The token, the cookie, and the names under which this server may be asked.

    Host is checked against names that are led to this machine by a foreign DNS, Origin against pages of others: cookies
    do not tell ports apart, so a program on another port of this machine is such a page, too.
    """

    def __init__(self, host: str, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self._pass = secrets.token_urlsafe(32)
        self.cookie = f"tagsmith-{port}"
        shown = f"[{host}]" if ":" in host else host
        self.hosts = frozenset(f"{name}:{port}" for name in (*LOOPBACK, shown))
        self.address = f"http://{shown}:{port}/"

    @property
    def pass_(self) -> str:
        """What the cookie of somebody who brought the token holds."""
        return self._pass

    def knows_host(self, host: str) -> bool:
        """Whether the request names this server as it is called."""
        return host.lower() in self.hosts

    def is_own_page(self, origin: str, host: str) -> bool:
        """Whether a page of this server asks. A browser sends an Origin with every POST and WebSocket."""
        return self.knows_host(host) and origin.lower() == f"http://{host.lower()}"

    def admits(self, token: str) -> bool:
        """Whether this is the token; compared in constant time."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def is_admitted(self, cookies: Mapping[str, str]) -> bool:
        """Whether the request brings the cookie; compared in constant time."""
        return hmac.compare_digest(cookies.get(self.cookie, "").encode("utf-8", "replace"), self._pass.encode())
