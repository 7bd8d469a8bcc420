"""What this machine remembers of the orders it sent: one small file of notes, so that no order is placed twice.

The API takes one order per user in five minutes and charges the user for each, so an order is noted durably *before*
it is sent, and the same rule is held here. A crash or a lost answer leaves a note behind that says so.

The notes lie in the state folder, not in the journal and not beside it: the rule is the API's, per user, whatever
journal a command was given; a journal may be a database on another machine; and an order is no pair, so it has no
place among entries that are delivered and verified. Orders that other machines place are the API's to refuse.

Time since an order is measured by the kernel's clock since boot (which nobody sets, and which counts while the machine
sleeps) within the same boot. Across a boot the wall clock counts, and never less than the time since that boot.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tagsmith.errors import OrderedTooSoon, Refused

APART_S = 300.0
"""The API takes one order per user in this time. Source: its description of charging keys."""
FILE = "orders.json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class NoteState(enum.StrEnum):
    """What is known of an order that was sent, or was to be."""

    UNKNOWN = "unknown"
    """It was about to be sent, and no answer that can be trusted is known: perhaps placed."""
    PLACED = "placed"
    """The API has it, by its own word or a person's."""
    NOT_SEEN = "not-seen"
    """Its answer was lost, and a person did not find it in the list of orders: it may still appear there."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by three clocks: the wall's (aware UTC), the kernel's since boot, and which boot that is."""

    at: datetime
    since_boot_s: float
    boot: str


def now() -> Moment:
    """The present moment of this machine."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return Moment(datetime.now(UTC), time.clock_gettime(time.CLOCK_BOOTTIME), boot)


@dataclass(frozen=True, slots=True)
class Note:
    """One order that this machine sent or was about to send. `target` is the API it was for."""

    target: str
    user_id: str
    at: str
    """ISO, UTC, by the wall clock."""
    boot: str
    since_boot_s: float
    state: NoteState = NoteState.UNKNOWN
    order_id: str = ""

    def age_s(self, moment: Moment) -> float:
        """How long ago it was, at least."""
        if moment.boot and moment.boot == self.boot:
            return moment.since_boot_s - self.since_boot_s
        by_wall_s = (moment.at - datetime.fromisoformat(self.at)).total_seconds()
        return max(by_wall_s, moment.since_boot_s) if self.boot and moment.boot else by_wall_s


class OrderNotes:
    """The notes in one folder, which is made where it is missing. Any number of processes may use them at once.

    Methods raise `Refused` without a status where the notes cannot be read or written: without them nothing is ordered.
    """

    def __init__(self, folder: Path, moment: Callable[[], Moment] = now) -> None:
        self._path = folder / FILE
        self._moment = moment

    def last(self, target: str, user_id: str) -> Note | None:
        """The last order of this user that is remembered: for five minutes, and until it is settled."""
        with self._locked():
            return self._find(self._read(), target, user_id)

    def check(self, target: str, user_id: str) -> None:
        """See that an order of this user may be sent now.

        Raises:
            OrderedTooSoon: one was sent within five minutes; `retry_after_s` says how long to wait.
        """
        with self._locked():
            self._check(self._read(), target, user_id)

    def begin(self, target: str, user_id: str) -> Note:
        """Note that an order is about to be sent. It is on the disc when this returns; before that send nothing.

        Raises:
            OrderedTooSoon: as `check`; also where another process was faster.
            Refused: the last order of this user is not settled.
        """
        with self._locked():
            notes = self._read()
            self._check(notes, target, user_id)
            found = self._find(notes, target, user_id)
            if found is not None and found.state is NoteState.UNKNOWN:
                raise Refused("whether the last order of this user was placed is not known", _remedy(user_id))
            moment = self._moment()
            note = Note(target, user_id, moment.at.isoformat(timespec="seconds"), moment.boot, moment.since_boot_s)
            self._write([*self._others(notes, note), note])
            return note

    def settle(self, note: Note, state: NoteState, order_id: str = "") -> None:
        """Record what became of an order."""
        with self._locked():
            self._write([*self._others(self._read(), note), replace(note, state=state, order_id=order_id)])

    def forget(self, note: Note) -> None:
        """Take a note back: its order was proved not placed."""
        with self._locked():
            self._write(self._others(self._read(), note))

    # --- within the lock -----------------------------------------------------------------------------------------

    def _check(self, notes: list[Note], target: str, user_id: str) -> None:
        note = self._find(notes, target, user_id)
        if note is None or (age_s := note.age_s(self._moment())) >= APART_S:
            return
        what = f"order {note.order_id!r} of this user" if note.order_id else "the last order of this user"
        raise OrderedTooSoon(
            f"{what} was sent {max(age_s, 0):.0f} seconds ago, and only one is taken in 5 minutes",
            _remedy(user_id),
            retry_after_s=APART_S - max(age_s, 0.0),
        )

    def _find(self, notes: list[Note], target: str, user_id: str) -> Note | None:
        return next((note for note in notes if (note.target, note.user_id) == (target, user_id)), None)

    def _others(self, notes: list[Note], one: Note) -> list[Note]:
        """What is to be kept beside a note: nobody's past orders are remembered for longer than they matter."""
        moment = self._moment()
        return [
            note
            for note in notes
            if (note.target, note.user_id) != (one.target, one.user_id)
            and (note.state is NoteState.UNKNOWN or note.age_s(moment) < APART_S)
        ]

    def _read(self) -> list[Note]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            if not isinstance(rows, list):
                raise ValueError
            notes = [Note(**{**row, "state": NoteState(row["state"])}) for row in rows]
            for note in notes:
                note.age_s(self._moment())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from None
        except (ValueError, TypeError, KeyError):
            raise Refused(
                f"the notes of orders in {self._path} are damaged, so nothing is ordered",
                "look at the user's orders, then remove that file",
            ) from None
        return notes

    def _write(self, notes: list[Note]) -> None:
        """Replace the file, durably: it is whole, old or new, after a power cut too."""
        half = self._path.with_suffix(".new")
        try:
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump([asdict(note) for note in notes], file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            half.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unusable(error) from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time; held for a moment only, never while a request is under way."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _unusable(self, error: OSError) -> Refused:
        return Refused(
            f"the notes of orders in {self._path} cannot be used, so nothing is ordered: {error.strerror}",
            f"ls -l {self._path.parent}",
        )


def _remedy(user_id: str) -> str:
    return f"look at the orders: tagsmith orders list --user {user_id}"
