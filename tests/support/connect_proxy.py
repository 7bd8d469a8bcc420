"""A proxy on loopback that makes tunnels (CONNECT), and remembers all that it could read."""

from __future__ import annotations

import socket
import threading
from typing import Self


class ConnectProxy:
    """Takes one tunnel after the other; `status` is what it answers to CONNECT. `seen` is every byte it was sent."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.heads: list[str] = []
        self.seen = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._serve)
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._tunnel, client)

    def _tunnel(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (came := client.recv(4096)):
                    return
                head += came
            self.seen += head
            self.heads.append(head.decode())
            client.sendall(f"HTTP/1.1 {self.status} Whatever\r\nContent-Length: 0\r\n\r\n".encode())
            if self.status != 200:
                return
            host, _, port = self.heads[-1].split()[1].partition(":")
            with socket.create_connection((host, int(port))) as server:
                back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                back.start()
                self._copy(client, server, keep=True)
                back.join(10)

    def _copy(self, source: socket.socket, sink: socket.socket, *, keep: bool = False) -> None:
        try:
            while came := source.recv(65536):
                if keep:
                    self.seen += came
                sink.sendall(came)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return
