"""The journal's doors for a day of production: batches, checks, rejected keys, shifts, reports, the work list."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from tagsmith.journal import batches, changes, reading, reporting, shifts
from tagsmith.journal.batches import Clash
from tagsmith.journal.writing import Transaction
from tagsmith.model import Record
from tagsmith.production import Batch, BatchKey, BatchStand, ManifestLine, RejectedKey, Shift, ShiftReport

_T = TypeVar("_T")


class Production(abc.ABC):
    """A part of `Journal`: what it says about threads and errors holds here too."""

    # --- batches ---------------------------------------------------------------------------------------------

    async def create_batch(self, batch: Batch, lines: Sequence[ManifestLine] = ()) -> BatchStand:
        """Record a batch, with its manifest where it has one. The very same one again is only found again.

        Raises:
            BatchError: the name is taken for the target or is none; a line's number stands in another open batch or is
                paired already, or two lines are of one key.
        """
        return await self._change(lambda transaction: batches.create(transaction, batch, lines))

    async def load_manifest(self, batch_id: str, lines: Sequence[ManifestLine], by: str) -> BatchStand:
        """Give a batch its manifest, as long as it has none and no pair.

        Raises:
            BatchError: it has; it is closed, or there is none; a line as in `create_batch`.
        """
        return await self._change(lambda transaction: batches.load(transaction, batch_id, lines, by))

    async def close_batch(self, batch_id: str, by: str) -> BatchStand:
        """Close a batch; one that is closed stays as it is.

        Raises:
            BatchError: there is no such batch.
        """
        return await self._change(lambda transaction: batches.close(transaction, batch_id, by))

    async def skip_line(self, batch_id: str, position: int, why: str, by: str) -> None:
        """Say why a line of the manifest is not made; the first word stays.

        Raises:
            BatchError: it is paired, the batch is closed, or there is no such line.
        """
        await self._change(lambda transaction: batches.skip(transaction, batch_id, position, why, by))

    async def batches(self, target: str, *, closed: bool = False) -> list[BatchStand]:
        """The target's batches, newest first; the open ones only, unless the closed ones are wanted too."""
        return await self._ask(lambda connection: batches.of_target(connection, target, closed=closed))

    async def batch(self, target: str, name: str) -> BatchStand | None:
        """The target's batch of this very name, open or closed."""
        return await self._ask(lambda connection: batches.by_name(connection, target, name))

    async def manifest(self, batch_id: str) -> tuple[ManifestLine, ...]:
        """The lines of a batch, by position; none where it has no manifest."""
        return await self._ask(lambda connection: batches.manifest(connection, batch_id))

    async def batch_keys(self, batch_id: str) -> list[BatchKey]:
        """The live pairs of a batch, in order of commit."""
        return await self._ask(lambda connection: batches.keys(connection, batch_id))

    async def other_batch(self, target: str, number_key: str, *, but: str | None) -> str | None:
        """The name of an open batch other than `but` (an id) whose manifest has this number."""
        return await self._ask(lambda connection: batches.elsewhere(connection, target, number_key, but))

    async def clashes(self, target: str, lines: Sequence[ManifestLine]) -> list[Clash]:
        """The lines for which `create_batch` would refuse a manifest because their number or key is taken."""
        return await self._ask(lambda connection: batches.clashes(connection, target, lines))

    def batch_names(self) -> dict[str, str]:
        """The name of every batch, by its id; blocks the calling thread."""
        self._require_open()
        return self._query(batches.names)

    # --- checks and the work list ----------------------------------------------------------------------------

    async def pass_check(self, entry_ids: Sequence[str], by: str) -> list[Record]:
        """Have entries sent from now on that waited for a check: it has passed. Gives their records.

        What waited for none, or was taken back, is left as it is.

        Raises:
            IllegalTransition: there is no such entry; no check has passed then.
        """
        return await self._change(lambda transaction: changes.pass_check(transaction, entry_ids, by))

    async def work_list(self, target: str, limit: int = 100) -> list[Record]:
        """The oldest records that only a person brings further: something was refused, or is in doubt and waits."""
        return await self._ask(lambda connection: reading.work_list(connection, target, limit))

    # --- rejected keys, shifts, reports ----------------------------------------------------------------------

    async def reject_key(self, target: str, key: RejectedKey) -> None:
        """Record that a key was put aside."""
        await self._change(lambda transaction: shifts.reject(transaction, target, key))

    async def rejects(
        self, target: str, since: datetime, until: datetime | None, batch: str | None = None
    ) -> list[RejectedKey]:
        """The keys that were put aside from `since` until before `until`, oldest first; of a batch (its id)."""
        return await self._ask(lambda connection: shifts.rejects(connection, target, since, until, batch=batch))

    async def start_shift(self, shift: Shift) -> None:
        """Begin a shift; the very same one again changes nothing.

        Raises:
            IllegalTransition: another one of the station's runs, or this one has ended.
        """
        await self._change(lambda transaction: shifts.start(transaction, shift))

    async def end_shift(self, shift_id: str, ended_at: datetime, recoveries: int) -> Shift:
        """End a shift; one that has ended stays as it is.

        Raises:
            IllegalTransition: there is no such shift.
        """
        return await self._change(lambda transaction: shifts.end(transaction, shift_id, ended_at, recoveries))

    async def running_shift(self, station: str) -> Shift | None:
        """The shift of a station that has not ended."""
        return await self._ask(lambda connection: shifts.running(connection, station))

    async def shifts(self, station: str, limit: int) -> list[Shift]:
        """The shifts of a station, newest first."""
        return await self._ask(lambda connection: shifts.latest(connection, station, limit))

    async def report(
        self,
        target: str,
        *,
        station: str | None,
        since: datetime,
        until: datetime | None,
        batch: str | None = None,
        title: str,
        recoveries: int = 0,
    ) -> ShiftReport:
        """What was made from `since` until before `until`, or until now; of one station, of one batch (its id).

        Of a batch, keys per hour are those of the hours in which it was worked on; else those of the whole time.
        """
        now = self._now()
        return await self._ask(
            lambda connection: reporting.report(
                connection,
                target,
                station=station,
                since=since,
                until=until,
                now=now,
                batch=batch,
                title=title,
                recoveries=recoveries,
            )
        )

    # --- what the journal itself has -------------------------------------------------------------------------

    @abc.abstractmethod
    async def _change(self, work: Callable[[Transaction], _T]) -> _T:
        """Have the writer thread do `work`, and wait."""

    @abc.abstractmethod
    async def _ask(self, question: Callable[[Connection], _T]) -> _T:
        """Have a reader thread answer, and wait."""

    @abc.abstractmethod
    def _query(self, question: Callable[[Connection], _T]) -> _T:
        """Answer on the calling thread."""

    @abc.abstractmethod
    def _require_open(self) -> None:
        """Raise where the journal is closed."""

    @abc.abstractmethod
    def _now(self) -> datetime:
        """The time, aware, by the journal's clock."""
