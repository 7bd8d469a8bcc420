"""The sandbox's life: a loopback socket, a daemon thread with a loop of its own, a bounded end."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import queue
import signal
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Self

from tagsmith.errors import ConfigError, StationError
from tagsmith.sandbox.orders import PRICES, Price
from tagsmith.sandbox.store import Store

if TYPE_CHECKING:
    from tagsmith.sandbox.app import Server

START_S = 10.0
STOP_S = 5.0

_log = logging.getLogger(__name__)


class Sandbox:
    """A Drive API on loopback, served from a daemon thread. `port` 0 takes a free one. Starts and stops once.

    The options are those of `Store`. `store` stays readable after the end.

    Raises:
        ConfigError: `host` is no loopback address: keys in memory and a key that is no secret are not for a network.
    """

    def __init__(
        self,
        key: str = "sandbox",
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        duplicate_status: int = 409,
        unknown_users: Collection[str] = (),
        prices: Sequence[Price] = PRICES,
        plug_and_charge: bool = True,
        failing: Collection[str] = (),
    ) -> None:
        self.store = Store(
            duplicate_status=duplicate_status,
            unknown_users=unknown_users,
            prices=prices,
            plug_and_charge=plug_and_charge,
            failing=failing,
        )
        self._key = key
        self._port = port
        self._host = _loopback(host)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self.when_ended: Callable[[], None] = lambda: None
        """Called in the sandbox's thread when it has ended, for whatever reason. Set it before the start."""

    def __repr__(self) -> str:
        return f"Sandbox({self.url!r})"

    @property
    def url(self) -> str:
        """The base URL, to which /v1/… is added; the port is known once it is started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """Listen and serve; returns when it does.

        Raises:
            StationError: the port cannot be had, Starlette or uvicorn is not installed, or it does not start.
        """
        if self._thread is not None:
            raise StationError("this sandbox was already started")
        try:
            from tagsmith.sandbox.app import Server, build
        except ModuleNotFoundError as error:
            raise StationError(f"the sandbox needs {error.name}", f"type: pip install {error.name}") from error
        listener = self._listen()
        ready = threading.Event()
        self._server = server = Server(build(self.store, self._key), ready.set)

        def run() -> None:
            try:
                server.run_on(listener)
            finally:
                listener.close()
                ready.set()
                self.when_ended()

        self._thread = threading.Thread(target=run, name="sandbox", daemon=True)
        self._thread.start()
        if not ready.wait(START_S) or not server.started:
            raise StationError("the sandbox did not start", "its reason is in the log")

    def stop(self) -> None:
        """Stop serving and end the thread, within five seconds; no call too many."""
        if self._thread is None or self._server is None:
            return
        self._server.should_exit = True
        self._thread.join(STOP_S - 1)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(1)
        if self._thread.is_alive():
            _log.warning("the sandbox at %s did not end in time", self.url)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listener = socket.create_server((self._host, self._port), family=family)
        except (OSError, OverflowError) as error:
            words = f"the sandbox cannot listen on {self._host} port {self._port}: {error}"
            raise StationError(words, "choose another port with --port") from error
        self._port = listener.getsockname()[1]
        return listener


def serve(port: int, key: str, announce: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM, then return. For the main thread only; `announce` gets the URL.

    Raises:
        StationError: it cannot start, or ended by itself.
    """
    # A SimpleQueue because its put may be called from a signal handler; an Event's set may deadlock there.
    told: queue.SimpleQueue[bool] = queue.SimpleQueue()
    sandbox = Sandbox(key=key, port=port)
    sandbox.when_ended = lambda: told.put(False)
    # The signals first: one that comes right after the announcement is to end it cleanly too.
    with _on_signals(lambda: told.put(True)), sandbox:
        announce(sandbox.url)
        if not told.get():
            raise StationError("the sandbox ended by itself", "its reason is in the log")


def _loopback(host: str) -> str:
    name = "127.0.0.1" if host == "localhost" else host
    try:
        if ipaddress.ip_address(name).is_loopback:
            return name
    except ValueError:
        pass
    raise ConfigError(f"the sandbox serves on loopback only, not on {host!r}", "use 127.0.0.1")


@contextlib.contextmanager
def _on_signals(act: Callable[[], None]) -> Iterator[None]:
    """Within, SIGINT and SIGTERM do nothing but call `act`."""

    def handle(number: int, frame: FrameType | None) -> None:
        act()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
