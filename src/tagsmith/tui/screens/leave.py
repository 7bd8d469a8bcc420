"""The question before leaving while a pair is half done."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen

from tagsmith.i18n import _
from tagsmith.tui import keys
from tagsmith.tui.face import Face, Tone
from tagsmith.tui.status import OPEN_PHASES
from tagsmith.tui.text import Safe
from tagsmith.tui.widgets import EntrySheet, FaceSheet, Shown


def _face() -> Face:
    return Face(
        (_("LEAVE?"),),
        Tone.ERROR,
        Safe(_("A pair is half done and would be lost.")),
        Safe(keys.named(_("{leave} leaves. {clear} goes back to it."))),
    )


class LeaveScreen(Screen[None], inherit_bindings=False):
    """Asks once. Goes away by itself when the pair is done meanwhile."""

    def __init__(self, shown: Shown, block: str) -> None:
        super().__init__()
        self._shown = shown
        self._block = block

    def compose(self) -> ComposeResult:
        """The question, and the number being typed."""
        yield FaceSheet(_face(), self._block)
        yield EntrySheet(id="entry")

    def on_mount(self) -> None:
        """Show what is being typed."""
        self.tell(self._shown)

    def tell(self, shown: Shown) -> None:
        """Show this, or go when there is nothing left to ask about."""
        self._shown = shown
        if not self.is_mounted:
            return
        self.query_one(EntrySheet).tell(shown.typed)
        if self.is_current and not any(lane.phase in OPEN_PHASES for lane in shown.view.lanes):
            self.dismiss()
