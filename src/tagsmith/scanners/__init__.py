"""Where visual numbers come from: keyboard bursts and standard input.

Every source gives `Scan`s: one line each, with the time of capture of its first character, and with a fault where the
line must be refused as it is. Nothing here judges a number, and nothing is ever repaired.
"""

from tagsmith.scanners.buffer import Key, ScanBuffer
from tagsmith.scanners.stdin import StdinScanner

__all__ = ["Key", "ScanBuffer", "StdinScanner"]
