"""What a station counts, and how that is written for Prometheus. Pure: no clock, no file.

The text is the exposition format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Counters begin
at zero with each start of the station, as Prometheus expects it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tagsmith.model import Delivery, Event, ReaderState, State

CYCLE_S = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0)
"""From the tap of a key to its pair on the disc: a person's pace."""
COMMIT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""What a commit takes."""
DELIVERY_S = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
"""From the pair to its reservation, the undo window included."""
_REMEMBERED = 10_000
"""Pairs whose reservation is awaited: of a longer backlog the oldest are not timed."""

Labels = tuple[tuple[str, str], ...]


@dataclass
class Histogram:
    """How often a time fell into which bucket."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total_s: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Take in one time."""
        place = next((i for i, bound in enumerate(self.bounds) if seconds <= bound), len(self.bounds))
        self.counts[place] += 1
        self.total_s += seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """How a station stands at one moment, beside what it has counted."""

    station: str
    version: str
    environment: str
    delivery: Delivery
    alarm: bool
    waiting: int
    oldest_s: float | None
    """The age of the oldest pair that may be sent and was not; None: there is none."""
    entries: Mapping[State, int]
    """What the journal holds for this API, by state."""
    last_pair_at: float | None
    """Unix time of the last pair, whoever made it."""
    clock_synchronised: bool | None
    up: bool = True


class Figures:
    """Counts what the event stream tells. `now` is monotonic seconds."""

    def __init__(self, lanes: Iterable[str]) -> None:
        self._lanes = tuple(lanes)
        self._pairs = dict.fromkeys(self._lanes, 0)
        self._undone = dict.fromkeys(self._lanes, 0)
        self._rejects: dict[tuple[str, str], int] = {}
        self._delivered: dict[str, int] = {}
        self._readers: dict[str, str] = {}
        self._recoveries = dict.fromkeys(self._lanes, 0)
        self._scanners: dict[str, str] = {}
        self._tapped_at: dict[str, float] = {}
        self._paired_at: OrderedDict[str, float] = OrderedDict()
        self._cycle, self._commit, self._delivery = Histogram(CYCLE_S), Histogram(COMMIT_S), Histogram(DELIVERY_S)

    def take(self, event: Event, now: float) -> None:
        """Take in one line of the event stream."""
        fields = event.fields
        lane = str(fields.get("lane") or "")
        match event.event:
            case "tapped":
                self._tapped_at[lane] = now
            case "paired":
                self._paired(lane, fields, now)
            case "undone" if fields.get("done"):
                self._undone[lane] = self._undone.get(lane, 0) + 1
            case "rejected":
                key = (lane, str(fields.get("reason", "")))
                self._rejects[key] = self._rejects.get(key, 0) + 1
            case "delivered":
                self._settled(str(fields.get("entry", "")), str(fields.get("state", "")), now)
            case "reader":
                self._reader(lane, str(fields.get("state", "")))
            case "scanner":
                self._scanners[str(fields.get("scanner", ""))] = str(fields.get("state", ""))

    def _paired(self, lane: str, fields: Mapping[str, object], now: float) -> None:
        self._pairs[lane] = self._pairs.get(lane, 0) + 1
        if (at := self._tapped_at.get(lane)) is not None:
            self._cycle.add(now - at)
        took = fields.get("saved_ms")
        if isinstance(took, int | float):
            self._commit.add(took / 1000)
        self._paired_at[str(fields.get("entry", ""))] = now
        if len(self._paired_at) > _REMEMBERED:
            self._paired_at.popitem(last=False)

    def _settled(self, entry: str, state: str, now: float) -> None:
        self._delivered[state] = self._delivered.get(state, 0) + 1
        at = self._paired_at.pop(entry, None) if state in (State.RESERVED, State.ACTIVE) else None
        if at is not None:
            self._delivery.add(now - at)

    def _reader(self, lane: str, state: str) -> None:
        before = self._readers.get(lane)
        self._readers[lane] = state
        if state == ReaderState.READY and before not in (None, str(ReaderState.READY)):
            self._recoveries[lane] = self._recoveries.get(lane, 0) + 1

    def text(self, standing: Standing) -> str:
        """Everything in Prometheus's text format."""
        page = _Page()
        about = (
            ("station", standing.station),
            ("version", standing.version),
            ("environment", standing.environment),
        )
        page.family("tagsmith_info", "gauge", "What runs here.", [(about, 1)])
        page.family("tagsmith_up", "gauge", "1 while the station runs, 0 after it has ended.", [((), int(standing.up))])
        page.family("tagsmith_pairs_total", "counter", "Pairs on the disc.", _by("lane", self._pairs))
        page.family("tagsmith_undone_total", "counter", "Pairs taken back at a lane.", _by("lane", self._undone))
        rejects = [((("lane", lane), ("reason", reason)), n) for (lane, reason), n in sorted(self._rejects.items())]
        page.family("tagsmith_rejects_total", "counter", "What was refused, by reason (docs/events.md).", rejects)
        page.family("tagsmith_delivered_total", "counter", "Outcomes of delivery.", _by("state", self._delivered))
        page.histogram("tagsmith_cycle_seconds", "From the tap of a key to its pair on the disc.", self._cycle)
        page.histogram("tagsmith_commit_seconds", "What a commit took.", self._commit)
        page.histogram("tagsmith_delivery_seconds", "From a pair to its reservation at the API.", self._delivery)
        up = {lane: int(self._readers.get(lane) == ReaderState.READY) for lane in self._lanes}
        page.family("tagsmith_reader_up", "gauge", "1 while the lane's reader can be read.", _by("lane", up))
        page.family(
            "tagsmith_reader_recoveries_total", "counter", "Readers that came back.", _by("lane", self._recoveries)
        )
        scanners = {name: int(state == ReaderState.READY) for name, state in self._scanners.items()}
        page.family("tagsmith_scanner_up", "gauge", "1 while the scanner can be read.", _by("scanner", scanners))
        stands = [((("state", str(one)),), int(one is standing.delivery)) for one in Delivery]
        page.family("tagsmith_delivery_state", "gauge", "1 for how delivery stands.", stands)
        page.family("tagsmith_alarm", "gauge", "1 while somebody is asked to come.", [((), int(standing.alarm))])
        page.family("tagsmith_queue_depth", "gauge", "Pairs that are to be sent yet.", [((), standing.waiting)])
        oldest = 0.0 if standing.oldest_s is None else standing.oldest_s
        page.family(
            "tagsmith_queue_oldest_seconds", "gauge", "The age of the oldest pair that may be sent.", [((), oldest)]
        )
        entries = [((("state", str(state)),), standing.entries.get(state, 0)) for state in State]
        page.family("tagsmith_journal_entries", "gauge", "What the journal holds for this API.", entries)
        if standing.last_pair_at is not None:
            page.family(
                "tagsmith_last_pair_timestamp_seconds",
                "gauge",
                "When a pair was last made.",
                [((), standing.last_pair_at)],
            )
        if standing.clock_synchronised is not None:
            page.family(
                "tagsmith_clock_synchronised",
                "gauge",
                "1 while a time server keeps the clock right.",
                [((), int(standing.clock_synchronised))],
            )
        return page.text()


def _by(label: str, values: Mapping[str, int]) -> list[tuple[Labels, float]]:
    return [(((label, name),), value) for name, value in sorted(values.items())]


class _Page:
    """Families of samples, one after the other."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(self, name: str, kind: str, about: str, samples: Iterable[tuple[Labels, float]]) -> None:
        """One family; one without samples is left out."""
        lines = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
        if lines:
            self._lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *lines]

    def histogram(self, name: str, about: str, histogram: Histogram) -> None:
        """A histogram without labels of its own."""
        self._lines += [f"# HELP {name} {about}", f"# TYPE {name} histogram"]
        seen = 0
        for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
            seen += count
            self._lines.append(f'{name}_bucket{{le="{_number(bound)}"}} {seen}')
        self._lines += [f"{name}_sum {_number(round(histogram.total_s, 6))}", f"{name}_count {seen}"]

    def text(self) -> str:
        """The page, with the line end that the format asks for."""
        return "\n".join(self._lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels) + "}"


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
