"""The work list (F6): what the API refused, and what nobody knows the outcome of, with what is to be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith.i18n import N_, _
from tagsmith.tui.lists import Item, work_items
from tagsmith.tui.screens.listing import ListScreen
from tagsmith.tui.screens.overlay import title
from tagsmith.tui.text import Safe
from tagsmith.tui.widgets import Shown


class WorkScreen(ListScreen):
    """What waits for a person, oldest first. The marked one tells what to do. Esc or F6 goes back."""

    ABOUT = (
        (N_("REFUSED"), N_("the API did not take the pair. What to do stands below the list.")),
        (N_("UNKNOWN"), N_("perhaps it did: look before anything is paired anew.")),
    )

    def __init__(self, shown: Shown) -> None:
        super().__init__(
            shown, title(_("WORK LIST"), "work"), _("arrows: choose"), Safe(_("nothing waits for a person"))
        )

    def items(self, shown: Shown) -> Sequence[Item]:
        """All of it."""
        return work_items(shown.view, shown.now)

    def picked(self, item: Item) -> None:
        """Nothing: what is to be done is done with the key in hand, and told below the list."""
