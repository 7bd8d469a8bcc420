"""Tampering and loss show, and each problem names its row."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.journal import entry, opened
from tagsmith.journal import Journal, Verification, chain
from tagsmith.journal.schema import STORED
from tagsmith.model import LegName, LegState, Settlement


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of `written`."""
    path = tmp_path_factory.mktemp("story") / "journal.db"

    async def write() -> None:
        with opened(path) as journal:
            for index in (1, 2, 3):
                await journal.append(entry(index))
            attempt_id = await journal.attempt("entry-1", LegName.RESERVATION, "{}")
            await journal.settle("entry-1", LegName.RESERVATION, attempt_id, Settlement(LegState.DONE, status=201))
        for index in (4, 5):
            with opened(path) as journal:
                await journal.append(entry(index))

    asyncio.run(write())
    return path.read_bytes()


@pytest.fixture
def written(path: Path, story: bytes) -> Path:
    """A journal of three streams: entries 1 to 3, an attempt for the first, then entries 4 and 5 after restarts."""
    path.write_bytes(story)
    return path


def tamper(path: Path, *statements: str) -> None:
    """Change the file as somebody would who knows SQLite and has removed the triggers."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def streams(path: Path) -> list[str]:
    """The streams in the order they were begun."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [stream for (stream,) in connection.execute("SELECT stream FROM events WHERE seq = 0 ORDER BY n")]


def verified(path: Path) -> Verification:
    with opened(path) as journal:
        return journal.verify()


def test_a_sound_journal_holds(written: Path) -> None:
    """Nothing is found where nothing was done; what was looked at is counted."""
    assert verified(written) == Verification(True, events=10, entries=5, streams=3, problems=())


def test_an_empty_journal_holds(journal: Journal) -> None:
    """A journal without entries is sound."""
    assert journal.verify() == Verification(True, 0, 0, 0, ())


def test_each_stream_anchors_the_one_before(written: Path) -> None:
    """The first event of a stream holds the head of the stream its station wrote to last."""
    with contextlib.closing(sqlite3.connect(written)) as connection:
        anchors = [json.loads(text) for (text,) in connection.execute("SELECT payload FROM events WHERE seq = 0")]
        heads = connection.execute(
            "SELECT stream, max(seq), hash FROM events GROUP BY stream ORDER BY max(n)"
        ).fetchall()
    assert anchors[0] == {}
    assert [(one["stream"], one["seq"], one["hash"]) for one in anchors[1:]] == heads[:2]


async def test_stations_anchor_their_own(path: Path) -> None:
    """A station anchors its own last stream, whatever others wrote since; a new station anchors nothing."""
    for index, station in enumerate(("one", "two", "one")):
        with opened(path, station) as journal:
            await journal.append(entry(index))
    first, second, third = streams(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        anchors = dict(connection.execute("SELECT stream, payload FROM events WHERE seq = 0").fetchall())
    assert json.loads(anchors[second]) == {}
    assert json.loads(anchors[third])["stream"] == first


PAYLOAD = "replace(payload, 'DE*8PS*000002', 'DE*8PS*000009')"


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        (
            [f"UPDATE events SET payload = {PAYLOAD} WHERE entry_id = 'entry-2'"],
            r"event 3 \(stream \w+, seq 2\): was changed after it was written",
        ),
        (
            [f"UPDATE events SET payload = {PAYLOAD} WHERE entry_id = 'entry-2'"],
            r"entry 2 \(entry-2\): visual_number is 'DE\*8PS\*000002', its events say 'DE\*8PS\*000009'",
        ),
        (["UPDATE events SET payload = 'no JSON' WHERE n = 3"], r"event 3: its payload cannot be read"),
        (["UPDATE events SET payload = x'ff' WHERE n = 3"], r"event 3 .*: holds values that nobody writes"),
        (["UPDATE events SET seq = 'third' WHERE n = 3"], r"event 3 .*: holds values that nobody writes"),
        (["UPDATE events SET payload = CAST(x'ff' AS TEXT) WHERE n = 3"], r"file: the journal is damaged"),
        (["UPDATE events SET payload = '[]' WHERE n = 7"], r"stream \w+: its anchor cannot be read"),
        (
            ["UPDATE events SET payload = replace(payload, '\"seq\":5', '\"seq\":[]') WHERE n = 7"],
            r"stream \w+: its anchor cannot be read",
        ),
        (
            ["UPDATE events SET kind = 'anchor' WHERE n = 3"],
            r"event 3 .*: an anchor is the first event and nothing else",
        ),
        (
            ["UPDATE events SET payload = replace(payload, '\"note\"', '\"gone\"') WHERE n = 3"],
            r"entry 2 \(entry-2\): no event tells of its note",
        ),
        (
            ["UPDATE events SET payload = replace(payload, '\"note\"', '\"gone\"') WHERE n = 3"],
            r"entry 2 \(entry-2\): its events tell of 'gone', which entries do not have",
        ),
        (["UPDATE events SET at = '2001' WHERE n = 3"], r"event 3 .*: was changed after it was written"),
        (["UPDATE events SET station = 'two' WHERE n = 3"], r"event 3 .*: was changed after it was written"),
        (["UPDATE events SET kind = 'void' WHERE n = 3"], r"event 3 .*: was changed after it was written"),
        (
            ["UPDATE events SET kind = 'void' WHERE n = 3"],
            r"event 3: the history of entry entry-2 begins with",
        ),
        (["UPDATE events SET entry_id = 'entry-1' WHERE n = 3"], r"entry 2 \(entry-2\): no event tells of it"),
        (["UPDATE events SET entry_id = NULL WHERE n = 3"], r"entry 2 \(entry-2\): no event tells of it"),
        (["UPDATE events SET prev = 'x' WHERE n = 3"], r"event 3 .*: does not follow the event before it"),
        (["UPDATE events SET hash = 'x' WHERE n = 3"], r"event 4 .*: does not follow the event before it"),
        (["UPDATE events SET n = 100 WHERE n = 3"], r"event 4 .*: stands before an event that it follows"),
        (["DELETE FROM events WHERE n = 3"], r"stream \w+: event with seq 2 is missing before event 4"),
        (["DELETE FROM events WHERE n IN (3, 4)"], r"stream \w+: events with seq 2 to 3 are missing before event 5"),
        (["DELETE FROM events WHERE n = 1"], r"stream \w+: event with seq 0 is missing before event 2"),
        (["DELETE FROM events WHERE n = 6"], r"stream \w+: event with seq 5 is missing at its end, stream \w+ anchors"),
        (
            [
                "DELETE FROM events WHERE n >= 5 AND n <= 6",
                "UPDATE entries SET reservation_state = 'held', reservation_attempts = 0,"
                " reservation_attempt_id = NULL, reservation_body = NULL, reservation_status = NULL,"
                " delivered_at = NULL WHERE number = 1",
            ],
            r"stream \w+: events with seq 4 to 5 are missing at its end, stream \w+ anchors them",
        ),
        (["DELETE FROM events WHERE n <= 6"], r"stream \w+: is missing, stream \w+ was begun after it"),
        (["UPDATE entries SET note = 'x' WHERE number = 2"], r"entry 2 \(entry-2\): note is 'x', its events say ''"),
        (
            ["UPDATE entries SET reservation_state = 'held' WHERE number = 1"],
            r"entry 1 \(entry-1\): reservation_state is 'held', its events say 'done'",
        ),
        (
            ["UPDATE entries SET reservation_attempts = 'many' WHERE number = 1"],
            r"entry 1 \(entry-1\): reservation_attempts is 'many', its events say 1",
        ),
        (["DELETE FROM entries WHERE number = 2"], r"entry entry-2: is missing, event 3 tells of it"),
        (["DELETE FROM events WHERE entry_id = 'entry-2'"], r"entry 2 \(entry-2\): no event tells of it"),
        (["UPDATE entries SET id = 'entry-9' WHERE number = 2"], r"entry 2 \(entry-9\): no event tells of it"),
        (
            ["UPDATE entries SET number = 77 WHERE number = 2"],
            r"entry 77 \(entry-2\): number is 77, its events say 2",
        ),
    ],
)
def test_tampering_shows(written: Path, statements: list[str], problem: str) -> None:
    """Whatever is edited, removed or cut in rows or events is found, and the row is named."""
    tamper(written, *statements)
    verification = verified(written)
    assert not verification.ok
    assert any(re.search(problem, told) for told in verification.problems), verification.problems


def test_a_forged_event_shows_at_the_next(written: Path) -> None:
    """An event rewritten with a hash that fits it breaks the chain after it, and the last one breaks the anchor."""
    for n, words in ((3, "event 4 .*: does not follow the event before it"), (6, "is not the event that stream")):
        copy = written.with_name(f"copy-{n}.db")
        copy.write_bytes(written.read_bytes())
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            columns = "stream, seq, at, kind, station, entry_id, payload, prev"
            forged = chain.Event(*connection.execute(f"SELECT {columns} FROM events WHERE n = {n}").fetchone())
        forged = chain.Event(**{name: getattr(forged, name) for name in forged.__slots__} | {"at": "2001-01-01"})
        tamper(copy, f"UPDATE events SET at = '{forged.at}', hash = '{forged.hash}' WHERE n = {n}")
        problems = verified(copy).problems
        assert any(re.search(words, told) for told in problems), problems


@pytest.mark.parametrize("column", [column.name for column in STORED])
def test_every_column_is_accounted_for(written: Path, column: str) -> None:
    """There is no column of an entry that could be changed without a word."""
    tamper(written, "PRAGMA foreign_keys = OFF", f"UPDATE entries SET {column} = 4711 WHERE number = 3")
    problems = verified(written).problems
    assert any("entry-3" in told and (column == "id" or column in told) for told in problems), problems


def test_every_byte_of_a_number_counts(written: Path) -> None:
    """Wherever in the file a number is written (row, index, event), changing it there alone is found."""
    whole = written.read_bytes()
    places = [match.start() for match in re.finditer(rb"de8ps000003", whole)]
    assert len(places) == 3
    for place in places:
        written.write_bytes(whole[:place] + b"x" + whole[place + 1 :])
        problems = verified(written).problems
        assert problems
        assert all(problem.startswith(("file: ", "entry 3 ", "event 4 ")) for problem in problems), problems


async def test_all_problems_are_counted_and_a_hundred_told(path: Path) -> None:
    """What is told stays readable however much is wrong."""
    with opened(path) as journal:
        await asyncio.gather(*(journal.append(entry(index)) for index in range(130)))
    tamper(path, "UPDATE entries SET note = 'x'")
    problems = verified(path).problems
    assert len(problems) == 101
    assert problems[-1] == "… and 30 more"


async def test_verify_sees_one_moment(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is appended while `verify` runs neither disturbs it nor waits for it."""
    from tagsmith.journal import verifying

    with opened(place) as journal, opened(place) as other:
        await journal.append(entry(1))
        loop = asyncio.get_running_loop()
        real: Callable[..., object] = verifying._check_anchors

        def meanwhile(*arguments: object) -> None:
            asyncio.run_coroutine_threadsafe(other.append(entry(2)), loop).result()
            real(*arguments)

        monkeypatch.setattr(verifying, "_check_anchors", meanwhile)
        during = await asyncio.to_thread(journal.verify)
        assert during == Verification(True, events=2, entries=1, streams=1, problems=())
        monkeypatch.undo()
        assert journal.verify() == Verification(True, events=4, entries=2, streams=2, problems=())


@given(
    st.lists(st.text(), min_size=8, max_size=8),
    st.lists(st.text(), min_size=8, max_size=8),
)
def test_different_events_hash_differently(some: list[str], others: list[str]) -> None:
    """No two events share a hash because text was moved from one field to the next."""

    def event(fields: list[str]) -> chain.Event:
        return chain.Event(fields[0], 1, *fields[2:5], fields[5], *fields[6:])  # type: ignore[misc]

    one, other = event(some), event(others)
    assert (one.hash == other.hash) == (one == other)
    moved = event([*some[:3], some[3] + some[4][:1], some[4][1:], *some[5:]])
    assert (one.hash == moved.hash) == (one == moved)
