"""From the start of a station's process until it is ready, as its service manager sees it (READY=1).

    .venv/bin/python benchmarks/boot.py

The station is headless, with a simulated reader, a journal on this disc that is there already, and an API on loopback;
then without any API, as a machine that has no network yet. Before each a bare `python -c pass`, in the same run. With
--tagsmith another one is measured, like the package's /usr/bin/tagsmith.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tagsmith.sandbox import Sandbox

GOAL_S = 2.0
PATIENCE_S = 60.0

# Compiled modules are what an installation has; a machine that forbids writing them would be measured instead.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def bare() -> float:
    """Wall time of `python -c pass`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started


def to_ready(command: list[str], folder: Path, url: str) -> float:
    """Wall time from the start of a station to READY=1; it is ended then."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(PATIENCE_S)
        started = time.perf_counter()
        station = subprocess.Popen(
            [*command, "run", "--headless", "--reader", f"sim:{folder / 'idle.toml'}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "TAGSMITH_API__URL": url,
                "TAGSMITH_API__KEY": "bench",
                "TAGSMITH_JOURNAL__URL": f"sqlite:///{folder / 'journal.sqlite'}",
                "NOTIFY_SOCKET": str(folder / "notify"),
            },
        )
        try:
            told = manager.recv(4096)
            took = time.perf_counter() - started
            assert told.startswith(b"READY=1"), told
        finally:
            station.send_signal(signal.SIGTERM)
            station.communicate(timeout=PATIENCE_S)
            (folder / "notify").unlink()
    return took


def main() -> int:
    """Measure and print; 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--tagsmith", type=Path)
    given = parser.parse_args()
    command = [str(given.tagsmith)] if given.tagsmith else [sys.executable, "-m", "tagsmith"]
    missed = False
    with tempfile.TemporaryDirectory(dir=".") as name, Sandbox(key="bench") as sandbox:
        folder = Path(name).absolute()
        (folder / "idle.toml").write_text("[[step]]\npause_s = 86400\n", encoding="utf-8")
        with socket.socket() as nobody:
            # Bound and not listening: whoever connects is refused at once.
            nobody.bind(("127.0.0.1", 0))
            urls = {"with an API": sandbox.url, "without one": f"http://127.0.0.1:{nobody.getsockname()[1]}"}
            for about, url in urls.items():
                to_ready(command, folder, url)
                pairs = [(bare(), to_ready(command, folder, url)) for _ in range(given.runs)]
                passes, times = zip(*pairs, strict=True)
                median = statistics.median(times)
                missed |= median > GOAL_S
                print(
                    f"to READY=1 {about}: median {median:.2f} s of {given.runs}, at most {max(times):.2f} s"
                    f" (goal: {GOAL_S:.0f} s); python -c pass {1000 * statistics.median(passes):.0f} ms,"
                    f" ratio {median / statistics.median(passes):.0f}"
                )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
