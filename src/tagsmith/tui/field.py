"""The app of the technician's form: scans past the text fields, what is typed into them, and one key that does it."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from tagsmith.model import Scan
from tagsmith.tui import form
from tagsmith.tui.app import TagsmithApp
from tagsmith.tui.form import Correcting, Disabling, FormShown, Question
from tagsmith.tui.gate import Typing
from tagsmith.tui.port import FieldStation
from tagsmith.tui.screens.field import FieldHelp, FieldScreen
from tagsmith.tui.status import OPEN_PHASES

_PAGES = ("shift", "readers", "settings", "palette")


class FieldApp(TagsmithApp, inherit_bindings=False):
    """The form of one station. `user` stands in it from the start; all else as `TagsmithApp`."""

    ACTIONS = ("help", "undo", "do_it", "retry", "replace", "log", "acknowledge", "leave", *_PAGES, "clear")

    def __init__(self, station: FieldStation, *, user: str = "", **how: Any) -> None:
        super().__init__(station, **how)
        self._field = station
        self._user = user

    def get_default_screen(self) -> Screen[Any]:
        """The form."""
        return FieldScreen(self._shown(), self._user, self._block)

    @property
    def _form(self) -> FieldScreen:
        screen = self.screen_stack[0]
        assert isinstance(screen, FieldScreen)
        return screen

    def _shown(self) -> FormShown:
        shown = super()._shown()
        return FormShown(
            view=shown.view,
            now=shown.now,
            hint=shown.hint,
            settled=shown.settled,
            alarm_seen=shown.alarm_seen,
            form=self._field.form(),
        )

    def _show(self) -> None:
        if self._user and self._station.view().lanes:
            user, self._user = self._user, ""
            self._field.ask_user(user)
        super()._show()

    # --- what comes in --------------------------------------------------------------------------------------------

    @property
    def _asked(self) -> Typing:
        """What is typed goes to the form, also from under what lies over it; a burst is always a scan."""
        return Typing.FORM

    def on_field_screen_user_named(self, message: FieldScreen.UserNamed) -> None:
        """A user was written into the form."""
        self._field.ask_user(message.user)

    def on_field_screen_number_written(self, message: FieldScreen.NumberWritten) -> None:
        """A number was written into the form: it is captured when a person says that it is complete."""
        self._station.scan(Scan(message.number, self._clock(), "typed"))

    # --- commands -------------------------------------------------------------------------------------------------

    def action_do_it(self) -> None:
        """F4: what the form says that it does, and nothing else."""
        screen = self._form
        if self.screen is not screen:
            return
        match form.offered(screen.shown):
            case Correcting() as correcting:
                self._field.correct(correcting.entry, correcting.user)
            case Disabling() as disabling:
                screen.ask(Question.NONE)
                self._field.disable(disabling.user, disabling.key_id)
            case None:
                self.bell()
            case wish:
                self._field.enroll(wish)

    def action_replace(self) -> None:
        """F6: choose the key that is lost."""
        self._to_the_lanes()
        self._form.choose_lost()

    def action_help(self) -> None:
        """F1: open the help, or close it."""
        self._toggle(FieldHelp, lambda: FieldHelp(self._shown()))

    def action_clear(self) -> None:
        """Esc: back to the form, out of a question; else drop what waits."""
        self._holdback.clear()
        if self._to_the_lanes():
            return
        if self._form.question is not Question.NONE:
            self._form.ask(Question.NONE)
            return
        self._station.clear()
        self._form.put_away()

    def action_leave(self) -> None:
        """F10: leave; asks once when something is half done or not sent yet, and says it once more at the end."""
        view = self._station.view()
        unsent = form.unsent(view.delivery, self._field.form())
        half_done = any(lane.phase in OPEN_PHASES for lane in view.lanes)
        if (unsent or half_done) and self._form.question is not Question.LEAVE:
            self._to_the_lanes()
            self._form.ask(Question.LEAVE)
            return
        self.last_words = unsent
        self.exit(0)
