"""The journal as the other rooms see it: threads and engines; what is recorded is decided in `changes`."""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine

from tagsmith.errors import JournalCorrupt, JournalError, JournalUnavailable
from tagsmith.journal import calibrating, changes, copying, custody, database, faults, reading
from tagsmith.journal.custody import Note
from tagsmith.journal.grouping import Group
from tagsmith.journal.lock import CourierLock
from tagsmith.journal.producing import Production
from tagsmith.journal.reading import Change
from tagsmith.journal.store import Store
from tagsmith.journal.verifying import Problems, Verification, verify
from tagsmith.journal.worker import Worker
from tagsmith.journal.writing import Transaction, Writer, last_head
from tagsmith.model import Calibration, Committed, Correction, Entry, LegName, Record, Settlement, State, Tenure
from tagsmith.uid import ByteOrder, Uid

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_READERS: Final = 2
"""Threads that answer questions, so that a long one does not hold up the tap of a key."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal(Production):
    """The durable record of one station: what a method has returned for is on the disc, and stays.

    One thread writes; two more read. Methods may be called from any thread and any event loop. A change that was
    asked for is made even if its await is cancelled. Every method raises `JournalUnavailable` once the journal is
    closed, and the other kinds of `JournalError` as the disc and the file give cause; nothing was recorded then,
    unless the error says `perhaps`.

    `acting` is who is at work: every event that is asked for from then on tells it.
    """

    def __init__(
        self,
        store: Store,
        reading_engine: Engine,
        writer: Writer,
        note: Note,
        home: str,
        clock_utc: Callable[[], datetime],
    ) -> None:
        """Only `open` makes journals."""
        self.acting = ""
        self._clock_utc = clock_utc
        self._store = store
        self._note = note
        self._station = writer.station
        self._home = home
        self._reading_engine = reading_engine
        self._writer = writer
        self._writing = Worker("journal-writer")
        self._group = Group(self._writing, writer)
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="journal-reader")
        self._closing = threading.Lock()
        self._closed = False

    @classmethod
    def open(cls, url: str, *, station: str = "", clock_utc: Callable[[], datetime] = _utc_now) -> Journal:
        """Open the journal an SQLAlchemy URL names, making or migrating it where needed.

        `sqlite:////path`, or `postgresql://user@host/database`. Takes about as long for 200,000 entries as for none.
        `station` is written to every event.

        Raises:
            JournalError: the URL names nothing a journal can be kept in, or what that needs is not installed.
            JournalReadOnly, JournalFull, JournalCorrupt, JournalNewer, JournalUnavailable: what is in the way.
        """
        store = database.locate(url, station=station)
        try:
            store.create()
            reading_engine = store.reading_engine()
            note = Note(store.path)
            writer = Writer(store, station, clock_utc, note.write)
            try:
                connection = writer.connect()
                store.prepare(connection)
                with connection.begin():
                    head = last_head(connection)
                    older = note.ahead_of(connection)
                    home = store.home(connection)
                if older:
                    # The next change overwrites the note, so what it says is kept in the journal.
                    _log.error("%s is an older state than what was here before: it delivers nothing", store.place)
                    writer.transact(lambda change: custody.settle(change, custody.OLDER, by="", reason="found so"))
            except BaseException:
                writer.close()
                note.close()
                raise
        except faults.FOREIGN as error:
            raise store.translate(error) from error
        _log.info("journal open: %s station=%s newest event: %s", store.place, station, head or "none")
        return cls(store, reading_engine, writer, note, home, clock_utc)

    @staticmethod
    def exists(url: str) -> bool:
        """Whether there is something where `open` would look for the journal; nothing is made. A server is asked.

        Raises:
            JournalError: the URL names nothing a journal can be kept in, or nobody can say.
        """
        return database.locate(url).exists()

    @staticmethod
    def place_of(url: str) -> str:
        """What a URL names, as people may see it: never a password.

        Raises:
            JournalError: as `exists`.
        """
        return database.locate(url).place

    @property
    def url(self) -> str:
        """The URL this journal can be opened with again, from any folder; a password is left out."""
        return self._store.url

    @property
    def place(self) -> str:
        """Where it is, for people: the file, or the URL without its password."""
        return self._store.place

    @property
    def path(self) -> Path | None:
        """The database file, where it is one."""
        return self._store.path

    def courier_lock(self) -> CourierLock:
        """A lock, not yet taken, that one process at a time can hold for this journal."""
        return self._store.courier_lock()

    # --- changes ---------------------------------------------------------------------------------------------

    async def append(self, entry: Entry) -> Committed:
        """Record a pair durably; by the same id again it is only found again (`Committed.again`).

        Raises:
            DuplicateUid, DuplicateNumber: the target already has the key, or else the number; they carry the record.
            IllegalTransition: the id belongs to another pair, or to one that was taken back.
        """
        return await self._change(lambda transaction: changes.append(transaction, entry))

    async def undo(self, entry_id: str, reason: str = "") -> Record:
        """Take a pair back that was never attempted; key and number are free again. Idempotent.

        Raises:
            IllegalTransition: it was attempted, or there is no such entry.
        """
        return await self._change(lambda transaction: changes.undo(transaction, entry_id, reason))

    async def void(self, entry_id: str, reason: str) -> Record:
        """Declare a pair worthless that was attempted; key and number stay taken. Idempotent: the first reason stays.

        Raises:
            IllegalTransition: it was never attempted, or there is no such entry.
        """
        return await self._change(lambda transaction: changes.void(transaction, entry_id, reason))

    async def attempt(
        self,
        entry_id: str,
        leg: LegName,
        body: str,
        *,
        term: int | None = None,
        day: str | None = None,
        requests: int = 1,
        believed: Entry | None = None,
    ) -> str:
        """Record, before it is sent, that a delivery is about to be sent with this body; gives the attempt's id.

        The first attempt freezes the body. A leg whose outcome was unknown keeps `repeat` while it is sent again. With
        a `term` (of `take_over`) it is recorded in that term only. `requests` are counted for `day`, an ISO date.
        `believed` is the entry that the body was made from: nothing is recorded if a person has corrected it since.

        Raises:
            Replaced: another process has taken delivery over since the term began.
            IllegalTransition: the entry is marked or was corrected, the leg may not be sent now or not with this body,
                the activation comes before the reservation is done, or there is no such entry.
        """
        attempt_id = uuid.uuid4().hex
        return await self._change(
            lambda transaction: changes.attempt(
                transaction,
                entry_id,
                leg,
                body,
                attempt_id,
                term=term,
                day=day,
                requests=requests,
                believed=believed,
            )
        )

    async def settle(self, entry_id: str, leg: LegName, attempt_id: str, settlement: Settlement) -> Record:
        """Record what became of an attempt; the same again changes nothing. A marked entry is settled like any other.

        `repeat` of a leg outlives an attempt that was not processed (`queued`): the outcome before is still unknown.

        Raises:
            IllegalTransition: the attempt is not the current one or was settled otherwise, or there is no such entry.
        """
        return await self._change(
            lambda transaction: changes.settle(transaction, entry_id, leg, attempt_id, settlement)
        )

    async def recover(self, target: str | None = None) -> int:
        """Make every attempt under way an unknown one to be repeated; gives how many there were.

        For the courier that has just become the active one: whoever was sending is gone.
        """
        return await self._change(lambda transaction: changes.recover(transaction, target))

    async def take_over(self, target: str, holder: str = "") -> Tenure:
        """Become the one that delivers to this target, as `recover` does, and end the term of whoever did before.

        For the holder of the courier lock. A journal that has never delivered is at home here from now on.

        Raises:
            JournalError: the journal is a stranger here (`stranger`).
        """

        def work(transaction: Transaction) -> Tenure:
            stay = custody.latest(transaction.connection)
            if why := custody.stranger(stay, self._home):
                raise JournalError(why, "tagsmith journal adopt lets it deliver here")
            if stay is None:
                custody.settle(transaction, self._home, by="", reason="first delivery")
            return changes.take_over(transaction, target, holder)

        return await self._change(work)

    async def adopt(self, *, by: str, reason: str, moved: bool = False) -> int:
        """Let the journal deliver where it lies now; gives how many deliveries were put in doubt.

        Another copy may have sent what is still to be sent here, so all of that is asked for as after a lost answer;
        unless it was `moved`, and no other copy has sent anything since.
        """

        def work(transaction: Transaction) -> int:
            custody.settle(transaction, self._home, by=by, reason=reason)
            return 0 if moved else changes.doubt_open(transaction)

        return await self._change(work)

    async def retry(self, entry_id: str) -> Record:
        """Have a delivery sent again as it was, that was refused or waits in doubt for a person.

        Raises:
            IllegalTransition: there is none of that, the entry is marked, or there is no such entry.
        """
        return await self._change(lambda transaction: changes.retry(transaction, entry_id))

    async def correct(self, entry_id: str, correction: Correction) -> Record:
        """Correct the user until the key is activated, type and validity until it is reserved; it is sent (again).

        Raises:
            IllegalTransition: the API has it, or perhaps has it; the entry is marked, or there is no such entry.
        """
        return await self._change(lambda transaction: changes.correct(transaction, entry_id, correction))

    async def resolve(
        self, entry_id: str, leg: LegName, settlement: Settlement, *, attempt_id: str | None = None
    ) -> Record:
        """Settle a delivery in doubt by evidence or a person's word, which the settlement's message tells.

        With `attempt_id` only while that attempt is the last one. `queued` has it sent again, as if never sent.

        Raises:
            IllegalTransition: it is not in doubt, or another attempt was made; there is no such entry.
        """
        return await self._change(
            lambda transaction: changes.resolve(transaction, entry_id, leg, settlement, attempt_id=attempt_id)
        )

    async def attempt_proof(self, entry_id: str) -> str:
        """Record that the activation is about to be sent to prove a reservation in doubt; gives the attempt's id.

        Raises:
            IllegalTransition: the reservation is not in doubt or is asked for again by itself, or there is no user.
        """
        attempt_id = uuid.uuid4().hex
        return await self._change(lambda transaction: changes.attempt_proof(transaction, entry_id, attempt_id))

    async def settle_proof(self, entry_id: str, attempt_id: str, settlement: Settlement, evidence: str) -> Record:
        """Record what became of it; where the activation is done, the reservation is too, by this evidence.

        Raises:
            IllegalTransition: the attempt is not the current one or was settled otherwise, or there is no such entry.
        """
        return await self._change(
            lambda transaction: changes.settle_proof(transaction, entry_id, attempt_id, settlement, evidence)
        )

    async def record_calibration(self, calibration: Calibration) -> None:
        """Record durably in which order the target gets UIDs; the last one recorded counts.

        The very same one again, after a commit whose answer was lost, is only found again.
        """
        await self._change(lambda transaction: calibrating.record(transaction, calibration))

    # --- questions -------------------------------------------------------------------------------------------

    async def find(self, target: str, *, uid: Uid | None = None, number_key: str | None = None) -> Record | None:
        """The record that holds this key, or else this number, for the target; none that was undone."""
        return await self._ask(lambda connection: reading.find(connection, target, uid=uid, number_key=number_key))

    async def get(self, entry_id: str) -> Record | None:
        """The record of an entry, whatever its state."""
        return await self._ask(lambda connection: reading.get(connection, entry_id))

    async def due(self, target: str, limit: int, *, exclude: Collection[str] = ()) -> list[Record]:
        """The oldest records with something that may be sent now, without the ids in `exclude`."""
        skipped = frozenset(exclude)
        return await self._ask(lambda connection: reading.due(connection, target, limit, skipped))

    async def waiting(self, target: str) -> int:
        """How many entries have something left to send now or later, or under way. What waits for a check has not."""
        return await self._ask(lambda connection: reading.waiting(connection, target))

    async def recent(self, target: str, n: int) -> list[Record]:
        """The newest records, newest first."""
        return await self._ask(lambda connection: reading.recent(connection, target, n))

    async def tally(self, target: str) -> dict[State, int]:
        """How many entries are shown in each state; costs the same however many there are."""
        return await self._ask(lambda connection: reading.tally(connection, target))

    async def requests_made(self, target: str, day: str) -> int:
        """How many requests this station has made on a day (an ISO date), as `attempt` was told."""
        return await self._ask(lambda connection: reading.requests_made(connection, target, self._station, day))

    async def last_attempted(self, target: str, n: int) -> list[Record]:
        """The newest records whose reservation was attempted, newest first. Passes over all that wait behind them."""
        return await self._ask(lambda connection: reading.last_attempted(connection, target, n))

    async def stranger(self) -> str:
        """Why this journal may not deliver here: it is a copy, a backup or an older state; empty where it may."""
        return custody.stranger(await self._ask(custody.latest), self._home)

    async def calibration(self, target: str) -> Calibration | None:
        """The target's last calibration: the one that counts."""
        return await self._ask(lambda connection: calibrating.latest(connection, target))

    async def calibrations(self, target: str) -> list[Calibration]:
        """Every calibration of the target, oldest first."""
        return await self._ask(lambda connection: calibrating.history(connection, target))

    async def not_for_pairing(self, target: str) -> frozenset[Uid]:
        """The keys that the target's calibrations were made with: they are somebody's already."""
        return frozenset(one.uid for one in await self.calibrations(target))

    async def changes(self, since: int) -> int:
        """The number of the newest record, `since` where none is newer: whether another process has appended."""
        return max(since, await self._ask(reading.newest))

    def records(self, *, target: str | None = None) -> Iterator[Record]:
        """Every record by number, each as it is when it is reached; blocks the calling thread, and nobody else.

        Memory does not grow with the journal, and an iterator left lying holds nothing open.
        """
        after = 0
        self._require_open()
        while page := self._query(lambda connection: reading.page(connection, target, after)):  # noqa: B023 - called at once
            yield from page
            after = page[-1].number
            self._require_open()

    def sent_in_other_order(self, target: str, order: ByteOrder) -> Iterator[Record]:
        """The live records, by number, that the API (perhaps) has with their UID otherwise than `order` writes it.

        Blocks the calling thread, and looks at every entry of the target.
        """
        return self._in_other_order(target, order, sent=True)

    def waiting_in_other_order(self, target: str, order: ByteOrder) -> Iterator[Record]:
        """The live records, by number, that would be sent otherwise than `order` writes it, and that the API has not.

        Attempts that were proved not processed change nothing. Blocks the calling thread, and looks at every entry of
        the target.
        """
        return self._in_other_order(target, order, sent=False)

    def _in_other_order(self, target: str, order: ByteOrder, *, sent: bool) -> Iterator[Record]:
        after: int | None = 0
        while after is not None:
            self._require_open()
            page, after = self._query(
                lambda connection: calibrating.in_other_order(connection, target, order, after or 0, sent=sent)  # noqa: B023 - called at once
            )
            yield from page

    def look_up(self, text: str) -> Record | None:
        """The record a person means by its id, number, visual number, or uid in either order; blocks the thread.

        Where several fit, a live one, and of these the newest. Looks at every entry.
        """
        self._require_open()
        return self._query(lambda connection: reading.look_up(connection, text))

    def history(self, entry_id: str) -> list[Change]:
        """What happened to an entry, oldest first; blocks the calling thread."""
        self._require_open()
        return self._query(lambda connection: reading.history(connection, entry_id))

    def verify(self) -> Verification:
        """Check the file, every hash chain, and every entry against its events; blocks the calling thread.

        Sees one moment; what is appended meanwhile is not looked at. Damage that ends the reading is a problem too.
        """
        self._require_open()
        problems = Problems()
        try:
            return self._query(lambda connection: verify(connection, problems, self._store.examine))
        except JournalCorrupt as error:
            problems.add(f"file: {error.message}")
            return Verification(False, 0, 0, 0, problems.all())

    def backup(self, path: Path) -> None:
        """Write a whole and consistent copy to a new file, while others go on writing; blocks the calling thread.

        The copy is at home nowhere: it delivers nothing until it is adopted. It is there whole, or not at all.

        Raises:
            JournalError: there is a file already, or it cannot be written.
        """
        self._require_open()
        if self._store.path is None:
            raise JournalError(
                "a journal on a server is not copied to a file", "use pg_dump, as for any database there"
            )
        copying.copy(self._reading_engine, self._store.path, path)
        marked = Journal.open(URL.create("sqlite", database=str(copying.partial(path))).render_as_string())
        try:
            mark = marked._group.submit(
                lambda change: custody.settle(change, custody.BACKUP, by="", reason=f"backup of {self.place}")
            )
            mark.result()
        finally:
            marked.close()
        copying.finish(path)

    async def turned(self) -> None:
        """Return when the thread that writes has done what it was asked for before: it lives."""
        try:
            future = self._writing.submit(lambda: None)
        except RuntimeError as error:
            raise self._is_closed() from error
        await asyncio.wrap_future(future)

    def close(self) -> None:
        """Finish what was asked for, then let go of the file; idempotent."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._writing.close()
            self._reading.shutdown()
            self._reading_engine.dispose()
            self._writer.close()
            self._note.close()
        _log.info("journal closed: %s head: %s", self.place, self._writer.head or "nothing written")

    # --- threads ---------------------------------------------------------------------------------------------

    async def _change(self, work: Callable[[Transaction], _T]) -> _T:
        """Have the writer thread do `work`, and wait; it is done even if nobody waits any more."""
        by = self.acting
        try:
            future = self._group.submit(work, by=by)
        except RuntimeError as error:
            raise self._is_closed() from error
        return await asyncio.wrap_future(future)

    async def _ask(self, question: Callable[[Connection], _T]) -> _T:
        """Have a reader thread answer, and wait."""
        try:
            future: Future[_T] = self._reading.submit(self._query, question)
        except RuntimeError as error:
            raise self._is_closed() from error
        return await asyncio.wrap_future(future)

    def _query(self, question: Callable[[Connection], _T]) -> _T:
        """Answer on the calling thread, on a connection of the reading engine."""
        try:
            with self._reading_engine.connect() as connection:
                return question(connection)
        except faults.FOREIGN as error:
            raise self._store.translate(error) from error

    def _now(self) -> datetime:
        return self._clock_utc()

    def _require_open(self) -> None:
        if self._closed:
            raise self._is_closed()

    def _is_closed(self) -> JournalError:
        return JournalUnavailable(f"the journal is closed: {self.place}")
