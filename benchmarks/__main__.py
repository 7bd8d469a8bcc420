"""Every benchmark, one after another, short: `python benchmarks`, or `make bench`.

Each prints medians and a ratio against something bare that was measured in the same run. Absolute times say little
about another machine; ratios carry over. Longer runs: the options of each file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUNS = (
    ["startup.py"],
    ["boot.py"],
    ["first_frame.py"],
    ["screen.py", "--scans", "40"],
    ["journal.py"],
    ["tap_latency.py"],
    ["serial_line.py"],
    ["nfcpy.py"],
    ["lanes.py", "--rounds", "30"],
    ["drain.py", "--entries", "4000", "--slices", "4"],
    ["share.py", "--minutes", "1"],
    ["large_journal.py", "--samples", "200", "--export", "200000"],
    ["bytes_written.py", "300", "."],
    ["headless.py", "--idle", "30", "--pairs", "2000"],
)


def main() -> int:
    """Run them; 1 if one of them failed."""
    failed = 0
    for name, *options in RUNS:
        print(f"\n== {name} {' '.join(options)}".rstrip(), flush=True)
        failed |= subprocess.run([sys.executable, str(HERE / name), *options], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
