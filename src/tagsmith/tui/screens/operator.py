"""The operator's screen: what to do now, in one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen

from tagsmith.i18n import spoken
from tagsmith.tui.face import faces as lane_faces
from tagsmith.tui.glyphs import Glyphs
from tagsmith.tui.grid import FEW_ROWS, columns
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.text import printable
from tagsmith.tui.widgets import (
    BannerSheet,
    DaySheet,
    EntrySheet,
    ExtraSheet,
    KeySheet,
    LaneSheet,
    NoteSheet,
    PairSheet,
    Shown,
    StatusSheet,
)

_MANY = 3
"""From so many lanes on, the room is theirs and the last pairs have to wait on their own screen."""


class Lanes(Container, inherit_bindings=False):
    """One face per lane, side by side and below each other so that as much of them as possible can be read."""

    def __init__(self, block: str) -> None:
        super().__init__(id="lanes")
        self._block = block
        self._sheets: list[LaneSheet] = []
        self._rows_set = ""

    def tell(self, shown: Shown) -> None:
        """Show the lanes of this view."""
        faces = lane_faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen)
        if len(faces) != len(self._sheets):
            self.remove_children()
            self._sheets = [LaneSheet(face, place, self._block) for place, (_, face) in enumerate(faces)]
            self.mount_all(self._sheets)
            self._arrange(self.size)
        for sheet, (heading, face) in zip(self._sheets, faces, strict=True):
            sheet.tell(face, heading)

    def on_resize(self, event: Resize) -> None:
        """Arrange the lanes for the new size."""
        self._arrange(event.size)

    def _arrange(self, size: Size) -> None:
        across = columns(max(len(self._sheets), 1), size.width, size.height)
        if across != self.styles.grid_size_columns:
            self.styles.grid_size_columns = across
        high = size.height // -(-max(len(self._sheets), 1) // across)
        # Of lanes of one or two lines none is to have a line more than its neighbour.
        rows = str(high) if 0 < high < FEW_ROWS else "1fr"
        if rows != self._rows_set:
            self._rows_set = rows
            self.styles.grid_rows = rows


class OperatorScreen(Screen[None], inherit_bindings=False):
    """Status, lanes, the number being typed, the last pairs, the keys."""

    def __init__(self, shown: Shown, extras: Sequence[ExtraKey], signs: Glyphs) -> None:
        super().__init__()
        self._shown = shown
        # Kept here: a view may still come while the screen is being taken down, and nothing is found in it then.
        self._status, self._day, self._banner = (
            StatusSheet(id="status"),
            DaySheet(signs, id="day"),
            BannerSheet(id="banner"),
        )
        self._lanes, self._said = Lanes(signs.block), NoteSheet(id="said")
        self._entry, self._pairs = EntrySheet(id="entry"), PairSheet(id="pairs")
        self._extra, self._keys = ExtraSheet(extras, id="extras"), KeySheet(id="keys")

    def compose(self) -> ComposeResult:
        """The sheets from top to bottom."""
        yield self._status
        yield self._day
        yield self._banner
        yield self._lanes
        yield self._said
        yield self._entry
        yield self._pairs
        yield self._extra
        yield self._keys

    def on_mount(self) -> None:
        """Show what there is."""
        self._tell_all(self._shown)

    def on_resize(self) -> None:
        """What takes more lines on a narrow screen is measured anew."""
        self._tell_all(self._shown)

    def tell(self, shown: Shown) -> None:
        """Show this."""
        if not self.is_mounted:
            self._shown = shown
        elif replace(shown, now=self._shown.now) == self._shown:
            self._status.tell(shown)  # the clock alone, every second of a station's life
        else:
            self._tell_all(shown)

    def _tell_all(self, shown: Shown) -> None:
        self._shown = shown
        self.set_class(len(shown.view.lanes) >= _MANY, "-many")
        self._status.tell(shown)
        self._day.tell(shown)
        self._banner.tell(shown)
        self._said.tell(printable(spoken(shown.said)))
        self._lanes.tell(shown)
        self._entry.tell(shown.typed)
        self._pairs.tell(shown)
        self._extra.tell(shown.hint)
        self._keys.tell(shown)
