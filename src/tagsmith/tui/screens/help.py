"""The help screen (F1): what the words and colours mean, and what the keys do."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith import words
from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.tui.face import faces
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.screens.overlay import Overlay
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
    (N_("ALARM"), N_("Something is wrong that the station cannot mend. Call somebody, then press F9.")),
)

_KEYS = (
    ("F1", N_("this help")),
    ("F2", N_("take the last pair back, while it was not sent (it is held for some seconds)")),
    ("F5", N_("save again what could not be saved")),
    ("F8", N_("the log of this run")),
    ("F9", N_("I have seen the alarm")),
    ("F10", N_("quit")),
    ("Esc", N_("clear: forget the number being typed and the key or number that waits")),
)

_STATES = (
    (N_("held"), N_("saved here, not sent yet: F2 can still take it back")),
    (N_("queued"), N_("will be sent as soon as it can be")),
    (N_("reserved"), N_("the API holds the pair")),
    (N_("active"), N_("the API holds the pair and has activated it for the user")),
    (N_("REFUSED"), N_("the API said no; its words stand beside it")),
    (N_("UNKNOWN"), N_("sent, and what became of it is not known: a person must look")),
    (N_("undone"), N_("taken back before it was sent")),
    (N_("void"), N_("declared worthless; the API still holds it")),
)


class HelpScreen(Overlay):
    """What the words, keys and states mean. Esc or F1 goes back."""

    def __init__(self, shown: Shown, extras: Sequence[ExtraKey]) -> None:
        super().__init__(shown, Safe(_("HELP   F1 or Esc: back   arrows: scroll")))
        self._extras = extras

    def page(self) -> PageSheet:
        """How things stand, in full, then all of the help."""
        extras = [(extra.key.upper(), printable(extra.label)) for extra in self._extras]
        lines: list[tuple[Safe, Ink]] = [*self._now(), _BLANK]
        for heading, items in (
            (_("What the screen says"), _WORDS),
            (_("Keys"), (*_KEYS, *extras)),
            (_("How far a pair got"), _STATES),
        ):
            lines.append((Safe(heading), Ink.BOLD))
            lines += [(Safe(f"  {_(name)}: {_(what)}"), Ink.PLAIN) for name, what in items]
            lines.append(_BLANK)
        return PageSheet(lines)

    def _now(self) -> list[tuple[Safe, Ink]]:
        """What the lanes and the courier say, also what is too long for the lanes."""
        shown = self._shown
        lines = [(Safe(_("Now")), Ink.BOLD)]
        for heading, face in faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen):
            what = joined([face.title, face.hint, *face.warnings], " ")
            lines.append((Safe(f"  {joined([heading, Safe(face.word)], ' ')}: {what}"), Ink.PLAIN))
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
