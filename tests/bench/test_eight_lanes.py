"""Eight lanes at one batch, hands that err at random: what the journal has is the truth, and each fault was refused."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from support.floor import Floor, batch, lines, number, pair, working
from tagsmith import pairing
from tagsmith.model import Scan, ScanFault

LANES = tuple(map(str, range(1, 9)))
KEYS = 2000
ERRS = 0.3
"""So often a hand errs before it makes a pair."""
OTHERS = 80_000
"""The first number of another batch."""

Fault = Callable[["Hands", int], Awaitable[tuple[str, bool]]]
"""What goes wrong before a key is made: the reasons by which it is refused, and whether the key waits afterwards."""


class Hands:
    """Whoever works at one lane, and what they have made."""

    def __init__(self, floor: Floor, lane: str, stack: list[int], seed: int) -> None:
        self.floor, self.lane, self.stack = floor, lane, stack
        self.rng = random.Random(seed)
        self.made: list[int] = []
        self.erred: Counter[str] = Counter()

    async def work(self, faults: list[Fault]) -> None:
        """Make every key of the stack, with a fault before some of them."""
        for key in self.stack:
            waits = False
            if len(self.made) > 1 and self.rng.random() < ERRS:
                reason, waits = await self.rng.choice(faults)(self, key)
                self.erred[reason] += 1
            came = await (self.read(key) if waits else self.floor.make(key, lane=self.lane))
            assert came["event"] == "paired", came
            self.made.append(key)

    async def read(self, label: int | str) -> dict[str, object]:
        """Scan a label; what became of it."""
        return await self.floor.read(label, self.lane)

    async def refused(self, label: int | str, key: int, reason: str) -> tuple[str, bool]:
        """Scan a wrong label for a key: it is refused by this reason, and the key waits on."""
        await self.floor.tap(key, self.lane)
        assert (await self.read(label))["reason"] == reason
        return reason, True

    async def tapped_wrong(self, key: int, reason: str) -> None:
        """Tap a wrong key: it is refused by this reason."""
        before = len(self.floor.outcomes(self.lane))
        await self.floor.tap(key, self.lane)
        await self.refusal(before, reason)

    async def refusal(self, before: int, reason: str) -> None:
        """What comes after so many outcomes is a refusal by this reason."""
        await self.floor.until(lambda: len(self.floor.outcomes(self.lane)) > before)
        assert self.floor.outcomes(self.lane)[before]["reason"] == reason


async def used_number(hands: Hands, key: int) -> tuple[str, bool]:
    """The label of a key that is made; where the manifest knows the chip, the lane stops over that."""
    label = hands.rng.choice(hands.made)
    if key % 2:
        return await hands.refused(label, key, "number-used")
    got = await hands.refused(label, key, "other-number-for-key")
    await hands.floor.decide("scan-again", hands.lane)
    return got


async def swapped_labels(hands: Hands, key: int) -> tuple[str, bool]:
    """The label of a key on the neighbour's stack: only the manifest tells it from its own."""
    label = key - 1 if key % 2 == 0 else key + 1
    got = await hands.refused(label, key, "other-number-for-key")
    await hands.floor.decide("scan-again", hands.lane)
    return got


async def foreign_number(hands: Hands, key: int) -> tuple[str, bool]:
    """A label that no batch has."""
    return await hands.refused(90_000 + key, key, "not-in-batch")


async def other_batch(hands: Hands, key: int) -> tuple[str, bool]:
    """A label of another batch."""
    return await hands.refused(OTHERS + key % 5, key, "other-batch")


async def cut_number(hands: Hands, key: int) -> tuple[str, bool]:
    """A scan that lost its end."""
    return await hands.refused(number(key)[:-2], key, "number-pattern")


async def wrong_keyboard(hands: Hands, key: int) -> tuple[str, bool]:
    """A scan through the wrong keyboard layout."""
    return await hands.refused(number(key).replace("-", "ß"), key, "number-layout")


async def dirty_scan(hands: Hands, key: int) -> tuple[str, bool]:
    """A scan with a character that is none."""
    await hands.floor.tap(key, hands.lane)
    before = len(hands.floor.outcomes(hands.lane))
    hands.floor.bench.scan(Scan("N-\ufffd", time.monotonic(), "test", ScanFault.DIRTY), hands.lane)
    await hands.refusal(before, "scan-dirty")
    return "scan-dirty", True


async def known_key(hands: Hands, key: int) -> tuple[str, bool]:
    """A key that is made is tapped again."""
    await hands.tapped_wrong(hands.rng.choice(hands.made[:-1]), "duplicate-uid")
    return "duplicate-uid", False


async def taken_away(hands: Hands, key: int) -> tuple[str, bool]:
    """A key is taken away before its number came; the number comes all the same."""
    await hands.floor.tap(key, hands.lane)
    before = len(hands.floor.outcomes(hands.lane))
    hands.floor.readers[hands.lane].feed.remove()
    await hands.refusal(before, "tag-removed")
    assert (await hands.read(key))["reason"] == "no-tag"
    return "tag-removed, no-tag", False


async def swapped_keys(hands: Hands, key: int) -> tuple[str, bool]:
    """Another key is laid before the first one's number came; that number comes all the same."""
    other = hands.stack[-1] if key != hands.stack[-1] else key + len(LANES)
    await hands.floor.tap(other, hands.lane)
    await hands.tapped_wrong(key, "tag-changed")
    assert (await hands.read(other))["reason"] == "no-tag"
    return "tag-changed, no-tag", False


EVER = [used_number, foreign_number, other_batch, cut_number, wrong_keyboard, dirty_scan, swapped_labels, known_key]


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_whatever_hands_do_the_journal_has_the_truth(tmp_path: Path) -> None:
    """2,000 keys, the station started anew after the first half: right pairs alone, and one refusal per fault."""
    wanted = batch(pattern="N-[0-9]{5}")
    manifest = lines(range(1, KEYS + 1), uids=range(2, KEYS + 1, 2))
    erred: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for half, (rules, fault) in enumerate(
        [(pairing.Rules(keep_removed=False), taken_away), (pairing.Rules(keep_removed=True), swapped_keys)]
    ):
        async with working(tmp_path, LANES, rules, bound=60.0) as floor:
            if not half:
                await floor.journal.create_batch(batch("other"), lines(range(OTHERS, OTHERS + 5)))
                await floor.journal.create_batch(wanted, manifest)
            await floor.resume("b")
            first, last = half * KEYS // 2 + 1, (half + 1) * KEYS // 2
            all_hands = [
                Hands(floor, lane, list(range(first + place, last + 1, len(LANES))), seed=2031 * half + place)
                for place, lane in enumerate(LANES)
            ]
            await asyncio.gather(*(hands.work([*EVER, fault]) for hands in all_hands))
            for hands in all_hands:
                erred += hands.erred
            said += Counter(map(str, floor.reasons()))
            if half:
                assert (await floor.make(KEYS + 1))["reason"] == "batch-complete"
                assert sorted(await floor.pairs()) == [pair(index) for index in range(1, KEYS + 1)]
                assert floor.journal.verify().ok
    injected = Counter(word for reason, count in erred.items() for word in reason.split(", ") for _ in range(count))
    assert said == injected
    assert injected.total() > 400
    assert len(injected) == 11
