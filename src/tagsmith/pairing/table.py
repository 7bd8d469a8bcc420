"""The table of moves: which event means something in which phase, and where it may lead. Pure.

docs/pairing.md is generated from it by `describe`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tagsmith.model import Phase
from tagsmith.pairing import moves
from tagsmith.pairing.values import (
    Cancel,
    Collided,
    Confirmed,
    Event,
    Found,
    Lane,
    NotSaved,
    NumberRefused,
    ReaderGone,
    Removed,
    Retry,
    Rules,
    Saved,
    Scanned,
    Stalled,
    Step,
    Taken,
    Tapped,
    Tick,
    UndoAsked,
    Undone,
)

Handler = Callable[[Lane, Event, Rules], Step]


@dataclass(frozen=True, slots=True)
class Move:
    """One cell of the table: what is done and the phases it may end in, each with its reason."""

    handle: Handler
    ends: Mapping[Phase, str]


def step(lane: Lane, event: Event, rules: Rules) -> Step:
    """The one way a lane changes. An event that has no move in this phase changes nothing (`moved` is false)."""
    since = lane.deadline_after
    if since is not None and not isinstance(event, Tick) and event.at - since >= rules.timeout_s:
        # Whoever delivers late: what was captured after the deadline finds nothing that waits.
        timed_out = step(lane, Tick(event.at), rules)
        later = step(timed_out.lane, event, rules)
        return Step(later.lane, timed_out.effects + later.effects)
    move = TABLE.get((lane.phase, type(event)))
    if move is None:
        return Step(lane, moved=False)
    after = move.handle(lane, event, rules)
    assert after.lane.phase in move.ends, f"{lane.phase} + {type(event).__name__} → {after.lane.phase}"
    if after.then is None:
        return after
    again = step(after.lane, after.then, rules)
    return Step(again.lane, after.effects + again.effects)


# --- the table ----------------------------------------------------------------------------------------------------

_R, _T, _N, _V, _C = Phase.READY, Phase.TAG_WAITS, Phase.NUMBER_WAITS, Phase.VERIFYING, Phase.COMMITTING
_S = Phase.CONFIRMING
_P, _X, _K, _F, _G = Phase.PAIRED, Phase.REFUSED, Phase.KNOWN, Phase.NOT_SAVED, Phase.GOLDEN


def _idle(phase: Phase) -> dict[tuple[Phase, type[Event]], Move]:
    """The moves of a phase in which nothing waits."""
    same = {phase: "bounce"} if phase is not _X else {}
    return {
        (phase, Tapped): Move(moves.fresh_tap, {_T: "tap", _X: "tap refused", **same}),
        (phase, Scanned): Move(moves.fresh_scan, {_N: "scan (scan-first, either)", _X: "no-tag, stale-scan", **same}),
        (phase, Collided): Move(moves.collided, {_X: "two-tags, two-lanes, unreadable"}),
        (phase, NumberRefused): Move(moves.refused_idle, {_X: "number refused"}),
        (phase, Stalled): Move(moves.stood_still_idle, {phase: "nothing waited"}),
        (phase, Cancel): Move(moves.clear, {_R: "cancel, put-aside"}),
        (phase, UndoAsked): Move(moves.undo, {phase: "undo asked"}),
        (phase, Undone): Move(moves.undone, {phase: "undone"}),
    }


TABLE: Mapping[tuple[Phase, type[Event]], Move] = {
    # the start of a shift, where a golden key is set
    (_G, Tapped): Move(moves.golden_tap, {_R: "golden key", _G: "golden-key-reversed, golden-key-mismatch"}),
    (_G, Scanned): Move(moves.golden_first, {_G: "golden-key-awaited"}),
    (_G, NumberRefused): Move(moves.keeps_waiting, {_G: "number refused"}),
    (_G, Stalled): Move(moves.stood_still_idle, {_G: "nothing waited"}),
    (_G, Collided): Move(moves.golden_collided, {_G: "two-tags, two-lanes, unreadable"}),
    (_G, UndoAsked): Move(moves.undo, {_G: "undo asked"}),
    (_G, Undone): Move(moves.undone, {_G: "undone"}),
    **_idle(_R),
    **_idle(_X),
    **_idle(_P),
    (_P, Undone): Move(moves.undone, {_R: "undone", _P: "cannot be undone"}),
    **_idle(_K),
    (_K, Tapped): Move(moves.known_tap, {_K: "same key again, bounce", _T: "tap", _X: "tap refused"}),
    (_K, Scanned): Move(moves.known_scan, {_K: "duplicate-uid", _N: "scan (scan-first)", _X: "stale-scan"}),
    (_K, NumberRefused): Move(moves.keeps_waiting, {_K: "number refused"}),
    (_K, Tick): Move(moves.known_tick, {_K: "waiting", _R: "timeout"}),
    # a tag waits for its number
    (_T, Tapped): Move(moves.other_tap, {_T: "same tag", _X: "tag-changed"}),
    (_T, Scanned): Move(
        moves.scan_joins,
        {_C: "scan", _V: "scan (verify)", _S: "scan (confirm)", _T: "stale-scan, number-is-uid", _X: "not-for-pairing"},
    ),
    (_T, NumberRefused): Move(moves.keeps_waiting, {_T: "number refused"}),
    (_T, Collided): Move(moves.collided, {_X: "two-tags, two-lanes, unreadable"}),
    (_T, Removed): Move(moves.tag_left, {_T: "tag stays valid", _X: "tag-removed"}),
    (_T, Found): Move(moves.tag_found, {_T: "not paired yet", _K: "duplicate-uid"}),
    (_T, Stalled): Move(moves.stood_still, {_X: "stalled"}),
    (_T, ReaderGone): Move(moves.reader_gone, {_X: "reader-lost"}),
    (_T, Tick): Move(moves.time_out, {_T: "waiting", _X: "timeout"}),
    (_T, Cancel): Move(moves.cancel, {_R: "cancel, put-aside"}),
    (_T, UndoAsked): Move(moves.undo, {_T: "undo asked"}),
    (_T, Undone): Move(moves.undone, {_T: "undone"}),
    # a number waits for its tag
    (_N, Tapped): Move(
        moves.tap_joins, {_C: "tap", _V: "tap (verify)", _S: "tap (confirm)", _X: "tap refused", _N: "bounce"}
    ),
    (_N, Scanned): Move(moves.other_scan, {_N: "same number, another one (confirm)", _X: "number-changed, stale-scan"}),
    (_N, NumberRefused): Move(moves.number_spoilt, {_X: "number-changed"}),
    (_N, Collided): Move(moves.collided, {_X: "two-tags, two-lanes, unreadable"}),
    (_N, Found): Move(moves.number_found, {_N: "not used yet", _X: "duplicate-number"}),
    (_N, Stalled): Move(moves.stood_still, {_X: "stalled"}),
    (_N, ReaderGone): Move(moves.reader_gone, {_X: "reader-lost"}),
    (_N, Tick): Move(moves.time_out, {_N: "waiting", _X: "timeout"}),
    (_N, Cancel): Move(moves.cancel, {_R: "cancel, put-aside"}),
    (_N, UndoAsked): Move(moves.undo, {_N: "undo asked"}),
    (_N, Undone): Move(moves.undone, {_N: "undone"}),
    # both are there, the second tap, or the second scan, is awaited
    (_V, Tapped): Move(moves.second_tap, {_C: "same tag", _X: "verify-mismatch", _V: "stale tap"}),
    (_V, Scanned): Move(moves.second_scan, {_C: "same number (rescan)", _V: "same number", _X: "number-changed"}),
    (_V, NumberRefused): Move(moves.number_spoilt, {_X: "number-changed"}),
    (_V, Collided): Move(moves.collided, {_X: "two-tags, two-lanes, unreadable"}),
    (_V, Found): Move(moves.both_found, {_V: "free", _K: "duplicate-uid", _X: "duplicate-number"}),
    (_V, Stalled): Move(moves.stood_still, {_X: "stalled"}),
    (_V, ReaderGone): Move(moves.reader_gone, {_X: "reader-lost"}),
    (_V, Tick): Move(moves.time_out, {_V: "waiting", _X: "timeout"}),
    (_V, Cancel): Move(moves.cancel, {_R: "cancel, put-aside"}),
    (_V, UndoAsked): Move(moves.undo, {_V: "undo asked"}),
    (_V, Undone): Move(moves.undone, {_V: "undone"}),
    # both are there, a person's word is awaited
    (_S, Confirmed): Move(moves.confirmed, {_C: "confirmed", _S: "confirm-stale, key-away", _X: "not-for-pairing"}),
    (_S, Tapped): Move(moves.other_tap, {_S: "same tag", _X: "tag-changed"}),
    (_S, Scanned): Move(
        moves.number_again,
        {_S: "same number, another one, stale-scan, number-is-uid", _X: "number-changed, not-for-pairing"},
    ),
    (_S, NumberRefused): Move(moves.number_unsure, {_T: "number refused"}),
    (_S, Collided): Move(moves.collided, {_X: "two-tags, two-lanes, unreadable"}),
    (_S, Removed): Move(moves.tag_left, {_S: "tag is away", _X: "tag-removed"}),
    (_S, Found): Move(moves.both_found, {_S: "free", _K: "duplicate-uid", _X: "duplicate-number"}),
    (_S, Stalled): Move(moves.stood_still, {_X: "stalled"}),
    (_S, ReaderGone): Move(moves.reader_gone, {_X: "reader-lost"}),
    (_S, Tick): Move(moves.time_out, {_S: "waiting", _X: "timeout"}),
    (_S, Cancel): Move(moves.cancel, {_R: "cancel, put-aside"}),
    (_S, UndoAsked): Move(moves.undo, {_S: "undo asked"}),
    (_S, Undone): Move(moves.undone, {_S: "undone"}),
    # the pair is on its way to the disc: nothing may stop it
    (_C, Tapped): Move(moves.arrives_meanwhile, {_C: "looked at afterwards"}),
    (_C, Collided): Move(moves.arrives_meanwhile, {_C: "looked at afterwards"}),
    (_C, Removed): Move(moves.leaves_meanwhile, {_C: "tag left"}),
    (_C, ReaderGone): Move(moves.lost_meanwhile, {_C: "tag left"}),
    (_C, Stalled): Move(moves.stood_still_idle, {_C: "tag forgotten"}),
    (_C, Scanned): Move(moves.too_early, {_C: "busy"}),
    (_C, Saved): Move(moves.saved, {_P: "saved", _X: "saved, but a number came too early", _C: "past id"}),
    (_C, Taken): Move(moves.taken, {_K: "duplicate-uid", _X: "duplicate-number, batch-closed", _C: "past id"}),
    (_C, NotSaved): Move(moves.not_saved, {_F: "commit-failed", _C: "past id"}),
    (_C, Undone): Move(moves.undone, {_C: "undone"}),
    # the journal could not record it
    (_F, Stalled): Move(moves.stood_still_idle, {_F: "the pair stays"}),
    (_F, Retry): Move(moves.retry, {_C: "retry"}),
    (_F, Tapped): Move(moves.retry_by_tap, {_C: "same tag", _X: "tag-changed"}),
    (_F, Scanned): Move(moves.retry_by_scan, {_C: "same number", _X: "number-changed"}),
    (_F, Collided): Move(moves.collided, {_X: "two-tags, two-lanes, unreadable"}),
    (_F, Cancel): Move(moves.cancel, {_R: "cancel, put-aside"}),
    (_F, UndoAsked): Move(moves.undo, {_F: "undo asked"}),
    (_F, Undone): Move(moves.undone, {_F: "undone"}),
}


def describe() -> str:
    """docs/pairing.md: the table as a diagram and as a list. A test holds file and table together."""
    arrows: dict[tuple[Phase, Phase], list[str]] = {}
    rows = []
    for (phase, event), move in TABLE.items():
        for end, why in move.ends.items():
            rows.append(f"| {phase} | {event.__name__} | {end} | {why} |")
            if end is not phase:
                arrows.setdefault((phase, end), []).append(why)
    lines = [
        "# Pairing",
        "",
        "What a lane may do, generated from the table in `src/tagsmith/pairing/table.py` (`make generated`). An event",
        "that is not listed for a phase changes nothing. What arrives on the reader during a commit is looked at right",
        "after it, from the phase the commit ended in. A half pair whose time is over is dropped before an event that",
        "was captured later is looked at, however late that comes.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> ready",
        "    [*] --> golden: with a golden key",
    ]
    for (start, end), whys in arrows.items():
        label = ", ".join(dict.fromkeys(whys))
        lines.append(f"    {_node(start)} --> {_node(end)}: {label}")
    lines += ["```", "", "## Phases", "", "| phase | meaning |", "|---|---|"]
    lines += [f"| {phase} | {_MEANING[phase]} |" for phase in Phase]
    lines += ["", "## Moves", "", "| in phase | event | goes to | when |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _node(phase: Phase) -> str:
    return phase.value.replace("-", "_")


_MEANING = {
    _G: "the golden key is awaited, before the first pair",
    _R: "nothing waits",
    _T: "a tag was tapped; its number is awaited",
    _N: "a number was scanned; its tag is awaited",
    _V: "both are there; a second tap of the same key, or a second scan of the same number, is awaited",
    _S: "both are there; a person's word on the form is awaited",
    _C: "the pair is on its way to the disc",
    _P: "the pair is on the disc: the only green phase",
    _X: "something was refused; nothing waits",
    _K: "the key is already paired; its record is shown",
    _F: "the commit failed; the same pair can be tried again",
}
