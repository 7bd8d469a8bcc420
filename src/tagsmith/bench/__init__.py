"""Lanes at work: readers and scanners → pairing → journal.

Owns the lanes, the pumps of readers and scanners, which lane a scan is for, and the way of a pair to the disc. Runs on
the core loop alone: pumps hand over with `call_soon_threadsafe`, commits are awaited and never run on the loop. It
never talks to the API and never decides what may be paired: that is pairing's table.
"""

from tagsmith.bench.bench import Bench
from tagsmith.bench.lane import Work
from tagsmith.bench.rework import MANY_REJECTS, UNLOCK

__all__ = ["MANY_REJECTS", "UNLOCK", "Bench", "Work"]
