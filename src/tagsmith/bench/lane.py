"""One lane at work, what all lanes work by, and how a lane is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tagsmith import pairing, visual_number, words
from tagsmith.bench.row import Row
from tagsmith.errors import JournalError
from tagsmith.model import LaneView, Notice, Phase, ReaderState, ReaderStatus, Tag, Terms
from tagsmith.production import RejectedKey, Stop, Verification
from tagsmith.readers import Pump, Reader
from tagsmith.scanners import CommandKind
from tagsmith.uid import ByteOrder, Decision, Uid


@dataclass(frozen=True, slots=True)
class Work:
    """What every lane of the bench works by. `target` is the API origin that entries are made for.

    `badge` is asked of every tag that arrives, `code` of every scan, before anything else: what they take is no key
    and no number. `shut` says by which reason nothing may be paired now (empty: it may); the golden key is seen all
    the same. `shift_asked` gets the commands about shifts.
    """

    target: str
    station: str = ""
    order: ByteOrder = ByteOrder.REVERSED
    rules: pairing.Rules = field(default_factory=pairing.Rules)
    numbers: visual_number.Rules = field(default_factory=visual_number.Rules)
    allow_eight_bytes: bool = False
    terms: Terms = field(default_factory=Terms)
    badge: Callable[[Uid], bool] = lambda uid: False
    code: Callable[[str], bool] = lambda text: False
    shut: Callable[[], str] = lambda: ""
    shift_asked: Callable[[CommandKind], None] = lambda kind: None
    stop_after: int = 0
    """So many rejected keys in a row stop a lane; 0: none ever do."""
    supervised: bool = False
    """Only a supervisor lets it go on then."""
    supervisor: Callable[[Uid | str], str] = lambda badge_or_code: ""
    """The name of the supervisor whose badge or code this is; empty for nobody's."""
    unlock_asked: Callable[[str], None] = lambda lane: None
    """The barcode for letting this lane go on was scanned."""
    put_aside: Callable[[RejectedKey], None] = lambda key: None
    """A key that was put aside is in the journal."""
    told: Callable[[str], None] = lambda said: None
    """What became of something that a person asked for beside the lanes."""


class Lane:
    """One reader position: its pump, its pairing state, and what it shows."""

    def __init__(self, name: str, reader: Reader, spec: str, rules: pairing.Rules) -> None:
        self.name = name
        self.spec = spec
        self.reader = reader
        self.pump: Pump | None = None
        self.state = pairing.Lane.first(rules)
        self.verify_next = False
        """A second tap is asked for before the next pair, whatever the rules say."""
        self.asks_twice: Verification | None = None
        """`TAP` or `SCAN` while the batch asks for each key, or each number, twice."""
        self.taps_only = False
        """The batch gives the numbers: none is taken before its key."""
        self.status = ReaderStatus(spec=spec, state=ReaderState.MISSING, message="not opened yet")
        self.known = asyncio.Event()
        """Set once the reader was tried for the first time."""
        self.present: Tag | None = None
        """What lies on the reader, as far as it tells."""
        self.notice: Notice | None = None
        self.warnings: tuple[str, ...] = ()
        self.failure: JournalError | None = None
        self.terms: Terms | None = None
        """What the pair that was confirmed last gets, where that was said with the confirmation."""
        self.stop: Stop | None = None
        """Set while nothing is paired here until a person decides."""
        self.row = Row()
        """The keys that were rejected since the last pair."""
        self.aside: Uid | None = None
        """The key that was put aside last, while it may still lie on the reader."""
        self.collided: tuple[Uid, ...] = ()
        """The keys that lay on the reader together when that was seen last."""
        self.timer: asyncio.TimerHandle | None = None
        self._rules = rules

    @property
    def reader_name(self) -> str:
        """The device's name, or its spec while it was never open."""
        return self.status.info.name if self.status.info else self.spec

    @property
    def rejected_in_row(self) -> int:
        """Keys that were rejected one after the other since the last pair."""
        return len(self.row)

    @property
    def sees_removal(self) -> bool:
        """Whether the reader notices when a key is taken away."""
        return self.status.info is None or self.status.info.sees_removal

    @property
    def rules(self) -> pairing.Rules:
        """The rules in force for the next move."""
        rules = self._rules
        if self.verify_next or self.asks_twice is Verification.TAP:
            rules = replace(rules, verify=True)
        if self.asks_twice is Verification.SCAN:
            rules = replace(rules, rescan=True)
        return replace(rules, order=pairing.Order.TAP_FIRST) if self.taps_only else rules

    def never(self, uids: frozenset[Uid]) -> None:
        """From now on these keys are never paired."""
        self._rules = replace(self._rules, never=uids)

    def ask_golden(self, at: float) -> None:
        """Ask for the golden key, where there is one: what waited is gone, and captures before `at` are late."""
        if self._rules.golden is not None:
            self.state = replace(pairing.Lane.first(self._rules), not_before=at)
            self.notice = None
            self.warnings = ()

    def moved(self, step: pairing.Step) -> None:
        """Take over where a move led to; what was said of the pair before is no longer true then."""
        before, self.state = self.state, step.lane
        if _shown(self.state) != _shown(before):
            self.notice = None
            self.warnings = _warnings(self.state)

    def view(self) -> LaneView:
        """The lane as it is to be shown now."""
        state = self.state
        return LaneView(
            lane=self.name,
            phase=state.phase,
            reader=self.status,
            uid=state.tap.tag.uid if state.tap else None,
            number=state.scan.number.text if state.scan else "",
            notice=self.notice,
            warnings=self.warnings,
            expects=_expects(state.phase, self.rules),
            stop=self.stop,
            rejected_in_row=self.rejected_in_row,
        )


def _shown(state: pairing.Lane) -> tuple[object, ...]:
    """What a notice is about: with another of these it says what is true no longer."""
    return state.phase, state.tap, state.scan, state.away


_EXPECTS = {
    Phase.TAG_WAITS: "number",
    Phase.NUMBER_WAITS: "tag",
    Phase.VERIFYING: "verify",
    Phase.CONFIRMING: "confirm",
    Phase.COMMITTING: "saving",
    Phase.GOLDEN: "golden",
}
_FIRST = {pairing.Order.TAP_FIRST: "tag", pairing.Order.SCAN_FIRST: "number", pairing.Order.EITHER: "either"}


def _expects(phase: Phase, rules: pairing.Rules) -> str:
    if phase is Phase.VERIFYING and rules.rescan and not rules.verify:
        return "again"
    return _EXPECTS.get(phase, _FIRST[rules.order])


def _warnings(state: pairing.Lane) -> tuple[str, ...]:
    warned: tuple[str, ...] = ()
    if state.tap and state.tap.verdict.decision is Decision.WARN:
        warned += (words.title(state.tap.verdict.reason),)
    if state.scan:
        warned += tuple(words.title(reason) for reason in state.scan.warnings)
    return warned
