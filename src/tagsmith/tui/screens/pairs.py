"""The last pairs (F4): one that was never sent can be taken back, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith.i18n import N_, _
from tagsmith.tui.lists import Item, pair_items
from tagsmith.tui.screens.listing import ListScreen
from tagsmith.tui.screens.overlay import title
from tagsmith.tui.text import Safe
from tagsmith.tui.widgets import Shown


class PairsScreen(ListScreen):
    """The last pairs, newest first. Enter takes the marked one back. Esc or F4 goes back."""

    ABOUT = (
        (
            N_("held, queued"),
            N_("was never sent: arrows choose it, Enter takes it back; key and number are free."),
        ),
        (N_("the others"), N_("cannot be taken back; below the list stands what the API said.")),
    )

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown, title(_("LAST PAIRS"), "pairs"), _("arrows, Enter: take back"), Safe(_("no pair yet")))

    def items(self, shown: Shown) -> Sequence[Item]:
        """All that the view holds."""
        return pair_items(shown.view, shown.now)

    def picked(self, item: Item) -> None:
        """Take it back; the station says whether it still could."""
        self.want(lambda station: station.undo_entry(item.key))
