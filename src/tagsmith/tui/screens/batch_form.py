"""Small forms about batches: a new one of the simple kind, and why a number is left out.

What needs more (a manifest, rules for numbers, checks) is made by `tagsmith batch create` and `import`.
"""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input

from tagsmith.i18n import Sentence, _, spoken
from tagsmith.model import KeyType
from tagsmith.production import Batch
from tagsmith.tui.gate import Typing, Wanted
from tagsmith.tui.glyphs import Glyphs
from tagsmith.tui.port import Station
from tagsmith.tui.text import EMPTY, Safe, printable
from tagsmith.tui.textfield import TextField
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import LineSheet, NoteSheet, Shown, StripSheet

NAME_LENGTH, GOAL_LENGTH, WHY_LENGTH = 60, 7, 120


class SmallForm(Screen[None], inherit_bindings=False):
    """A few fields over the lanes. What is typed goes into them; a scan goes where scans always go."""

    TYPING = Typing.FORM
    BINDINGS = [  # noqa: RUF012
        Binding("tab", "app.focus_next"),
        Binding("shift+tab", "app.focus_previous"),
        Binding("down", "app.focus_next"),
        Binding("up", "app.focus_previous"),
    ]

    def __init__(self, shown: Shown, signs: Glyphs, title: Safe) -> None:
        super().__init__()
        self._shown, self._signs = shown, signs
        self._strip = StripSheet.of(shown, id="lane")
        self._title = LineSheet(((title, Ink.BOLD),), id="title")
        self._wrong = NoteSheet(id="said")
        self._fields = self.fields()

    @abstractmethod
    def fields(self) -> tuple[tuple[str, TextField], ...]:
        """The fields with their labels, from top to bottom."""

    @abstractmethod
    def judged(self) -> tuple[Callable[[Station], None] | None, Safe]:
        """What to ask the station for, or why not yet."""

    def compose(self) -> ComposeResult:
        """Lanes, title, fields, what is wrong with them."""
        yield self._strip
        yield self._title
        for label, field in self._fields:
            with Horizontal(classes="line"):
                yield _label(label)
                yield field
        yield self._wrong
        yield LineSheet(((Safe(_("Enter: next, at the last one: done   Esc: back")), Ink.DIM),))

    def on_mount(self) -> None:
        """Show what there is."""
        self._fields[0][1].focus()
        self.tell(self._shown)

    def tell(self, shown: Shown) -> None:
        """Show how the lanes stand."""
        self._shown = shown
        if self.is_mounted:
            self._strip.tell_all(shown)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._wrong.tell(EMPTY)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        places = [field for _label, field in self._fields]
        place = places.index(event.input) if event.input in places else 0
        if place + 1 < len(places):
            places[place + 1].focus()
            return
        ask, wrong = self.judged()
        if ask is None:
            self._wrong.tell(wrong)
            self.app.bell()
            return
        from tagsmith.tui.screens.batches import BatchesScreen

        self.post_message(Wanted(ask))
        back = BatchesScreen(self._shown, self._signs)
        back.expect_answer()
        self.app.switch_screen(back)


_TYPES: dict[str, str | None] = {"": None, **{kind.value: kind.value for kind in KeyType}}


class NewBatchScreen(SmallForm):
    """Name, goal and type of a new batch; the rest as the settings say."""

    def __init__(self, shown: Shown, signs: Glyphs) -> None:
        super().__init__(shown, signs, Safe(_("A NEW BATCH")))

    def fields(self) -> tuple[tuple[str, TextField], ...]:
        """Only the name is needed."""
        self._name_field = TextField("name", _("as it stands on the order"), NAME_LENGTH)
        self._goal_field = TextField("goal", _("how many keys; may stay empty"), GOAL_LENGTH)
        self._type_field = TextField("type", _("TAG or CARD; may stay empty"), 8)
        return ((_("Name"), self._name_field), (_("Goal"), self._goal_field), (_("Type"), self._type_field))

    def judged(self) -> tuple[Callable[[Station], None] | None, Safe]:
        """The batch, or what is wrong with it."""
        name, goal, kind = (
            self._name_field.value.strip(),
            self._goal_field.value.strip(),
            self._type_field.value.strip().upper(),
        )
        if not name:
            return None, Safe(_("A batch needs a name."))
        if goal and not (goal.isascii() and goal.isdigit() and int(goal) > 0):
            return None, printable(spoken(Sentence("The goal is a count of keys, not {text}.", text=goal)))
        if kind not in _TYPES:
            return None, printable(spoken(Sentence("The type is TAG or CARD, not {text}.", text=kind)))
        view = self._shown.view
        batch = Batch(
            id=uuid.uuid4().hex,
            name=name,
            target=view.target,
            created_at=datetime.now(UTC),
            created_by=view.shift.operator.name if view.shift.operator else "",
            key_type=_TYPES[kind],
            goal=int(goal) if goal else None,
        )
        return lambda station: station.create_batch(batch), EMPTY


class SkipScreen(SmallForm):
    """Why the number that comes next is not made."""

    def __init__(self, shown: Shown, signs: Glyphs) -> None:
        self._expected = next((lane.expected for lane in shown.view.lanes if lane.expected), "")
        super().__init__(shown, signs, printable(spoken(Sentence("SKIP {number}", number=self._expected))))

    def fields(self) -> tuple[tuple[str, TextField], ...]:
        """One."""
        self._why = TextField("why", _("missing, scrapped, damaged"), WHY_LENGTH)
        return ((_("Why"), self._why),)

    def judged(self) -> tuple[Callable[[Station], None] | None, Safe]:
        """The reason; and the number must still be the one that the person saw."""
        why = self._why.value.strip()
        if not why:
            return None, Safe(_("Say why: it is kept with the batch."))
        expected = next((lane.expected for lane in self._shown.view.lanes if lane.expected), "")
        if expected != self._expected:
            return None, printable(spoken(Sentence("Meanwhile {number} comes next. Go back.", number=expected or "-")))
        return lambda station: station.skip_expected(why), EMPTY


def _label(text: str) -> LineSheet:
    label = LineSheet(((Safe(f" {text}"), Ink.BOLD),))
    label.add_class("label")
    return label
