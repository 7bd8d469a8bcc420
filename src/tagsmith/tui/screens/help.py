"""The help (F1): what is on the screen now and what it means, then all words, keys and states."""

from __future__ import annotations

from collections.abc import Sequence

from textual.screen import Screen

from tagsmith import words
from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.model import LaneView
from tagsmith.tui import keys
from tagsmith.tui.face import faces
from tagsmith.tui.meanings import MEANINGS
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.screens.overlay import Lines, Overlay, title
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import PageSheet, Shown

_BLANK = (EMPTY, Ink.PLAIN)

_WORDS = (
    (N_("TAP"), N_("Lay one key on the reader.")),
    (N_("SCAN"), N_("The key is read. Scan the number that is printed on it, or type it and press Enter.")),
    (N_("TAP AGAIN"), N_("Lift the key and lay the same one on the reader once more.")),
    (N_("SAVING"), N_("The pair is being written to the disc. Wait.")),
    (N_("PAIRED"), N_("Green: key and number are saved. Only now take the next key.")),
    (N_("KNOWN"), N_("This key was paired before; when, where and with which number is shown.")),
    (N_("GOLDEN KEY"), N_("Before the first key: tap the golden key, to prove that the reader reads right.")),
    (N_("STOP"), N_("Something was refused, and nothing was paired. Read why, then start this key again.")),
    (N_("STOP READER"), N_("The reader cannot be used. It is taken again by itself once it is back.")),
    (N_("ALARM"), N_("Something is wrong that the station cannot mend. Call somebody, then press {acknowledge}.")),
)

_STATES = (
    (N_("held"), N_("saved here, not sent yet: {undo} can still take it back")),
    (N_("queued"), N_("will be sent as soon as it can be")),
    (N_("reserved"), N_("the API holds the pair")),
    (N_("active"), N_("the API holds the pair and has activated it for the user")),
    (N_("REFUSED"), N_("the API said no; its words stand beside it")),
    (N_("UNKNOWN"), N_("sent, and what became of it is not known: a person must look")),
    (N_("undone"), N_("taken back before it was sent")),
    (N_("void"), N_("declared worthless; the API still holds it")),
)


class HelpScreen(Overlay):
    """The help. Esc or its key goes back."""

    def __init__(self, shown: Shown, extras: Sequence[ExtraKey], opened_on: Screen[object] | None = None) -> None:
        super().__init__(shown, title(_("HELP"), "help"), _("arrows: scroll"))
        self._extras = extras
        self._about: tuple[tuple[str, str], ...] = getattr(opened_on, "ABOUT", ())

    def page(self) -> PageSheet:
        """What it was opened on, how things stand, in full, then all of the help."""
        usable = [action for action in keys.MEANINGS if hasattr(self.app, f"action_{action}")]
        known = [(keys.name(action), _(keys.MEANINGS[action])) for action in usable]
        extras = [(keys.key_name(extra.key), printable(extra.label)) for extra in self._extras]
        lines: Lines = []
        if self._about:
            lines += [*_section(_("Where you were"), [_named(item) for item in self._about]), _BLANK]
        lines += [*self._now(), _BLANK]
        for heading, items in (
            (_("What the screen says"), [_named(item) for item in _WORDS]),
            (_("Keys"), [*known, *extras]),
            (_("How far a pair got"), [_named(item) for item in _STATES]),
        ):
            lines += [*_section(heading, items), _BLANK]
        return PageSheet(lines)

    def _now(self) -> Lines:
        """What the lanes and the courier say, also what is too long for the lanes."""
        shown = self._shown
        lines: Lines = [(Safe(_("Now")), Ink.BOLD)]
        found = faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen)
        lanes: Sequence[LaneView | None] = shown.view.lanes or (None,)
        for (heading, face), lane in zip(found, lanes, strict=True):
            what = joined([face.title, face.hint, *face.warnings], " ")
            lines.append((Safe(f"  {joined([heading, Safe(face.word)], ' ')}: {what}"), Ink.PLAIN))
            lines += [(Safe(f"  {text}"), Ink.PLAIN) for text in explanation(lane)] if lane else []
        delivery = shown.view.delivery
        said = [text for text in dict.fromkeys((delivery.alarm, delivery.message)) if text]
        lines += [(Safe(f"  API: {printable(spoken(text))}"), Ink.PLAIN) for text in said]
        for lane in shown.view.lanes:
            if lane.reader.info is not None:
                name = printable(lane.reader.info.name)
                lines += [(Safe(f"  {name}: {_(limit)}"), Ink.PLAIN) for limit in words.reader_limits(lane.reader.info)]
        for scanner in shown.view.scanners:
            name = printable(scanner.name or scanner.spec)
            where = printable(f" ({spoken(Sentence('lane {lane}', lane=scanner.lane))})" if scanner.lane else "")
            lines.append((Safe(f"  {name}{where}: {_(words.READERS[scanner.state])}"), Ink.PLAIN))
        return lines


def explanation(lane: LaneView) -> list[Safe]:
    """What the refusal on a lane means, and what the lane waits for."""
    said: list[Safe] = []
    reason = lane.stop.reason if lane.stop else lane.notice.reason if lane.notice and not lane.notice.good else ""
    if reason in MEANINGS:
        said.append(Safe(_("What it means: {meaning}").format(meaning=_(MEANINGS[reason]))))
    if lane.stop is not None:
        choices = " / ".join(spoken(choice.label) for choice in lane.stop.choices)
        said.append(printable(_("It waits for a decision: {choices}").format(choices=choices)))
    elif waits := words.NEXT.get(lane.expects):
        said.append(Safe(_("It waits for this: {what}").format(what=_(waits))))
    return said


def _named(item: tuple[str, str]) -> tuple[str, str]:
    """A line of the help, with the keys that hold in it."""
    name, what = item
    return keys.named(_(name)), keys.named(_(what))


def _section(heading: str, items: Sequence[tuple[str, str]]) -> Lines:
    return [(Safe(heading), Ink.BOLD), *((Safe(f"  {name}: {what}"), Ink.PLAIN) for name, what in items)]
