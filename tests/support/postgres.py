"""A real PostgreSQL server of the tests' own: an ordinary process on a socket in a folder of its own.

It owns: making, starting, stopping and killing that server, and its databases. It never touches the machine's own
clusters. initdb and postgres refuse to run as root, so root starts them as the user that Debian's package makes, or as
nobody. The server dies with the tests, however they end.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import glob
import itertools
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

APT = "apt install postgresql"
"""The line to type on Debian and its kin when something is missing here."""

USER = "station"
PASSWORD = "s3cret/of:one@station"
"""What the server asks for on its TCP port; the socket's owner is trusted."""

_PATIENCE_S = 20.0
_CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
port = {port}
fsync = off
full_page_writes = off
shared_buffers = 16MB
max_wal_size = 256MB
wal_level = minimal
max_wal_senders = 0
max_connections = 60
autovacuum = off
log_min_messages = fatal
logging_collector = off
"""


def programs() -> Path:
    """The folder of initdb and postgres.

    Raises:
        FileNotFoundError: they are not installed.
    """
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(Path(path).parts[4]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise FileNotFoundError(f"PostgreSQL's server is not installed: {APT}")
    return Path(os.path.realpath(found[-1] if found else str(on_path))).parent


def _user() -> pwd.struct_passwd | None:
    """Whom root starts the server as; nobody where this is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError("there is neither a user postgres nor nobody")


class Server:
    """One server with its data folder. Databases are made by `database`, each empty or with a journal's schema."""

    def __init__(self) -> None:
        self._bin = programs()
        self._as = _user()
        # A socket's path has 107 characters at most: not below pytest's own folder.
        self.folder = Path(tempfile.mkdtemp(prefix="tagsmith-pg-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}
        if self._as is not None:
            os.chown(self.folder, self._as.pw_uid, self._as.pw_gid)
        self.folder.chmod(0o755)
        self._run(
            "initdb",
            "--no-sync",
            "--no-instructions",
            "-E",
            "UTF8",
            "--locale=C",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-D",
            str(self._data),
        )
        (self._data / "pg_hba.conf").write_text(
            "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        self.start()
        with self.connection() as one:
            one.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, and wait until it answers."""
        deadline = time.monotonic() + _PATIENCE_S
        (self._data / "postgresql.auto.conf").write_text(_CONFIG.format(folder=self.folder, port=self.port))
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", str(self._data)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        while True:
            try:
                self.connection().close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End every connection and stop; `start` finds everything again."""
        self._end(signal.SIGINT)

    def remove(self) -> None:
        """Stop at once and take everything away."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(timeout=_PATIENCE_S)

    # --- databases -----------------------------------------------------------------------------------------------

    def connection(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A superuser's connection, by which everything is done that the journal would not do."""
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=5
        )

    def database(self, template: str = "template0", owner: str = USER) -> str:
        """The name of a new database, a copy of another one."""
        name = f"journal_{next(self._numbers)}"
        with self.connection() as one:
            # Where it must be chosen (from 15 on): without fsync it is quicker than writing the copy to the log.
            strategy = "STRATEGY FILE_COPY" if one.info.server_version >= 150_000 else ""
            one.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {owner} {strategy}")
        return name

    def laid(self) -> str:
        """The name of a new database that holds an empty journal; laying it down every time would take longer."""
        from tagsmith.journal import Journal

        if "laid" not in self._templates:
            name = self.database()
            Journal.open(self.url(name)).close()
            self._templates["laid"] = name
        return self.database(self._templates["laid"])

    def drop(self, name: str) -> None:
        """Take a database away, whoever is connected."""
        with self.connection() as one:
            one.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, database: str, user: str = USER) -> str:
        """The URL of a database by the socket, without a password."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str, password: str = "", user: str = USER) -> str:
        """The URL of a database by TCP."""
        return f"postgresql://{user}{':' if password else ''}{password}@127.0.0.1:{self.port}/{database}"

    # --- programs ------------------------------------------------------------------------------------------------

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._bin / program), *arguments]
        if self._as is not None:
            groups = f"--regid={self._as.pw_gid}"
            command = ["setpriv", f"--reuid={self._as.pw_uid}", groups, "--clear-groups", "--pdeathsig=QUIT", *command]
        elif shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig=QUIT", *command]
        return command

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, cwd=self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")


class Wire:
    """A TCP line to the server that can lose a COMMIT, or the answer to it. Ends both sides when it does."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.fates: list[bool] = []
        """Of the next commits: whether the server gets them; none is answered."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as there, contextlib.suppress(OSError):
            committed = False
            while True:
                ready, _, _ = select.select([client, there], [], [])
                if client in ready:
                    if not (data := client.recv(65536)):
                        return
                    if b"COMMIT\0" in data and self.fates:
                        if not self.fates.pop(0):
                            return
                        committed = True
                    there.sendall(data)
                if there in ready:
                    data = there.recv(65536)
                    if not data or committed:
                        return
                    client.sendall(data)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@functools.cache
def server() -> Server:
    """The test run's server, made when it is first needed and removed at the end of the run."""
    one = Server()
    atexit.register(one.remove)
    return one


@contextlib.contextmanager
def a_database(*, laid: bool = True) -> Iterator[str]:
    """The URL of a database of one test's own, by the socket."""
    one = server()
    name = one.laid() if laid else one.database()
    try:
        yield one.url(name)
    finally:
        one.drop(name)
