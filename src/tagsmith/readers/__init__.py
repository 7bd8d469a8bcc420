"""Readers: what lies on them, as values, and the edges that a pump makes of it.

`create(spec)` gives a `Reader`, a `Pump` turns it into a stream of edges. Backends are imported when chosen.
"""

from tagsmith.readers.base import Reader
from tagsmith.readers.pump import Edge, Pump, ReaderChanged, TagArrived, TagLeft, TagsCollided
from tagsmith.readers.registry import backends, create, discover

__all__ = [
    "Edge",
    "Pump",
    "Reader",
    "ReaderChanged",
    "TagArrived",
    "TagLeft",
    "TagsCollided",
    "backends",
    "create",
    "discover",
]
