"""The log screen (F8): the last lines of this run's log, as they come."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.message import Message

from tagsmith.i18n import _
from tagsmith.tui.ring import LogRing
from tagsmith.tui.screens.overlay import Overlay
from tagsmith.tui.text import Safe, printable
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import PageSheet, Shown


class LogScreen(Overlay):
    """The log, following its end unless somebody has scrolled up. Esc or F8 goes back."""

    class Grew(Message):
        """There are new lines."""

    def __init__(self, shown: Shown, ring: LogRing) -> None:
        super().__init__(shown, Safe(_("LOG   F8 or Esc: back   arrows, Home, End: scroll")))
        self._ring = ring
        self._pending = False

    def page(self) -> PageSheet:
        """What is in the ring now."""
        return PageSheet(self._lines())

    def on_mount(self) -> None:
        """Begin to follow."""
        super().on_mount()
        self._ring.follow(self._grew)
        self.call_after_refresh(self._to_end)

    def on_unmount(self) -> None:
        """End to follow."""
        self._ring.follow(None)

    def _grew(self) -> None:
        # On whatever thread logs; one message at a time, so that a flood of lines is no flood of messages.
        if not self._pending:
            self._pending = True
            self.post_message(self.Grew())

    def on_log_screen_grew(self) -> None:
        """Show the new lines."""
        self._pending = False
        scroll = self.query_one(VerticalScroll)
        at_end = scroll.scroll_offset.y >= scroll.max_scroll_y
        self.query_one(PageSheet).tell(self._lines())
        if at_end:
            self.call_after_refresh(self._to_end)

    def _to_end(self) -> None:
        self.query_one(VerticalScroll).scroll_end(animate=False)

    def _lines(self) -> list[tuple[Safe, Ink]]:
        lines = self._ring.lines()
        return [(printable(line), Ink.PLAIN) for line in lines] or [(Safe(_("nothing logged yet")), Ink.DIM)]
