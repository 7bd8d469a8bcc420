"""The pairing table: each move by itself, and every state driven with every event."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.model import Entry, Leg, Phase, Reason, Record, Tag
from tagsmith.pairing import (
    BOUNCE_S,
    RESCAN_S,
    RIVALRY_S,
    TABLE,
    Cancel,
    Collided,
    Commit,
    Confirmed,
    Event,
    Found,
    GoldenSeen,
    Lane,
    Last,
    LookUp,
    NotSaved,
    NumberRefused,
    Order,
    ReaderGone,
    Reject,
    Removed,
    Retry,
    Rules,
    Saved,
    Scanned,
    Stalled,
    Step,
    Taken,
    Tapped,
    Tick,
    Undo,
    UndoAsked,
    Undone,
    step,
)
from tagsmith.uid import ByteOrder, Uid, UidReason, judge
from tagsmith.visual_number import VisualNumber

A, B, C = "04a1b2c3d4e5f6", "04ffeeddccbbaa", "04010203040506"
RANDOM = "08c0ffee"
SUSPECT = "967d009d671818"


def tap(uid: str, at: float = 1.0, fresh: str = "") -> Tapped:
    """A tap of `uid` captured at `at`."""
    value = Uid.from_hex(uid)
    return Tapped(Tag(value), judge(value), at, fresh or f"tap-{uid[:4]}-{at}")


def scan(text: str, at: float = 2.0, fresh: str = "") -> Scanned:
    """A scan of `text` captured at `at`."""
    return Scanned(VisualNumber.parse(text), at, fresh or f"scan-{text}-{at}")


def record(uid: str = A, number: str = "N-1") -> Record:
    """A record that stands in the way."""
    entry = Entry(
        id="old",
        target="http://127.0.0.1:1",
        uid=Uid.from_hex(uid),
        uid_order=ByteOrder.REVERSED,
        visual_number=number,
        number_key=number.casefold(),
        paired_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )
    return Record(1, entry, Leg(), Leg())


def play(*events: Event, rules: Rules | None = None, lane: Lane | None = None) -> Step:
    """Play events one after another; the last step, with all effects of all steps."""
    rules = rules or Rules()
    current = Step(lane or Lane())
    effects: tuple[object, ...] = ()
    for event in events:
        current = step(current.lane, event, rules)
        effects += current.effects
    return Step(current.lane, effects, current.moved)  # type: ignore[arg-type]


def reasons(result: Step) -> list[str]:
    """The reasons of what was refused on the way."""
    return [str(effect.reason) for effect in result.effects if isinstance(effect, Reject)]


def commits(result: Step) -> list[Commit]:
    """The commits that were asked for on the way."""
    return [effect for effect in result.effects if isinstance(effect, Commit)]


def paired(uid: str = A, number: str = "N-1", at: float = 3.0, rules: Rules | None = None) -> Lane:
    """A lane that has just paired `uid` with `number`, saved at `at`."""
    waiting = play(tap(uid, at - 2), scan(number, at - 1, "entry"), rules=rules)
    return play(Saved("entry", at), rules=rules, lane=waiting.lane).lane


class TestTapFirst:
    """The default order."""

    def test_tap_scan_saved_is_green(self) -> None:
        """A tap and a scan become one commit, and only `Saved` makes the lane green."""
        result = play(tap(A), scan("N-1", fresh="entry"))
        assert result.lane.phase is Phase.COMMITTING
        assert [(c.entry, c.tap.tag.uid.wire, c.scan.number.text) for c in commits(result)] == [("entry", A, "N-1")]
        assert play(Saved("entry", 3.0), lane=result.lane).lane.phase is Phase.PAIRED

    def test_tap_is_looked_up(self) -> None:
        """A tap asks who holds the key, so that a known key shows its record before anybody scans."""
        assert play(tap(A, fresh="t")).effects == (LookUp("t", uid=Uid.from_hex(A)),)

    def test_number_without_a_tag_is_never_kept(self) -> None:
        """A number before any tap is refused and does not join the tap that follows."""
        result = play(scan("N-1", at=1.0), tap(A, at=2.0))
        assert reasons(result) == [Reason.NO_TAG]
        assert not commits(result)
        assert result.lane.phase is Phase.TAG_WAITS

    def test_scan_captured_before_its_tap_is_stale(self) -> None:
        """A scan that a stalled terminal delivers late does not join a newer tap."""
        result = play(tap(A, at=5.0), scan("N-1", at=4.9))
        assert reasons(result) == [Reason.STALE_SCAN]
        assert result.lane.phase is Phase.TAG_WAITS

    def test_same_tag_again_is_nothing(self) -> None:
        """A second arrival of the waiting tag changes nothing."""
        first = play(tap(A))
        again = play(tap(A, at=9.0), lane=first.lane)
        assert again.lane == first.lane
        assert not again.effects

    def test_another_tag_drops_both(self) -> None:
        """Nobody can say which of two tags a number would mean."""
        result = play(tap(A), tap(B, at=2.0), scan("N-1", at=3.0))
        assert reasons(result) == [Reason.TAG_CHANGED, Reason.NO_TAG]
        assert not commits(result)

    def test_tags_that_take_turns_are_two(self) -> None:
        """A, B, A within the rivalry time lie there together; a re-tap of the newer one alone is fine."""
        result = play(tap(A), tap(B, at=2.0), tap(A, at=2.0 + RIVALRY_S / 2), tap(B, at=2.0 + RIVALRY_S))
        assert reasons(result) == [Reason.TAG_CHANGED, Reason.TWO_TAGS, Reason.TWO_TAGS]
        assert play(tap(A), tap(B, at=2.0), tap(B, at=2.5)).lane.phase is Phase.TAG_WAITS
        assert play(tap(A), tap(B, at=2.0), tap(A, at=2.0 + RIVALRY_S)).lane.phase is Phase.TAG_WAITS

    def test_two_tags_are_refused(self) -> None:
        """Two chips in the field drop what waits."""
        result = play(tap(A), Collided(2.0), scan("N-1", at=3.0))
        assert reasons(result) == [Reason.TWO_TAGS, Reason.NO_TAG]

    def test_tag_removed_early(self) -> None:
        """The tag stays valid when it leaves, unless settings want it to lie there."""
        assert commits(play(tap(A), Removed(1.5), scan("N-1")))
        result = play(tap(A), Removed(1.5), scan("N-1"), rules=Rules(keep_removed=False))
        assert reasons(result) == [Reason.TAG_REMOVED, Reason.NO_TAG]

    @pytest.mark.parametrize(("uid", "reason"), [(RANDOM, UidReason.RANDOM), ("88a1b2c3", UidReason.CASCADE_TAG)])
    def test_refused_uid_never_waits(self, uid: str, reason: UidReason) -> None:
        """A refused UID leaves nothing behind that a number could join."""
        result = play(tap(uid), scan("N-1"))
        assert reasons(result) == [reason, Reason.NO_TAG]

    def test_suspect_order_stops_only_where_rules_say_so(self) -> None:
        """The same tag is paired with a warning in the sandbox and stops the lane in production."""
        assert commits(play(tap(SUSPECT), scan("N-1")))
        result = play(tap(SUSPECT), scan("N-1"), rules=Rules(stop_on_suspect=True))
        assert reasons(result) == [UidReason.ORDER_SUSPECT, Reason.NO_TAG]

    def test_number_refused_keeps_the_tag(self) -> None:
        """After a mangled scan the right one still joins the waiting tag."""
        assert commits(play(tap(A), NumberRefused(1.5), scan("N-1")))

    def test_lost_reader_drops_the_tag(self) -> None:
        """What was laid on a dead reader nobody saw: its number must not join the key of before."""
        result = play(tap(A), ReaderGone(1.5), scan("N-1"))
        assert reasons(result) == [Reason.READER_LOST, Reason.NO_TAG]

    def test_a_refused_number_without_a_tag_ends_green(self) -> None:
        """Nothing green or ready stands over a refusal."""
        assert play(NumberRefused(4.0), lane=paired(at=3.0)).lane.phase is Phase.REFUSED

    def test_half_pair_times_out(self) -> None:
        """After the timeout neither the tag nor an older scan can be used."""
        still = play(tap(A, at=1.0), Tick(30.9))
        assert still.lane.phase is Phase.TAG_WAITS
        result = play(tap(A, at=1.0), Tick(31.0), scan("N-1", at=32.0))
        assert reasons(result) == [Reason.TIMEOUT, Reason.NO_TAG]

    def test_cancel_drops_the_tag(self) -> None:
        """After Esc the tag must be tapped again."""
        result = play(tap(A), Cancel(2.0), scan("N-1", at=3.0))
        assert reasons(result) == [Reason.CANCELLED, Reason.NO_TAG]


class TestKnownKeys:
    """Duplicates, re-taps and bounces."""

    def test_known_tag_shows_its_record(self) -> None:
        """A tag that the journal knows is not waited with; a number for it is refused for the key's sake."""
        result = play(tap(A, fresh="t"), Found("t", record(), 1.1), scan("N-2"))
        assert result.lane.phase is Phase.KNOWN
        assert reasons(result) == [Reason.DUPLICATE_UID, Reason.DUPLICATE_UID]
        assert all(effect.record == record() for effect in result.effects if isinstance(effect, Reject))

    def test_answer_to_a_past_look_up_is_ignored(self) -> None:
        """Found for an earlier tap says nothing about the present one."""
        first = play(tap(A, fresh="t1"), Cancel(1.5), tap(B, at=2.0, fresh="t2"))
        assert play(Found("t1", record(), 2.1), lane=first.lane).lane == first.lane

    def test_known_key_gives_way(self) -> None:
        """From a known key the lane goes on with the next tap, and by itself after the timeout."""
        known = play(tap(A, fresh="t"), Found("t", record(), 1.1)).lane
        assert play(tap(B, at=2.0), lane=known).lane.phase is Phase.TAG_WAITS
        assert play(Tick(31.2), lane=known).lane.phase is Phase.READY

    def test_bouncing_card_means_nothing(self) -> None:
        """The same uid within the bounce time of its own commit changes nothing; later it is looked up."""
        lane = paired(at=3.0)
        assert play(tap(A, at=3.0 + BOUNCE_S - 0.1), lane=lane) == Step(lane)
        assert play(tap(A, at=3.0 + BOUNCE_S), lane=lane).lane.phase is Phase.TAG_WAITS

    def test_bouncing_scanner_means_nothing(self) -> None:
        """The number just paired, read twice, does not turn green into STOP; another number does."""
        lane = paired(at=3.0)
        assert play(scan("N-1", at=3.5), lane=lane) == Step(lane)
        assert reasons(play(scan("N-2", at=3.5), lane=lane)) == [Reason.NO_TAG]

    @pytest.mark.parametrize(
        ("reason", "phase"), [(Reason.DUPLICATE_UID, Phase.KNOWN), (Reason.DUPLICATE_NUMBER, Phase.REFUSED)]
    )
    def test_taken(self, reason: Reason, phase: Phase) -> None:
        """What the journal already holds is refused with the record that holds it, and nothing waits any more."""
        result = play(tap(A), scan("N-1", fresh="e"), Taken("e", reason, record(), 2.1))
        assert result.lane.phase is phase
        assert reasons(result) == [reason]
        assert play(scan("N-3", at=4.0), lane=result.lane).lane.phase is not Phase.COMMITTING


class TestWhileSaving:
    """Nothing may stop a commit, and nothing that happens meanwhile is lost or joined wrongly."""

    def test_next_tag_is_looked_at_afterwards(self) -> None:
        """A tag that arrives during the commit waits for its number right after it."""
        result = play(tap(A), scan("N-1", fresh="e"), tap(B, at=2.5), Saved("e", 3.0))
        assert result.lane.phase is Phase.TAG_WAITS
        assert result.lane.tap is not None
        assert result.lane.tap.tag.uid.wire == B
        assert result.lane.last is not None
        assert result.lane.last.entry == "e"

    @pytest.mark.parametrize("reason", [Reason.DUPLICATE_UID, Reason.DUPLICATE_NUMBER])
    def test_next_tag_after_a_duplicate_is_not_stale(self, reason: Reason) -> None:
        """The answer to the first pair does not throw away the tap that came while it was awaited."""
        result = play(tap(A), scan("N-1", fresh="e"), tap(B, at=2.5), Taken("e", reason, record(), 3.0))
        assert result.lane.phase is Phase.TAG_WAITS

    def test_tag_that_came_and_went_stays_valid(self) -> None:
        """A quick tap during the commit waits for its number afterwards, like any other that was taken away."""
        events = (tap(A), scan("N-1", fresh="e"), tap(B, at=2.5), Removed(2.6), Saved("e", 3.0))
        result = play(*events, scan("N-2", at=3.5))
        assert [commit.tap.tag.uid.wire for commit in commits(result)] == [A, B]
        assert play(*events, rules=Rules(keep_removed=False)).lane.phase is Phase.PAIRED

    @pytest.mark.parametrize("event", [ReaderGone(2.6), Stalled(2.6, 2.6)], ids=["reader gone", "stalled"])
    def test_tag_of_a_reader_that_went_away_is_forgotten(self, event: Event) -> None:
        """What lay there when the reader went away, or the station stood still, is not waited with."""
        result = play(tap(A), scan("N-1", fresh="e"), tap(B, at=2.5), event, Saved("e", 3.0))
        assert result.lane.phase is Phase.PAIRED

    def test_two_tags_during_the_commit(self) -> None:
        """Two chips that arrived meanwhile are refused afterwards; the saved pair stands."""
        result = play(tap(A), scan("N-1", fresh="e"), Collided(2.5), Saved("e", 3.0))
        assert result.lane.phase is Phase.REFUSED
        assert result.lane.last is not None

    def test_scan_during_the_commit_is_refused(self) -> None:
        """A number that comes too early is not kept for the next tag."""
        result = play(tap(A), scan("N-1", fresh="e"), tap(B, at=2.2), scan("N-2", at=2.5), Saved("e", 3.0))
        assert reasons(result) == [Reason.BUSY]
        assert len(commits(result)) == 1

    @pytest.mark.parametrize("event", [Cancel(2.5), Tick(999.0), UndoAsked(2.5), Retry(2.5)])
    def test_nothing_stops_a_commit(self, event: Event) -> None:
        """A pair on its way to the disc can be neither cancelled nor timed out."""
        saving = play(tap(A), scan("N-1", fresh="e")).lane
        assert step(saving, event, Rules()) == Step(saving, moved=False)

    def test_past_answers_are_ignored(self) -> None:
        """Answers about another entry do not touch the commit under way."""
        saving = play(tap(A), scan("N-1", fresh="e")).lane
        for answer in (Saved("x", 3.0), NotSaved("x", 3.0), Taken("x", Reason.DUPLICATE_UID, None, 3.0)):
            assert step(saving, answer, Rules()).lane == saving

    def test_not_saved_is_never_green_and_can_be_retried(self) -> None:
        """The same entry is tried again by key, by tap of the same key and by its number."""
        failed = play(tap(A), scan("N-1", fresh="e"), NotSaved("e", 3.0))
        assert failed.lane.phase is Phase.NOT_SAVED
        assert reasons(failed) == [Reason.NOT_SAVED]
        for event in (Retry(4.0), tap(A, at=4.0), scan("n-1", at=4.0)):
            again = step(failed.lane, event, Rules())
            assert [commit.entry for commit in commits(again)] == ["e"]

    def test_not_saved_gives_way_to_another_key(self) -> None:
        """Another tag or number drops the unsaved pair instead of mixing with it."""
        failed = play(tap(A), scan("N-1", fresh="e"), NotSaved("e", 3.0)).lane
        assert reasons(step(failed, tap(B, at=4.0), Rules())) == [Reason.TAG_CHANGED]
        assert reasons(step(failed, scan("N-9", at=4.0), Rules())) == [Reason.NUMBER_CHANGED]
        assert step(failed, Cancel(4.0), Rules()).lane.phase is Phase.READY


class TestScanFirst:
    """Numbers wait for tags."""

    RULES = Rules(order=Order.SCAN_FIRST)

    def test_scan_tap_commits(self) -> None:
        """A number and then a tap become one commit under the tap's id."""
        result = play(scan("N-1", at=1.0), tap(A, at=2.0, fresh="e"), rules=self.RULES)
        assert [commit.entry for commit in commits(result)] == ["e"]

    def test_tap_without_a_number(self) -> None:
        """A tag before its number is refused and not kept."""
        result = play(tap(A, at=1.0), scan("N-1", at=2.0), rules=self.RULES)
        assert reasons(result) == [Reason.NO_NUMBER]
        assert result.lane.phase is Phase.NUMBER_WAITS

    def test_rejected_tap_takes_the_number_with_it(self) -> None:
        """After a refused tap the number must be scanned again."""
        result = play(scan("N-1", at=1.0), tap(RANDOM, at=2.0), tap(A, at=3.0), rules=self.RULES)
        assert reasons(result) == [UidReason.RANDOM, Reason.NO_NUMBER]
        assert not commits(result)

    def test_tap_captured_before_the_number(self) -> None:
        """A tap that is delivered late does not join a newer number."""
        result = play(scan("N-1", at=5.0), tap(A, at=4.0), rules=self.RULES)
        assert reasons(result) == [Reason.STALE_TAP]

    def test_another_number_drops_both(self) -> None:
        """The same number again is nothing, another or an unreadable one drops what waits."""
        waiting = play(scan("N-1", at=1.0), scan("n-1", at=1.5), rules=self.RULES)
        assert waiting.lane.phase is Phase.NUMBER_WAITS
        for event in (scan("N-2", at=2.0), NumberRefused(2.0)):
            assert reasons(step(waiting.lane, event, self.RULES)) == [Reason.NUMBER_CHANGED]

    def test_used_number(self) -> None:
        """A number that the journal knows is refused before any tap."""
        result = play(scan("N-1", at=1.0, fresh="s"), Found("s", record(), 1.1), rules=self.RULES)
        assert reasons(result) == [Reason.DUPLICATE_NUMBER]

    def test_scan_from_before_a_reset_is_stale(self) -> None:
        """A number captured before Esc does not wait after it."""
        result = play(scan("N-1", at=1.0), Cancel(5.0), scan("N-2", at=4.0), rules=self.RULES)
        assert reasons(result) == [Reason.CANCELLED, Reason.STALE_SCAN]


class TestEitherOrder:
    """Whatever comes first waits."""

    RULES = Rules(order=Order.EITHER)

    def test_both_ways(self) -> None:
        """Tap then scan, and scan then tap, both commit."""
        assert commits(play(tap(A, at=1.0), scan("N-1", at=2.0), rules=self.RULES))
        assert commits(play(scan("N-1", at=1.0), tap(A, at=2.0), rules=self.RULES))

    def test_late_delivery_of_a_tap_is_still_this_pair(self) -> None:
        """A tap captured just before the number that was delivered first is the same pair in tap-first order."""
        assert commits(play(scan("N-1", at=2.0), tap(A, at=1.9), rules=self.RULES))

    def test_a_number_that_came_too_early_stops_the_lane(self) -> None:
        """Else the key of the refused number would get the next key's number, and so would every key after it."""
        early = play(
            *(tap(A, at=1.0), scan("N-1", at=2.0, fresh="e"), scan("N-2", at=2.5), tap(B, at=2.6)),
            Saved("e", 3.0),
            rules=self.RULES,
        )
        assert early.lane.phase is Phase.REFUSED
        assert reasons(early) == [Reason.BUSY, Reason.BUSY]
        assert early.lane.last is not None
        waits = play(scan("N-3", at=4.0), rules=self.RULES, lane=early.lane)
        assert waits.lane.phase is Phase.NUMBER_WAITS

    def test_tap_from_before_a_reset_is_stale(self) -> None:
        """A tap captured before Esc joins nothing after it."""
        lane = play(scan("N-0", at=1.0), Cancel(5.0), scan("N-1", at=6.0), rules=self.RULES).lane
        assert reasons(step(lane, tap(A, at=4.0), self.RULES)) == [Reason.STALE_TAP]


class TestVerify:
    """A second tap of the same key is asked for."""

    RULES = Rules(verify=True)

    def test_second_tap_commits(self) -> None:
        """Only a tap captured after the number counts as the second one."""
        waiting = play(tap(A, at=1.0), scan("N-1", at=2.0), rules=self.RULES)
        assert waiting.lane.phase is Phase.VERIFYING
        assert not commits(waiting)
        assert not commits(step(waiting.lane, tap(A, at=1.5), self.RULES))
        assert [c.entry for c in commits(step(waiting.lane, tap(A, at=3.0, fresh="e"), self.RULES))] == ["e"]

    def test_a_reader_that_comes_back_is_no_second_tap(self) -> None:
        """The key that still lies there when a lost reader returns was not tapped by anybody."""
        result = play(tap(A, at=1.0), scan("N-1", at=2.0), ReaderGone(3.0), tap(A, at=4.0), rules=self.RULES)
        assert reasons(result) == [Reason.READER_LOST]
        assert not commits(result)
        assert result.lane.phase is Phase.TAG_WAITS

    def test_another_key_drops_all(self) -> None:
        """The wrong second key pairs nothing."""
        result = play(tap(A, at=1.0), scan("N-1", at=2.0), tap(B, at=3.0), rules=self.RULES)
        assert reasons(result) == [Reason.OTHER_TAG]
        assert not commits(result)


class TestRescan:
    """A second scan of the same number is asked for."""

    RULES = Rules(order=Order.EITHER, rescan=True)

    def test_a_second_scan_commits(self) -> None:
        """In either order, and not by the same pull of the scanner, which may say a number twice."""
        for first in ([tap(A, at=1.0), scan("N-1", at=2.0)], [scan("N-1", at=1.0), tap(A, at=2.0)]):
            waiting = play(*first, rules=self.RULES)
            assert waiting.lane.phase is Phase.VERIFYING
            assert not commits(step(waiting.lane, scan("N-1", at=2.0 + RESCAN_S / 2), self.RULES))
            saving = step(waiting.lane, scan("n-1", at=2.0 + RESCAN_S, fresh="e"), self.RULES)
            assert [(c.entry, c.scan.number.text) for c in commits(saving)] == [("e", "N-1")]

    def test_a_tap_does_not_take_its_place(self) -> None:
        """The same key again changes nothing."""
        waiting = play(tap(A, at=1.0), scan("N-1", at=2.0), tap(A, at=3.0), rules=self.RULES)
        assert waiting.lane.phase is Phase.VERIFYING

    def test_another_number_or_key_drops_all(self) -> None:
        """Nobody can say which of them is meant."""
        for other, reason in ((scan("N-2", at=3.0), Reason.NUMBER_CHANGED), (tap(B, at=3.0), Reason.OTHER_TAG)):
            result = play(tap(A, at=1.0), scan("N-1", at=2.0), other, rules=self.RULES)
            assert reasons(result) == [reason]
            assert not commits(result)
            assert result.lane.phase is Phase.REFUSED


class TestUndo:
    """Taking the last pair back."""

    def test_undo_of_the_last_pair(self) -> None:
        """The lane is ready again, and the same key may be paired at once."""
        lane = paired(at=3.0)
        asked = step(lane, UndoAsked(4.0), Rules())
        assert asked.effects == (Undo("entry"),)
        undone = step(asked.lane, Undone("entry", True, 4.1), Rules())
        assert undone.lane.phase is Phase.READY
        assert undone.lane.last is None
        assert commits(play(tap(A, at=4.2), scan("N-1", at=4.3), lane=undone.lane))

    def test_nothing_to_undo(self) -> None:
        """Without a last pair there is no such move."""
        assert not step(Lane(), UndoAsked(1.0), Rules()).moved

    def test_undo_keeps_a_waiting_tag(self) -> None:
        """Undoing the last pair does not disturb the key that already waits."""
        lane = play(tap(B, at=7.0), lane=paired(at=3.0)).lane
        result = play(UndoAsked(7.5), Undone("entry", True, 7.6), lane=lane)
        assert result.lane.phase is Phase.TAG_WAITS
        assert result.lane.last is None

    def test_refused_undo_changes_nothing(self) -> None:
        """What was already sent stays the last pair."""
        lane = paired(at=3.0)
        assert step(lane, Undone("entry", False, 4.0), Rules()).lane == lane


class TestGoldenKey:
    """The start of a shift: nothing is paired before the golden key was read as it should be."""

    RULES = Rules(golden=Uid.from_hex(A), never=frozenset({Uid.from_hex(A)}))

    def shut(self) -> Lane:
        """A lane that waits for the golden key."""
        return Lane.first(self.RULES)

    def test_without_one_a_lane_begins_ready(self) -> None:
        """Only a station with a golden key asks for it."""
        assert Lane.first(Rules()) == Lane()
        assert self.shut().phase is Phase.GOLDEN

    def test_the_golden_key_opens_the_lane(self) -> None:
        """Read right, it opens the lane; from then on it is a key that is never paired."""
        result = play(tap(A), tap(A, at=9.0), rules=self.RULES, lane=self.shut())
        assert GoldenSeen(Uid.from_hex(A)) in result.effects
        assert reasons(result) == ["not-for-pairing"]

    @pytest.mark.parametrize(
        ("uid", "reason"),
        [
            (B, "golden-key-mismatch"),
            (bytes.fromhex(A)[::-1].hex(), "golden-key-reversed"),
            (A[:8], "golden-key-mismatch"),
        ],
    )
    def test_anything_else_keeps_it_shut(self, uid: str, reason: str) -> None:
        """Another key, the bytes the other way round, or a part of them: the lane stays shut and says which."""
        result = play(tap(uid), scan("N-1"), rules=self.RULES, lane=self.shut())
        assert result.lane.phase is Phase.GOLDEN
        assert reasons(result) == [reason, "golden-key-awaited"]

    def test_what_was_captured_before_it_joins_nothing(self) -> None:
        """A tap from before the golden key is stale."""
        opened = play(tap(A, at=5.0), rules=self.RULES, lane=self.shut())
        assert reasons(play(tap(B, at=4.0), rules=self.RULES, lane=opened.lane)) == ["stale-tap"]


class TestNeverPaired:
    """Badges, golden and calibration keys."""

    RULES = Rules(never=frozenset({Uid.from_hex(A)}))

    def test_refused_in_either_direction(self) -> None:
        """Such a key is refused, and so is one that a reader set wrong has turned round."""
        turned = bytes.fromhex(A)[::-1].hex()
        assert reasons(play(tap(A), rules=self.RULES)) == ["not-for-pairing"]
        assert reasons(play(tap(turned), rules=self.RULES)) == ["reader-order-suspect"]

    def test_it_takes_a_waiting_number_with_it(self) -> None:
        """Scan first: the number that waited may not meet the next key."""
        rules = Rules(order=Order.SCAN_FIRST, never=self.RULES.never)
        result = play(scan("N-1", at=1.0), tap(A, at=2.0), tap(B, at=3.0), rules=rules)
        assert commits(result) == []
        assert reasons(result) == ["not-for-pairing", "no-number"]


class TestTwoLanes:
    """The same key on two lanes at once."""

    def test_is_refused_with_its_own_reason(self) -> None:
        """Whatever waits is dropped."""
        result = play(tap(A), Collided(2.0, Reason.TWO_LANES), scan("N-1", at=3.0))
        assert reasons(result) == ["two-lanes", "no-tag"]


class TestStalled:
    """The station stood still, and what came meanwhile comes now, in an order that says nothing."""

    def test_what_waited_and_what_came_meanwhile_is_refused(self) -> None:
        """The half pair is dropped; a tap and a number that were captured too soon after it join nothing."""
        result = play(tap(A), Stalled(5.0, 5.3), scan("N-1", at=5.1), tap(B, at=5.2), scan("N-2", at=5.4))
        assert reasons(result) == ["stalled", "no-tag", "stale-tap", "no-tag"]
        assert commits(play(tap(C, at=5.5), scan("N-3", at=6.0), lane=result.lane))

    def test_a_number_that_waited_is_dropped(self) -> None:
        """In scan-first order as well."""
        rules = Rules(order=Order.SCAN_FIRST)
        result = play(scan("N-1", at=1.0), Stalled(5.0, 5.3), tap(A, at=5.4), rules=rules)
        assert reasons(result) == ["stalled", "no-number"]

    def test_a_pair_on_its_way_is_not_disturbed(self) -> None:
        """It was joined before; only what follows is doubtful."""
        result = play(tap(A), scan("N-1", fresh="e"), Stalled(3.0, 3.3), Saved("e", 3.1), tap(B, at=3.2))
        assert reasons(result) == ["stale-tap"]


class TestLateDelivery:
    """What is delivered late counts by its capture, also against the timeout."""

    def test_a_number_captured_after_the_deadline_joins_nothing(self) -> None:
        """Although no tick has come in between."""
        assert reasons(play(tap(A, at=1.0), scan("N-1", at=31.0))) == ["timeout", "no-tag"]
        rules = Rules(order=Order.SCAN_FIRST)
        assert reasons(play(scan("N-1", at=1.0), tap(A, at=31.0), rules=rules)) == ["timeout", "no-number"]

    def test_the_second_tap_as_well(self) -> None:
        """A verification that comes too late verifies nothing."""
        result = play(tap(A, at=1.0), scan("N-1", at=2.0), tap(A, at=32.0), rules=Rules(verify=True))
        assert commits(result) == []
        assert reasons(result) == ["timeout"]

    def test_a_tap_after_the_deadline_is_a_fresh_one(self) -> None:
        """The key that waited is dropped; the new one waits."""
        result = play(tap(A, at=1.0), tap(B, at=40.0), scan("N-2", at=41.0))
        assert reasons(result) == ["timeout"]
        assert [commit.tap.tag.uid.wire for commit in commits(result)] == [B]


class TestOwedNumber:
    """Either order: a key was refused, and its number must not wait for the next key."""

    RULES = Rules(order=Order.EITHER)

    @pytest.mark.parametrize(
        "refused",
        [
            (tap(RANDOM),),
            (Collided(1.0),),
            (Collided(1.0, Reason.UNREADABLE),),
            (tap(A), Tick(40.0)),
            (tap(A), Collided(1.5)),
            (tap(A), ReaderGone(1.5)),
            (tap(RANDOM), NumberRefused(1.5)),
        ],
        ids=["phone", "two", "unreadable", "timeout", "two with one waiting", "reader gone", "and a bad scan"],
    )
    def test_its_number_is_refused(self, refused: tuple[Event, ...]) -> None:
        """Else every key that follows would get the one's before it."""
        result = play(*refused, scan("N-0", at=41.0), tap(B, at=42.0), scan("N-1", at=43.0), rules=self.RULES)
        assert [(commit.tap.tag.uid.wire, commit.scan.number.text) for commit in commits(result)] == [(B, "N-1")]
        assert reasons(result)[-1] == "no-tag"

    def test_clearing_settles_it(self) -> None:
        """A person has looked: numbers may come first again."""
        result = play(tap(RANDOM), Cancel(2.0), scan("N-1", at=3.0), tap(A, at=4.0), rules=self.RULES)
        assert len(commits(result)) == 1

    @pytest.mark.parametrize("before", [(tap(A),), (), (tap(A), scan("N-9"), Saved("scan-N-9-2.0", 2.5))], ids=len)
    def test_a_key_put_aside_owes_its_number(self, before: tuple[Event, ...]) -> None:
        """Whoever scans it out of habit does not give it to the next key."""
        aside = Cancel(3.0, Reason.PUT_ASIDE)
        result = play(*before, aside, scan("N-0", at=4.0), tap(B, at=5.0), scan("N-1", at=6.0), rules=self.RULES)
        assert [(commit.tap.tag.uid.wire, commit.scan.number.text) for commit in commits(result)][-1] == (B, "N-1")
        assert reasons(result)[-1] == "no-tag"

    def test_a_key_put_aside_with_its_number_owes_nothing(self) -> None:
        """The next number is the next key's."""
        result = play(scan("N-0"), Cancel(3.0, Reason.PUT_ASIDE), scan("N-1", at=4.0), tap(A, at=5.0), rules=self.RULES)
        assert [commit.scan.number.text for commit in commits(result)] == ["N-1"]
        assert reasons(result) == ["put-aside"]

    def test_a_refused_number_owes_nothing(self) -> None:
        """A scan that failed is scanned again."""
        result = play(NumberRefused(1.0), scan("N-1", at=2.0), tap(A, at=3.0), rules=self.RULES)
        assert len(commits(result)) == 1


class TestUidAsNumber:
    """A reader that types its UIDs where numbers are expected."""

    @pytest.mark.parametrize(
        "text", [A, A.upper(), "f6e5d4c3b2a104", str(int(A, 16)), "04:A1:B2:C3", "0" + str(int(A, 16))]
    )
    def test_the_waiting_key_s_own_uid_is_no_number(self, text: str) -> None:
        """In any way readers write it; the key goes on waiting for its number."""
        result = play(tap(A), scan(text), scan("N-1", at=3.0))
        assert reasons(result) == ["number-is-uid"]
        assert [commit.scan.number.text for commit in commits(result)] == ["N-1"]

    def test_scan_first_drops_both(self) -> None:
        """Nobody knows which number was meant."""
        result = play(scan(A, at=1.0), tap(A, at=2.0), rules=Rules(order=Order.SCAN_FIRST))
        assert reasons(result) == ["number-is-uid"]
        assert result.lane.phase is Phase.REFUSED


class TestConfirm:
    """Rules of a form: a pair waits for a person's word."""

    RULES = Rules(order=Order.EITHER, confirm=True)

    def waiting(self, *events: Event) -> Step:
        """A pair that waits, and what comes then."""
        return play(tap(A), scan("N-1"), *events, rules=self.RULES)

    def yes(self, uid: str = A, number: str = "N-1") -> Confirmed:
        """A person's word for this pair."""
        return Confirmed(Uid.from_hex(uid), number, 9.0, "entry")

    def test_nothing_is_saved_before_a_person_says_so(self) -> None:
        """And then it is this pair, by the id the word brought."""
        result = self.waiting()
        assert result.lane.phase is Phase.CONFIRMING
        assert not commits(result)
        assert [commit.entry for commit in commits(self.waiting(self.yes()))] == ["entry"]

    @pytest.mark.parametrize("order", Order)
    def test_in_every_order(self, order: Order) -> None:
        """Whatever comes first."""
        first, second = (scan("N-1", 1.0), tap(A, 2.0)) if order is Order.SCAN_FIRST else (tap(A), scan("N-1"))
        result = play(first, second, self.yes(), rules=replace(self.RULES, order=order))
        assert result.lane.phase is Phase.COMMITTING

    def test_the_half_that_came_second_is_looked_up(self) -> None:
        """Nobody is asked about a number that is used, or a key that is paired."""
        found = Found("s", record(number="N-1"), 3.0)
        assert reasons(play(tap(A), scan("N-1", fresh="s"), found, rules=self.RULES)) == ["duplicate-number"]
        found = Found("t", record(), 3.0)
        assert reasons(play(scan("N-1", 1.0), tap(A, 2.0, "t"), found, rules=self.RULES)) == ["duplicate-uid"]

    @pytest.mark.parametrize(("uid", "number"), [(B, "N-1"), (A, "N-2")])
    def test_what_a_person_did_not_see_is_not_saved(self, uid: str, number: str) -> None:
        """Their word was for another pair: it is said, and the one that waits goes on waiting."""
        result = self.waiting(self.yes(uid, number))
        assert reasons(result) == ["confirm-stale"]
        assert result.lane.phase is Phase.CONFIRMING

    @pytest.mark.parametrize(
        ("event", "reason"),
        [(tap(B, 3.0), "tag-changed"), (Collided(3.0), "two-tags"), (ReaderGone(3.0), "reader-lost")],
    )
    def test_a_key_that_changed_is_refused(self, event: Event, reason: str) -> None:
        """A word that comes afterwards finds nothing that waits."""
        result = self.waiting(event, self.yes())
        assert reasons(result) == [reason]
        assert not commits(result)

    def test_a_key_that_is_away_must_come_back(self) -> None:
        """Taken away before or after its number: the same key on the reader lets it be confirmed."""
        before = play(tap(A), Removed(1.5), scan("N-1"), self.yes(), rules=self.RULES)
        after = self.waiting(Removed(3.0), self.yes())
        assert reasons(before) == reasons(after) == ["key-away"]
        assert commits(play(tap(A, 10.0), self.yes(), rules=self.RULES, lane=after.lane))
        assert reasons(play(tap(B, 10.0), self.yes(), rules=self.RULES, lane=after.lane)) == ["tag-changed"]

    def test_another_number_takes_its_place(self) -> None:
        """Also before the key is tapped; what is no number leaves the key waiting for one."""
        assert self.waiting(scan("N-2", 3.0)).lane.scan == scan("N-2", 3.0)
        assert play(scan("N-1"), scan("N-2", 3.0), rules=self.RULES).lane.scan == scan("N-2", 3.0)
        unsure = self.waiting(NumberRefused(3.0), self.yes())
        assert (unsure.lane.phase, unsure.lane.scan) == (Phase.TAG_WAITS, None)
        assert not commits(unsure)


# --- every state with every event -----------------------------------------------------------------------------------

_times = st.floats(min_value=0, max_value=100, allow_nan=False)
_ids = st.sampled_from(["e1", "e2", "e3"])
_uids = st.sampled_from([A, B, C, RANDOM, SUSPECT])
_texts = st.sampled_from([A, "N-1", "n-1", "N-2", "DE*8PS*CD0C00*2"])
_records = st.one_of(st.none(), st.builds(record))
_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(tap, _uids, _times, _ids),
    st.builds(scan, _texts, _times, _ids),
    st.builds(Confirmed, _uids.map(Uid.from_hex), _texts, _times, _ids),
    st.builds(Collided, _times, st.sampled_from([Reason.TWO_TAGS, Reason.TWO_LANES])),
    st.builds(Removed, _times),
    st.builds(ReaderGone, _times),
    st.builds(Stalled, _times, _times),
    st.builds(NumberRefused, _times),
    st.builds(Found, _ids, _records, _times),
    st.builds(Saved, _ids, _times),
    st.builds(Taken, _ids, st.sampled_from([Reason.DUPLICATE_UID, Reason.DUPLICATE_NUMBER]), _records, _times),
    st.builds(NotSaved, _ids, _times),
    st.builds(Retry, _times),
    st.builds(Cancel, _times, st.sampled_from([Reason.CANCELLED, Reason.PUT_ASIDE])),
    st.builds(Tick, _times),
    st.builds(UndoAsked, _times),
    st.builds(Undone, _ids, st.booleans(), _times),
)
_rules = st.builds(
    Rules,
    order=st.sampled_from(Order),
    timeout_s=st.just(30.0),
    verify=st.booleans(),
    rescan=st.booleans(),
    confirm=st.booleans(),
    keep_removed=st.booleans(),
    stop_on_suspect=st.booleans(),
    golden=st.sampled_from([None, Uid.from_hex(C)]),
    never=st.sampled_from([frozenset(), frozenset({Uid.from_hex(C)})]),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(_events, max_size=30), _rules)
def test_invariants_hold_for_every_sequence(events: list[Event], rules: Rules) -> None:
    """Whatever happens in whatever order: green only by `Saved`, one commit at a time, no stale half in a pair.

    `step` itself asserts that each move ends in a phase its table cell names.
    """
    lane = Lane.first(rules)
    for event in events:
        before = lane
        result = step(before, event, rules)
        lane = result.lane
        if not result.moved:
            assert lane == before
        if lane.phase is Phase.PAIRED and before.phase is not Phase.PAIRED:
            assert isinstance(event, Saved)
            assert before.phase is Phase.COMMITTING
            assert event.entry == before.entry
        for commit in commits(result):
            assert before.phase is not Phase.COMMITTING
            assert lane.phase is Phase.COMMITTING
            if rules.order is Order.TAP_FIRST:
                assert commit.scan.at >= commit.tap.at
            if rules.order is Order.SCAN_FIRST:
                assert commit.tap.at >= commit.scan.at
            assert str(commit.tap.verdict.decision) != "refuse"
            assert min(commit.tap.at, commit.scan.at) >= before.not_before
            assert commit.tap.tag.uid not in rules.never
            if rules.confirm and not (rules.verify or rules.rescan) and before.phase is not Phase.NOT_SAVED:
                assert isinstance(event, Confirmed)
                assert (commit.tap.tag.uid, commit.scan.number.text) == (event.uid, event.number)
                assert not before.away
        both = (Phase.VERIFYING, Phase.CONFIRMING, Phase.COMMITTING, Phase.NOT_SAVED)
        waits_for_tag = lane.phase in (Phase.TAG_WAITS, *both)
        waits_for_number = lane.phase in (Phase.NUMBER_WAITS, *both)
        if waits_for_tag:
            assert lane.tap is not None
        if waits_for_number:
            assert lane.scan is not None
        if lane.phase in (Phase.READY, Phase.REFUSED):
            assert (lane.tap, lane.scan, lane.entry, lane.arrived) == (None, None, None, None)


def test_every_cell_of_the_table_is_reached() -> None:
    """Each move and each of its ends can happen: the table promises nothing that never comes."""
    promised = {(phase, event, end) for (phase, event), move in TABLE.items() for end in move.ends}
    seen: set[tuple[Phase, type, Phase]] = set()
    never = frozenset({Uid.from_hex(A)})
    # Those that show the most come first: it ends when everything was seen.
    rule_sets = [Rules(never=never), Rules(never=never, confirm=True), Rules(golden=Uid.from_hex(B), verify=True)]
    rule_sets += [Rules(rescan=True)]
    rule_sets += [Rules(order=order, confirm=True, keep_removed=False) for order in (Order.SCAN_FIRST, Order.EITHER)]
    rule_sets += [
        Rules(order=order, verify=verify, keep_removed=keep)
        for order in (Order.EITHER, Order.SCAN_FIRST, Order.TAP_FIRST)
        for keep in (False, True)
        for verify in (True, False)
    ]
    alphabet: list[Event] = [
        *(tap(uid, at, "e1") for uid in (A, B, RANDOM) for at in (1.0, 9.0)),
        *(scan(text, at, "e1") for text in ("N-1", "N-2") for at in (1.0, 9.0)),
        *(tap(A, 60.0, "e2"), scan("N-1", 60.0, "e2")),
        *(Confirmed(Uid.from_hex(uid), "N-1", 9.5, "e1") for uid in (A, B)),
        Collided(5.0),
        Removed(5.0),
        ReaderGone(5.0),
        Stalled(5.0, 5.5),
        NumberRefused(5.0),
        *(Found(token, found, 5.0) for token in ("e1", "e2") for found in (None, record())),
        *(Saved(entry, 5.0) for entry in ("e1", "e9")),
        *(Taken("e1", why, record(), 5.0) for why in (Reason.DUPLICATE_UID, Reason.DUPLICATE_NUMBER)),
        *(NotSaved(entry, 5.0) for entry in ("e1", "e9")),
        Taken("e9", Reason.DUPLICATE_UID, None, 5.0),
        Retry(5.0),
        Cancel(5.0),
        Tick(6.0),
        Tick(99.0),
        UndoAsked(5.0),
        *(Undone("e1", done, 5.0) for done in (True, False)),
    ]
    for rules in rule_sets:
        # A key may become one that is never paired while it waits.
        waits = [tap(A), scan("N-1")] if rules.confirm else [tap(A)]
        first = play(*waits, rules=replace(rules, never=frozenset())).lane if rules.never else Lane.first(rules)
        # At the start of a shift, the last pair of the one before is known.
        frontier = [first, replace(Lane.first(rules), last=Last("e1", Uid.from_hex(A), "n1", float("-inf")))]
        known = set(frontier)
        while frontier and len(known) < 6000 and promised - seen:
            lane = frontier.pop(0)
            for event in alphabet:
                result = step(lane, event, rules)
                if result.moved:
                    seen.add((lane.phase, type(event), result.lane.phase))
                if result.lane not in known:
                    known.add(result.lane)
                    frontier.append(result.lane)
    assert promised - seen == set()


def test_events_and_lanes_are_values() -> None:
    """Nothing that goes through the table can be changed on the way."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Lane().phase = Phase.PAIRED  # type: ignore[misc]
