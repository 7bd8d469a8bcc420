"""The pump: edges from levels, debouncing, collisions, loss and return; in scripted time."""

from __future__ import annotations

import itertools
import queue
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers.scripted import INFO, After, Clock, Scripted, on, play, tag, unread
from tagsmith.errors import (
    ReaderBusy,
    ReaderError,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
)
from tagsmith.model import Field, ReaderInfo, ReaderState, Trouble
from tagsmith.readers import Edge, Pump, ReaderChanged, TagArrived, TagLeft, TagsCollided
from tagsmith.readers.sim import SimReader

START = 100.0
"""Where the script's clock begins."""


def told(edges: list[Edge]) -> list[str]:
    """The edges of tags, short: `+a` arrived, `-a` left, `!ab` collided, each with its time since the start."""
    lines = []
    for edge in edges:
        match edge:
            case TagArrived():
                what = "+" + edge.tag.uid.data[:1].decode()
            case TagLeft():
                what = "-" + edge.tag.uid.data[:1].decode()
            case TagsCollided():
                what = "!" + "".join(each.uid.data[:1].decode() for each in edge.tags)
            case ReaderChanged():
                continue
        lines.append(f"{what} {edge.at - START:.2f}")
    return lines


def states(edges: list[Edge]) -> list[ReaderState]:
    """How the reader was said to stand."""
    return [edge.status.state for edge in edges if isinstance(edge, ReaderChanged)]


# --- edges --------------------------------------------------------------------------------------------------------


def test_arrival_and_departure() -> None:
    """A tag arrives when it was first known and leaves when it was first gone, though that is told after a while."""
    edges, _, _ = play([After(1, on("a")), After(2, Field())])
    assert told(edges) == ["+a 1.00", "-a 3.00"]
    assert states(edges) == [ReaderState.READY]


def test_arrival_bears_the_time_it_was_first_known() -> None:
    """Not the time at which a slow card had at last been read."""
    edges, _, _ = play([After(1, on("a"))], lag_s=0.7)
    assert told(edges) == ["+a 1.00"]


def test_what_lies_there_at_the_start_arrives_once() -> None:
    """The first field counts like any other."""
    edges, _, _ = play([After(0, on("a")), After(1, on("a", count=7))])
    assert told(edges) == ["+a 0.00"]


@pytest.mark.parametrize("away_s", [0.0, 0.05, 0.099])
def test_bounce(away_s: float) -> None:
    """The same tag back within the debounce time has never left."""
    edges, _, _ = play([After(1, on("a", count=1)), After(1, Field()), After(away_s, on("a", count=3))])
    assert told(edges) == ["+a 1.00"]


def test_bounce_seen_by_its_count_only() -> None:
    """The same tag with another arrival count was away too briefly for its absence to be seen: a bounce, too."""
    edges, _, _ = play([After(1, on("a", count=1)), After(1, on("a", count=3))])
    assert told(edges) == ["+a 1.00"]


def test_the_same_tag_later_is_another_arrival() -> None:
    """Away for longer than the debounce time, it left and came."""
    edges, _, _ = play([After(1, on("a")), After(1, Field()), After(0.11, on("a"))])
    assert told(edges) == ["+a 1.00", "-a 2.00", "+a 2.11"]


def test_debounce_time_is_configurable() -> None:
    """With none, every absence is a departure."""
    edges, _, _ = play([After(1, on("a")), After(1, Field()), After(0.05, on("a"))], debounce_s=0.0)
    assert told(edges) == ["+a 1.00", "-a 2.00", "+a 2.05"]


def test_another_tag_is_no_bounce() -> None:
    """A different tag ends the old one's stay at once, seen with or without an absence between them."""
    edges, _, _ = play(
        [After(1, on("a", count=1)), After(1, on("b", count=3)), After(1, Field()), After(0.05, on("c"))]
    )
    assert told(edges) == ["+a 1.00", "-a 2.00", "+b 2.00", "-b 3.00", "+c 3.05"]


def test_two_tags_collide() -> None:
    """Two tags at once are a collision and neither arrives."""
    edges, _, _ = play([After(1, on("a", "b")), After(1, Field())])
    assert told(edges) == ["!ab 1.00"]


def test_a_second_tag_beside_the_first() -> None:
    """The first stays arrived until it really leaves; what stays behind after a collision does not arrive."""
    edges, _, _ = play([After(1, on("a")), After(1, on("a", "b")), After(1, on("b")), After(1, Field())])
    assert told(edges) == ["+a 1.00", "!ab 2.00", "-a 3.00"]


def test_after_a_collision_the_reader_must_be_empty() -> None:
    """An absence as brief as a bounce does not end a collision, a real one does."""
    edges, _, _ = play([After(1, on("a", "b")), After(1, Field()), After(0.05, on("a"))])
    assert told(edges) == ["!ab 1.00"]
    edges, _, _ = play([After(1, on("a", "b")), After(1, Field()), After(0.2, on("a"))])
    assert told(edges) == ["!ab 1.00", "+a 2.20"]


def test_collisions_are_told_once() -> None:
    """The same two tags with another count are no other collision; another pair is."""
    edges, _, _ = play([After(1, on("a", "b", count=1)), After(1, on("a", "b", count=3)), After(1, on("a", "c"))])
    assert told(edges) == ["!ab 1.00", "!ac 3.00"]


@pytest.mark.parametrize("trouble", [Trouble.MUTE, Trouble.NO_UID])
def test_what_cannot_be_read_collides(trouble: Trouble) -> None:
    """Something unreadable may be two keys: it is a collision, and the reader's status says what to do, once."""
    edges, _, _ = play([After(1, unread(trouble)), After(1, unread(trouble, count=3)), After(1, Field())])
    assert told(edges) == ["! 1.00"]
    said = [edge.status for edge in edges if isinstance(edge, ReaderChanged)]
    assert [status.state for status in said] == [ReaderState.READY] * 3
    assert [bool(status.message and status.remedy) for status in said] == [False, True, False]
    assert all(status.info == INFO for status in said)


def test_what_another_program_holds_does_not_collide() -> None:
    """A held card shows as a busy reader; the card that lay there before has left, and this one arrives when free."""
    edges, _, _ = play([After(1, on("a")), After(1, unread(Trouble.HELD)), After(1, on("b"))])
    assert told(edges) == ["+a 1.00", "-a 2.00", "+b 3.00"]
    assert states(edges) == [ReaderState.READY, ReaderState.BUSY, ReaderState.READY]
    edges, _, _ = play([After(1, on("a", "b")), After(1, unread(Trouble.HELD)), After(1, on("b"))])
    assert told(edges) == ["!ab 1.00"]


fields = st.sampled_from(
    [
        Field(),
        *(on(name, count=count) for name in "ab" for count in (1, 3)),
        on("a", "b"),
        on("b", "c"),
        unread(Trouble.MUTE),
        unread(Trouble.HELD),
    ]
)
EIGHTH = 0.125
"""A debounce time whose sums are exact."""
seconds = st.sampled_from([0.0, EIGHTH / 2, EIGHTH, 0.5, 3.0])
errors = st.sampled_from([ReaderLost("gone"), ZeroDivisionError("defect")])


@settings(deadline=None)
@given(st.lists(st.builds(After, seconds, st.one_of(fields, errors)), max_size=12))
def test_whatever_happens(script: list[After]) -> None:
    """Of any script: one tag at most has arrived, only that one leaves, time goes on, the reader is closed."""
    edges, reader, _ = play(script, debounce_s=EIGHTH)
    here = None
    for edge in edges:
        match edge:
            case TagArrived():
                assert here is None
                here = edge.tag
            case TagLeft():
                assert edge.tag == here
                here = None
    times = [edge.at for edge in edges if isinstance(edge, TagArrived | TagsCollided)]
    assert times == sorted(times)
    assert reader.closed


@settings(deadline=None)
@given(st.lists(st.builds(After, seconds, fields), max_size=12))
def test_nothing_arrives_out_of_a_collision(script: list[After]) -> None:
    """Between any collision and the next arrival the reader was empty for the debounce time."""
    edges, _, _ = play(script, debounce_s=EIGHTH)
    at = START
    empty: list[tuple[float, float]] = []
    was_empty = False
    for step, following in itertools.pairwise([*script, After(1000, Field())]):
        at += step.seconds
        if step.outcome == Field():
            begin = empty.pop()[0] if was_empty else at
            empty.append((begin, at + following.seconds))
        was_empty = step.outcome == Field()
    collided_at = None
    for edge in edges:
        if isinstance(edge, TagsCollided):
            collided_at = edge.at
        elif isinstance(edge, TagArrived) and collided_at is not None:
            assert any(collided_at <= begin and end <= edge.at and end - begin >= EIGHTH for begin, end in empty)
            collided_at = None


# --- the reader ---------------------------------------------------------------------------------------------------


def test_loss_and_return() -> None:
    """What lay there leaves at the loss and arrives again at the return, with the time of the return."""
    edges, reader, _ = play([After(1, on("a")), After(1, ReaderLost("gone", "plug it in")), After(0, on("a"))])
    assert told(edges) == ["+a 1.00", "-a 2.00", "+a 2.10"]
    assert states(edges) == [ReaderState.READY, ReaderState.LOST, ReaderState.READY]
    assert reader.opened == 2


def test_a_tag_that_was_gone_before_the_loss() -> None:
    """It left when it was gone, not when the reader was lost; a collision ends with the reader."""
    edges, _, _ = play([After(1, on("a")), After(1, Field()), After(0.05, ReaderLost("gone"))])
    assert told(edges) == ["+a 1.00", "-a 2.00"]
    edges, _, _ = play([After(1, on("a", "b")), After(1, ReaderLost("gone")), After(1, on("a"))])
    assert told(edges) == ["!ab 1.00", "+a 3.10"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ReaderMissing("not there", "plug it in"), ReaderState.MISSING),
        (ReaderForbidden("not allowed", "ask"), ReaderState.FORBIDDEN),
        (ReaderBusy("held", "close it"), ReaderState.BUSY),
        (ReaderUnsupported("no library", "pip install"), ReaderState.UNSUPPORTED),
        (ReaderLost("gone", "wait"), ReaderState.LOST),
    ],
)
def test_every_error_has_a_state(error: ReaderError, state: ReaderState) -> None:
    """A reader that cannot be opened says why in the error's own words, and is opened when it can be."""
    edges, _, _ = play([], openings=[error])
    first, second = (edge.status for edge in edges if isinstance(edge, ReaderChanged))
    assert (first.state, first.message, first.remedy, first.info) == (state, error.message, error.remedy, None)
    assert (second.state, second.info) == (ReaderState.READY, INFO)


def test_the_same_trouble_is_told_once() -> None:
    """Only a change of state or words is an edge, however often opening is tried."""
    missing = ReaderMissing("not there", "plug it in")
    busy = ReaderBusy("held", "close it")
    edges, _, _ = play([], openings=[missing] * 5 + [busy] * 3 + [missing])
    assert states(edges) == [ReaderState.MISSING, ReaderState.BUSY, ReaderState.MISSING, ReaderState.READY]


def test_a_driver_that_cannot_close_does_not_end_the_thread() -> None:
    """The loss is told, and the reader is opened again."""
    edges, reader, _ = play([After(1, on("a")), After(1, ReaderLost("gone")), After(0, on("b"))], close_fails=True)
    assert reader.opened == 2
    assert states(edges) == [ReaderState.READY, ReaderState.LOST, ReaderState.READY]
    assert told(edges) == ["+a 1.00", "-a 2.00", "+b 2.10"]


def test_a_frame_without_a_uid_does_not_shut_out_the_next_key() -> None:
    """Where the reader does not see removal: nothing lies there that must be taken away first."""
    script = [After(1, unread(Trouble.NO_UID, 1)), After(0.1, on("a", count=2))]
    edges, _, _ = play(script, info=replace(INFO, sees_removal=False))
    assert told(edges) == ["! 1.00", "+a 1.10"]
    edges, _, _ = play(script)
    assert told(edges) == ["! 1.00"]


def test_backoff() -> None:
    """Pauses double from a tenth of a second and stay at one second, so a return is taken within two."""
    _, _, pauses = play([], openings=[ReaderMissing("not there")] * 8)
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0])


def test_backoff_begins_anew_after_reading() -> None:
    """A reader that read in between is tried quickly again; one that only opens is not."""
    lost = ReaderLost("gone")
    _, _, pauses = play([After(0, lost), After(0, lost), After(0, lost), After(1, on("a")), After(0, lost)])
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.1])


def test_an_unexpected_error_is_a_loss(caplog: pytest.LogCaptureFixture) -> None:
    """A defect of a driver is told by its class name, logged with its traceback, and tried again."""
    edges, _, _ = play([After(1, on("a")), After(1, ZeroDivisionError("in the driver"))])
    assert told(edges) == ["+a 1.00", "-a 2.00"]
    lost = next(edge.status for edge in edges if isinstance(edge, ReaderChanged) and edge.status.state == "lost")
    assert "ZeroDivisionError" in lost.message
    assert "in the driver" not in lost.message
    assert "Traceback" in caplog.text
    assert states(edges)[-1] is ReaderState.READY


def test_a_listener_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What the sink raises is logged; the next edge comes all the same."""
    clock = Clock()
    reader = Scripted(clock, [After(1, on("a")), After(1, on("b"))])
    seen: list[Edge] = []

    def sink(edge: Edge) -> None:
        seen.append(edge)
        raise RuntimeError("the listener is broken")

    pump = Pump(reader, sink, clock=clock)
    reader.ended = pump.close
    pump.run()
    assert told(seen) == ["+a 1.00", "-a 2.00", "+b 2.00"]
    failures = [record.getMessage() for record in caplog.records if record.exc_info]
    assert failures == [
        f"scripted:: nobody took {kind}" for kind in ("ReaderChanged", "TagArrived", "TagLeft", "TagArrived")
    ]


def test_heartbeat() -> None:
    """The thread shows that it lives at every turn, also while nothing happens."""
    clock = Clock()
    reader = Scripted(clock, [])
    pump = Pump(reader, lambda edge: None, clock=clock)
    beats: list[float] = []

    def ended() -> None:
        beats.append(pump.alive_at)
        if len(beats) == 4:
            pump.close()

    reader.ended = ended
    pump.run()
    assert beats == pytest.approx([START, START + 2, START + 4, START + 6])


# --- the thread ---------------------------------------------------------------------------------------------------


def test_thread_ends_by_close() -> None:
    """Close ends a wait under way, the thread and the reader; twice is once; a pump never started just closes."""
    edges: queue.SimpleQueue[Edge] = queue.SimpleQueue()
    reader = SimReader()
    pump = Pump(reader, edges.put)
    assert pump.close()
    pump = Pump(reader, edges.put)
    pump.start()
    pump.start()
    assert isinstance(edges.get(timeout=10), ReaderChanged)
    reader.feed.put("04a1b2c3d4e5f6")
    assert isinstance(edges.get(timeout=10), TagArrived)
    assert pump.close(10)
    assert pump.close(10)
    assert reader.info is None
    assert not [thread for thread in threading.enumerate() if thread.name == "pump sim:"]


def test_thread_ends_during_a_pause() -> None:
    """Close does not wait for a pause between two tries to open."""
    edges: queue.SimpleQueue[Edge] = queue.SimpleQueue()
    reader = SimReader()
    reader.feed.unplug()
    pump = Pump(reader, edges.put, backoff_s=(3600.0, 3600.0))
    pump.start()
    assert isinstance(edges.get(timeout=10), ReaderChanged)
    assert pump.close(10)


def test_close_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A reader that does not obey cannot hold up the station: close says so, and the thread ends when it can."""
    gate, inside = threading.Event(), threading.Event()

    class Deaf(Scripted):
        def _wait(self, last: Field, timeout_s: float) -> Field:
            inside.set()
            gate.wait(30)
            return last

    pump = Pump(Deaf(Clock(), []), lambda edge: None)
    pump.start()
    assert inside.wait(10)
    assert not pump.close(0.01)
    assert "does not obey" in caplog.text
    gate.set()
    assert pump.close(10)


def test_nothing_comes_after_close() -> None:
    """A pump that is closed while it cannot open tells nothing more."""
    edges: list[Edge] = []
    clock = Clock()

    class Slow(Scripted):
        def _open(self) -> ReaderInfo:
            pump.close()
            raise ReaderMissing("not there")

    pump = Pump(Slow(clock, []), edges.append, clock=clock)
    pump.run()
    assert edges == []


def test_tags_are_what_the_reader_said() -> None:
    """The pump hands on the reader's own tags, with whatever they bear."""
    edges, _, _ = play([After(1, on("a"))])
    assert [edge.tag for edge in edges if isinstance(edge, TagArrived)] == [tag("a")]
