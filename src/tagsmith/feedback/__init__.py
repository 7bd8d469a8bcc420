"""What is heard and seen beside the screen: lights and a buzzer on the pins of a Raspberry Pi.

Owns the patterns and the thread that plays them. It decides nothing: whoever knows that a pair is saved, refused or
stuck says so, once. A pattern that cannot be played is no matter to anybody but the log.
"""

from tagsmith.feedback.feedback import Feedback
from tagsmith.feedback.patterns import PATTERNS, Step

__all__ = ["PATTERNS", "Feedback", "Step"]
