"""Batches: how one is made, gets its manifest, loses a line and is closed, and how far it is.

A batch never changes; what is done with it is added as an act. What has become of its keys is counted from the entries.
Changes are the work of one transaction, on the writer's thread; the questions work on any connection.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, exists, func, insert, select, text

from tagsmith.errors import BatchError
from tagsmith.journal import rows
from tagsmith.journal.rows import Row
from tagsmith.journal.schema import STORED, batch_acts, batches, entries, manifest_lines, rejects
from tagsmith.journal.writing import Transaction
from tagsmith.production import Batch, BatchKey, BatchStand, ManifestLine

LONGEST_NAME: Final = 64
"""Characters that a batch's name may have."""

_CHUNK: Final = 500
"""Numbers that are asked for at a time."""
_TOLD: Final = 3
"""Lines that an error names."""

_CLOSING: Final = batch_acts.alias("closing")
_LOADING: Final = batch_acts.alias("loading")
_BATCHES: Final = (
    select(
        batches,
        func.coalesce(_LOADING.c.size, 0).label("size"),
        _CLOSING.c.at.label("closed_at"),
        func.coalesce(_CLOSING.c.done_by, "").label("closed_by"),
    )
    .outerjoin_from(batches, _LOADING, and_(_LOADING.c.batch == batches.c.id, text("loading.act = 'manifest'")))
    .outerjoin(_CLOSING, and_(_CLOSING.c.batch == batches.c.id, text("closing.act = 'closed'")))
)
_OF_TARGET: Final = _BATCHES.where(batches.c.target == bindparam("this_target")).order_by(batches.c.number.desc())
_OPEN_OF_TARGET: Final = _OF_TARGET.where(_CLOSING.c.at.is_(None))
_BY_NAME: Final = _BATCHES.where(batches.c.target == bindparam("this_target"), batches.c.name == bindparam("this_name"))
_BY_ID: Final = _BATCHES.where(batches.c.id == bindparam("this_id"))
_NAMES: Final = select(batches.c.id, batches.c.name)

_THESE: Final[BindParameter[Any]] = bindparam("these", expanding=True)
_PAIRED: Final = (
    select(entries.c.batch, func.count(), func.sum(entries.c.checked))
    .where(entries.c.batch.in_(_THESE), text("live = 1"))
    .group_by(entries.c.batch)
)
_LINE: Final = and_(manifest_lines.c.batch == batch_acts.c.batch, manifest_lines.c.position == batch_acts.c.position)
# A line that was skipped and was made all the same is made.
_SKIPPED: Final = (
    select(batch_acts.c.batch, func.count())
    .join(manifest_lines, _LINE)
    .where(
        batch_acts.c.batch.in_(_THESE),
        text("act = 'skipped'"),
        ~exists().where(
            entries.c.batch == batch_acts.c.batch,
            entries.c.number_key == manifest_lines.c.number_key,
            entries.c.live == 1,
        ),
    )
    .group_by(batch_acts.c.batch)
)
_REJECTED: Final = select(rejects.c.batch, func.count()).where(rejects.c.batch.in_(_THESE)).group_by(rejects.c.batch)
_KEYS: Final = (
    select(*STORED).where(entries.c.batch == bindparam("this_id"), text("live = 1")).order_by(entries.c.number)
)
_SKIPS: Final = and_(
    batch_acts.c.batch == manifest_lines.c.batch,
    batch_acts.c.position == manifest_lines.c.position,
    text("act = 'skipped'"),
)
_LINES: Final = (
    select(manifest_lines, func.coalesce(batch_acts.c.note, "").label("skipped"))
    .outerjoin_from(manifest_lines, batch_acts, _SKIPS)
    .where(manifest_lines.c.batch == bindparam("this_id"))
    .order_by(manifest_lines.c.position)
)
_ALL_LINES: Final = select(manifest_lines).order_by(manifest_lines.c.batch, manifest_lines.c.position)
_DIGESTS: Final = select(batch_acts.c.batch, batch_acts.c.size, batch_acts.c.note).where(text("act = 'manifest'"))
_MADE: Final = select(entries.c.number_key).where(
    entries.c.batch == bindparam("this_id"), entries.c.number_key == bindparam("this_key"), text("live = 1")
)
_CLOSED: Final = exists().where(batch_acts.c.batch == manifest_lines.c.batch, text("act = 'closed'"))
_IS_CLOSED: Final = select(batch_acts.c.batch).where(batch_acts.c.batch == bindparam("this_id"), text("act = 'closed'"))
_LEFT_OUT: Final = exists().where(_SKIPS)
_ELSEWHERE: Final = (
    select(manifest_lines.c.number_key, batches.c.name)
    .join(batches, batches.c.id == manifest_lines.c.batch)
    .where(
        manifest_lines.c.number_key.in_(_THESE),
        batches.c.target == bindparam("this_target"),
        batches.c.id != bindparam("but"),
        ~_CLOSED,
    )
    .order_by(batches.c.number)
)
_EXPECTED_ELSEWHERE: Final = _ELSEWHERE.where(~_LEFT_OUT)
_NUMBERS_PAIRED: Final = select(entries.c.number_key, entries.c.paired_at).where(
    entries.c.target == bindparam("this_target"), entries.c.number_key.in_(_THESE), text("live = 1")
)
_UIDS_PAIRED: Final = select(entries.c.uid, entries.c.visual_number).where(
    entries.c.target == bindparam("this_target"), entries.c.uid.in_(_THESE), text("live = 1")
)


@dataclass(frozen=True, slots=True)
class Clash:
    """Why a line of a manifest cannot be made: its number or its key is taken already."""

    position: int
    why: str


# --- changes -------------------------------------------------------------------------------------------------------


def create(transaction: Transaction, batch: Batch, lines: Sequence[ManifestLine]) -> BatchStand:
    """Add a batch, with its manifest where it has one. The very same one again is only found again.

    Raises:
        BatchError: the name is no name or is taken, or a line cannot be made.
    """
    connection = transaction.connection
    _require_name(batch.name)
    if not transaction.insert_batch(rows.batch_row(batch, transaction.station)):
        there = by_id(connection, batch.id)
        if there is not None and (there.batch.target, there.batch.name) == (batch.target, batch.name):
            return there
        if there is not None:
            raise BatchError(f"there is a batch {there.batch.name} of the same id")
        taken = by_name(connection, batch.target, batch.name)
        closed = ", and closed" if taken is not None and taken.batch.closed_at else ""
        raise BatchError(
            f"there is a batch {batch.name} already{closed}", "take another name, or go on with the batch there is"
        )
    if lines:
        _load(transaction, batch, lines, batch.created_by)
    return _there(connection, batch.id)


def load(transaction: Transaction, batch_id: str, lines: Sequence[ManifestLine], by: str) -> BatchStand:
    """Give a batch its manifest, as long as it has none and no pair.

    Raises:
        BatchError: it has; it is closed or there is none; there is no line, or one cannot be made.
    """
    stand = _there(transaction.connection, batch_id)
    require_empty(stand)
    if not lines:
        raise BatchError("the manifest has no numbers")
    _load(transaction, stand.batch, lines, by)
    return _there(transaction.connection, batch_id)


def require_empty(stand: BatchStand) -> None:
    """That a batch may get a manifest: it is open, has none yet, and no pair.

    Raises:
        BatchError: it may not.
    """
    batch = stand.batch
    _require_open(batch)
    if batch.size:
        raise BatchError(
            f"batch {batch.name} has a manifest of {batch.size} numbers already", "make another batch for these numbers"
        )
    if stand.paired:
        raise BatchError(f"batch {batch.name} has {stand.paired} pairs already", "make another batch for these numbers")


def _load(transaction: Transaction, batch: Batch, lines: Sequence[ManifestLine], by: str) -> None:
    connection = transaction.connection
    _require_whole(lines)
    if found := clashes(connection, batch.target, lines, but=batch.id):
        told = "; ".join(f"line {clash.position}: {clash.why}" for clash in found[:_TOLD])
        more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        raise BatchError(f"{told}{more}", "take these numbers out of the manifest")
    digest = _digest(_fields(rows.line_row(batch.id, line)) for line in lines)
    if not _act(transaction, batch.id, "manifest", by, size=len(lines), note=digest):
        raise BatchError(f"batch {batch.name} has got a manifest just now", "make another batch for these numbers")
    connection.execute(insert(manifest_lines), [rows.line_row(batch.id, line) for line in lines])


def close(transaction: Transaction, batch_id: str, by: str) -> BatchStand:
    """Close a batch; one that is closed stays as it is.

    Raises:
        BatchError: there is no such batch.
    """
    stand = _there(transaction.connection, batch_id)
    if stand.batch.closed_at is None:
        _act(transaction, batch_id, "closed", by)
    return _there(transaction.connection, batch_id)


def skip(transaction: Transaction, batch_id: str, position: int, why: str, by: str) -> None:
    """Say why a line is not made; the first word stays.

    Raises:
        BatchError: there is no such line, it is made already, or the batch is closed.
    """
    connection = transaction.connection
    batch = _there(connection, batch_id).batch
    line = next((line for line in manifest(connection, batch_id) if line.position == position), None)
    if line is None:
        raise BatchError(f"batch {batch.name} has no line {position}")
    if line.skipped:
        return
    _require_open(batch)
    if connection.scalar(_MADE, {"this_id": batch_id, "this_key": line.number_key}) is not None:
        raise BatchError(f"{line.visual_number} of batch {batch.name} is paired already")
    _act(transaction, batch_id, "skipped", by, position=position, note=why or "skipped")


def _act(
    transaction: Transaction,
    batch_id: str,
    act: str,
    by: str,
    *,
    position: int | None = None,
    size: int | None = None,
    note: str = "",
) -> bool:
    """Add an act, unless it was done before; gives whether it was not."""
    row: Row = {
        "batch": batch_id,
        "act": act,
        "position": position,
        "size": size,
        "note": note,
        "done_by": by or transaction.by,
        "station": transaction.station,
        "at": transaction.now,
    }
    return transaction.insert_batch_act(row)


def _require_name(name: str) -> None:
    visible = name == name.strip() and not any(unicodedata.category(one).startswith("C") for one in name)
    if not name or not visible or len(name) > LONGEST_NAME:
        raise BatchError(
            f"{name!r} is no name for a batch", f"take 1 to {LONGEST_NAME} characters without control characters"
        )


def _require_open(batch: Batch) -> None:
    if batch.closed_at is not None:
        raise BatchError(f"batch {batch.name} is closed", "make another batch")


def _require_whole(lines: Sequence[ManifestLine]) -> None:
    """That lines are numbered from 1, and that none has the number or the key of another."""
    if [line.position for line in lines] != list(range(1, len(lines) + 1)):
        raise BatchError("the lines of a manifest are numbered from 1")
    numbers = Counter(line.number_key for line in lines)
    keys = Counter(line.uid for line in lines if line.uid is not None)
    for line in lines:
        if numbers[line.number_key] > 1:
            raise BatchError(f"{line.visual_number} stands in the manifest more than once")
        if line.uid is not None and keys[line.uid] > 1:
            raise BatchError(f"key {line.uid} stands in the manifest more than once")


# --- questions -----------------------------------------------------------------------------------------------------


def of_target(connection: Connection, target: str, *, closed: bool) -> list[BatchStand]:
    """The target's batches, newest first; the open ones only, unless the closed ones are wanted too."""
    return _stands(connection, _OF_TARGET if closed else _OPEN_OF_TARGET, {"this_target": target})


def by_name(connection: Connection, target: str, name: str) -> BatchStand | None:
    """The target's batch of this very name."""
    found = _stands(connection, _BY_NAME, {"this_target": target, "this_name": name})
    return found[0] if found else None


def by_id(connection: Connection, batch_id: str) -> BatchStand | None:
    """The batch of this id."""
    found = _stands(connection, _BY_ID, {"this_id": batch_id})
    return found[0] if found else None


def names(connection: Connection) -> dict[str, str]:
    """The name of every batch, by its id."""
    return _told(connection, _NAMES)


def manifest(connection: Connection, batch_id: str) -> tuple[ManifestLine, ...]:
    """The lines of a batch, by position."""
    return tuple(rows.line(row) for row in connection.execute(_LINES, {"this_id": batch_id}).mappings())


def keys(connection: Connection, batch_id: str) -> list[BatchKey]:
    """The live pairs of a batch, in order of commit."""
    found = []
    for row in connection.execute(_KEYS, {"this_id": batch_id}).mappings():
        record = rows.record(row)
        entry = record.entry
        found.append(
            BatchKey(
                entry.id,
                entry.number_key,
                entry.visual_number,
                entry.uid,
                entry.lane,
                record.checked,
                entry.station,
            )
        )
    return found


def is_closed(connection: Connection, batch_id: str) -> bool:
    """Whether a batch is closed."""
    return connection.scalar(_IS_CLOSED, {"this_id": batch_id}) is not None


def elsewhere(connection: Connection, target: str, number_key: str, but: str | None) -> str | None:
    """The name of another open batch whose manifest has this number, made, skipped or expected."""
    found = connection.execute(_ELSEWHERE, {"these": [number_key], "this_target": target, "but": but or ""})
    row = found.first()
    return None if row is None else str(row.name)


def clashes(connection: Connection, target: str, lines: Sequence[ManifestLine], *, but: str = "") -> list[Clash]:
    """The lines that cannot be made, by position: another open batch than `but` expects the number, or it is paired."""
    found: list[Clash] = []
    for first in range(0, len(lines), _CHUNK):
        chunk = lines[first : first + _CHUNK]
        numbers: dict[str, Any] = {"these": [line.number_key for line in chunk], "this_target": target}
        uids: dict[str, Any] = {
            "these": [line.uid.wire for line in chunk if line.uid is not None],
            "this_target": target,
        }
        other = _told(connection, _EXPECTED_ELSEWHERE, numbers | {"but": but})
        paired = _told(connection, _NUMBERS_PAIRED, numbers)
        keys_paired = _told(connection, _UIDS_PAIRED, uids) if uids["these"] else {}
        for line in chunk:
            if line.number_key in paired:
                day = str(paired[line.number_key])[:10]
                found.append(Clash(line.position, f"{line.visual_number} was paired on {day}"))
            elif line.number_key in other:
                found.append(Clash(line.position, f"{line.visual_number} stands in batch {other[line.number_key]}"))
            elif line.uid is not None and line.uid.wire in keys_paired:
                number = keys_paired[line.uid.wire]
                found.append(Clash(line.position, f"key {line.uid} is paired already, with {number}"))
    return found


def _told(connection: Connection, statement: Select[Any], parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a statement of two columns finds: the second by the first."""
    return {row[0]: row[1] for row in connection.execute(statement, parameters or {})}


def _there(connection: Connection, batch_id: str) -> BatchStand:
    stand = by_id(connection, batch_id)
    if stand is None:
        raise BatchError(f"there is no batch {batch_id}", "tagsmith batch list shows those there are")
    return stand


def _stands(connection: Connection, statement: Select[Any], parameters: dict[str, str]) -> list[BatchStand]:
    found = [rows.batch(row) for row in connection.execute(statement, parameters).mappings()]
    if not found:
        return []
    these = {"these": [batch.id for batch in found]}
    paired = {batch_id: (count, checked) for batch_id, count, checked in connection.execute(_PAIRED, these)}
    skipped = _told(connection, _SKIPPED, these)
    rejected = _told(connection, _REJECTED, these)
    stands = []
    for batch in found:
        count, checked = paired.get(batch.id, (0, 0))
        stands.append(
            BatchStand(
                batch,
                paired=count,
                skipped=skipped.get(batch.id, 0),
                rejected=rejected.get(batch.id, 0),
                unchecked=count - int(checked),
            )
        )
    return stands


# --- whether a manifest is as it was loaded ------------------------------------------------------------------------


def untrue_manifests(connection: Connection) -> Iterator[str]:
    """What is not as the acts say about the lines of every batch. Reads all lines once, in constant memory."""
    told = {batch_id: (size, digest) for batch_id, size, digest in connection.execute(_DIGESTS)}
    lines = connection.execute(_ALL_LINES).mappings()
    for batch_id, members in itertools.groupby(lines, key=lambda row: str(row["batch"])):
        size, digest = told.pop(batch_id, (0, ""))
        if not size:
            yield f"batch {batch_id}: has lines, no act tells of a manifest"
        elif _digest(_fields(dict(row)) for row in members) != digest:
            yield f"batch {batch_id}: its manifest is not the one that was loaded"
    for batch_id, (size, _) in sorted(told.items()):
        yield f"batch {batch_id}: its manifest of {size} lines is missing"


def _fields(row: Row) -> list[object]:
    """What of a line is digested."""
    return [row[name] for name in ("position", "visual_number", "number_key", "uid", "technology")]


def _digest(lines: Iterable[list[object]]) -> str:
    """SHA-256 over the lines, in hex."""
    whole = hashlib.sha256()
    for fields in lines:
        whole.update(json.dumps(fields).encode("ascii") + b"\n")
    return whole.hexdigest()
