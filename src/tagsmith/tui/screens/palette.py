"""The supervisor's commands (Ctrl+P): Textual's command palette with ours in it; and the word that nobody may use them.

While it is open, what is typed goes into its field. A scan that comes meanwhile is dropped and said to be: it is no
number of a lane, since nobody sees the lanes, and its end runs no command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.containers import Horizontal
from textual.widgets import Input

from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.model import Scan, StationView
from tagsmith.tui import keys, palette
from tagsmith.tui.face import faces
from tagsmith.tui.screens.overlay import Overlay, title
from tagsmith.tui.text import Safe
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import LineSheet, PageSheet, Shown, StripSheet

if TYPE_CHECKING:
    from tagsmith.tui.app import TagsmithApp

READ_S = 0.2
"""What fits is to be read before Enter runs it: one that comes sooner after a change is no person's."""
_PAGES = ("batches", "pairs", "work", "shift", "readers", "log", "settings", "help", "acknowledge", "leave")
"""Actions that are commands, too. What concerns one lane, or the line being typed, is not among them."""


def may_command(view: StationView, operators: bool) -> bool:
    """Whether whoever stands there may use the commands: a supervisor, or anybody where nobody is known by name."""
    if not operators:
        return True
    operator = view.shift.operator
    return operator is not None and operator.supervisor


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, what it is for, and what runs it."""

    name: str
    what: str
    run: Callable[[], Any]


def commands(app: TagsmithApp) -> Iterator[Command]:
    """All commands, those that are wanted most often first."""
    alarm = app.station.view().delivery.alarm
    for action in _PAGES:
        if action == "acknowledge" and not alarm:
            continue
        if run := getattr(app, f"action_{action}", None):
            name = _(_NAMES[action])
            yield Command(f"{name}  ({keys.name(action)})", _(keys.MEANINGS[action]), run)
    station = app.station
    yield Command(_("Start the shift"), _("and make its checks"), station.start_shift)
    yield Command(_("End the shift"), _("and make its report"), station.end_shift)
    yield Command(_("Sign off"), _("whoever is signed on goes"), station.sign_off)
    for theme, label in palette.THEMES.items():
        name = spoken(Sentence("Colours: {theme}", theme=label))
        yield Command(name, _("until the station is started again"), partial(app.wear, theme))


_NAMES = {
    "batches": N_("Batches"),
    "pairs": N_("Last pairs"),
    "work": N_("Work list"),
    "shift": N_("Shift"),
    "readers": N_("Readers"),
    "log": N_("Log"),
    "settings": N_("Settings"),
    "help": N_("Help"),
    "acknowledge": N_("Alarm seen"),
    "leave": N_("Quit"),
}


class StationCommands(Provider):
    """Our commands, as Textual's palette asks for them."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for command in commands(self.app):  # type: ignore[arg-type]
            yield DiscoveryHit(Text(command.name), command.run, text=command.name, help=command.what)

    async def search(self, query: str) -> Hits:
        """Those whose name, or purpose, fits what is typed."""
        matcher = self.matcher(query)
        for command in commands(self.app):  # type: ignore[arg-type]
            score = max(matcher.match(command.name), matcher.match(command.what) / 2)
            if score > 0:
                yield Hit(score, Text(command.name), command.run, text=command.name, help=command.what)


class CommandsScreen(CommandPalette):
    """The palette. Its key, or Esc, goes back; it goes away by itself when the supervisor signs off.

    A burst is a scan, which the app drops here. One that is too slow to be seen as a burst is typed into the field,
    fits no command, and its end comes too soon to run one.
    """

    takes_text = True
    takes_scans = False
    ABOUT = (
        (N_("The commands"), N_("type a part of a name, choose with the arrows, Enter runs it, {clear} goes back.")),
        (N_("Scans"), N_("are dropped here, and that is said: nobody sees the lanes.")),
    )

    def __init__(self, shown: Shown, operators: bool, clock: Callable[[], float]) -> None:
        super().__init__([StationCommands], placeholder=_("a command, or a part of its name"))
        self._shown = shown
        self._operators = operators
        self._clock = clock
        self._changed_at = clock()
        self._strip = StripSheet(faces(shown.view)[0][1], id="lane")

    def on_mount(self) -> None:
        """A line for what became of a scan, and no picture of a lens: few consoles have one."""
        self._bindings.bind(keys.key("palette"), "escape")
        self.query(SearchIcon).remove()
        line = LineSheet((), id="dropped")
        line.display = False
        self.mount(self._strip, before=0)
        self.mount(line, after=self.query_one("#--container #--input", Horizontal))
        self.tell(self._shown)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._changed_at = self._clock()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        # The end of a scan that came too slowly to be seen as one; or a person who has not read yet what fits.
        if self._clock() - self._changed_at < READ_S:
            event.stop()
            event.prevent_default()
            self.app.bell()

    def refuse_scan(self, scan: Scan) -> None:
        """Say that a scan was dropped."""
        line = self.query_one("#dropped", LineSheet)
        line.lines = ((Safe(_("Scan dropped: go back, then scan.")), Ink.BOLD),)
        line.display = True
        line.renew()

    def tell(self, shown: Shown) -> None:
        """Show how the first lane stands; go when whoever opened it is no supervisor any more."""
        self._shown = shown
        if not self.is_mounted:
            return
        heading, face = faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen)[0]
        self._strip.tell(face, heading)
        if self.is_current and not may_command(shown.view, self._operators):
            self.dismiss()


class NoSupervisorScreen(Overlay):
    """The word that a supervisor must sign on."""

    ABOUT = ((N_("The commands"), N_("are for a supervisor: tap the badge or scan the code, then press {palette}.")),)

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown, title(_("COMMANDS"), "palette"))

    def page(self) -> PageSheet:
        """What to do."""
        operator = self._shown.view.shift.operator
        who = Sentence("{name} is signed on.", name=operator.name) if operator else N_("Nobody is signed on.")
        return PageSheet(
            [
                (Safe(_("A supervisor must sign on first.")), Ink.BOLD),
                (Safe(spoken(who)), Ink.PLAIN),
                (
                    Safe(
                        keys.named(
                            _("Tap the supervisor's badge, scan the code, or sign on by {shift}. Then {palette} again.")
                        )
                    ),
                    Ink.PLAIN,
                ),
            ]
        )
