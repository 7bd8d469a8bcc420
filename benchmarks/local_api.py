"""A Drive API in raw asyncio that takes every reservation at once: what delivery is measured against.

    python benchmarks/local_api.py [--per-minute N] [--ahead S]

A process of its own that prints its URL. With `--per-minute` it answers 429 to what is too much in a clock minute of
its own clock, which is `--ahead` seconds ahead of this machine's and stands in every answer's `Date`.
`GET /_counts` tells {minute: [taken, answered with 429]}. Ends when its standard input does. Standard library only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from email.utils import formatdate
from pathlib import Path
from typing import ClassVar, Self


class _Api(asyncio.Protocol):
    """One connection. Requests come with Content-Length, as httpx writes them."""

    per_minute = 0
    ahead_s = 0.0
    counts: ClassVar[dict[int, list[int]]] = defaultdict(lambda: [0, 0])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end].lower()
            _, found, after = head.partition(b"content-length:")
            whole = end + 4 + (int(after.partition(b"\r")[0]) if found else 0)
            if len(self._rest) < whole:
                return
            self._rest = self._rest[whole:]
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        now = time.time() + self.ahead_s
        if head.startswith(b"get /_counts"):
            body = json.dumps(self.counts).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
        count = self.counts[int(now // 60)]
        full = 0 < self.per_minute <= count[0]
        count[full] += 1
        status = b"429 Too Many Requests" if full else b"201 Created"
        return b"HTTP/1.1 %s\r\nDate: %s\r\nContent-Length: 0\r\n\r\n" % (status, formatdate(now, usegmt=True).encode())


class LocalApi:
    """The process, for a benchmark."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def counts(self) -> dict[int, list[int]]:
        """Minute of its clock → [taken, answered with 429]."""
        with urllib.request.urlopen(f"{self.url}/_counts", timeout=10) as answer:
            return {int(minute): count for minute, count in json.load(answer).items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=10)


async def serve(per_minute: int, ahead_s: float) -> None:
    """Serve until standard input ends."""
    _Api.per_minute, _Api.ahead_s = per_minute, ahead_s
    server = await asyncio.get_running_loop().create_server(_Api, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--per-minute", type=int, default=0)
    parser.add_argument("--ahead", type=float, default=0.0)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.per_minute, arguments.ahead))


if __name__ == "__main__":
    main()
