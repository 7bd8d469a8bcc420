"""The shift's page (F12): who works, the checks as they pass, start and end, the report.

Everything here also goes by scanner and badge alone: a badge or a code signs on, barcodes start, end and sign off.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input

from tagsmith import words
from tagsmith.i18n import N_, Sentence, _, plural, spoken
from tagsmith.production import CheckView, ShiftReport, ShiftView
from tagsmith.tui.port import Station
from tagsmith.tui.screens.overlay import Lines, Overlay, spread, title
from tagsmith.tui.text import EMPTY, Safe, printable
from tagsmith.tui.typeset import Ink, Row, row
from tagsmith.tui.widgets import LineSheet, PageSheet, Sheet, Shown


class Deed(enum.Enum):
    """What can be chosen on the page."""

    START = enum.auto()
    """Start the shift."""
    END = enum.auto()
    """End it."""
    SIGN_OFF = enum.auto()
    """Whoever is signed on goes."""


_DEEDS = {
    Deed.START: N_("Start the shift"),
    Deed.END: N_("End the shift"),
    Deed.SIGN_OFF: N_("Sign off"),
}

_CHECKS = {
    "golden-key": N_("golden key"),
    "readers": N_("readers"),
    "api": N_("API"),
    "disc": N_("disc"),
    "clock": N_("clock"),
}
_CHECK_WIDTH = 20
_LABEL, _SHORT = 22, 19
"""Where the values of a report begin: as its page has it, and on a narrow screen."""


def deeds(shift: ShiftView) -> tuple[Deed, ...]:
    """What can be chosen now."""
    found = [Deed.END if shift.shift is not None else Deed.START]
    if shift.operator is not None:
        found.append(Deed.SIGN_OFF)
    return tuple(found)


def usual(shift: ShiftView) -> Deed | None:
    """What Enter does when nothing was chosen: begin, where that is the next step. Nothing is ended unasked."""
    next_one = shift.shift is None and shift.report is None and shift.operator is not None
    return Deed.START if next_one else None


def shift_lines(shift: ShiftView, width: int) -> Lines:
    """What the page says, on so many columns."""
    lines: Lines = [_who(shift), *_since(shift)]
    if shift.message:
        lines.append((printable(f"! {spoken(shift.message)}"), Ink.REVERSE))
    if step := next_step(shift):
        lines.append((Safe(step), Ink.BOLD))
    if shift.checks:
        lines += [(EMPTY, Ink.PLAIN), (Safe(_checks_title(shift.checks)), Ink.BOLD)]
        for check in shift.checks:
            lines += _check(check, width)
    if shift.report is not None:
        lines.append((EMPTY, Ink.PLAIN))
        lines += _report(shift.report, width)
    return lines


def next_step(shift: ShiftView) -> str:
    """What is to be done now, in one sentence; empty where keys may be paired."""
    if shift.report is not None and shift.shift is None:
        return _("The shift is over.")
    if shift.ready and shift.shift is not None:
        return _("Ready: keys may be paired.")
    if shift.shift is not None and shift.operator is None:
        return _("Sign on: tap your badge, scan your code, or type code or name below.")
    if shift.shift is not None:
        return _("The checks run. What is open is mended, or done, before the first key.")
    if shift.operator is None and shift.required:
        return _("Sign on: tap your badge, scan your code, or type code or name below.")
    return _("Start the shift: Enter, or the barcode SHIFTSTART.") if shift.required else ""


def _who(shift: ShiftView) -> tuple[Safe, Ink]:
    if shift.operator is None:
        return Safe(_("Nobody is signed on.")), Ink.BOLD
    supervisor = shift.operator.supervisor
    who = N_("{name} is signed on, a supervisor.") if supervisor else N_("{name} is signed on.")
    return printable(spoken(Sentence(who, name=shift.operator.name))), Ink.BOLD


def _since(shift: ShiftView) -> Lines:
    if shift.shift is None:
        return [(Safe(_("No shift runs.")), Ink.PLAIN)]
    since = Sentence("The shift runs since {when}.", when=shift.shift.started_at)
    return [(printable(spoken(since)), Ink.PLAIN)]


def _checks_title(checks: Sequence[CheckView]) -> str:
    open_ones = sum(not check.ok for check in checks)
    if not open_ones:
        return _("All checks are passed")
    return plural("{count} check is open", "{count} checks are open", open_ones).format(count=open_ones)


def _report(report: ShiftReport, width: int) -> Lines:
    """The page of a report, as narrow as it must be."""
    title, _rule, *rest = words.shift_page(report).splitlines()
    lines: Lines = [(printable(title), Ink.BOLD)]
    for line in rest:
        label, value = line[:_LABEL].rstrip(), line[_LABEL:]
        lines += [(text, Ink.PLAIN) for text in spread(label, value, _LABEL if width >= words.PAGE else _SHORT, width)]
    return lines


def _check(check: CheckView, width: int) -> Lines:
    """One check: its mark says by letters what colours would."""
    mark = {True: "[ok]", False: "[NO]", None: "[..]"}[check.ok]
    if check.ok and check.warning:
        mark = "[! ]"
    name = _(_CHECKS.get(check.what, check.what))
    ink = Ink.REVERSE if check.ok is False else Ink.PLAIN
    return [(text, ink) for text in spread(f"{mark} {name}", spoken(check.message), _CHECK_WIDTH, width)]


def deed_row(found: Sequence[Deed], chosen: Deed | None, width: int) -> Row:
    """What can be chosen, the chosen one in exchanged colours."""
    runs: list[tuple[Safe, Ink]] = []
    used = 0
    for deed in found:
        label = f"{'>' if deed is chosen else ' '}{_(_DEEDS[deed])} "
        if used + len(label) > width:
            break
        used += len(label)
        runs.append((Safe(label), Ink.REVERSE if deed is chosen else Ink.PLAIN))
    return tuple(runs) or row(EMPTY)


class DeedSheet(Sheet):
    """What can be chosen."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._found: Sequence[Deed] = ()
        self._chosen: Deed | None = None

    def tell(self, found: Sequence[Deed], chosen: Deed | None) -> None:
        """Show this."""
        self._found, self._chosen = found, chosen
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """One line."""
        return [deed_row(self._found, self._chosen, width)]


class SignOnField(Input):
    """Code or name. Up and down choose what Enter does while nothing stands in it."""

    BINDINGS = [  # noqa: RUF012
        Binding("up", "screen.choose(-1)"),
        Binding("down", "screen.choose(1)"),
        Binding("pageup", "screen.scroll(-1)"),
        Binding("pagedown", "screen.scroll(1)"),
    ]

    def __init__(self) -> None:
        super().__init__(id="sign-on", compact=True, select_on_focus=False)
        self.cursor_blink = False


class ShiftScreen(Overlay):
    """The shift. Esc or its key goes back; one that came `by_itself` goes by itself when keys may be paired."""

    AUTO_FOCUS = "SignOnField"
    ABOUT = (
        (N_("Sign on"), N_("tap your badge, scan your code, or type code or name and press Enter.")),
        (N_("Up, down"), N_("choose what Enter does while the field is empty: start, end, sign off.")),
        (N_("PgUp, PgDn"), N_("scroll, where the report is longer than the screen.")),
        (N_("Barcodes"), N_("SIGNOFF, SHIFTSTART and SHIFTEND do the same: tagsmith commands --sheet prints them.")),
        (
            N_("[ok], [..], [NO], [! ]"),
            N_("a check is passed, runs or waits, is not passed, is passed and to be read."),
        ),
    )
    takes_text = True

    def __init__(self, shown: Shown, station: Station, *, by_itself: bool = False) -> None:
        super().__init__(shown, title(_("Shift").upper(), "shift"), _("up, down, Enter: choose"))
        self._station = station
        self._by_itself = by_itself
        self._chosen: Deed | None = None

    def below(self) -> ComposeResult:
        """What can be chosen, and the field."""
        yield DeedSheet("deeds")
        with Horizontal(classes="line"):
            label = LineSheet(((Safe(f" {_('Sign on')}"), Ink.BOLD),))
            label.add_class("label")
            yield label
            yield SignOnField()

    def page(self) -> PageSheet:
        """How the shift stands now."""
        return PageSheet(partial(shift_lines, self._shown.view.shift))

    def tell(self, shown: Shown) -> None:
        """Show how it stands now; go, if it is done and came by itself."""
        was = self._shown.view.shift
        super().tell(shown)
        if not self.is_there:
            return
        shift = shown.view.shift
        if was.operator != shift.operator or was.shift != shift.shift:
            self._chosen = None  # what was chosen was meant for how things stood then
        if was != shift:
            self.query_one(PageSheet).tell(partial(shift_lines, shift))
        self._tell_deeds()
        if self._by_itself and self.is_current and shift.ready and not self.query_one(SignOnField).value:
            self.dismiss()

    def _tell_deeds(self) -> None:
        shift = self._shown.view.shift
        self.query_one(DeedSheet).tell(deeds(shift), self._chosen or usual(shift))

    @on(Input.Changed)
    def _typed(self) -> None:
        # Whoever types wants to sign on: nothing else is to be chosen any more.
        self._chosen = None
        self._tell_deeds()

    @on(Input.Submitted)
    def _entered(self) -> None:
        field = self.query_one(SignOnField)
        if field.value.strip():
            self._station.sign_on(field.value.strip())
            field.value = ""
            return
        match self._chosen or usual(self._shown.view.shift):
            case Deed.START:
                self._station.start_shift()
            case Deed.END:
                self._station.end_shift()
            case Deed.SIGN_OFF:
                self._station.sign_off()
            case None:
                self.app.bell()
        self._chosen = None
        self._tell_deeds()

    def action_choose(self, by: int) -> None:
        """Choose the next one."""
        found = deeds(self._shown.view.shift)
        now = self._chosen or usual(self._shown.view.shift)
        place = found.index(now) + by if now in found else (0 if by > 0 else len(found) - 1)
        self._chosen = found[max(0, min(place, len(found) - 1))]
        self._tell_deeds()

    def action_scroll(self, by: int) -> None:
        """A page up or down."""
        scroll = self.query_one(VerticalScroll)
        (scroll.scroll_page_down if by > 0 else scroll.scroll_page_up)(animate=False)
