"""From proofs to the durable record, and what follows for what was made before."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.journal import TARGET, calibration, entry, opened
from support.laid import Somebody
from tagsmith.calibration import (
    Circumstances,
    KnownKey,
    Outcome,
    Proof,
    ReaderResult,
    Report,
    Standing,
    obstacle,
    record,
)
from tagsmith.calibration.judgement import Finding
from tagsmith.calibration.recording import LISTED
from tagsmith.journal import Journal
from tagsmith.model import Calibration, LegName, LegState, Settlement
from tagsmith.readers.proof import not_compared
from tagsmith.uid import ByteOrder, Uid

REVERSED, WIRE = ByteOrder.REVERSED, ByteOrder.WIRE
NOW = datetime(2032, 1, 2, 3, 4, 5, tzinfo=UTC)
ABOUT = Circumstances(TARGET, "ada", "Grace", "bench-1")
SEVEN = "04a1b2c3d4e5f6"
KEY = KnownKey(SEVEN, bytes.fromhex(SEVEN), "", "N-1", "card")
PROOF = Proof(KEY, Uid(KEY.data), Finding.WIRE, "pcsc:", "ACR1252")
FOUND = Outcome(
    Finding.WIRE, WIRE, (PROOF,), (ReaderResult("pcsc:", "ACR1252", Standing.PROVES, "", SEVEN),), PROOF.uid
)
NOTHING = Outcome(Finding.MISMATCH, None, (), (), None, "another card", "take the right one")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal without entries."""
    with opened(tmp_path / "journal.db") as journal:
        yield journal


async def recorded(
    journal: Journal,
    outcome: Outcome = FOUND,
    about: Circumstances = ABOUT,
    former: Calibration | None = None,
    person: Somebody | None = None,
) -> Report:
    report = obstacle(outcome, former, person or Somebody())
    return await record(journal, outcome, about, former, NOW) if report is None else report


async def test_who_when_which_reader_and_which_key(journal: Journal) -> None:
    """The record has everything that makes it a proof, and is durable when the report is there."""
    report = await recorded(journal)
    wanted = Calibration(TARGET, WIRE, Uid(KEY.data), SEVEN, "ada", "ACR1252", "Grace", "bench-1", NOW)
    assert report.recorded == (wanted,)
    assert await journal.calibration(TARGET) == wanted
    assert report.ok
    assert not report.conflict


async def test_what_proves_nothing_is_not_recorded(journal: Journal) -> None:
    """No order, no record; the reasons go on to whoever asked."""
    report = await recorded(journal, NOTHING)
    assert not report.ok
    assert (report.message, report.remedy) == ("another card", "take the right one")
    assert await journal.calibrations(TARGET) == []


async def test_each_proof_is_recorded_the_best_one_last(journal: Journal) -> None:
    """Several keys or readers make several records; the last proof is the one that counts."""
    first = dataclasses.replace(PROOF, reader="other")
    await recorded(journal, dataclasses.replace(FOUND, proofs=(first, PROOF)))
    assert [one.reader for one in await journal.calibrations(TARGET)] == ["other", "ACR1252"]


async def test_a_reader_that_is_set_wrong_is_no_success(journal: Journal) -> None:
    """The order is recorded, but somebody has to mend that reader before all is well."""
    wrong = ReaderResult("serial:x", "x", Standing.SET_OTHERWISE, "", SEVEN, "serial:x?order=reversed")
    report = await recorded(journal, dataclasses.replace(FOUND, readers=(*FOUND.readers, wrong)))
    assert report.recorded
    assert not report.ok


@pytest.mark.parametrize(("configured", "conflict"), [(None, False), (WIRE, False), (REVERSED, True)])
async def test_a_conflict_with_the_settings_is_told(
    journal: Journal, configured: ByteOrder | None, conflict: bool
) -> None:
    """The proof is recorded all the same; nothing is sent until the settings agree."""
    report = await recorded(journal, about=dataclasses.replace(ABOUT, configured=configured))
    assert bool(report.conflict) is conflict
    assert report.ok


async def test_a_turn_is_asked_about(journal: Journal) -> None:
    """Turning the recorded order is said with who found the former one; a person may refuse, a script goes on."""
    former = calibration(1)
    no = Somebody(Record=False)
    report = await recorded(journal, former=former, person=no)
    assert not report.ok
    assert "Ada" in str(no)
    assert await journal.calibration(TARGET) is None
    assert (await recorded(journal, former=former, person=Somebody(Record=True))).ok
    alone = Somebody()
    assert (await recorded(journal, former=former, person=alone)).ok
    assert "turns the order" in str(alone)


async def test_the_same_order_again_asks_nothing(journal: Journal) -> None:
    """A calibration that agrees with the record is simply recorded."""
    person = Somebody(Record=False)
    assert (await recorded(journal, former=calibration(1, order=WIRE), person=person)).ok
    assert person.asked == []


async def test_what_was_made_in_the_other_order_is_counted(journal: Journal) -> None:
    """All that was sent in the other order is counted and the first are listed; so is what waits to be sent."""
    for index in range(10, 10 + LISTED + 3):
        await journal.append(entry(index))
        attempt_id = await journal.attempt(f"entry-{index}", LegName.RESERVATION, "{}")
        await journal.settle(f"entry-{index}", LegName.RESERVATION, attempt_id, Settlement(LegState.DONE))
    await journal.append(entry(50))
    await journal.append(entry(51, uid_order=WIRE))
    report = await recorded(journal)
    assert (report.sent.count, len(report.sent.first)) == (LISTED + 3, LISTED)
    assert [one.entry.id for one in report.sent.first] == [f"entry-{index}" for index in range(10, 10 + LISTED)]
    assert (report.waiting.count, [one.entry.id for one in report.waiting.first]) == (1, ["entry-50"])


SERIAL = "serial:/dev/ttyUSB0?order=reversed"


async def test_readers_that_were_not_compared_are_told(journal: Journal) -> None:
    """A reader whose order is a setting counts as compared with these very settings only, and while the order holds."""
    lanes = ("pcsc:", "nfcpy:usb", SERIAL, "evdev:/dev/input/event3")
    about = dataclasses.replace(ABOUT, lanes=lanes)
    assert (await recorded(journal, about=about)).not_compared == lanes[2:]
    agreed = dataclasses.replace(PROOF, spec=SERIAL, reader="/dev/ttyUSB0")
    report = await recorded(journal, dataclasses.replace(FOUND, proofs=(agreed, PROOF)), about)
    assert [one.reader for one in report.recorded] == [SERIAL, "ACR1252"]
    assert report.not_compared == lanes[3:]
    calibrations = await journal.calibrations(TARGET)
    assert not_compared([SERIAL], WIRE, calibrations) == ()
    assert not_compared([SERIAL], REVERSED, calibrations) == (SERIAL,)
    assert not_compared([f"{SERIAL}&length=7"], WIRE, calibrations) == (f"{SERIAL}&length=7",)
