"""Which batch the station makes keys of: chosen, made, closed, and followed when another process changes it.

Lives on the core loop. What lanes may pair of a batch is the bench's matter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

from tagsmith import words
from tagsmith.batch import begin
from tagsmith.bench import Bench
from tagsmith.errors import BatchError, JournalError
from tagsmith.journal import Journal
from tagsmith.model import Notice
from tagsmith.production import Batch, BatchStand, BatchView, ManifestLine

_log = logging.getLogger(__name__)

SETTLE_S = 5.0
"""How long a change of batch waits for pairs that are being saved."""


class Batches:
    """The batches of one station. `changed` is called when a view may look different.

    `said` gets why what was asked for was not done, or that it was; plain words.
    """

    def __init__(
        self,
        journal: Journal,
        bench: Bench,
        *,
        target: str,
        station: str,
        lanes: Sequence[str],
        changed: Callable[[], None],
        said: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._bench = bench
        self._target = target
        self._station = station
        self._lanes = tuple(lanes)
        self._changed = changed
        self._said = said
        self._open: tuple[BatchStand, ...] = ()
        self._rejected = 0
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life -----------------------------------------------------------------------------------------------------

    async def resume(self, name: str | None) -> None:
        """Find the open batches, and choose the one of this name where one is wanted.

        Raises:
            BatchError: there is no such batch, or it is closed.
            JournalError: the journal cannot be read.
        """
        await self._find_open()
        if name is None:
            return
        stand = await self._journal.batch(self._target, name)
        if stand is None:
            raise BatchError(
                f"there is no batch {name} for {self._target}", "tagsmith batch list shows those there are"
            )
        if stand.batch.closed_at is not None:
            raise BatchError(f"batch {name} is closed", "choose another one; tagsmith batch list shows them")
        await self._take(stand)

    async def close(self) -> None:
        """End what is under way; what the journal was asked for is done all the same."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def follow(self) -> None:
        """See what other processes have done with the batches, and take that over.

        Raises:
            JournalError: the journal cannot be read.
        """
        if self._one_at_a_time.locked():
            return
        generation, run = self._bench.batch.generation, self._bench.batch.run
        await self._find_open()
        self._changed()
        if run is None:
            return
        stand = next((stand for stand in self._open if stand.batch.id == run.batch.id), None)
        if stand is None:
            stand = await self._journal.batch(self._target, run.batch.name)
        if stand is None or self._is_as_here(stand):
            return
        lines = await self._journal.manifest(stand.batch.id)
        keys = await self._journal.batch_keys(stand.batch.id)
        if self._bench.batch.generation == generation:  # else what was read is of before: next time
            self._bench.batch.refresh(begin(stand.batch, lines, keys, self._lanes, self._station))

    # --- asked for by a person --------------------------------------------------------------------------------------

    def choose(self, batch_id: str | None) -> None:
        """Make keys of this batch from now on; None: of none."""
        self._spawn(self._choose(batch_id))

    def create(self, batch: Batch, lines: Sequence[ManifestLine]) -> None:
        """Make a batch, with its manifest where it has one, and choose it."""
        self._spawn(self._create(batch, tuple(lines)))

    def close_batch(self) -> None:
        """Close the batch under way, unless pairs of it wait for a check: that is asked for first."""
        self._spawn(self._close_batch())

    def skip_expected(self, why: str) -> None:
        """The number that comes next is not made."""
        self._bench.batch.skip_expected(why, self._said)

    # --- what is shown ----------------------------------------------------------------------------------------------

    @property
    def open(self) -> tuple[BatchStand, ...]:
        """The open batches, newest first; the one under way as it is now."""
        now = self.stand
        return tuple(now if now is not None and one.batch.id == now.batch.id else one for one in self._open)

    @property
    def stand(self) -> BatchStand | None:
        """The batch under way and how far it is."""
        run = self._bench.batch.run
        return None if run is None else run.stand(self._rejected)

    def view(self, left_s: Callable[[int | None], float | None]) -> BatchView | None:
        """The batch under way as it is shown. `left_s` says how long so many keys take."""
        stand = self.stand
        return None if stand is None else BatchView(stand, left_s(stand.left))

    # --- how it is done -----------------------------------------------------------------------------------------------

    async def _choose(self, batch_id: str | None) -> None:
        async with self._one_at_a_time:
            await self._find_open()
            stand = next((stand for stand in self._open if stand.batch.id == batch_id), None)
            if batch_id is not None and stand is None:
                raise BatchError("there is no such open batch")
            await self._take(stand)

    async def _create(self, batch: Batch, lines: tuple[ManifestLine, ...]) -> None:
        async with self._one_at_a_time:
            wanted = replace(batch, target=self._target, created_by=batch.created_by or self._journal.acting)
            stand = await self._journal.create_batch(wanted, lines)
            await self._find_open()
            await self._take(stand)

    async def _close_batch(self) -> None:
        async with self._one_at_a_time:
            run = self._bench.batch.run
            if run is None:
                self._tell(words.notice("no-batch"))
                return
            await self._settle()
            await self._bench.batch.checks_recorded()
            run = self._bench.batch.run or run
            if (waiting := self._bench.batch.check_last()) is not None:
                lane, count = waiting
                self._tell(words.batch_notice("last-check", count=count, lane=lane))
                return
            if run.waiting:
                self._tell(words.batch_notice("others-wait", count=run.waiting))
                return
            stand = await self._journal.close_batch(run.batch.id, self._journal.acting)
            self._bench.batch.take(None)
            self._bench.say("batch-closed", batch=run.batch.name, paired=stand.paired, left=stand.left)
            await self._find_open()
            self._tell(words.batch_notice("batch-is-closed", batch=run.batch.name))

    async def _take(self, stand: BatchStand | None) -> None:
        """Have the lanes make keys of this batch. Nothing is paired while it is being read."""
        self._bench.batch.changing = True
        try:
            await self._settle()
            run = None
            if stand is not None:
                lines = await self._journal.manifest(stand.batch.id)
                keys = await self._journal.batch_keys(stand.batch.id)
                run = begin(stand.batch, lines, keys, self._lanes, self._station)
        finally:
            self._bench.batch.changing = False
        self._bench.batch.take(run)
        self._rejected = stand.rejected if stand is not None else 0
        if stand is None:
            self._bench.say("batch-chosen", batch=None)
            return
        of = stand.batch
        self._bench.say(
            "batch-chosen",
            batch=of.name,
            sequence=str(of.sequence),
            verification=str(of.verification),
            paired=stand.paired,
            left=stand.left,
        )
        self._tell(words.batch_notice("now-batch", batch=of.name))

    async def _settle(self) -> None:
        """Let every pair that is on its way to the disc arrive there; drop the halves.

        Raises:
            BatchError: one does not arrive.
        """
        self._bench.drop_halves()
        if not await self._bench.settled(SETTLE_S) or self._bench.is_saving:
            raise BatchError(words.told(words.notice("still-saving")))

    async def _find_open(self) -> None:
        self._open = tuple(await self._journal.batches(self._target))
        run = self._bench.batch.run
        if run is not None:
            self._rejected = next((one.rejected for one in self._open if one.batch.id == run.batch.id), self._rejected)

    def _is_as_here(self, stand: BatchStand) -> bool:
        here = self.stand
        return here is not None and (
            (stand.batch.closed_at, stand.paired, stand.skipped, stand.unchecked, stand.batch.size)
            == (here.batch.closed_at, here.paired, here.skipped, here.unchecked, here.batch.size)
        )

    def _tell(self, notice: Notice) -> None:
        self._said(words.told(notice))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._tried(work))
        self._tasks.add(task)  # a task without a reference may be collected before it has run
        task.add_done_callback(self._tasks.discard)

    async def _tried(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except JournalError as error:
            self._tell(words.batch_notice("batch-not-changed", why=str(error)))
            _log.warning("batch not changed: %s", error)
        except Exception:  # a task that died is a fault of ours: it must at least be heard of
            _log.exception("a task of the batches died")
            raise
