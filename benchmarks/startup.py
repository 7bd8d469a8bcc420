"""`tagsmith --help` against `python -c pass`: whole processes, in turn, medians and the ratio of one run.

.venv/bin/python benchmarks/startup.py
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

# Compiled modules are what an installation has; a machine that forbids writing them would be measured instead.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def seconds(command: list[str]) -> float:
    """Wall time of one run of a command."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=25)
    runs = parser.parse_args().runs
    beside = Path(sys.executable).with_name("tagsmith")
    tagsmith = str(beside) if beside.exists() else shutil.which("tagsmith") or "tagsmith"
    commands = {"python -c pass": [sys.executable, "-c", "pass"], "tagsmith --help": [tagsmith, "--help"]}
    for command in commands.values():
        seconds(command)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(seconds(command))
    medians = {name: statistics.median(values) * 1000 for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:<18} median {median:6.1f} ms of {runs}")
    ratio = medians["tagsmith --help"] / medians["python -c pass"]
    print(f"ratio {ratio:.2f} (goal: at most 6)")


if __name__ == "__main__":
    main()
