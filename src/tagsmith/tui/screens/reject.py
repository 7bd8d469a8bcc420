"""Putting a key aside (F7): of which lane, where there are several, and why."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith.i18n import N_, _
from tagsmith.production import RejectCause
from tagsmith.tui.lists import Item, cause_items, lane_items
from tagsmith.tui.screens.listing import ListScreen
from tagsmith.tui.screens.overlay import title
from tagsmith.tui.widgets import Shown


class RejectScreen(ListScreen):
    """First the lane, if there is more than one, then the cause. Goes back to the lanes when both are known."""

    ABOUT = (
        (N_("lane"), N_("whose key is put aside: the one on its reader, the number that waits, or whatever is next.")),
        (N_("cause"), N_("is counted in the report of the shift. Enter puts the key aside; {clear} lets it be.")),
    )

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown, title(_("PUT A KEY ASIDE"), "reject"), _("arrows, Enter: choose"))
        self._lane: str | None = None
        self._list.at = _waiting(shown)

    def items(self, shown: Shown) -> Sequence[Item]:
        """The lanes, or the causes."""
        lanes = shown.view.lanes
        return lane_items(lanes) if len(lanes) > 1 and self._lane is None else cause_items()

    def picked(self, item: Item) -> None:
        """The lane is known now, or all is."""
        lanes = self._shown.view.lanes
        if len(lanes) > 1 and self._lane is None:
            self._lane = item.key
            self._list.at = 0
            self.tell(self._shown)
            return
        lane, cause = self._lane, RejectCause(item.key)
        self.want(lambda station: station.reject(lane, cause))
        self.dismiss()


def _waiting(shown: Shown) -> int:
    """The place of the first lane on which something waits: that is mostly the one that is meant."""
    return next((place for place, lane in enumerate(shown.view.lanes) if lane.uid or lane.number), 0)
