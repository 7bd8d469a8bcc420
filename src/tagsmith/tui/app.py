"""The app: hands keys to the one line buffer, scans and commands to the station, and the latest view to the screens.

Decides nothing. Everything a person or a scanner sends comes through `on_event`; everything the station has to say
comes as one small message that makes the app look at the latest view.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from textual.driver import Driver
from textual.message import Message
from textual.screen import Screen

from tagsmith.errors import TagsmithError
from tagsmith.model import Phase, Scan
from tagsmith.production import ShiftReport
from tagsmith.tui import keys as held_keys
from tagsmith.tui import palette
from tagsmith.tui.face import Tone, faces
from tagsmith.tui.gate import GatedApp, Wanted
from tagsmith.tui.glyphs import glyphs
from tagsmith.tui.port import ExtraKey, Station
from tagsmith.tui.ring import LogRing
from tagsmith.tui.screens.operator import OperatorScreen
from tagsmith.tui.status import OPEN_PHASES
from tagsmith.tui.terminal.driver import TerminalCaughtUp, TerminalLost, hardened
from tagsmith.tui.terminal.inflow import WindowHandled
from tagsmith.tui.text import printable
from tagsmith.tui.widgets import LaneSheet, Shown

if TYPE_CHECKING:
    from tagsmith.config import Explained

_log = logging.getLogger(__name__)

TICK_S = 1.0
"""The clock, and the look at a line that was left lying."""
SETTLING_S = 3.0
"""In the first moments a reader that is not there yet, or a courier that stands by, is no news."""
SAID_S = 10.0
"""How long the station's answer to something stands on the lanes' screen."""
_CLEARED = OPEN_PHASES - {Phase.COMMITTING} | {Phase.REFUSED, Phase.KNOWN}
"""Phases of lanes that Esc may be meant for."""
_SIGNALS = {signal.SIGTERM: 0, signal.SIGINT: 0, signal.SIGHUP: 1}
"""What ends the screen, and with which status: a terminal that hangs up is no orderly end."""


class TagsmithApp(GatedApp, inherit_bindings=False):
    """The glass of one station. `run` returns the exit status, `return_code` tells of a crash.

    `extra_keys` and `hint` are for a demo. `silence_s` is for scanners that send no end (see `ScanBuffer`). `look` is
    the theme (None: as the terminal can), `keys` the keys that are not the usual ones, `operators` whether the station
    knows who works there, `settings` what was set at the start, and where. `now` gives local time, `clock` must be the
    monotonic clock that key events are stamped with.
    """

    CSS_PATH = "tagsmith.tcss"
    TITLE = "tagsmith"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-mid"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-middle"), (34, "-tall")]  # noqa: RUF012
    # Function keys, Ctrl with a letter, and Esc only: every printable key is a number's, wherever the screen is.
    ACTIONS: tuple[str, ...] = tuple(action for action in held_keys.DEFAULTS if action != "find")

    class Woken(Message):
        """The station has a new view."""

    def __init__(
        self,
        station: Station,
        *,
        ring: LogRing | None = None,
        extra_keys: Sequence[ExtraKey] = (),
        hint: Callable[[], str] | None = None,
        silence_s: float | None = None,
        bell: bool = True,
        look: str | None = None,
        keys: Mapping[str, str] | None = None,
        operators: bool = False,
        settings: Sequence[Explained] = (),
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.look = look or ""  # before Textual asks for the colours
        super().__init__(silence_s=silence_s, clock=clock)
        self.failure: TagsmithError | None = None
        """Why the station could not be started."""
        self.last_words = ""
        """What is to be said on the terminal when it is given back."""
        self._station = station
        self._ring = ring or LogRing()
        self._extras = tuple(extra_keys)
        self._hint = hint
        self._now = now
        held_keys.hold(keys or {})
        self.station = station
        """What the pages ask things of."""
        self.operators = operators
        """Whether the station knows who works there."""
        self._settings = settings
        self._shift_offered = False
        self._report: ShiftReport | None = None
        self._began_at = clock()
        self._alarm_seen = ""
        self._said, self._said_at = "", self._began_at
        self._rings = bell
        self._worst = False
        self._rejected = 0
        self._signs = glyphs(is_unicode=_is_unicode(sys.__stdout__), color_system=self.console.color_system)
        self._block = self._signs.block
        for action in self.ACTIONS:
            if hasattr(self, f"action_{action}"):
                self.bind(held_keys.key(action), action)
        for extra in self._extras:
            if extra.key in self._bindings.key_to_bindings:
                raise ValueError(f"{extra.key} is one of the operator's keys")
            self.bind(extra.key, f"extra({extra.key!r})")

    # --- life -----------------------------------------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice, hardened."""
        return hardened(super().get_driver_class())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colours for the stylesheet."""
        self.look = self.look or palette.theme_for(self.console.color_system)
        return palette.variables(self.look)

    def wear(self, theme: str) -> None:
        """Show everything in the colours of this theme from now on."""
        self.look = theme
        self._invalidate_css()
        self.refresh_css(animate=False)
        for screen in self.screen_stack:
            screen.refresh(layout=True)

    def get_default_screen(self) -> Screen[Any]:
        """The operator's."""
        return OperatorScreen(self._shown(), self._extras, self._signs)

    def on_mount(self) -> None:
        """Listen to signals and to the clock."""
        loop = asyncio.get_running_loop()
        if not self.is_headless:
            for number, status in _SIGNALS.items():
                loop.add_signal_handler(number, self.exit, status)
        self.set_interval(TICK_S, self._tick)
        # Pages scroll at once: frames in between are only late, on a small computer and over ssh.
        self.animation_level = "none"

    def on_ready(self) -> None:
        """The first frame stands: what is slow to start may start."""
        self._began_at = self._clock()
        try:
            self._station.start(self._wake)
        except TagsmithError as error:
            self.failure = error
            self.exit(1)

    def _wake(self) -> None:
        # On the station's thread. After the end of the app the message goes nowhere.
        self.post_message(self.Woken())

    def on_tagsmith_app_woken(self) -> None:
        """Show the latest view."""
        self._show()

    def _tick(self) -> None:
        self._take_scan(self._buffer.tick(self._clock()))
        self._show()

    def on_terminal_lost(self, message: TerminalLost) -> None:
        """Nobody sees this screen any more."""
        _log.error("the terminal is gone: %s", message.why)
        self.exit(1)

    def on_terminal_caught_up(self, message: TerminalCaughtUp) -> None:
        """Frames were dropped while the terminal did not read: paint everything."""
        _log.warning("the terminal did not read for a while")
        self.screen.refresh()

    # --- what is shown --------------------------------------------------------------------------------------------

    def _shown(self) -> Shown:
        view, now = self._station.view(), self._clock()
        if view.said != self._said:
            self._said, self._said_at = view.said, now
        return Shown(
            view=view,
            now=self._now(),
            typed=self._buffer.text,
            hint=self._hint() if self._hint else "",
            settled=now - self._began_at >= SETTLING_S,
            alarm_seen=self._alarm_seen,
            said=view.said if now - self._said_at < SAID_S else "",
        )

    def _show(self) -> None:
        shown = self._shown()
        if shown.view.delivery.alarm != self._alarm_seen:
            self._alarm_seen = ""
            shown = self._shown()
        for screen in self.screen_stack:
            if tell := getattr(screen, "tell", None):
                tell(shown)
        self._offer_the_shift(shown)
        self._ring_the_bell(shown)

    def _ring_the_bell(self, shown: Shown) -> None:
        """Once for each thing that goes wrong. Whether it sounds is up to the terminal; a reader's buzzer is surer."""
        found = faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen)
        worst = any(face.tone is Tone.ERROR for _, face in found)
        rejected = shown.view.rejected > self._rejected
        if self._rings and worst and (rejected or not self._worst):
            self.bell()
        self._worst, self._rejected = worst, shown.view.rejected

    # --- what comes in --------------------------------------------------------------------------------------------

    def on_window_handled(self, message: WindowHandled) -> None:
        """The driver may send the next keys."""
        message.go_on()

    def on_wanted(self, message: Wanted) -> None:
        """A screen wants something of the station. Its answer is news, also when it is the same as the last one."""
        self._said = ""
        message.ask(self._station)

    def on_lane_sheet_clicked(self, message: LaneSheet.Clicked) -> None:
        """A lane was pointed at: if it has stopped, a decision about it is wanted."""
        lanes = self._station.view().lanes
        if message.place < len(lanes) and lanes[message.place].stop is not None:
            self._decide(lanes[message.place].lane)

    def _take_scan(self, scan: Scan | None) -> None:
        if scan is not None:
            self._station.scan(scan)

    def _line_changed(self) -> None:
        self._show()
        if self._silence_s is not None and self._buffer.text:
            self.set_timer(self._silence_s, self._tick)

    # --- commands -------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """F1: open the help on what is shown, or close it."""
        from tagsmith.tui.screens.help import HelpScreen

        opened_on = self.screen
        self._toggle(HelpScreen, lambda: HelpScreen(self._shown(), self._extras, opened_on))

    def action_log(self) -> None:
        """F8: open the log, or close it."""
        from tagsmith.tui.screens.log import LogScreen

        self._toggle(LogScreen, lambda: LogScreen(self._shown(), self._ring))

    def action_batches(self) -> None:
        """F3: open the batches, or close them."""
        from tagsmith.tui.screens.batches import BatchesScreen

        self._toggle(BatchesScreen, lambda: BatchesScreen(self._shown(), self._signs))

    def action_pairs(self) -> None:
        """F4: open the last pairs, or close them."""
        from tagsmith.tui.screens.pairs import PairsScreen

        self._toggle(PairsScreen, lambda: PairsScreen(self._shown()))

    def action_work(self) -> None:
        """F6: open the work list, or close it."""
        from tagsmith.tui.screens.work import WorkScreen

        self._toggle(WorkScreen, lambda: WorkScreen(self._shown()))

    def action_reject(self) -> None:
        """F7: put a key aside, or let it be."""
        from tagsmith.tui.screens.reject import RejectScreen

        self._toggle(RejectScreen, lambda: RejectScreen(self._shown()))

    def action_choices(self) -> None:
        """F11: decide about the first lane that has stopped, or go back."""
        from tagsmith.tui.screens.choices import ChoiceScreen, SecretScreen

        if isinstance(self.screen, (ChoiceScreen, SecretScreen)):
            self._to_the_lanes()
        else:
            self._decide(None)

    def _decide(self, lane: str | None) -> None:
        from tagsmith.tui.screens.choices import ChoiceScreen, stopped

        shown = self._shown()
        if (found := stopped(shown, lane)) is not None:
            self._to_the_lanes()
            self.push_screen(ChoiceScreen(shown, found))

    def _toggle(self, kind: type[Screen[None]], make: Callable[[], Screen[None]]) -> None:
        was_open = isinstance(self.screen, kind)
        self._to_the_lanes()
        if not was_open:
            self.push_screen(make())

    def _to_the_lanes(self) -> bool:
        """Close whatever lies over the lanes; whether something did."""
        if len(self.screen_stack) == 1:
            return False
        self.pop_screen()
        return True

    def action_undo(self) -> None:
        """F2: take the last pair back; with several lanes a person says which."""
        if len(self._station.view().lanes) > 1:
            self.action_pairs()
        else:
            self._station.undo()

    def action_retry(self) -> None:
        """F5: save again what could not be saved."""
        lanes = self._station.view().lanes
        for lane in lanes:
            if lane.phase is Phase.NOT_SAVED:
                self._station.retry(lane.lane if len(lanes) > 1 else None)

    def action_acknowledge(self) -> None:
        """F9: the alarm was seen."""
        alarm = self._station.view().delivery.alarm
        if alarm and alarm != self._alarm_seen:
            _log.warning("alarm seen: %s", printable(alarm))
            self._alarm_seen = alarm
            self._station.acknowledge()
            self._show()

    def action_clear(self) -> None:
        """Esc: go back to the lanes; there, drop the line under way and what waits."""
        if (close_field := getattr(self.screen, "close_field", None)) and close_field():
            return
        self._holdback.clear()
        if self._to_the_lanes():
            return
        self._buffer.clear()
        lanes = self._station.view().lanes
        waiting = [lane.lane for lane in lanes if lane.phase in _CLEARED]
        if len(lanes) <= 1:
            self._station.clear()
        elif len(waiting) == 1:
            self._station.clear(waiting[0])
        elif waiting:
            self.bell()  # a neighbour's key must not go with it: there is a barcode for a lane, and one to clear it
        self._show()

    def action_leave(self) -> None:
        """F10: leave; asks once when something would be lost."""
        from tagsmith.tui.screens.leave import LeaveScreen

        half_done = any(lane.phase in OPEN_PHASES for lane in self._station.view().lanes)
        if not half_done or isinstance(self.screen, LeaveScreen):
            self.exit(0)
            return
        self._to_the_lanes()
        self.push_screen(LeaveScreen(self._shown(), self._block))

    def action_extra(self, key: str) -> None:
        """A key of the demo's."""
        for extra in self._extras:
            if extra.key == key:
                extra.action()

    # --- pages ----------------------------------------------------------------------------------------------------

    def action_readers(self) -> None:
        """Ctrl+R: the readers and scanners."""
        from tagsmith.tui.screens.readers import ReadersScreen

        self._toggle(ReadersScreen, lambda: ReadersScreen(self._shown()))

    def action_settings(self) -> None:
        """Ctrl+T: what is set, and where."""
        from tagsmith.tui.screens.settings import SettingsScreen

        self._toggle(SettingsScreen, lambda: SettingsScreen(self._shown(), self._settings, self.look))

    def action_shift(self) -> None:
        """F12: sign on and off, start and end the shift."""
        from tagsmith.tui.screens.shift import ShiftScreen

        self._toggle(ShiftScreen, lambda: ShiftScreen(self._shown(), self._station))

    def action_palette(self) -> None:
        """Ctrl+P: the supervisor's commands, or the word that a supervisor must sign on."""
        from tagsmith.tui.screens.palette import CommandsScreen, NoSupervisorScreen, may_command

        if self._buffer.text:
            self.bell()  # the rest of the number would be lost in there
        elif may_command(self._station.view(), self.operators):
            self._toggle(CommandsScreen, lambda: CommandsScreen(self._shown(), self.operators, self._clock))
        else:
            self._toggle(NoSupervisorScreen, lambda: NoSupervisorScreen(self._shown()))

    def _offer_the_shift(self, shown: Shown) -> None:
        """Open the shift's page at the start, where nobody may work before a sign-on, and with a report."""
        if not shown.view.lanes:
            return
        shift, at_start = shown.view.shift, not self._shift_offered
        report = shift.report if shift.shift is None else None
        is_over, self._report = report is not None and report != self._report, report
        self._shift_offered = True
        wanted = is_over or (at_start and shift.required and not shift.ready)
        if not wanted or self._buffer.text or len(self.screen_stack) > 1:
            return
        from tagsmith.tui.screens.shift import ShiftScreen

        self.push_screen(ShiftScreen(shown, self._station, by_itself=shift.required))

    # --- when something of ours breaks ----------------------------------------------------------------------------

    def panic(self, *renderables: RenderableType) -> None:
        """End. Textual would print what it is given; that may hold what nobody should read on a terminal."""
        self._fatal_error()

    def _fatal_error(self) -> None:
        """End after an exception: the traceback goes to the log, without locals; the terminal gets one line."""
        error = self._exception or sys.exception()
        _log.critical("the screen failed", exc_info=error)
        kind = type(error).__name__ if error else "error"
        self.last_words = self.last_words or f"the screen failed ({kind}): the log tells more"
        self._return_code = 1
        self._close_messages_no_wait()


def _is_unicode(stream: Any) -> bool:
    return "utf" in (getattr(stream, "encoding", None) or "").lower()
