"""What a batch lets a lane pair: its numbers, their order, and the checks it asks for. Pure: no clock, no I/O.

state   the batch under way: its manifest, what is made and skipped, which lane holds which number, open runs
rules   what a key and a number come to on a lane: taken, taken and shown, refused, or the lane stops
checks  a check under way: which keys are tapped and scanned again, and how far it is
"""

from tagsmith.batch.checks import Asked, Check, Outcome
from tagsmith.batch.rules import OUT_OF_ORDER, Accept, Halt, Refuse, Verdict, judge, other_key, shut, stop_failed
from tagsmith.batch.state import ANY, Roster, Run, begin

__all__ = [
    "ANY",
    "OUT_OF_ORDER",
    "Accept",
    "Asked",
    "Check",
    "Halt",
    "Outcome",
    "Refuse",
    "Roster",
    "Run",
    "Verdict",
    "begin",
    "judge",
    "other_key",
    "shut",
    "stop_failed",
]
