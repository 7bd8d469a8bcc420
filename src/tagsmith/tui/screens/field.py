"""The technician's form: user, key, number, name; the user's keys; one word for what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from tagsmith.enrolment import UserKey, UserStand
from tagsmith.i18n import N_, _
from tagsmith.model import Notice, Phase
from tagsmith.tui import form, keys, letters
from tagsmith.tui.form import FormShown, Question
from tagsmith.tui.screens.overlay import Overlay
from tagsmith.tui.text import Safe
from tagsmith.tui.typeset import Ink, Row, small_face_rows, wrapped
from tagsmith.tui.widgets import BannerSheet, FaceSheet, LineSheet, PageSheet, Sheet, Shown, StatusSheet


class Field(Input, inherit_bindings=True):
    """A line of text that is typed or pasted; scans never come here."""

    def __init__(self, id: str, placeholder: str = "") -> None:
        super().__init__(id=id, placeholder=placeholder, compact=True, select_on_focus=False)
        self.cursor_blink = False


class FormSheet(Sheet):
    """A line of the form that is set from all that is shown."""

    def __init__(self, id: str, set_row: str) -> None:
        super().__init__(id=id)
        self._set_row = set_row
        self.shown: FormShown | None = None

    def tell(self, shown: FormShown) -> None:
        """Show this; a line without anything to say takes no room."""
        self.shown = shown
        self.display = any(self.typeset(self.app.size.width, 1))
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The line."""
        return [getattr(form, self._set_row)(self.shown, width)] if self.shown else ()


class FormFace(FaceSheet):
    """The word, and what is asked, in full: the word is as large as that leaves room for."""

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """The face; what a person is to agree to is never cut for the sake of large letters."""
        sentences = sum(len(wrapped(text, max(width - 2, 1), height)) for text in (self.face.title, self.face.hint))
        if height - sentences < letters.HEIGHT:
            return small_face_rows(self.face, width, height)
        return super().typeset(width, height)


class KeyList(Sheet, can_focus=False):
    """The user's keys, one of which may be chosen to be replaced."""

    BINDINGS = [  # noqa: RUF012
        Binding("up", "move(-1)"),
        Binding("down", "move(1)"),
        Binding("enter", "choose"),
    ]

    class Chosen(Message):
        """A key is to be replaced."""

        def __init__(self, key: UserKey) -> None:
            super().__init__()
            self.key = key

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.keys: tuple[UserKey, ...] = ()
        self._at = 0

    def tell(self, keys: tuple[UserKey, ...]) -> None:
        """Show these."""
        if keys != self.keys:
            self.keys = keys
            self._at = min(self._at, max(len(keys) - 1, 0))
            self.styles.height = len(keys)
            self.can_focus = bool(keys)
        self.renew()

    def typeset(self, width: int, height: int) -> Sequence[Row]:
        """As many as there is room for."""
        return form.key_rows(self.keys, self._at if self.has_focus else None, width, height)

    def on_focus(self) -> None:
        """Show which one is chosen."""
        self.renew()

    def on_blur(self) -> None:
        """None is chosen."""
        self.renew()

    def action_move(self, by: int) -> None:
        """Choose the next one."""
        self._at = max(0, min(self._at + by, len(self.keys) - 1))
        self.renew()

    def action_choose(self) -> None:
        """This one."""
        if self.keys:
            self.post_message(self.Chosen(self.keys[self._at]))


class FieldScreen(Screen[None], inherit_bindings=False):
    """The form. What is typed into it counts once Enter is pressed or the field is left."""

    AUTO_FOCUS = "#user"
    BINDINGS = [  # noqa: RUF012
        Binding("tab", "app.focus_next"),
        Binding("shift+tab", "app.focus_previous"),
        Binding("down", "app.focus_next"),
        Binding("up", "app.focus_previous"),
    ]

    class UserNamed(Message):
        """A user id was written."""

        def __init__(self, user: str) -> None:
            super().__init__()
            self.user = user

    class NumberWritten(Message):
        """A number was written; that it is complete a person has said with Enter."""

        def __init__(self, number: str) -> None:
            super().__init__()
            self.number = number

    def __init__(self, shown: FormShown, user: str, block: str) -> None:
        super().__init__()
        self._shown = shown
        # Kept here: a view may still come while the screen is being taken down, and nothing is found in it then.
        self._status = StatusSheet(id="status")
        self._banner = BannerSheet(id="banner")
        self._user, self._number, self._name_field = Field("user"), Field("number"), Field("name")
        self._keys = KeyList("user-keys")
        self._face = FormFace(form.form_face(shown), block, id="face")
        self._lines = (
            FormSheet("user-row", "user_row"),
            FormSheet("chip", "chip_row"),
            FormSheet("steps", "steps_row"),
            FormSheet("keys", "keys_row"),
        )
        self._number_told = ""
        self._named = user
        self.question = Question.NONE
        self.lost: UserKey | None = None
        self.seen: Notice | None = None

    def compose(self) -> ComposeResult:
        """The form from top to bottom."""
        yield self._status
        yield self._banner
        with Horizontal(classes="line"):
            yield _label(_("User"))
            yield self._user
        yield self._lines[0]
        yield self._keys
        with Horizontal(classes="line"):
            yield _label(_("Key"))
            yield self._lines[1]
        with Horizontal(classes="line"):
            yield _label(_("Number"))
            yield self._number
        with Horizontal(classes="line"):
            yield _label(_("Name"))
            yield self._name_field
        yield self._face
        yield from self._lines[2:]

    def on_mount(self) -> None:
        """Show what there is."""
        self._user.value = self._named
        self.tell(self._shown)

    def on_resize(self) -> None:
        """What takes more lines on a narrow screen is measured anew."""
        self.tell(self._shown)

    # --- what is shown --------------------------------------------------------------------------------------------

    @property
    def shown(self) -> FormShown:
        """All that is shown now, with what stands in the fields."""
        return replace(
            self._shown,
            typed_user=self._user.value,
            typed_name=self._name_field.value,
            question=self.question,
            lost=self.lost,
            seen=self.seen,
        )

    def tell(self, shown: Shown) -> None:
        """Show this."""
        assert isinstance(shown, FormShown)
        self._shown = shown
        if not self.is_mounted:
            return
        self._tell_number()
        shown = self.shown
        self._status.tell(shown)
        self._banner.tell(shown)
        self._keys.tell(shown.form.keys)
        for line in self._lines:
            line.tell(shown)
        self._face.tell(form.form_face(shown))

    def _tell_number(self) -> None:
        """The number that waits stands in its field; once its pair is saved the field is free for the next."""
        lane = self._shown.view.lanes[0] if self._shown.view.lanes else None
        if lane is None:
            return
        number = "" if lane.phase is Phase.PAIRED else lane.number
        if number == self._number_told:
            return
        if number or self._number.value.strip() == self._number_told:
            self._number.value = number
        if not number and lane.phase is Phase.PAIRED:
            self._name_field.value = ""
        self._number_told = number

    # --- what is typed --------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self) -> None:
        self.tell(self._shown)

    @on(Input.Submitted, "#user")
    def _user_done(self) -> None:
        self._name_user()
        self._number.focus()

    @on(Input.Blurred, "#user")
    def _user_left(self) -> None:
        if self._user.value.strip() != self._named:
            self._name_user()

    def _name_user(self) -> None:
        self._named = self._user.value.strip()
        self.post_message(self.UserNamed(self._named))

    @on(Input.Submitted, "#number")
    def _number_done(self) -> None:
        text = self._number.value
        if text.strip():
            self.post_message(self.NumberWritten(text))
            self._name_field.focus()

    @on(Input.Submitted, "#name")
    def _name_done(self) -> None:
        self._number.focus()

    # --- questions ------------------------------------------------------------------------------------------------

    def ask(self, question: Question, lost: UserKey | None = None) -> None:
        """Ask this, or nothing any more."""
        self.question, self.lost = question, lost
        self.tell(self._shown)

    def put_away(self) -> None:
        """What was said has been read; what was typed as a number is dropped."""
        self.seen = self._shown.form.said
        self._number.value = ""
        self._number_told = ""
        self.tell(self._shown)

    def choose_lost(self) -> None:
        """Go to the user's keys, where one can be chosen to be replaced."""
        if self._shown.form.stand is UserStand.KNOWN and self._shown.form.keys:
            self._keys.focus()
        else:
            self._user.focus()

    @on(KeyList.Chosen)
    def _chosen(self, message: KeyList.Chosen) -> None:
        if message.key.enabled and message.key.can_be_lost:
            self.ask(Question.DISABLE, message.key)
        else:
            self.app.bell()


def _label(text: str) -> LineSheet:
    label = LineSheet(((Safe(f" {text}"), Ink.BOLD),))
    label.add_class("label")
    return label


_HELP = (
    (N_("User"), N_("the user id the keys are for. Enter looks it up; the keys this user has are listed below it.")),
    (N_("Key"), N_("lay the new key on the reader and leave it there until it is saved.")),
    (N_("Number"), N_("scan the printed number, wherever the cursor is, or type it here and press Enter.")),
    (N_("Name"), N_("how the user sees the key; may stay empty.")),
    (
        "{do_it}",
        N_("does what the form asks: saves, reserves and activates the key; corrects a user; disables a lost key."),
    ),
    ("{replace}", N_("replace a lost key: choose it with the arrows, Enter, {do_it}; then tap the new one.")),
    ("{retry}", N_("save again what could not be saved")),
    ("{log}", N_("the log of this run")),
    ("{acknowledge}", N_("I have seen the alarm")),
    ("{leave}", N_("quit; what is saved and not sent is sent by the next `tagsmith run` or `tagsmith courier`")),
    (N_("Tab, arrows"), N_("the next field")),
    ("{clear}", N_("back; drop the key and number that wait")),
    (N_("SAVED"), N_("on the disc: no crash loses it. It is sent as soon as the API can be reached.")),
    (N_("RESERVED"), N_("the API holds key and number; this cannot be taken back.")),
    (N_("WORKS"), N_("the API has activated this very key for the user.")),
    (N_("WHO?"), N_("the API does not know the user; the key stays reserved. Correct the user, Enter, {do_it}.")),
)


class FieldHelp(Overlay):
    """What the form's fields, keys and words mean. Esc or F1 goes back."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown, Safe(keys.named(_("HELP   {help} or {clear}: back   arrows: scroll"))))

    def page(self) -> PageSheet:
        """All of it."""
        lines: list[tuple[Safe, Ink]] = []
        for name, what in _HELP:
            lines.append((Safe(keys.named(f"{_(name)}: {_(what)}")), Ink.PLAIN))
        pages = ("shift", "readers", "settings", "palette")
        lines += [(Safe(f"{keys.name(page)}: {_(keys.MEANINGS[page])}"), Ink.PLAIN) for page in pages]
        return PageSheet(lines)
