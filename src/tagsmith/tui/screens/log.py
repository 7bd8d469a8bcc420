"""The log screen (F8): the last lines of this run's log, as they come; a text in them can be found."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Input

from tagsmith.i18n import N_, _
from tagsmith.tui import keys
from tagsmith.tui.ring import LogRing
from tagsmith.tui.screens.overlay import Lines, Overlay, title
from tagsmith.tui.text import Safe, printable
from tagsmith.tui.typeset import Ink, Row, fitted, row
from tagsmith.tui.widgets import LineSheet, PageSheet, Sheet, Shown, folded


def hits(lines: Sequence[str], wanted: str) -> list[int]:
    """The places of the lines that hold a text, in either case; none for an empty one."""
    folded = wanted.strip().casefold()
    return [place for place, line in enumerate(lines) if folded in line.casefold()] if folded else []


def stand_row(width: int, *, follows: bool, found: int, at: int | None, wanted: str) -> Row:
    """The line below the log: whether it is followed, and how far the finding is."""
    if wanted.strip():
        told = _("{at} of {count}: up and down to the others").format(at=0 if at is None else at + 1, count=found)
        return row(fitted(Safe(told if found else _("not in the log")), width), Ink.BOLD)
    following = _("following") if follows else _("standing still: End follows")
    finds = _("{key}: find").format(key=keys.name("find"))
    return row(fitted(Safe(f"{following}   {finds}"), width), Ink.DIM)


class StandSheet(Sheet):
    """How the log stands."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._what: dict[str, object] = {"follows": True, "found": 0, "at": None, "wanted": ""}

    def tell(self, **what: object) -> None:
        """Show this."""
        self._what = what
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """One line."""
        return [stand_row(width, **self._what)]  # type: ignore[arg-type]


class FindField(Input):
    """What is looked for. Up and down go to the other lines that hold it."""

    BINDINGS = [  # noqa: RUF012
        Binding("up", "screen.go(-1)"),
        Binding("down", "screen.go(1)"),
        Binding("pageup", "screen.scroll(-1)"),
        Binding("pagedown", "screen.scroll(1)"),
    ]

    def __init__(self) -> None:
        super().__init__(id="wanted", compact=True, select_on_focus=False)
        self.cursor_blink = False


class LogScreen(Overlay):
    """The log, following its end unless somebody has scrolled up or looks for something. Esc or the same key goes back.

    While the field is open, what is typed goes into it, and scans go where they always go.
    """

    ABOUT = (
        (N_("arrows, PgUp, PgDn, Home"), N_("look at older lines; new ones still come, the page stands still.")),
        (N_("End"), N_("follow the log again: the last line stays in sight.")),
        (N_("{find}"), N_("find a text: type it; down is the next older line that has it, up the next newer one.")),
        (N_("Enter, or {clear}"), N_("close the field. The page stays where it is.")),
    )

    class Grew(Message):
        """There are new lines."""

    def __init__(self, shown: Shown, ring: LogRing) -> None:
        super().__init__(shown, title(_("LOG"), "log"), _("arrows, Home, End: scroll"))
        self._ring = ring
        self._pending = False
        self._found: list[int] = []
        self._at: int | None = None
        self.follows = True
        self._bindings.bind(keys.key("find"), "find")

    @property
    def takes_text(self) -> bool:  # type: ignore[override]
        """While the field is open."""
        return self.is_there and bool(self.query_one("#find").display)

    def below(self) -> ComposeResult:
        """The field, and how the page stands."""
        with Horizontal(id="find", classes="line"):
            label = LineSheet(((Safe(f" {_('Find')}"), Ink.BOLD),))
            label.add_class("label")
            yield label
            yield FindField()
        yield StandSheet("stand")

    def page(self) -> PageSheet:
        """What is in the ring now."""
        return PageSheet(self._lines())

    def on_mount(self) -> None:
        """Begin to follow."""
        self.query_one("#find").display = False
        super().on_mount()
        self._ring.follow(self._grew)
        self.watch(self.query_one(VerticalScroll), "scroll_y", self._scrolled, init=False)
        self.call_after_refresh(self._to_end)

    def on_unmount(self) -> None:
        """End to follow."""
        self._ring.follow(None)

    # --- following --------------------------------------------------------------------------------------------------

    def _grew(self) -> None:
        # On whatever thread logs; one message at a time, so that a flood of lines is no flood of messages.
        if not self._pending:
            self._pending = True
            self.post_message(self.Grew())

    def on_log_screen_grew(self) -> None:
        """Show the new lines."""
        self._pending = False
        self._look_again()
        if self.follows:
            self.call_after_refresh(self._to_end)

    def _scrolled(self) -> None:
        scroll = self.query_one(VerticalScroll)
        # A page that has just grown is not at its end, and yet nobody has scrolled up.
        if not self._pending and not self._wanted:
            self.follows = scroll.scroll_offset.y >= scroll.max_scroll_y
            self._tell_stand()

    def _to_end(self) -> None:
        if self.is_mounted:
            self.query_one(VerticalScroll).scroll_end(animate=False)

    # --- finding ----------------------------------------------------------------------------------------------------

    @property
    def _wanted(self) -> str:
        return self.query_one(FindField).value if self.takes_text else ""

    def action_find(self) -> None:
        """Open the field, or close it."""
        if self.takes_text:
            self.close_field()
            return
        field = self.query_one(FindField)
        field.value = ""
        self.query_one("#find").display = True
        field.focus()
        self._tell_stand()
        self.tell(self._shown)

    def close_field(self) -> bool:
        """Close the field; whether it was open."""
        if not self.takes_text:
            return False
        self.query_one("#find").display = False
        scroll = self.query_one(VerticalScroll)
        scroll.focus()
        self.follows = scroll.scroll_offset.y >= scroll.max_scroll_y
        self._at = None
        self._look_again()
        self.tell(self._shown)
        return True

    @on(Input.Submitted)
    def _done(self) -> None:
        self.close_field()

    @on(Input.Changed)
    def _typed(self) -> None:
        if self.takes_text:
            self._at = None
            self._look_again()
            self.action_go(1)

    def action_go(self, by: int) -> None:
        """To another line that holds the text: 1 is the next older one, -1 the next newer one; the newest first."""
        if not self._found:
            return
        self._at = 0 if self._at is None else (self._at + by) % len(self._found)
        self.follows = False
        self._look_again()
        sheet, scroll = self.query_one(PageSheet), self.query_one(VerticalScroll)
        above = self._lines()[: self._found[self._at]]
        top = sum(len(folded(text, sheet.size.width)) for text, _ink in above)
        scroll.scroll_to(y=max(0, top - scroll.size.height // 2), animate=False)

    def action_scroll(self, by: int) -> None:
        """A page up or down."""
        scroll = self.query_one(VerticalScroll)
        (scroll.scroll_page_down if by > 0 else scroll.scroll_page_up)(animate=False)

    def _look_again(self) -> None:
        lines = self._ring.lines()
        # The newest first: what is looked for has mostly just happened.
        self._found = hits(lines, self._wanted)[::-1]
        if self._at is not None and self._at >= len(self._found):
            self._at = None
        self.query_one(PageSheet).tell(self._lines())
        self._tell_stand()

    def _tell_stand(self) -> None:
        self.query_one(StandSheet).tell(follows=self.follows, found=len(self._found), at=self._at, wanted=self._wanted)

    def _lines(self) -> Lines:
        lines = self._ring.lines()
        marked = self._found[self._at] if self._at is not None else None
        found = set(self._found)
        return [
            (printable(line), Ink.REVERSE if place == marked else Ink.BOLD if place in found else Ink.PLAIN)
            for place, line in enumerate(lines)
        ] or [(Safe(_("nothing logged yet")), Ink.DIM)]
