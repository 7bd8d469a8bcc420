"""The sandbox's life: a loopback socket, a daemon thread with a loop of its own, a bounded end."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import queue
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Self

from tagsmith.errors import ConfigError, StationError
from tagsmith.sandbox.armed import Faults
from tagsmith.sandbox.faults import ANY, CERTIFICATES, Fault, Kind
from tagsmith.sandbox.orders import PRICES, Price
from tagsmith.sandbox.state import StateFile
from tagsmith.sandbox.store import Store

if TYPE_CHECKING:
    import ssl

    from tagsmith.sandbox.app import Server

START_S = 10.0
STOP_S = 5.0

_log = logging.getLogger(__name__)


class Sandbox:
    """A Drive API on loopback, served from a daemon thread. `port` 0 takes a free one. Starts and stops once.

    `duplicate_status`, `unknown_users`, `prices`, `plug_and_charge` and `clock_utc` are those of `Store`. `store` and
    `faults` stay readable after the end. `failing` names endpoints that answer 500; `faults` orders any fault, as a
    spec or a value; the limits are those of the clock minute and the day of UTC, by `clock_utc`. `state` is the file in
    which the memory outlives the process. `tls` is what certificate is shown (`CERTIFICATES`); None: plain HTTP.
    `tls_folder` keeps the CA; None: a temporary folder.

    Raises:
        ConfigError: `host` is no loopback address: keys in memory and a key that is no secret are not for a network;
            or a fault is not understood, or needs TLS.
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
        faults: Iterable[Fault | str] = (),
        limit_per_minute: int | None = None,
        limit_per_day: int | None = None,
        state: Path | None = None,
        tls: str | None = None,
        tls_folder: Path | None = None,
        clock_utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = Store(
            duplicate_status=duplicate_status,
            unknown_users=unknown_users,
            prices=prices,
            plug_and_charge=plug_and_charge,
            clock_utc=clock_utc,
        )
        if tls is not None and tls not in CERTIFICATES:
            raise ConfigError(f"no certificate {tls!r}", f"say one of {', '.join(CERTIFICATES)}")
        limits = ((limit_per_minute, "min"), (limit_per_day, "day"))
        self.faults = Faults(
            [
                *(Fault(ANY, Kind.LIMIT, most=most, per=per) for most, per in limits if most is not None),
                *faults,
                *(f"{name}:500" for name in failing),
            ]
        )
        if tls is None and any(one.fault.kind is Kind.HANDSHAKE for one in self.faults.listed):
            raise ConfigError("a fault of the TLS handshake needs TLS", "add --tls good")
        self._key = key
        self._port = port
        self._host = _loopback(host)
        self._state_path = state
        self._tls = tls
        self._tls_folder = tls_folder
        self._ca_file: Path | None = None
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        # What outlives the start and is let go at the end.
        self._held = contextlib.ExitStack()
        self.when_ended: Callable[[], None] = lambda: None
        """Called in the sandbox's thread when it has ended, for whatever reason. Set it before the start."""

    def __repr__(self) -> str:
        return f"Sandbox({self.url!r})"

    @property
    def url(self) -> str:
        """The base URL, to which /v1/… is added; the port is known once it is started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'http' if self._tls is None else 'https'}://{host}:{self._port}"

    @property
    def ca_file(self) -> Path | None:
        """What a client must trust to trust the good certificate; known once it is started with TLS."""
        return self._ca_file

    def start(self) -> None:
        """Listen and serve; returns when it does.

        Raises:
            StationError: the port or the state file cannot be had, Starlette, uvicorn or openssl is not installed, or
                it does not start.
            ConfigError: the state file is none, or damaged.
        """
        if self._thread is not None:
            raise StationError("this sandbox was already started")
        try:
            from tagsmith.sandbox.app import App, Server
        except ModuleNotFoundError as error:
            raise StationError(f"the sandbox needs {error.name}", f"type: pip install {error.name}") from error
        ready = threading.Event()
        with contextlib.ExitStack() as held:
            listener = held.enter_context(self._listen())
            context = None if self._tls is None else self._context(self._tls, held)
            if self._state_path is not None:
                state = StateFile(self._state_path)
                held.callback(state.close)
                self.store.keep_in(state)
            app = App(self.store, self._key, self.faults, tls=self._tls is not None)
            self._server = server = Server(app, ready.set, context)
            self._held = held.pop_all()

        def run() -> None:
            try:
                server.run_on(listener)
            finally:
                self._held.close()
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

    def _context(self, shown: str, held: contextlib.ExitStack) -> ssl.SSLContext:
        # Only a sandbox with TLS pays for its libraries.
        from tagsmith.sandbox.tls import Certificates

        folder = self._tls_folder or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tagsmith-tls-")))
        certificates = Certificates(folder, self._host)
        self._ca_file = certificates.ca_file
        return certificates.context(shown, self.faults.handshake)

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listener = socket.create_server((self._host, self._port), family=family)
        except (OSError, OverflowError) as error:
            words = f"the sandbox cannot listen on {self._host} port {self._port}: {error}"
            raise StationError(words, "choose another port with --port") from error
        self._port = listener.getsockname()[1]
        return listener


def serve(sandbox: Sandbox, announce: Callable[[Sandbox], None]) -> None:
    """Serve until SIGINT or SIGTERM, then return. For the main thread only; `announce` is called when it listens.

    Raises:
        StationError: it cannot start, or ended by itself.
        ConfigError: its state file is none, or damaged.
    """
    # A SimpleQueue because its put may be called from a signal handler; an Event's set may deadlock there.
    told: queue.SimpleQueue[bool] = queue.SimpleQueue()
    sandbox.when_ended = lambda: told.put(False)
    # The signals first: one that comes right after the announcement is to end it cleanly too.
    with _on_signals(lambda: told.put(True)), sandbox:
        announce(sandbox)
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
