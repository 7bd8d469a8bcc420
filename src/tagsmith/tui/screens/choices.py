"""The decision about a lane that has stopped (F11): choices by digit, arrows or mouse; a secret where one is asked."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.model import LaneView
from tagsmith.production import Stop
from tagsmith.tui.gate import Typing, Wanted
from tagsmith.tui.lists import Item
from tagsmith.tui.picking import ChoiceSheet
from tagsmith.tui.screens.listing import ListScreen
from tagsmith.tui.screens.overlay import TitleSheet, title
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.textfield import TextField
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import LineSheet, NoteSheet, Shown, StripSheet

UNLOCK = "unlock"
"""The choice that needs a supervisor's code or PIN."""


def stopped(shown: Shown, lane: str | None = None) -> LaneView | None:
    """The lane of this name if it has stopped; without a name the first one that has."""
    found = (one for one in shown.view.lanes if one.stop is not None and (lane is None or one.lane == lane))
    return next(found, None)


class ChoiceScreen(ListScreen):
    """Why a lane has stopped, and what can be done. Goes when the lane goes on, by whomever that was decided.

    Nothing is marked at first: a stray Enter decides nothing.
    """

    TYPING = Typing.CHOICE
    ABOUT = (
        (N_("a digit"), N_("decides, or arrows and Enter, or two clicks, or the barcode of the choice.")),
        (N_("Scans"), N_("go where they always go; nothing is paired on this lane before it was decided.")),
    )

    def __init__(self, shown: Shown, lane: LaneView) -> None:
        assert lane.stop is not None
        self.lane = lane.lane
        self._stop: Stop = lane.stop
        super().__init__(shown, _heading(lane, len(shown.view.lanes) > 1), _("a digit, or arrows and Enter"))
        self._list = ChoiceSheet(EMPTY)
        self._list.at = -1
        self._why = NoteSheet(id="why")

    def compose(self) -> ComposeResult:
        """As a list, with why the lane has stopped above it."""
        yield from (self._strip, self._title, self._why, self._list, self._note, self._said, self._entry)

    def items(self, shown: Shown) -> Sequence[Item]:
        """The choices, numbered."""
        return [
            Item(choice.id, printable(f"{place}  {spoken(choice.label)}"))
            for place, choice in enumerate(self._stop.choices, 1)
        ]

    def tell(self, shown: Shown) -> None:
        """Show this, or go when there is nothing left to decide, or something else."""
        lane = stopped(shown, self.lane)
        if self.is_mounted and self.is_current and (lane is None or lane.stop != self._stop):
            if lane is None or lane.stop is None:
                self.dismiss()
                return
            self._stop = lane.stop
            self._list.at = -1
        super().tell(shown)
        if self.is_mounted:
            why = joined(map(printable, (spoken(self._stop.title), spoken(self._stop.hint))), " ")
            self._why.tell(why)

    def on_key(self, event: Key) -> None:
        """A digit that was typed by itself."""
        if event.character and event.character.isdecimal():
            self.choose(int(event.character))

    def choose(self, place: int) -> None:
        """The choice of this number, counted from 1."""
        if 1 <= place <= len(self._list.items):
            self.picked(self._list.items[place - 1])
        else:
            self.app.bell()

    def picked(self, item: Item) -> None:
        """Decide; the lane tells what came of it."""
        lane = self.lane
        if item.key == UNLOCK:
            self.app.switch_screen(SecretScreen(self._shown, lane))
        else:
            self.want(lambda station: station.answer(lane, item.key))


class SecretScreen(Screen[None], inherit_bindings=False):
    """A supervisor's code or PIN. What is typed or scanned here goes into the field and nowhere else."""

    TYPING = Typing.SECRET

    def __init__(self, shown: Shown, lane: str) -> None:
        super().__init__()
        self._shown, self.lane = shown, lane
        self._old = shown.view.said
        place = Safe(spoken(Sentence("lane {lane}", lane=lane))) if len(shown.view.lanes) > 1 else EMPTY
        self._strip = StripSheet.of(shown, id="lane")
        self._title = TitleSheet(
            joined([printable(place), Safe(_("A SUPERVISOR"))]),
            Safe(_("badge on the reader, or code or PIN here")),
            id="title",
        )
        self._secret = TextField("secret", "", 128, masked=True)
        self._said = NoteSheet(id="said")

    def compose(self) -> ComposeResult:
        """Lanes, title, field, what the station said to the last one."""
        yield self._strip
        yield self._title
        yield self._secret
        yield self._said
        yield LineSheet(((Safe(_("Enter: done   Esc: back")), Ink.DIM),))

    def on_mount(self) -> None:
        """Ready to type."""
        self._secret.focus()
        self.tell(self._shown)

    def tell(self, shown: Shown) -> None:
        """Show this, or go when the lane goes on."""
        self._shown = shown
        if not self.is_mounted:
            return
        if self.is_current and stopped(shown, self.lane) is None:
            self.dismiss()
            return
        self._strip.tell_all(shown)
        said = shown.view.said
        if said != self._old:
            self._old = ""
        self._said.tell(printable(spoken(said)) if said and not self._old else EMPTY)

    @on(Input.Submitted)
    def _entered(self) -> None:
        secret, lane = self._secret.value, self.lane
        # It stands nowhere once it was used.
        self._secret.value = ""
        if secret:
            self._old = ""
            self.post_message(Wanted(lambda station: station.answer(lane, UNLOCK, secret)))


def _heading(lane: LaneView, several: bool) -> Safe:
    where = printable(spoken(Sentence("lane {lane}", lane=lane.lane))) if several else EMPTY
    return joined([where, title(_("STOP: what now?"), "choices")])
