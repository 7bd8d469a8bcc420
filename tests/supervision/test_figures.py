"""What is counted, and that Prometheus can read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.exposition import Family, read
from tagsmith.model import Delivery, Event, State
from tagsmith.supervision.figures import Figures, Standing
from tagsmith.supervision.textfile import write_whole

STANDING = Standing(
    station='line "3"\\',
    version="0.1.0",
    environment="sandbox",
    delivery=Delivery.STANDBY,
    alarm=False,
    waiting=3,
    oldest_s=12.5,
    entries={State.HELD: 3, State.RESERVED: 1},
    last_pair_at=1_790_000_000.25,
    clock_synchronised=True,
)
DOCS = Path(__file__).parents[2] / "docs"


def of(figures: Figures, standing: Standing = STANDING) -> dict[str, Family]:
    """The page, read."""
    return read(figures.text(standing))


def value(page: dict[str, Family], name: str, **labels: str) -> float:
    """One sample."""
    return page[name].samples[name, tuple(labels.items())]


def told(*events: tuple[float, str, dict[str, object]]) -> Figures:
    """Figures of these events."""
    figures = Figures(["A", "B"])
    for now, name, fields in events:
        figures.take(Event(name, fields), now)
    return figures


def test_pairs_rejects_and_times() -> None:
    """A tap, a refusal, a pair, its reservation."""
    page = of(
        told(
            (10.0, "tapped", {"lane": "A"}),
            (11.0, "rejected", {"lane": "A", "reason": "number-empty"}),
            (12.5, "paired", {"lane": "A", "entry": "e1", "saved_ms": 7.0}),
            (13.0, "undone", {"lane": "B", "done": False}),
            (24.0, "delivered", {"entry": "e1", "state": "reserved"}),
            (25.0, "delivered", {"entry": "e1", "state": "active"}),
        )
    )
    assert value(page, "tagsmith_pairs_total", lane="A") == 1
    assert value(page, "tagsmith_pairs_total", lane="B") == 0
    assert value(page, "tagsmith_undone_total", lane="B") == 0
    assert value(page, "tagsmith_rejects_total", lane="A", reason="number-empty") == 1
    assert value(page, "tagsmith_delivered_total", state="active") == 1
    cycle, delivery = page["tagsmith_cycle_seconds"], page["tagsmith_delivery_seconds"]
    assert cycle.samples["tagsmith_cycle_seconds_sum", ()] == 2.5
    assert delivery.samples["tagsmith_delivery_seconds_sum", ()] == 11.5, "timed once, at the reservation"
    commit = page["tagsmith_commit_seconds"].samples
    assert commit["tagsmith_commit_seconds_bucket", (("le", "0.005"),)] == 0
    assert commit["tagsmith_commit_seconds_bucket", (("le", "0.01"),)] == 1


def test_only_a_return_is_a_recovery() -> None:
    """The first opening is none; a reader that is away is not up."""
    ready, gone = {"lane": "A", "state": "ready"}, {"lane": "A", "state": "missing"}
    page = of(told((1.0, "reader", ready), (2.0, "reader", gone)))
    assert value(page, "tagsmith_reader_recoveries_total", lane="A") == 0
    assert value(page, "tagsmith_reader_up", lane="A") == 0
    page = of(told((1.0, "reader", ready), (2.0, "reader", gone), (3.0, "reader", ready)))
    assert value(page, "tagsmith_reader_recoveries_total", lane="A") == 1
    assert value(page, "tagsmith_reader_up", lane="A") == 1


def test_how_it_stands() -> None:
    """One delivery state is 1; names may hold what the format must escape."""
    page = of(told())
    assert sum(page["tagsmith_delivery_state"].samples.values()) == 1
    assert value(page, "tagsmith_delivery_state", state="standby") == 1
    assert value(page, "tagsmith_queue_oldest_seconds") == 12.5
    assert value(page, "tagsmith_journal_entries", state="held") == 3
    assert value(page, "tagsmith_last_pair_timestamp_seconds") == 1_790_000_000.25
    assert value(page, "tagsmith_info", station='line "3"\\', version="0.1.0", environment="sandbox") == 1


def test_every_metric_is_described_and_every_alert_asks_for_one() -> None:
    """docs/metrics.md lists each family with its kind; docs/alerts.yml names none that is not there."""
    figures = told(
        (1.0, "rejected", {"lane": "A", "reason": "no-tag"}),
        (1.0, "delivered", {"entry": "e", "state": "refused"}),
        (1.0, "scanner", {"scanner": "s", "state": "ready"}),
    )
    page = of(figures)
    listed = dict(re.findall(r"^\| `(tagsmith_\w+)` \| (\w+) \|", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    assert listed == {name: family.kind for name, family in page.items()}
    asked = set(re.findall(r"\btagsmith_\w+", re.sub(r"#.*", "", (DOCS / "alerts.yml").read_text())))
    known = set(page) | {f"{name}{end}" for name in page for end in ("_bucket", "_sum", "_count")}
    assert asked
    assert asked <= known


@pytest.mark.parametrize(
    "text",
    [
        "tagsmith_up 1\n",
        "# HELP a b\n# TYPE a gauge\na{x=1} 1\n",
        "# HELP a b\n# TYPE a gauge\na 1",
        "# HELP a b\n# TYPE a counter\na 1\n",
        '# HELP a b\n# TYPE a gauge\na{x="1"} 1\na{x="1"} 2\n',
        "# HELP a b\n# TYPE a gauge\n",
    ],
)
def test_the_reader_of_this_test_is_strict(text: str) -> None:
    """What Prometheus would refuse does not pass here."""
    with pytest.raises(ValueError):
        read(text)


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    """Readable by others, and nothing is left lying beside it, nor after a failure."""
    path = tmp_path / "tagsmith.prom"
    write_whole(path, "one\n")
    write_whole(path, "two\n")
    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o644
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "in").touch()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", "three\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "tagsmith.prom"]
