"""Each kind of doubt, settled (or not) by what the API shows: real journal, real client, the sandbox over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.journal import entry, laid
from tagsmith.courier import Finding, in_doubt, prove, seek
from tagsmith.courier.resolving import keys_of
from tagsmith.drive import DriveClient, Reservation
from tagsmith.errors import DriveError, IllegalTransition
from tagsmith.journal import Journal
from tagsmith.model import LegName, LegState, Record, Settlement, State
from tagsmith.sandbox import Sandbox

RESERVATION, ACTIVATION = LegName.RESERVATION, LegName.ACTIVATION
PERHAPS = Settlement(LegState.UNKNOWN, status=409, message="perhaps reserved")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as served:
        yield served


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(laid(tmp_path / "journal.db"), station="test")
    yield opened
    opened.close()


class Scene:
    """One entry whose reservation is in doubt, its journal, and a client of the sandbox."""

    last = 0

    def __init__(self, journal: Journal, drive: DriveClient, sandbox: Sandbox) -> None:
        Scene.last += 1
        self.journal, self.drive = journal, drive
        self.entry = entry(Scene.last, target=sandbox.url, user_id=f"user-{Scene.last}")

    async def doubt(self) -> Record:
        """The entry as it is after a lost answer and a refusal."""
        await self.journal.append(self.entry)
        attempt_id = await self.journal.attempt(self.entry.id, RESERVATION, "{}")
        return await self.journal.settle(self.entry.id, RESERVATION, attempt_id, PERHAPS)

    async def at_api(self, uid: str | None = None) -> None:
        """The pair stands at the API, perhaps with another uid."""
        await self.drive.reserve(
            Reservation(uid=uid or self.entry.uid_api, visual_number=self.entry.visual_number).body()
        )

    async def seek(self, record: Record) -> Finding:
        user = self.entry.user_id or ""
        return await seek(self.journal, record, user, await keys_of(self.drive, user))


@pytest.fixture
async def scene(journal: Journal, sandbox: Sandbox) -> AsyncIterator[Scene]:
    async with DriveClient(sandbox.url, "sandbox") as drive:
        yield Scene(journal, drive, sandbox)


async def test_the_users_keys_prove_it(scene: Scene) -> None:
    """The pair is found active among the user's keys: it was reserved, and its own activation finds that out later."""
    record = await scene.doubt()
    await scene.at_api()
    await scene.drive.activate(scene.entry.user_id or "", scene.entry.visual_number)
    finding = await scene.seek(record)
    assert finding.settled
    assert finding.record.state is State.RESERVED
    assert "found among" in finding.record.reservation.message
    assert scene.journal.verify().ok


async def test_keys_that_do_not_show_it_prove_nothing(scene: Scene) -> None:
    """A pair that is reserved and not activated stands in no list: the doubt stays."""
    record = await scene.doubt()
    await scene.at_api()
    finding = await scene.seek(record)
    assert (finding.settled, finding.record) == (False, record)
    assert "proves nothing" in finding.words


async def test_its_activation_proves_it(scene: Scene) -> None:
    """The API activates our very uid: so it held the pair. Both legs are done, with the evidence."""
    record = await scene.doubt()
    await scene.at_api()
    finding = await prove(scene.journal, scene.drive, record)
    assert finding.record.state is State.ACTIVE
    assert finding.record.contract_id is not None
    assert "proved by its activation" in finding.record.reservation.message
    assert not in_doubt(finding.record)
    assert scene.journal.verify().ok


async def test_no_activation_no_proof(scene: Scene) -> None:
    """404 does not tell a missing key from a missing user: the doubt stays, and can be asked about again."""
    record = await scene.doubt()
    finding = await prove(scene.journal, scene.drive, record)
    assert finding.record.state is State.UNKNOWN
    assert "404" in finding.words
    await scene.at_api()
    again = await scene.journal.retry(scene.entry.id)
    assert again.reservation.repeat
    with pytest.raises(IllegalTransition):
        await prove(scene.journal, scene.drive, again)


async def test_another_key_is_an_alarm(scene: Scene) -> None:
    """The API holds our number with another uid, and activated that: an alarm, and nothing is settled."""
    record = await scene.doubt()
    await scene.at_api("04ffffffffff01")
    finding = await prove(scene.journal, scene.drive, record)
    assert (finding.alarm, finding.settled) == (True, False)
    assert finding.record.state is State.UNKNOWN
    assert "another key" in finding.record.activation.message


async def test_a_key_of_somebody_else(scene: Scene) -> None:
    """It is in use by another user: said so, and not settled as ours."""
    record = await scene.doubt()
    await scene.at_api()
    await scene.drive.activate("somebody-else", scene.entry.visual_number)
    finding = await prove(scene.journal, scene.drive, record)
    assert not finding.settled
    assert "in use" in finding.words


async def test_an_activation_whose_answer_was_lost(scene: Scene) -> None:
    """A proof that was activated and not answered is found by the user's keys, also when the program died meanwhile."""
    await scene.doubt()
    await scene.at_api()
    await scene.journal.attempt_proof(scene.entry.id)
    await scene.drive.activate(scene.entry.user_id or "", scene.entry.visual_number)
    await scene.journal.recover()
    record = await scene.journal.get(scene.entry.id)
    assert record is not None
    finding = await scene.seek(record)
    assert finding.record.state is State.ACTIVE
    assert scene.journal.verify().ok


async def test_an_api_that_cannot_be_asked_changes_nothing(scene: Scene) -> None:
    """With nobody there the error is told, and the activation can be tried another time."""
    record = await scene.doubt()
    async with DriveClient("http://127.0.0.1:9", "sandbox") as nobody:
        with pytest.raises(DriveError):
            await prove(scene.journal, nobody, record)
    await scene.at_api()
    now = await scene.journal.get(scene.entry.id)
    assert now is not None
    assert (await prove(scene.journal, scene.drive, now)).record.state is State.ACTIVE


async def test_what_is_asked_for_by_itself_is_in_no_doubt(scene: Scene) -> None:
    """Only what waits for a person is offered to one."""
    record = await scene.doubt()
    assert in_doubt(record)
    assert not in_doubt(replace(record, reservation=replace(record.reservation, repeat=True)))
