"""What is told of the day: the batch and how far it is, who works, how fast, how well. Pure.

Nothing is told of what is not there: a station without batches and operators loses no line to them.
"""

from __future__ import annotations

from rich.cells import cell_len

from tagsmith.i18n import Sentence, _, decimal, number, plural, spoken
from tagsmith.model import StationView
from tagsmith.production import BatchStand, BatchView
from tagsmith.tui.glyphs import FULL, Glyphs, bar, sparkline
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.typeset import Ink, Row, Run, first_that_fits, fitted, row

_BAR_LEAST, _BAR_MOST = 8, 40
_NAME_LEAST = 8
_ONE_LINE_WIDTH = 140


def day_rows(view: StationView, width: int, signs: Glyphs = FULL, *, most: int = 2) -> list[Row]:
    """At most `most` lines (1 or 2): the batch, then the day; side by side where the screen is wide."""
    if width <= 2 or most <= 0:
        return []
    day = any(_facts(view, signs))
    if view.batch is None:
        return [_day_row(view, width, signs)] if day else []
    if not day or most == 1:
        return [batch_row(view.batch, width, signs)]
    if width >= _ONE_LINE_WIDTH:
        right = _day_row(view, width // 2 - 2, signs)
        left = width - _cells(right) - 2
        return [(*_filled(batch_row(view.batch, left, signs), left), (Safe("  "), Ink.PLAIN), *right)]
    return [batch_row(view.batch, width, signs), _day_row(view, width, signs)]


def batch_row(batch: BatchView, width: int, signs: Glyphs = FULL) -> Row:
    """Name, bar, count to target, time left. The count comes first, then the name, then the rest."""
    name = printable(batch.stand.batch.name, 60)
    share = _share(batch.stand)
    for text in _counts(batch):
        bars = (0,) if share is None else (_BAR_MOST, 24, 16, _BAR_LEAST, 0)
        for cells in bars:
            taken = 1 + 2 + cell_len(text) + (cells + 2 if cells else 0)
            if taken + cell_len(name) <= width:
                return _batch_runs(name, text, cells, share or 0.0, signs)
    text = _counts(batch)[-1]
    room = width - cell_len(text) - 3
    return _batch_runs(fitted(name, room) if room >= _NAME_LEAST else EMPTY, fitted(text, width - 1), 0, 0.0, signs)


def _batch_runs(name: Safe, text: Safe, cells: int, share: float, signs: Glyphs) -> Row:
    runs: list[Run] = [(Safe(" "), Ink.PLAIN)]
    if name:
        runs.append((Safe(f"{name}  "), Ink.BOLD))
    if cells:
        runs.append((Safe(f"{bar(share, cells, signs)}  "), Ink.PLAIN))
    return (*runs, (text, Ink.BOLD))


def _counts(batch: BatchView) -> tuple[Safe, ...]:
    """The count in words, from the longest form to the shortest."""
    stand, wanted = batch.stand, batch.stand.batch.wanted
    if wanted is None:
        made = Safe(spoken(Sentence("{count} made", count=number(stand.paired))))
        return (made, Safe(number(stand.paired)))
    of = Safe(spoken(Sentence("{count} of {wanted}", count=number(stand.paired), wanted=number(wanted))))
    short = Safe(f"{number(stand.paired)}/{number(wanted)}")
    percent = Safe(f"{_percent(stand)} %")
    unchecked = Safe(_("unchecked {count}").format(count=number(stand.unchecked))) if stand.unchecked else EMPTY
    left = EMPTY if batch.left_s is None or not stand.left else Safe(time_left(batch.left_s))
    return (
        joined([of, percent, left, unchecked]),
        joined([of, percent, left]),
        joined([short, percent, left]),
        joined([short, percent]),
        short,
    )


def _share(stand: BatchStand) -> float | None:
    wanted, left = stand.batch.wanted, stand.left
    return None if not wanted or left is None else (wanted - left) / wanted


def _percent(stand: BatchStand) -> int:
    """Rounded down: all is done only when it is."""
    return int(100 * (_share(stand) or 0.0))


def progress_text(stand: BatchStand, width: int, signs: Glyphs = FULL) -> Safe:
    """A batch's count with a bar of a fixed width, for a list of batches."""
    share = _share(stand)
    if share is None:
        return fitted(spoken(Sentence("{count} made", count=number(stand.paired))), width)
    text = f"{number(stand.paired)}/{number(stand.batch.wanted or 0)}"
    drawn = f"{bar(share, _BAR_LEAST, signs)} {text} {_percent(stand)} %"
    return first_that_fits(width, (drawn, text))


def time_left(seconds: float) -> str:
    """How long something still takes, in a few words: minutes are exact enough."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return _("under 1 min left")
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return spoken(Sentence("{minutes} min left", minutes=minutes))
    if hours >= 24:
        days = round((60 * hours + minutes) / 1440)
        return plural("{count} day left", "{count} days left", days).format(count=days)
    return spoken(Sentence("{hours} h {minutes} min left", hours=hours, minutes=f"{minutes:02}"))


# --- who, how fast, how well --------------------------------------------------------------------------------------


def _facts(view: StationView, signs: Glyphs) -> tuple[Safe, Safe, Safe]:
    """Who works, the yield, and the last hour; empty what nobody can say."""
    operator = view.shift.operator
    who = printable(operator.name, 40) if operator else EMPTY
    if not operator and view.shift.required:
        who = Safe(_("nobody has signed on"))
    share = view.first_pass_yield
    good = EMPTY if share is None else Safe(spoken(Sentence("yield {percent} %", percent=decimal(100 * share))))
    rates = Safe(sparkline(view.rates, signs)) if any(view.rates) else EMPTY
    return who, good, rates


def _day_row(view: StationView, width: int, signs: Glyphs) -> Row:
    who, good, rates = _facts(view, signs)
    pace = Safe(f"{number(view.per_hour)}/h")
    hour = Safe(f"{_('last hour')} {rates}  {pace}") if rates else EMPTY
    short = Safe(f"{rates} {pace}") if rates else EMPTY
    inner = width - 1
    for parts in ((who, good, hour), (who, good, short), (who, short), (who, good)):
        text = joined(parts, "   ")
        if cell_len(text) <= inner:
            return ((Safe(" "), Ink.PLAIN), (text, Ink.PLAIN))
    return row(fitted(f" {who or good}", width))


def _cells(runs: Row) -> int:
    return sum(cell_len(text) for text, _ink in runs)


def _filled(runs: Row, width: int) -> Row:
    return (*runs, (Safe(" " * max(width - _cells(runs), 0)), Ink.PLAIN))
