"""Where visual numbers come from: keyboard bursts, standard input, input devices and serial lines.

Every source gives `Scan`s: one line each, with the time of capture of its first character, and with a fault where the
line must be refused as it is. Nothing here judges a number, and nothing is ever repaired. Barcodes that are commands
are told from numbers here, and obeyed elsewhere.
"""

from tagsmith.scanners.base import ScannerDevice, ScannerPump
from tagsmith.scanners.buffer import Key, ScanBuffer
from tagsmith.scanners.commands import Command, CommandKind, recognise
from tagsmith.scanners.registry import create
from tagsmith.scanners.stdin import StdinScanner

__all__ = [
    "Command",
    "CommandKind",
    "Key",
    "ScanBuffer",
    "ScannerDevice",
    "ScannerPump",
    "StdinScanner",
    "create",
    "recognise",
]
