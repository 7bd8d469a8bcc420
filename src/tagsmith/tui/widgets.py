"""The sheets a screen is made of: rows of plain text in the colours the stylesheet gives.

All of them draw runs of `Safe` text and nothing else, so markup and escapes have no door. Each knows one value, sets it
anew when told, and is repainted only when its rows changed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Key
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tagsmith.model import StationView
from tagsmith.tui import day, status
from tagsmith.tui.face import Face, Tone, faces
from tagsmith.tui.glyphs import Glyphs
from tagsmith.tui.palette import FAINT
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.text import EMPTY, Safe, joined
from tagsmith.tui.typeset import Ink, Row, face_rows, fitted, row, wrapped

_LOW = 20
"""Rows below which a screen is low."""


@dataclass(frozen=True, slots=True)
class Shown:
    """All that an operator's screen shows at one moment. `settled` is false in the first moments of the core."""

    view: StationView
    now: datetime
    typed: str = ""
    hint: str = ""
    settled: bool = True
    alarm_seen: str = ""
    said: str = ""
    """The station's answer to what was asked for a moment ago; gone after a while, as nobody need put it away."""


class Sheet(Widget, inherit_bindings=False):
    """Rows of runs on a coloured ground."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: Sequence[Row] = ()
        self._set_for: Size | None = None

    @abstractmethod
    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The rows for so many cells; missing rows stay empty, rows too many are not seen."""

    def renew(self) -> None:
        """Set the rows anew and repaint if they differ."""
        if self._set_for is None:
            return
        rows = self.typeset(*self._set_for)
        if rows != self._rows:
            self._rows = rows
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line as Textual wants it."""
        size = self.size
        if size != self._set_for:
            self._set_for = size
            self._rows = self.typeset(*size)
        ground = self.rich_style
        faint = getattr(self.app, "look", "") in FAINT
        runs = self._rows[y] if y < len(self._rows) else ()
        segments = [Segment(_checked(text), _inked(ground, ink, faint)) for text, ink in runs]
        return Strip(segments).adjust_cell_length(size.width, ground)


def _set_height(sheet: Sheet, rows: int) -> None:
    """Give a sheet as many lines; none hide it. Only a change costs a new layout."""
    if sheet.display != bool(rows):
        sheet.display = bool(rows)
    if sheet.styles.height is None or sheet.styles.height.value != rows:
        sheet.styles.height = rows


def _checked(text: Safe) -> str:
    if type(text) is not Safe:
        raise TypeError("only Safe text may be shown")
    return text


def _inked(ground: Style, ink: Ink, faint: bool) -> Style:
    match ink:
        case Ink.PLAIN:
            return ground
        case Ink.BOLD:
            return ground + Style(bold=True)
        case Ink.DIM:
            return ground + Style(dim=True) if faint else ground
        case Ink.REVERSE:
            return Style(color=ground.bgcolor, bgcolor=ground.color, bold=True)
        case Ink.BLOCK:
            return Style(color=ground.color, bgcolor=ground.color)


class StatusSheet(Sheet):
    """Counters, readers, API and clock."""

    shown: Shown | None = None

    def tell(self, shown: Shown) -> None:
        """Show this, on as many lines as it needs."""
        self.shown = shown
        _set_height(self, len(self.typeset(self.app.size.width, 0)))
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """One line or two."""
        return status.status_rows(self.shown.view, self.shown.now, width) if self.shown else ()


class DaySheet(Sheet):
    """The batch and how far it is, who works, how fast and how well; not there when there is nothing of it."""

    shown: Shown | None = None

    def __init__(self, signs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.signs = signs

    def tell(self, shown: Shown) -> None:
        """Show this, on as many lines as it needs: a low screen has one to spare."""
        self.shown = shown
        _set_height(self, len(self.typeset(self.app.size.width, 0)))
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """One line or two, or none."""
        if self.shown is None:
            return ()
        return day.day_rows(self.shown.view, width, self.signs, most=1 if self.app.size.height < _LOW else 2)


class BannerSheet(Sheet):
    """What keeps pairs from being sent; not there when nothing does."""

    shown: Shown | None = None

    def tell(self, shown: Shown) -> None:
        """Show this, on as many lines as it needs."""
        self.shown = shown
        _set_height(self, len(self.typeset(self.app.size.width, 0)))
        self.set_class(status.is_severe(shown.view), "-severe")
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The lines, one below the other."""
        if self.shown is None:
            return ()
        shown = self.shown
        return status.banner_rows(shown.view, width, settled=shown.settled, alarm_seen=shown.alarm_seen)


class FaceSheet(Sheet):
    """A face in its colour: the huge word and what belongs to it."""

    def __init__(self, face: Face, block: str = "█", id: str | None = None) -> None:
        super().__init__(id=id)
        self.face = face
        self.heading = EMPTY
        self.block = block
        self.add_class(f"-{face.tone}")

    def tell(self, face: Face, heading: Safe = EMPTY) -> None:
        """Show this face."""
        if face.tone is not self.face.tone:
            for tone in Tone:
                self.set_class(tone is face.tone, f"-{tone}")
        elif face == self.face and heading == self.heading:
            return  # seven of eight lanes, each time one changes
        self.face, self.heading = face, heading
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The face as large as it fits."""
        return face_rows(self.face, width, height, heading=self.heading, block=self.block)


class LaneSheet(FaceSheet):
    """The face of one lane on the operator's screen. A click on one that has stopped asks for a decision."""

    class Clicked(Message):
        """A person points at this lane."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, face: Face, place: int, block: str = "█") -> None:
        super().__init__(face, block)
        self.place = place

    def on_click(self) -> None:
        """Say so."""
        self.post_message(self.Clicked(self.place))


class StripSheet(FaceSheet):
    """A face in one line, over a screen that hides the lanes: of several lanes that of the worst one."""

    @classmethod
    def of(cls, shown: Shown, id: str | None = None) -> StripSheet:
        """What these lanes come to."""
        face, heading = _worst(shown)
        strip = cls(face, id=id)
        strip.heading = heading
        return strip

    def tell_all(self, shown: Shown) -> None:
        """Show what these lanes come to."""
        self.tell(*_worst(shown))

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The word and what happened."""
        word = Safe(f" {joined([self.heading, Safe(self.face.word)], ': ')} ")
        return [((word, Ink.REVERSE), (fitted(f" {self.face.title}", width - len(word)), Ink.BOLD))]


_URGENCY = (Tone.ERROR, Tone.HALF, Tone.PAIRED, Tone.READY)


def _worst(shown: Shown) -> tuple[Face, Safe]:
    """The face that a person must see when there is room for one, and whose it is."""
    found = faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen)
    heading, face = min(found, key=lambda one: _URGENCY.index(one[1].tone))
    return face, heading


class NoteSheet(Sheet):
    """A sentence on as many lines as it needs, three at most; not there when it is empty."""

    text = EMPTY

    def tell(self, text: Safe) -> None:
        """Show this."""
        self.text = text
        _set_height(self, len(self.typeset(self.app.size.width - 2, 0)))
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The lines."""
        return [row(line, Ink.BOLD) for line in wrapped(self.text, width, 3)]


class LineSheet(Sheet):
    """Lines that stay as they are, each cut at the edge."""

    def __init__(self, lines: Sequence[tuple[Safe, Ink]], id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines = lines

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The lines."""
        return [row(fitted(text, width), ink) for text, ink in self.lines]


class EntrySheet(Sheet):
    """The number that is being typed or scanned."""

    text = ""

    def tell(self, text: str) -> None:
        """Show this text."""
        self.text = text
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The line and its end."""
        return [status.entry_row(self.text, width)]


class PairSheet(Sheet):
    """The last pairs and how far each got."""

    shown: Shown | None = None

    def tell(self, shown: Shown) -> None:
        """Show this."""
        self.shown = shown
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """As many as there is room for."""
        return status.pair_rows(self.shown.view, self.shown.now, width, height) if self.shown else ()


class KeySheet(Sheet):
    """The operator's keys."""

    shown: Shown | None = None

    def tell(self, shown: Shown) -> None:
        """Show the keys that matter now."""
        self.shown = shown
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """One line of keys."""
        if self.shown is None:
            return ()
        return [status.key_row(self.shown.view, width, alarm_seen=self.shown.alarm_seen)]

    def on_click(self, event: Click) -> None:
        """A click on a key is that key, through the same gate as the keyboard's."""
        if self.shown is None:
            return
        key = status.key_at(self.shown.view, self.size.width, event.x, alarm_seen=self.shown.alarm_seen)
        if key:
            self.app.post_message(Key(key, None))


class ExtraSheet(Sheet):
    """The keys a demo adds, and its line."""

    def __init__(self, extras: Sequence[ExtraKey], id: str | None = None) -> None:
        super().__init__(id=id)
        self.extras = extras
        self.hint = ""
        self.display = bool(extras)

    def tell(self, hint: str) -> None:
        """Show this line beside the keys."""
        self.hint = hint
        self.display = bool(self.extras or hint)
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The line, then the keys."""
        rows = [row(line, Ink.BOLD) for line in wrapped(Safe(self.hint), width, 1)]
        if self.extras:
            rows.append(status.extra_key_row(self.extras, width))
        return rows


PageLines = Sequence[tuple[Safe, Ink]] | Callable[[int], Sequence[tuple[Safe, Ink]]]


class PageSheet(Sheet):
    """Lines of text of any number, or what makes them for a width; as high as they are, for a screen that scrolls."""

    def __init__(self, lines: PageLines = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines = lines

    def tell(self, lines: PageLines) -> None:
        """Show these lines."""
        self.lines = lines
        self._set_for = None
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as the lines need when they are wrapped."""
        return len(self.typeset(width, 0))

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """All lines, wrapped."""
        lines = self.lines(width) if callable(self.lines) else self.lines
        return [row(part, ink) for text, ink in lines for part in folded(text, width)]


def folded(text: Safe, width: int) -> list[Safe]:
    """A line of a page, on as many rows as it needs; those after the first are indented as the first one is."""
    body = text.lstrip(" ")
    indent = min(len(text) - len(body), max(width - 12, 0))
    return [Safe(" " * indent + part) for part in wrapped(Safe(body), width - indent, len(body) or 1)] or [EMPTY]
