"""The batch under way: its manifest, what is made and skipped, which lane holds which number, and the open runs.

Frozen: each change gives a new state. Lines are meant by their place in the manifest, from 0; what a person reads is
their position, from 1. A run is what a lane has made since its last passed check, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tagsmith.production import Batch, BatchKey, BatchStand, ManifestLine, Verification
from tagsmith.production import Sequence as Order
from tagsmith.uid import Uid

ANY = ""
"""What a lane holds whose key has no number yet: one of those that are left, whichever."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The manifest, and where each number and each known key stands in it."""

    lines: tuple[ManifestLine, ...] = ()
    by_number: Mapping[str, int] = field(default_factory=dict, repr=False)
    by_uid: Mapping[Uid, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, lines: Sequence[ManifestLine]) -> Roster:
        """The roster of these lines."""
        return cls(
            tuple(lines),
            {line.number_key: place for place, line in enumerate(lines)},
            {line.uid: place for place, line in enumerate(lines) if line.uid is not None},
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A batch and how far it is. `made` are its live pairs by number key, in order of commit.

    `holds` has, by lane, the number key that a half pair there has taken or is to take (`ANY`: none in particular);
    `runs`, by lane, what was made since its last passed check; `proved` are the lanes that ever passed one.
    """

    batch: Batch
    roster: Roster = field(default_factory=Roster, repr=False)
    made: Mapping[str, BatchKey] = field(default_factory=dict, repr=False)
    skipped: Mapping[int, str] = field(default_factory=dict)
    holds: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, tuple[BatchKey, ...]] = field(default_factory=dict, repr=False)
    proved: frozenset[str] = frozenset()
    doubted: int = -1
    """Up to this place every number is scanned, whatever the rules say: something was not right there."""
    open_from: int = 0
    """No line before this place is still to be made."""
    done: int = 0
    """Lines that are made or skipped."""
    waiting: int = 0
    """Pairs that wait for a check, other stations' included."""

    # --- what it is ---------------------------------------------------------------------------------------------

    @property
    def order(self) -> Order:
        """In which order numbers come; without a manifest there is none."""
        return self.batch.sequence if self.roster.lines else Order.FREE

    @property
    def is_checked(self) -> bool:
        """Whether its pairs wait for a check before they are sent."""
        return self.batch.verification is Verification.SAMPLE or self.order is Order.AUTO

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is made of it."""
        return self.batch.closed_at is not None

    def left_for(self, lane: str) -> int | None:
        """How many keys a lane could still make, those that other lanes hold left out; None where nobody said."""
        wanted = self.batch.wanted
        if wanted is None:
            return None
        others = sum(1 for other in self.holds if other != lane)
        left = wanted - len(self.made) - others
        if self.roster.lines:
            left = min(left, self.lines_left - others)
        return max(0, left)

    @property
    def lines_left(self) -> int:
        """How many lines are neither made nor skipped."""
        return len(self.roster.lines) - self.done

    # --- lines --------------------------------------------------------------------------------------------------

    def is_open(self, place: int) -> bool:
        """Whether a line is neither made nor skipped."""
        return place not in self.skipped and self.roster.lines[place].number_key not in self.made

    def holder(self, number_key: str, but: str = "") -> str:
        """The lane that holds a number, `but` left out; empty for none."""
        return next((lane for lane, held in self.holds.items() if held == number_key and lane != but), "")

    def expected(self, lane: str) -> int | None:
        """The place of the line that comes next on a lane; None where there is no order, or none is left."""
        if self.order is Order.FREE:
            return None
        held = self.roster.by_number.get(self.holds.get(lane, ANY))
        if held is not None and self.is_open(held):
            return held
        return self.available(lane, self.open_from)

    def available(self, lane: str, start: int) -> int | None:
        """The first line from a place on that is open and held by no other lane."""
        taken = {held for other, held in self.holds.items() if other != lane}
        for place in range(start, len(self.roster.lines)):
            if self.is_open(place) and self.roster.lines[place].number_key not in taken:
                return place
        return None

    def beside(self, place: int, step: int) -> int | None:
        """The next line in a direction (1 or -1) that is not skipped; such a card is in no stack."""
        place += step
        while 0 <= place < len(self.roster.lines):
            if place not in self.skipped:
                return place
            place += step
        return None

    # --- changes ------------------------------------------------------------------------------------------------

    def hold(self, lane: str, number_key: str) -> Run:
        """A half pair on a lane has, or is to have, this number."""
        return self if self.holds.get(lane) == number_key else replace(self, holds={**self.holds, lane: number_key})

    def free(self, lane: str) -> Run:
        """Nothing waits on a lane any more."""
        if lane not in self.holds:
            return self
        return replace(self, holds={other: held for other, held in self.holds.items() if other != lane})

    def paired(self, key: BatchKey) -> Run:
        """A pair is on the disc."""
        run = (*self.runs.get(key.lane, ()), key)
        if not self.is_checked:
            run = run[-self.batch.every :]  # nothing ends such a run but a check that somebody asks for
        made = replace(
            self,
            made={**self.made, key.number_key: key},
            runs={**self.runs, key.lane: run},
            done=self.done + self._opens(key),
            waiting=self.waiting + (not key.checked),
        )
        return made._moved_on()

    def undone(self, entry: str) -> Run:
        """A pair was taken back: its number is open again, and the next one of its lane is looked at twice."""
        key = next((key for key in self.made.values() if key.entry == entry), None)
        if key is None:
            return self
        place = self.roster.by_number.get(key.number_key, self.open_from)
        return replace(
            self,
            made={number: one for number, one in self.made.items() if one.entry != entry},
            runs={lane: tuple(one for one in run if one.entry != entry) for lane, run in self.runs.items()},
            doubted=max(self.doubted, place),
            open_from=min(self.open_from, place),
            done=self.done - replace(self, made={})._opens(key),
            waiting=self.waiting - (not key.checked),
        )

    def leave_out(self, place: int, why: str) -> Run:
        """A line is not made; whoever was to make it takes the next one."""
        number_key = self.roster.lines[place].number_key
        holds = {lane: held for lane, held in self.holds.items() if held != number_key}
        skipped, done = {**self.skipped, place: why}, self.done + self.is_open(place)
        left_out = replace(self, skipped=skipped, holds=holds, done=done)._moved_on()
        return left_out.doubt(left_out.available("", place))

    def passed(self, entries: Iterable[str], lane: str) -> Run:
        """A check on a lane has passed for these entries."""
        those = frozenset(entries)
        return replace(
            self,
            made={
                number: replace(key, checked=True) if key.entry in those else key for number, key in self.made.items()
            },
            runs={one: tuple(key for key in run if key.entry not in those) for one, run in self.runs.items()},
            proved=self.proved | {lane},
            waiting=self.waiting - sum(not key.checked for key in self.made.values() if key.entry in those),
        )

    def reopened(self, entries: Iterable[str], lane: str) -> Run:
        """A check that has passed could not be recorded: what it covers waits for the next one."""
        those = frozenset(entries)
        made = {number: replace(key, checked=False) if key.entry in those else key for number, key in self.made.items()}
        run = tuple(key for key in made.values() if key.entry in those) + self.run_of(lane)
        waiting = sum(not key.checked for key in made.values())
        return replace(self, made=made, runs={**self.runs, lane: run}, waiting=waiting)

    def doubt(self, place: int | None) -> Run:
        """Every number up to this place must be scanned."""
        return self if place is None else replace(self, doubted=max(self.doubted, place))

    def _opens(self, key: BatchKey) -> bool:
        """Whether a pair is of a line that is open without it."""
        place = self.roster.by_number.get(key.number_key)
        return place is not None and self.is_open(place)

    def _moved_on(self) -> Run:
        place = self.open_from
        while place < len(self.roster.lines) and not self.is_open(place):
            place += 1
        return self if place == self.open_from else replace(self, open_from=place)

    # --- checks -------------------------------------------------------------------------------------------------

    def run_of(self, lane: str) -> tuple[BatchKey, ...]:
        """What a lane has made since its last passed check, oldest first."""
        return self.runs.get(lane, ())

    def must_scan(self, lane: str) -> bool:
        """Whether the next number of a lane is to be scanned although it is known (`auto`)."""
        return (
            (self.expected(lane) or 0) <= self.doubted
            or lane not in self.proved
            or len(self.run_of(lane)) + 1 >= self.batch.every
            or (self.left_for(lane) or 0) <= 1
        )

    def check_due(self, lane: str) -> bool:
        """Whether a lane's last piece is to be tapped and scanned again before it goes on."""
        run = self.run_of(lane)
        if not run or not self.is_checked:
            return False
        if self.left_for(lane) == 0 and not self.holds.get(lane):
            return True
        if self.batch.verification is not Verification.SAMPLE:
            return False
        return lane not in self.proved or len(run) >= self.batch.every

    def stand(self, rejected: int = 0) -> BatchStand:
        """How far it is, for people."""
        skipped = sum(self.roster.lines[place].number_key not in self.made for place in self.skipped)
        return BatchStand(self.batch, len(self.made), skipped, rejected, self.waiting)

    def unchecked(self) -> Iterator[tuple[str, tuple[BatchKey, ...]]]:
        """The lanes of this station with pairs that wait for their check."""
        if self.is_checked:
            yield from ((lane, run) for lane, run in self.runs.items() if run)


def begin(
    batch: Batch,
    lines: Sequence[ManifestLine],
    keys: Sequence[BatchKey],
    lanes: Sequence[str],
    station: str = "",
) -> Run:
    """The state of a batch as the journal has it, for the lanes of a station.

    What lanes of it have made that are no more is the first lane's; what other stations have made they check.
    """
    run = Run(
        batch, Roster.of(lines), skipped={place: line.skipped for place, line in enumerate(lines) if line.skipped}
    )
    made: dict[str, BatchKey] = {}
    runs: dict[str, tuple[BatchKey, ...]] = {}
    proved: set[str] = set()
    waits: dict[str, list[BatchKey]] = {}
    for key in keys:
        made[key.number_key] = key
        if key.station != station:
            continue
        lane = key.lane if key.lane in lanes else lanes[0]
        if not run.is_checked or not key.checked:
            waits.setdefault(lane, []).append(key)
        else:
            proved.add(lane)
    for lane, those in waits.items():
        runs[lane] = tuple(those if run.is_checked else those[-batch.every :])
    if run.order is Order.AUTO:
        proved.clear()  # what has become of the stack since, nobody knows: the first number is scanned
    whole = replace(run, made=made, runs=runs, proved=frozenset(proved))
    done = sum(not whole.is_open(place) for place in range(len(lines)))
    return replace(whole, done=done, waiting=sum(not key.checked for key in keys))._moved_on()
