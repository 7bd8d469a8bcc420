"""What is shown of delivery: the counts of this run, the last alarm, and the listener that is told.

Owns when the listener is called and what survives its mistakes. Decides nothing.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from tagsmith.courier.policy import leg_of
from tagsmith.model import Delivery, DeliveryView, LegName, LegState, Record

_log = logging.getLogger(__name__)

MOST_PER_MINUTE = 40_000
"""More than any API lets one station have."""

Listener = Callable[[Record | None, DeliveryView], None]


class Board:
    """The delivery view. `stand` answers how delivery stands now, and what to say of it; `clock` is monotonic."""

    def __init__(
        self, listener: Listener, stand: Callable[[], tuple[Delivery, str]], clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._settled_at: deque[float] = deque(maxlen=MOST_PER_MINUTE)
        self._listener = listener
        self._stand = stand
        self._reserved = 0
        self._refused = 0
        self._unknown: set[str] = set()
        self._alarms = 0
        self._alarm = ""
        self._shown: DeliveryView | None = None
        self.waiting = 0
        """Entries with something left to send, as last counted."""

    @property
    def view(self) -> DeliveryView:
        """How delivery stands now. `unknown` counts entries of this run whose outcome is not known at present."""
        delivery, message = self._stand()
        past = self._clock() - 60.0
        while self._settled_at and self._settled_at[0] < past:
            self._settled_at.popleft()
        return DeliveryView(
            delivery=delivery,
            waiting=self.waiting,
            reserved=self._reserved,
            refused=self._refused,
            unknown=len(self._unknown),
            message=message,
            alarm=self._alarm if self._alarms < 2 else f"{self._alarm} ({self._alarms} alarms, see the log)",
            per_minute=len(self._settled_at),
        )

    def count(self, settled: Record, name: LegName) -> None:
        """Take in one settled leg."""
        leg = leg_of(settled, name)
        self._settled_at.append(self._clock())
        self._reserved += name is LegName.RESERVATION and leg.state is LegState.DONE
        self._refused += leg.state is LegState.REFUSED
        if leg.state is LegState.UNKNOWN:
            self._unknown.add(settled.entry.id)
        else:
            self._unknown.discard(settled.entry.id)
        level = logging.WARNING if leg.state in (LegState.REFUSED, LegState.UNKNOWN) else logging.INFO
        extra = {"entry": settled.entry.id, "lane": settled.entry.lane, "reader": settled.entry.reader}
        _log.log(level, "%s of %s: %s %s", name, settled.entry.id, leg.state, leg.message, extra=extra)

    def raise_alarm(self, text: str, error: BaseException | None = None) -> None:
        """Show and log what a person has to see. The last alarm stays to the end of the run."""
        _log.error("%s", text, exc_info=error)
        self._alarm = text
        self._alarms += 1
        self.publish()

    def publish(self, record: Record | None = None) -> None:
        """Tell the listener of a settled record; without one, of the view, if it is another than the last told."""
        view = self.view
        if record is None and view == self._shown:
            return
        self._shown = view
        try:
            self._listener(record, view)
        except Exception:  # noqa: BLE001 - a mistake of who shows must not end delivery
            _log.exception("the listener failed")
