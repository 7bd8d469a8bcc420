"""The core thread: bench and courier on an event loop of their own, with one door in and one slot out.

Owns when things start and stop, the way commands reach the core, the latest view, and the event stream. A screen or
a terminal that stalls never holds it up: nothing here waits for whoever looks at the view, and at most one wake-up
is under way at a time.
"""

from tagsmith.station.delivering import deliver, footing
from tagsmith.station.field import FieldStation
from tagsmith.station.operators import supervisor_check
from tagsmith.station.station import Station, bound_lane

__all__ = ["FieldStation", "Station", "bound_lane", "deliver", "footing", "supervisor_check"]
