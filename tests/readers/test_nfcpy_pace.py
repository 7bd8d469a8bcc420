"""When an nfcpy reader is looked at, what it makes of what it sees, and when a fault becomes a loss.

The frontend plays a script and the clock is the test's own, so nothing here waits.
"""

from __future__ import annotations

import binascii
import errno
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from readers.conformance import Waiting
from support.fake_nfcpy import FakeClock, FakeFrontend, library, target
from tagsmith.errors import ReaderError, ReaderLost, ReaderMissing
from tagsmith.model import Field, Trouble
from tagsmith.readers.nfcpy import ACTIVE_S, RETRY_S, NfcpyReader
from tagsmith.readers.nfcpy_spec import IDLE_S, POLL_S

KEY, OTHER = "04a1b2c3d4e5f6", "0499999999999a"


class Bench:
    """An open reader on a scripted frontend, and the clock that its pauses move."""

    def __init__(self, rest: str = "udp:bench") -> None:
        self.clock = FakeClock()
        self.frontend = FakeFrontend()
        self.reader = NfcpyReader(
            rest, clock=self.clock, library=library(self.frontend), pause=self.clock.sleep, devices=tuple
        )
        self.info = self.reader.open()

    def wait(self, last: Field, seconds: float = 0.0) -> Field:
        """One wait."""
        return self.reader.wait(last, seconds)

    def pauses(self, seconds: float) -> list[float]:
        """The pauses of an uneventful wait of that length."""
        self.clock.slept.clear()
        field = self.wait(Field(), seconds)
        assert field == Field()
        return self.clock.slept


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A reader with nothing on it, just opened."""
    made = Bench()
    yield made
    made.reader.close()


def test_frequent_looks_then_rare_ones(bench: Bench) -> None:
    """For a minute after the last change the looks follow each other closely, then seldom."""
    first = bench.pauses(1.0)
    assert max(first) <= POLL_S + 1e-9
    bench.pauses(ACTIVE_S)
    rare = bench.pauses(2.0)
    assert rare[1:-1] == pytest.approx([IDLE_S] * len(rare[1:-1]))
    assert len(rare) <= 2.0 / IDLE_S + 1


def test_a_change_makes_looks_frequent_again(bench: Bench) -> None:
    """What arrives after a long rest is looked at again at once: a card that rocks does not wait for a long pause."""
    bench.pauses(ACTIVE_S + 1)
    bench.frontend.present = target(KEY)
    field = bench.wait(Field(), 1.0)
    assert field.tags[0].uid.wire == KEY
    bench.frontend.present = None
    before = bench.clock.now
    assert bench.wait(field, 1.0) == Field()
    assert bench.clock.now - before <= POLL_S + 1e-9


def test_pauses_are_as_configured() -> None:
    """`poll` and `idle` set both pauses."""
    bench = Bench("udp:bench?poll=0.1&idle=2")
    assert max(bench.pauses(1.0)) == pytest.approx(0.1)
    bench.pauses(ACTIVE_S)
    assert max(bench.pauses(10.0)) == pytest.approx(2.0)
    bench.reader.close()


def test_a_short_wait_does_not_look_more_often(bench: Bench) -> None:
    """Many short waits look no more often than one long one."""
    bench.pauses(ACTIVE_S + 1)
    before = bench.frontend.looks
    for _ in range(10):
        bench.wait(Field(), IDLE_S / 10)
    assert bench.frontend.looks - before <= 2


def test_one_missed_look_counts_anew(bench: Bench) -> None:
    """A tag that was away for a single look is another arrival of the same tag; the pump decides what that means."""
    bench.frontend.present = target(KEY)
    first = bench.wait(Field(), 1.0)
    bench.frontend.present = None
    assert bench.wait(first, 1.0) == Field()
    bench.frontend.present = target(KEY)
    again = bench.wait(Field(), 1.0)
    assert again.tags == first.tags
    assert again.count != first.count


def test_a_swap_between_two_looks(bench: Bench) -> None:
    """Another UID at the next look is another arrival, without an absence in between."""
    bench.frontend.present = target(KEY)
    first = bench.wait(Field(), 1.0)
    bench.frontend.present = target(OTHER)
    second = bench.wait(first, 1.0)
    assert [tag.uid.wire for tag in second.tags] == [OTHER]
    assert second.count != first.count


def test_a_phone_is_one_arrival(bench: Bench) -> None:
    """A random UID that is another one at each look is no news after the first."""
    bench.frontend.present = target("08010203")
    first = bench.wait(Field(), 1.0)
    bench.frontend.present = target("08998877")
    assert bench.wait(first, 1.0) is first
    bench.frontend.present = target(KEY)
    assert bench.wait(first, 1.0).tags[0].uid.wire == KEY


def test_a_tag_without_a_uid_is_trouble(bench: Bench) -> None:
    """A Type 1 tag lies there and has no UID: trouble, no tag; reported once, and gone when it is gone."""
    none = dict.fromkeys(("sdd_res", "sel_res", "sensb_res", "sensf_res"))
    bench.frontend.present = SimpleNamespace(sens_res=bytearray(b"\x00\x0c"), rid_res=bytearray(6), **none)
    field = bench.wait(Field(), 1.0)
    assert (field.tags, field.trouble) == ((), Trouble.NO_UID)
    assert bench.wait(field, 1.0) is field
    bench.frontend.present = None
    assert bench.wait(field, 1.0) == Field()


def test_a_passing_fault_changes_nothing(bench: Bench) -> None:
    """Fewer faults in a row than make a loss are made good by the next looks, with the device held open."""
    bench.frontend.present = target(KEY)
    field = bench.wait(Field(), 1.0)
    for _ in range(3):
        bench.frontend.errors = [binascii.Error("odd")] * len(RETRY_S)
        assert bench.wait(field, 1.0) is field
    assert bench.frontend.closed == 0


def test_faults_in_a_row_are_a_loss(bench: Bench) -> None:
    """The third in a row is raised as a loss, after a moment's patience between each; what comes then starts anew."""
    bench.frontend.errors = [OSError(errno.EIO, "Input/output error")] * (len(RETRY_S) + 1)
    before = bench.clock.now
    with pytest.raises(ReaderLost) as caught:
        bench.wait(Field(), 10.0)
    assert bench.clock.now - before == pytest.approx(sum(RETRY_S))
    assert caught.value.remedy
    bench.reader.close()
    assert bench.frontend.closed == 1
    bench.reader.open()
    bench.frontend.errors = [IndexError()] * len(RETRY_S)
    assert bench.wait(Field(), 1.0) == Field()


def test_what_is_gone_is_lost_at_once(bench: Bench) -> None:
    """An error that no second try can mend is a loss immediately."""
    bench.frontend.errors = [OSError(errno.ENODEV, "No such device")]
    with pytest.raises(ReaderLost, match="unplugged"):
        bench.wait(Field(), 10.0)


def test_a_defect_of_ours_is_not_hidden(bench: Bench) -> None:
    """What no driver raises comes out as it is, so that it is found."""
    bench.frontend.errors = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        bench.wait(Field(), 10.0)


def test_a_loss_forgets_what_lay_there(bench: Bench) -> None:
    """Opened again, the reader knows nothing of before: what lies there is news, what is gone is gone."""
    bench.frontend.present = target(KEY)
    field = bench.wait(Field(), 1.0)
    bench.reader.close()
    bench.reader.open()
    assert bench.wait(Field(), 1.0).tags == field.tags
    bench.reader.close()
    bench.frontend.present = None
    bench.reader.open()
    assert bench.wait(field, 1.0) == Field()


def test_a_reader_that_cannot_be_looked_at_does_not_open() -> None:
    """Opening looks once: what fails then is told then, and nothing is left open."""
    frontend = FakeFrontend()
    frontend.errors = [binascii.Error("odd")]
    reader = NfcpyReader("udp:bench", library=library(frontend))
    with pytest.raises(ReaderMissing) as caught:
        reader.open()
    assert "bench" in caught.value.message
    assert frontend.closed == 1
    assert frontend.device is None
    reader.open()
    reader.close()


def test_the_name_is_printable(bench: Bench) -> None:
    """A device may say anything of itself; what is shown has no control characters."""
    assert bench.info.name == "Maker Stick RC9 at bench:54321"


def test_a_wake_ends_a_pause() -> None:
    """A wake does not wait for the pause between two looks to end."""
    frontend = FakeFrontend()
    looked = threading.Event()
    frontend.on_look = looked.set
    reader = NfcpyReader("udp:bench?poll=5&idle=10", library=library(frontend))
    reader.open()
    try:
        for _ in range(3):
            looked.clear()
            waiting = Waiting(reader, timeout_s=4.0)
            reader.wake()
            assert waiting.joined() == Field()
        assert frontend.looks <= 3  # the pause was not cut short by looking
    finally:
        reader.close()


def test_closing_ends_a_pause() -> None:
    """Closing does not wait for the pause either."""
    frontend = FakeFrontend()
    reader = NfcpyReader("udp:bench?poll=5&idle=10", library=library(frontend))
    reader.open()
    waiting = Waiting(reader, timeout_s=4.0)
    reader.close()
    assert isinstance(waiting.joined(), ReaderLost)


def test_a_closed_device_is_not_looked_at(bench: Bench) -> None:
    """A wait on a closed reader raises, and does not open it by the way."""
    bench.reader.close()
    looks = bench.frontend.looks
    with pytest.raises(ReaderError):
        bench.wait(Field(), 1.0)
    assert bench.frontend.looks == looks
