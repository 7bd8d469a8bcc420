"""Asking for keys on readers: who is believed, what is asked for, and what it comes to."""

from __future__ import annotations

import pytest

from support.laid import LaidReader, Somebody, tag
from tagsmith.calibration.judgement import Finding, key_bytes
from tagsmith.calibration.keys import KnownKey
from tagsmith.calibration.results import Outcome, SecondKey, Standing
from tagsmith.calibration.session import Session
from tagsmith.errors import ConfigError, ReaderForbidden, ReaderMissing
from tagsmith.model import Tag, Trouble
from tagsmith.uid import ByteOrder

REVERSED, WIRE = ByteOrder.REVERSED, ByteOrder.WIRE
FOUR, SEVEN, FOREIGN = "27b89043", "04a1b2c3d4e5f6", "04112233445580"
BACK = "f6e5d4c3b2a104"
MIRROR = "0badad0b"
SHORT_S = 0.15
"""How long a session waits for a key that never comes."""


def key(key_id: str) -> KnownKey:
    data = key_bytes(key_id)
    assert data is not None
    return KnownKey(key_id, data, "", f"N-{key_id[:4]}", "card")


class Bench:
    """Readers by spec, and what a session with these keys makes of them."""

    def __init__(self, *keys: str, recorded: ByteOrder | None = None, **answers: bool) -> None:
        self.keys = [key(one) for one in keys]
        self.person = Somebody(**answers)
        self.recorded = recorded
        self.readers: dict[str, LaidReader] = {}

    def run(self, *readers: LaidReader, sandbox: bool = False, asked: int | None = None) -> Outcome:
        self.readers = {reader.spec: reader for reader in readers}
        session = Session(
            self.keys,
            self.recorded,
            self.person,
            sandbox=sandbox,
            timeout_s=SHORT_S,
            open_reader=self.readers.__getitem__,
        )
        return session.run([reader.spec for reader in readers[:asked]])


def reversed_(uid: str) -> str:
    return bytes.fromhex(uid)[::-1].hex()


@pytest.mark.parametrize("spec", ["pcsc:", "nfcpy:usb:054c:06c3"])
@pytest.mark.parametrize(("uid", "order"), [(SEVEN, WIRE), (reversed_(FOUR), REVERSED)])
def test_a_known_key_proves_the_order(spec: str, uid: str, order: ByteOrder) -> None:
    """One of the user's keys on a reader that gives what the chip sends settles it; both orders are shown."""
    bench = Bench(FOUR, SEVEN)
    outcome = bench.run(LaidReader(spec, tag(uid)))
    assert outcome.order is order
    (proof,) = outcome.proofs
    assert (proof.uid.wire, proof.spec, proof.reader) == (uid, spec, f"reader {spec}")
    assert proof.key.key_id == (SEVEN if uid == SEVEN else FOUR)
    assert outcome.readers[0].standing is Standing.PROVES
    assert uid in str(bench.person)
    assert reversed_(uid) in str(bench.person)


def test_two_keys_prove_it_twice() -> None:
    """With a key of each length at hand both are asked for; the longer one is recorded last, and so counts."""
    bench = Bench(FOUR, SEVEN)
    outcome = bench.run(LaidReader("pcsc:", tag(SEVEN), tag(FOUR)))
    assert outcome.order is WIRE
    assert [proof.key.key_id for proof in outcome.proofs] == [FOUR, SEVEN]
    assert outcome.second_key is SecondKey.LAID
    assert "Lay the 4-byte key" in str(bench.person)


def test_keys_that_contradict_each_other_prove_nothing() -> None:
    """One enrolled in each order: one of them cannot work, and nobody here can say which."""
    bench = Bench(reversed_(FOUR), SEVEN)
    outcome = bench.run(LaidReader("pcsc:", tag(SEVEN), tag(FOUR)))
    assert (outcome.finding, outcome.order, outcome.proofs) == (Finding.MISMATCH, None, ())
    assert "contradict" in outcome.message


def test_one_key_is_enough_if_the_other_does_not_come() -> None:
    """The second key is wanted, not required; that it did not come is told."""
    bench = Bench(FOUR, SEVEN)
    outcome = bench.run(LaidReader("pcsc:", tag(SEVEN)))
    assert outcome.order is WIRE
    assert len(outcome.readers) == 1
    assert outcome.second_key is SecondKey.NOT_LAID
    assert "No second key was laid on reader pcsc:" in str(bench.person)


def test_no_second_key_of_the_same_length_is_asked_for() -> None:
    """It would prove no more than the first."""
    bench = Bench(SEVEN, FOREIGN)
    outcome = bench.run(LaidReader("pcsc:", tag(SEVEN)))
    assert (outcome.order, outcome.second_key) == (WIRE, None)
    assert len([said for said in bench.person.said if said.startswith("Lay ")]) == 1


def test_a_palindrome_leaves_it_to_the_other_key() -> None:
    """A UID that reads the same both ways proves nothing by itself; any other key then does."""
    outcome = Bench(MIRROR, FOUR).run(LaidReader("pcsc:", tag(MIRROR), tag(FOUR)))
    assert outcome.order is WIRE
    assert [proof.key.key_id for proof in outcome.proofs] == [FOUR]
    alone = Bench(MIRROR).run(LaidReader("pcsc:", tag(MIRROR)))
    assert (alone.finding, alone.order) == (Finding.PALINDROME, None)
    assert alone.readers[0].standing is Standing.INCONCLUSIVE
    assert "same both ways" in alone.message


def test_the_message_belongs_to_the_finding() -> None:
    """Of several readers that prove nothing together, the one is told that the finding is about."""
    palindrome = Bench(MIRROR).run(LaidReader("pcsc:A"), LaidReader("pcsc:B", tag(MIRROR)))
    assert (palindrome.finding, "same both ways" in palindrome.message) == (Finding.PALINDROME, True)
    foreign = Bench(MIRROR, FOUR).run(LaidReader("pcsc:", tag(MIRROR), tag(FOREIGN)))
    assert (foreign.finding, "another card" in foreign.message) == (Finding.MISMATCH, True)


@pytest.mark.parametrize(
    ("laid", "finding", "said"),
    [
        (tag(FOREIGN), Finding.MISMATCH, "another card"),
        (tag("08a1b2c3"), Finding.MISMATCH, "changes its UID at every tap"),
        (tag("04a1b2c3"), Finding.TRUNCATED, "cuts UIDs"),
        (tag(BACK), Finding.SUSPECT, "back to front"),
        (tag("aabbccdd", str(int(SEVEN, 16))), Finding.DECIMAL, "decimal"),
    ],
)
def test_what_proves_nothing_is_said_why(laid: Tag, finding: Finding, said: str) -> None:
    """Another card, a cut UID, a turned one and a number end without an order, and in plain words."""
    outcome = Bench(SEVEN).run(LaidReader("pcsc:", laid))
    assert (outcome.finding, outcome.order, outcome.proofs) == (finding, None, ())
    assert said in outcome.message
    assert outcome.uid == laid.uid


def test_a_key_enrolled_in_both_orders_proves_nothing() -> None:
    """The same chip under two ids: which of them works cannot be seen from the chip."""
    outcome = Bench(FOUR, reversed_(FOUR)).run(LaidReader("pcsc:", tag(FOUR)))
    assert outcome.order is None
    assert "each of the two ids" in outcome.message


def test_nobody_comes() -> None:
    """Without a tap nothing is concluded, and the reader that was waited for is named."""
    outcome = Bench(SEVEN).run(LaidReader("pcsc:"))
    assert (outcome.finding, outcome.order) == (Finding.NO_TAP, None)
    assert outcome.readers[0].standing is Standing.NO_TAP
    assert "No key was laid on reader pcsc:" in outcome.message


@pytest.mark.parametrize("error", [ReaderMissing("not there", "plug it in"), ReaderForbidden("no right", "usermod")])
def test_a_reader_that_cannot_be_had_is_told(error: ReaderMissing) -> None:
    """What is in the way of the reader is said at once and again at the end, with what to do."""
    bench = Bench(SEVEN)
    outcome = bench.run(LaidReader("pcsc:", error=error))
    assert f"{error.message} ({error.remedy})" in outcome.message
    assert any(error.message in said for said in bench.person.said)


def test_two_keys_at_once_are_none() -> None:
    """A collision is told, and neither of the two counts."""
    bench = Bench(SEVEN)
    outcome = bench.run(LaidReader("pcsc:", (tag(SEVEN), tag(FOUR))))
    assert outcome.order is None
    assert any("lay on one alone" in said for said in bench.person.said)


def test_that_very_key_is_asked_for_on_the_next_reader() -> None:
    """The second reader must give the key that the first one proved, and no other one of the user's."""
    bench = Bench(FOUR, SEVEN)
    outcome = bench.run(LaidReader("pcsc:A", tag(SEVEN)), LaidReader("pcsc:B", tag(SEVEN)))
    assert outcome.order is WIRE
    assert {proof.spec for proof in outcome.proofs} == {"pcsc:A", "pcsc:B"}
    refused = Bench(FOUR, SEVEN).run(LaidReader("pcsc:A", tag(SEVEN)), LaidReader("pcsc:B", tag(FOUR)))
    assert (refused.finding, refused.order) == (Finding.MISMATCH, None)


def test_readers_that_contradict_each_other_prove_nothing() -> None:
    """One of two readers turns a 4-byte UID: neither is believed."""
    outcome = Bench(FOUR).run(LaidReader("pcsc:A", tag(FOUR)), LaidReader("pcsc:B", tag(reversed_(FOUR))))
    assert (outcome.finding, outcome.order) == (Finding.MISMATCH, None)
    assert "contradict" in outcome.message


# --- a person who can be asked ------------------------------------------------------------------------------------


def test_only_a_key_somebody_vouches_for_proves_anything() -> None:
    """The API lists keys that never worked, too: a person must say that this one does."""
    bench = Bench(SEVEN, known=False, Try=False)
    outcome = bench.run(LaidReader("pcsc:", tag(SEVEN)))
    assert (outcome.finding, outcome.order) == (Finding.NOT_VOUCHED, None)
    assert outcome.readers[0].standing is Standing.INCONCLUSIVE
    assert "Nobody vouches" in outcome.message
    assert Bench(SEVEN, known=True).run(LaidReader("pcsc:", tag(SEVEN))).order is WIRE


def test_a_wrong_card_may_be_changed_for_the_right_one() -> None:
    """A person is asked for another key; a script is not, and ends."""
    laid = (tag(FOREIGN), tag(SEVEN))
    assert Bench(SEVEN, Try=True, known=True).run(LaidReader("pcsc:", *laid)).order is WIRE
    assert Bench(SEVEN, Try=False).run(LaidReader("pcsc:", *laid)).order is None
    assert Bench(SEVEN).run(LaidReader("pcsc:", *laid)).order is None


def test_a_second_key_is_waited_for_only_if_it_is_there() -> None:
    """A person says whether there is one."""
    bench = Bench(FOUR, SEVEN, known=True, hand=False)
    bench.person = Somebody(**{"at hand": False, "known to work at": True})
    outcome = bench.run(LaidReader("pcsc:", tag(SEVEN), tag(FOUR)))
    assert (outcome.order, outcome.second_key) == (WIRE, SecondKey.DECLINED)
    assert len(bench.person.asked) == 2


def test_each_key_is_vouched_for_once() -> None:
    """Of each key is asked once whether it works: when it was recognised, so that it is seen which one it is."""
    bench = Bench(FOUR, SEVEN)
    bench.person = Somebody(**{"at hand": True, "known to work": True})
    assert len(bench.run(LaidReader("pcsc:", tag(SEVEN), tag(FOUR))).proofs) == 2
    assert len([question for question in bench.person.asked if "known to work" in question]) == 2
    assert len(bench.person.asked) == 3


# --- readers whose order is a setting -----------------------------------------------------------------------------

SERIAL = "serial:/dev/ttyUSB0?length=7"


def test_a_serial_reader_never_decides() -> None:
    """Without a recorded order and without a reader that proves, it is refused before anybody taps, and said why."""
    reader = LaidReader(SERIAL, tag(SEVEN))
    outcome = Bench(SEVEN).run(reader)
    assert (outcome.finding, outcome.order, outcome.readers) == (Finding.NO_READER, None, ())
    assert "would turn the whole station" in outcome.message
    assert "--reader pcsc:" in outcome.remedy
    assert reader.opened == 0


def test_a_mis_set_serial_reader_does_not_turn_the_station() -> None:
    """The reader that proves decides; the other one gets the spec that makes it right, and no voice."""
    outcome = Bench(SEVEN).run(LaidReader(SERIAL, tag(BACK)), LaidReader("pcsc:", tag(SEVEN)))
    assert outcome.order is WIRE
    assert [proof.spec for proof in outcome.proofs] == ["pcsc:"]
    result = outcome.readers[-1]
    assert (result.spec, result.standing) == (SERIAL, Standing.SET_OTHERWISE)
    assert result.wanted_spec == f"{SERIAL}&order=reversed"
    assert result.wanted_spec in result.message


@pytest.mark.parametrize("order", ByteOrder)
def test_a_serial_reader_is_compared_with_the_record(order: ByteOrder) -> None:
    """With a recorded order the chip behind each key is known; a reader that gives it is recorded as agreeing."""
    key_id = SEVEN if order is WIRE else BACK
    outcome = Bench(key_id, FOUR, recorded=order).run(LaidReader(SERIAL, tag(SEVEN)))
    assert outcome.order is order
    assert outcome.finding.order is order
    assert outcome.readers[0].standing is Standing.AGREES
    wrong = Bench(key_id, FOUR, recorded=order).run(LaidReader(SERIAL, tag(BACK)))
    assert (wrong.order, wrong.readers[0].standing) == (None, Standing.SET_OTHERWISE)
    assert wrong.finding is Finding.SET_OTHERWISE
    silent = Bench(key_id, FOUR, recorded=order).run(LaidReader(f"{SERIAL}&frame=twn4"))
    assert (silent.order, silent.finding) == (None, Finding.NO_TAP)
    assert "write that spec" in wrong.remedy


@pytest.mark.parametrize(
    ("laid", "standing"),
    [
        (tag(FOREIGN), Standing.MISMATCH),
        (tag("04a1b2c3"), Standing.TRUNCATED),
        (tag("c3b2a104"), Standing.TRUNCATED),
        (tag("01020304", str(int("04a1b2c3", 16))), Standing.TRUNCATED),
    ],
)
def test_what_no_spec_mends(laid: Tag, standing: Standing) -> None:
    """Another card, or a reader that cuts UIDs: no spec is offered, nothing is recorded."""
    outcome = Bench(SEVEN, recorded=WIRE).run(LaidReader(SERIAL, laid))
    assert (outcome.order, outcome.readers[0].standing) == (None, standing)
    assert not outcome.readers[0].wanted_spec


def test_a_palindrome_says_nothing_about_a_serial_reader() -> None:
    """It would agree whatever its order is set to."""
    outcome = Bench(MIRROR, recorded=WIRE).run(LaidReader(SERIAL, tag(MIRROR)))
    assert (outcome.order, outcome.readers[0].standing) == (None, Standing.INCONCLUSIVE)


@pytest.mark.parametrize("first", [Trouble.NO_UID, None])
def test_a_decimal_reader_set_to_hex_is_heard_otherwise(first: Trouble | None) -> None:
    """What comes is no UID by its options (told, or silently lost): the key is asked for again and heard in decimal."""
    spec = "evdev:/dev/input/event3?length=4"
    number = str(int(FOUR, 16)).zfill(10)
    own = LaidReader(spec) if first is None else LaidReader(spec, first)
    more = LaidReader("evdev:/dev/input/event3?length=4,5,7,8,10")
    other = LaidReader("evdev:/dev/input/event3?length=10&base=decimal&digits=any", tag("00000000000027b89043", number))
    outcome = Bench(FOUR, recorded=WIRE).run(own, more, other, asked=1)
    assert outcome.readers[0].standing is Standing.SET_OTHERWISE
    assert outcome.readers[0].wanted_spec == f"{spec}&order=wire&base=decimal"


def test_what_is_heard_by_other_options_never_agrees() -> None:
    """A reader whose own options lose the key is set wrong, even if others give the very UID."""
    bare = "serial:/dev/ttyUSB0"
    other = LaidReader(f"{bare}?length=4,5,7,8,10", tag(SEVEN))
    outcome = Bench(SEVEN, recorded=WIRE).run(LaidReader(f"{bare}?length=4"), other, asked=1)
    assert outcome.readers[0].standing is Standing.SET_OTHERWISE
    assert outcome.readers[0].wanted_spec == f"{bare}?length=7&order=wire"


def test_the_spec_to_write_takes_the_keys_that_were_seen() -> None:
    """Where keys of both kinds proved the order, the reader that follows is to take both."""
    proving = LaidReader("pcsc:", tag(SEVEN), tag(FOUR))
    outcome = Bench(FOUR, SEVEN).run(proving, LaidReader(SERIAL, tag(BACK)))
    assert {len(proof.key.data) for proof in outcome.proofs} == {4, 7}
    assert outcome.readers[-1].wanted_spec == "serial:/dev/ttyUSB0?length=4,7&order=reversed"


def test_a_reader_that_is_not_there_is_not_listened_to_otherwise() -> None:
    """Other options do not bring a missing reader; it is told once."""
    outcome = Bench(SEVEN, recorded=WIRE).run(LaidReader(SERIAL, error=ReaderMissing("not there", "plug it in")))
    assert outcome.readers[0].standing is Standing.NO_TAP
    assert "not there" in outcome.message


def test_without_an_order_the_followers_are_not_asked() -> None:
    """Nothing was proved, so there is nothing to compare them with."""
    follower = LaidReader(SERIAL, tag(SEVEN))
    outcome = Bench(SEVEN).run(LaidReader("pcsc:", tag(FOREIGN)), follower)
    assert [result.standing for result in outcome.readers] == [Standing.MISMATCH, Standing.NOT_ASKED]
    assert follower.opened == 0


def test_a_simulated_reader_is_refused_for_a_true_api() -> None:
    """In a sandbox it proves like any other; a true API is not calibrated with keys that are not there."""
    assert Bench(SEVEN).run(LaidReader("sim:x", tag(SEVEN)), sandbox=True).order is WIRE
    with pytest.raises(ConfigError, match="no true keys"):
        Bench(SEVEN).run(LaidReader("sim:x", tag(SEVEN)), sandbox=False)


def test_one_reader_that_is_wrong_spoils_the_record_of_the_others() -> None:
    """Readers that follow are recorded together or not at all; one that was not tapped keeps nobody from it."""
    right = LaidReader("serial:/dev/ttyUSB1", tag(SEVEN))
    outcome = Bench(SEVEN, recorded=WIRE).run(right, LaidReader(SERIAL, tag(BACK)))
    assert [one.standing for one in outcome.readers] == [Standing.AGREES, Standing.SET_OTHERWISE]
    assert (outcome.order, outcome.proofs) == (None, ())
    silent = Bench(SEVEN, recorded=WIRE).run(
        LaidReader("serial:/dev/ttyUSB1?frame=twn4", tag(SEVEN)), LaidReader(f"{SERIAL}&frame=twn4")
    )
    assert [one.standing for one in silent.readers] == [Standing.AGREES, Standing.NO_TAP]
    assert silent.order is WIRE
