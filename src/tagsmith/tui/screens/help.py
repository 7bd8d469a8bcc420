"""The help screen (F1): what the words and colours mean, and what the keys do."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith import words
from tagsmith.tui.face import faces
from tagsmith.tui.port import ExtraKey
from tagsmith.tui.screens.overlay import Overlay
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.typeset import Ink
from tagsmith.tui.widgets import PageSheet, Shown

_BLANK = (EMPTY, Ink.PLAIN)

_WORDS = (
    ("TAP", "Lay one key on the reader."),
    ("SCAN", "The key is read. Scan the number that is printed on it, or type it and press Enter."),
    ("TAP AGAIN", "Lift the key and lay the same one on the reader once more."),
    ("SAVING", "The pair is being written to the disc. Wait."),
    ("PAIRED", "Green: key and number are saved. Only now take the next key."),
    ("KNOWN", "This key was paired before; when, where and with which number is shown."),
    ("GOLDEN KEY", "Before the first key: tap the golden key, to prove that the reader reads right."),
    ("STOP", "Something was refused, and nothing was paired. Read why, then start this key again."),
    ("STOP READER", "The reader cannot be used. It is taken again by itself once it is back."),
    ("ALARM", "Something is wrong that the station cannot mend. Call somebody, then press F9."),
)

_KEYS = (
    ("F1", "this help"),
    ("F2", "take the last pair back, while it was not sent (it is held for some seconds)"),
    ("F5", "save again what could not be saved"),
    ("F8", "the log of this run"),
    ("F9", "I have seen the alarm"),
    ("F10", "quit"),
    ("Esc", "clear: forget the number being typed and the key or number that waits"),
)

_STATES = (
    ("held", "saved here, not sent yet: F2 can still take it back"),
    ("queued", "will be sent as soon as it can be"),
    ("reserved", "the API holds the pair"),
    ("active", "the API holds the pair and has activated it for the user"),
    ("REFUSED", "the API said no; its words stand beside it"),
    ("UNKNOWN", "sent, and what became of it is not known: a person must look"),
    ("undone", "taken back before it was sent"),
    ("void", "declared worthless; the API still holds it"),
)


class HelpScreen(Overlay):
    """What the words, keys and states mean. Esc or F1 goes back."""

    def __init__(self, shown: Shown, extras: Sequence[ExtraKey]) -> None:
        super().__init__(shown, Safe("HELP   F1 or Esc: back   arrows: scroll"))
        self._extras = extras

    def page(self) -> PageSheet:
        """How things stand, in full, then all of the help."""
        extras = [(extra.key.upper(), printable(extra.label)) for extra in self._extras]
        lines: list[tuple[Safe, Ink]] = [*self._now(), _BLANK]
        for heading, items in (
            ("What the screen says", _WORDS),
            ("Keys", (*_KEYS, *extras)),
            ("How far a pair got", _STATES),
        ):
            lines += [(Safe(heading), Ink.BOLD), *((Safe(f"  {name}: {what}"), Ink.PLAIN) for name, what in items)]
            lines.append(_BLANK)
        return PageSheet(lines)

    def _now(self) -> list[tuple[Safe, Ink]]:
        """What the lanes and the courier say, also what is too long for the lanes."""
        shown = self._shown
        lines = [(Safe("Now"), Ink.BOLD)]
        for heading, face in faces(shown.view, settled=shown.settled, alarm_seen=shown.alarm_seen):
            what = joined([face.title, face.hint, *face.warnings], " ")
            lines.append((Safe(f"  {joined([heading, Safe(face.word)], ' ')}: {what}"), Ink.PLAIN))
        delivery = shown.view.delivery
        said = [text for text in dict.fromkeys((delivery.alarm, delivery.message)) if text]
        lines += [(Safe(f"  API: {printable(text)}"), Ink.PLAIN) for text in said]
        for lane in shown.view.lanes:
            if lane.reader.info is not None:
                name = printable(lane.reader.info.name)
                lines += [(Safe(f"  {name}: {limit}"), Ink.PLAIN) for limit in words.reader_limits(lane.reader.info)]
        for scanner in shown.view.scanners:
            name = printable(scanner.name or scanner.spec)
            where = printable(f" (lane {scanner.lane})" if scanner.lane else "")
            lines.append((Safe(f"  {name}{where}: {words.READERS[scanner.state]}"), Ink.PLAIN))
        return lines
