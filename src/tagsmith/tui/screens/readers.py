"""The readers' page (Ctrl+R): every reader and scanner, how it stands, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from tagsmith import words
from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.model import LaneView, ReaderState, ScannerStatus, StationView
from tagsmith.tui.screens.overlay import Lines, Overlay, title
from tagsmith.tui.text import EMPTY, Safe, printable
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import PageSheet, Shown


def reader_lines(view: StationView) -> Lines:
    """What the page says of this view. What does not work is in exchanged colours, so that it is found at once."""
    lines: Lines = []
    for lane in view.lanes:
        lines += [*_reader(lane), (EMPTY, Ink.PLAIN)]
    for scanner in view.scanners:
        lines += [*_scanner(scanner), (EMPTY, Ink.PLAIN)]
    if not view.lanes:
        lines.append((Safe(_("There is no reader yet.")), Ink.DIM))
    if not view.scanners:
        lines.append((Safe(_("No scanner of its own: numbers come from the keyboard.")), Ink.DIM))
    return lines


def _reader(lane: LaneView) -> Iterator[tuple[Safe, Ink]]:
    reader = lane.reader
    yield _headline(spoken(Sentence("lane {lane}", lane=lane.lane)), reader.state)
    if reader.info is not None:
        yield printable(f"  {reader.info.name}"), Ink.PLAIN
    yield printable(f"  {reader.spec}"), Ink.PLAIN
    yield from _said(reader.state, reader.message, reader.remedy)
    if reader.info is not None:
        for limit in words.reader_limits(reader.info):
            yield Safe(f"  {_(limit)}"), Ink.DIM


def _scanner(scanner: ScannerStatus) -> Iterator[tuple[Safe, Ink]]:
    where = Sentence("scanner of lane {lane}", lane=scanner.lane) if scanner.lane else N_("scanner of every lane")
    yield _headline(spoken(where), scanner.state)
    if scanner.name:
        yield printable(f"  {scanner.name}"), Ink.PLAIN
    yield printable(f"  {scanner.spec}"), Ink.PLAIN
    yield from _said(scanner.state, scanner.message, scanner.remedy)


def _headline(what: str, state: ReaderState) -> tuple[Safe, Ink]:
    ready = state is ReaderState.READY
    return printable(f" {what}: {_(words.READERS[state])} "), Ink.BOLD if ready else Ink.REVERSE


def _said(state: ReaderState, message: str, remedy: str) -> Iterator[tuple[Safe, Ink]]:
    """What is wrong, and what to do first of all; of a device that works there is nothing to say."""
    if state is ReaderState.READY:
        return
    for text, ink in ((message, Ink.PLAIN), (remedy, Ink.BOLD)):
        if text:
            yield printable(f"  {spoken(text)}"), ink


class ReadersScreen(Overlay):
    """The readers and scanners as they stand now. The same key, or Esc, goes back."""

    ABOUT = (
        (N_("This page"), N_("each lane's reader, then the scanners; what does not work is marked, with what to do.")),
        (N_("A reader that is back"), N_("is taken again by itself. Nothing has to be restarted.")),
    )

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown, title(_("READERS"), "readers"), _("arrows: scroll"))

    def page(self) -> PageSheet:
        """The readers now."""
        return PageSheet(reader_lines(self._shown.view))

    def tell(self, shown: Shown) -> None:
        """Show how they stand now."""
        super().tell(shown)
        if self.is_there:
            sheet, lines = self.query_one(PageSheet), reader_lines(shown.view)
            if lines != sheet.lines:
                sheet.tell(lines)
