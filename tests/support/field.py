"""The technician's form on a real station: simulated reader, real journal, a sandbox that answers over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from textual import events
from textual.pilot import Pilot

from support.screen import text_of
from tagsmith.config import settings_of
from tagsmith.enrolment import Reached
from tagsmith.journal import Journal
from tagsmith.model import Record
from tagsmith.readers.sim import SimReader
from tagsmith.sandbox import Sandbox
from tagsmith.scanners.holdback import BEFORE_S
from tagsmith.station import FieldStation
from tagsmith.tui.field import FieldApp

KEY = "field-key"
A, B = "04a1b2c3d4e5f6", "04010203040506"
NUMBER, OTHER = "DE*8PS*CD0C00*2", "N-2"
GIVE_UP_S = 20.0
TYPING_S = 0.05


class Form:
    """The form, driven as its user drives it: keys typed or scanned, keys laid on the reader."""

    def __init__(self, pilot: Pilot[int], station: FieldStation, reader: SimReader, journal_url: str) -> None:
        self.pilot = pilot
        self.station = station
        self.reader = reader
        self.journal_url = journal_url

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return text_of(self.pilot.app)  # type: ignore[arg-type]

    @property
    def reached(self) -> Reached | None:
        """How far the last key got."""
        last = self.station.form().last
        return last.reached if last else None

    def field(self, name: str) -> str:
        """What stands in a field."""
        return str(self.pilot.app.screen.query_one(f"#{name}").value)  # type: ignore[attr-defined]

    async def until(self, true: Callable[[], bool], what: str = "") -> None:
        """Wait until something is true; the screen goes on meanwhile."""
        until = time.monotonic() + GIVE_UP_S
        while not true():
            assert time.monotonic() < until, f"{what}\n{self.text}"
            await self.pilot.pause(0.02)

    async def sees(self, *parts: str) -> None:
        """Wait until all of this stands on the screen."""
        await self.until(lambda: all(part in self.text for part in parts), f"not seen: {parts}")

    def _post(self, name: str, at: float) -> None:
        event = events.Key({"\r": "enter"}.get(name, name), name if len(name) == 1 and name != "\r" else None)
        event.time = at
        self.pilot.app.post_message(event)

    async def type(self, text: str) -> None:
        """Type as a person does, into whatever has the focus: the tempo is real, as it is what counts."""
        for character in text:
            self._post(character, time.monotonic())
            await self.pilot.pause(TYPING_S)
        await self.pilot.pause(0.02)

    async def scan(self, text: str) -> None:
        """Scan as a wedge scanner does, whatever has the focus."""
        await self.pilot.pause(BEFORE_S)
        at = time.monotonic()
        for number, character in enumerate((*text, "\r")):
            self._post(character, at + 0.001 * number)
        await self.pilot.pause(0.05)

    async def press(self, key: str) -> None:
        """A key by itself, well after what came before."""
        await self.pilot.pause(0.07)
        self._post(key, time.monotonic())
        await self.pilot.pause()

    async def tap(self, uid: str) -> None:
        """Lay a key on the reader and wait until it is seen."""
        self.reader.feed.put(uid)
        await self.sees(uid)

    async def user(self, user: str) -> None:
        """Write the user and press Enter."""
        self.pilot.app.screen.query_one("#user").value = ""  # type: ignore[attr-defined]
        self.pilot.app.screen.query_one("#user").focus()
        await self.type(user)
        await self.press("enter")

    async def enroll(self, uid: str, number: str) -> None:
        """Tap, scan, confirm."""
        await self.tap(uid)
        await self.scan(number)
        await self.sees("SURE?" if "SURE?" in self.text else number, "F4")
        await self.until(lambda: self.station.view().lanes[0].phase == "confirming", "nothing to confirm")
        await self.pilot.pause()
        await self.press("f4")

    def records(self) -> list[Record]:
        """What the journal holds, read from beside the station."""
        journal = Journal.open(self.journal_url)
        try:
            return list(journal.records())
        finally:
            journal.close()


@contextlib.asynccontextmanager
async def form(
    folder: Path, url: str, *, size: tuple[int, int] = (80, 24), user: str = "", **sections: object
) -> AsyncIterator[Form]:
    """A form on a station that keeps its journal in `folder` and delivers to `url`."""
    reader = SimReader()
    journal_url = f"sqlite:///{folder / 'journal.sqlite'}"
    settings = settings_of(
        api={"url": url, "key": KEY},
        journal={"url": journal_url},
        reader=[{"spec": "sim:", "lane": "1"}],
        **sections,
    )
    station = FieldStation(settings, readers={"sim:": reader}, again_s=0.2)
    app = FieldApp(station, user=user, bell=False)
    try:
        async with app.run_test(size=size) as pilot:
            made = Form(pilot, station, reader, journal_url)
            await made.until(lambda: bool(station.view().lanes), "no lanes")
            await made.until(lambda: station.view().lanes[0].reader.state == "ready", "no reader")
            yield made
    finally:
        await asyncio.to_thread(station.stop)


def sandbox(*, port: int = 0, unknown_users: tuple[str, ...] = (), state: Path | None = None) -> Sandbox:
    """A sandbox for these tests, not started."""
    return Sandbox(key=KEY, port=port, unknown_users=unknown_users, state=state)
