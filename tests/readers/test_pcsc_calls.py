"""How the PC/SC backend calls its library, where a real pcscd cannot be brought to answer so: a scripted library."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from readers.conformance import ABSENT, Waiting, shows
from tagsmith.errors import ReaderForbidden, ReaderLost, ReaderMissing
from tagsmith.model import Field, Trouble
from tagsmith.readers.pcsc import FLICKER_S, RETRY_S, UNREAD_S, PcscReader, ReaderStates

NAME = "Fake PICC 00 00"
UID = [4, 1, 2, 3, 4, 5, 6]
GOOD = (0, [*UID, 0x90, 0x00])
WIRE = bytes(UID).hex()

EMPTY, PRESENT, CHANGED, UNAVAILABLE, INUSE = 0x10, 0x20, 0x02, 0x08, 0x100
CANCELLED, UNKNOWN_READER, TIMEOUT, SHARING = 0x80100002, 0x80100009, 0x8010000A, 0x8010000B
INVALID_VALUE, COMM_ERROR, NOT_TRANSACTED, NO_SERVICE = 0x80100011, 0x80100013, 0x80100016, 0x8010001D
INVALID_HANDLE, NO_READERS = 0x80100003, 0x8010002E
UNPOWERED, RESET, REMOVED, VIOLATION = 0x80100067, 0x80100068, 0x80100069, 0x8010006A


class Code(int):
    """A wait's return code, where a plain number would be a reader's state."""


class FakeScard:
    """pyscard's calls as a script. Its clock moves by what a wait was allowed to take when nothing happens.

    `states` are the answers to SCardGetStatusChange, each a reader's event state (with the count in its upper half)
    or a `Code`; when they run out, every wait times out with the last state. `reads` are the answers
    to SCardTransmit (or to SCardConnect, if they are bare codes); the last one stays.
    """

    def __init__(self, states: list[int], reads: list[Any] | None = None) -> None:
        self.now = 50.0
        self.states = states
        self.reads = reads or [GOOD]
        self.calls: list[str] = []
        self.asked: list[list[tuple[str, int]]] = []
        self.waits_s: list[float] = []
        self.disposals: list[int] = []
        self.names = [NAME]
        self.listing = 0
        self.pnp = 0
        self.establishes: list[int] = []
        self._last = EMPTY
        self._contexts = 0
        self._connected = 0

    def clock(self) -> float:
        """The script's time."""
        return self.now

    def SCardEstablishContext(self, scope: int) -> tuple[int, int]:
        self.calls.append("establish")
        if self.establishes and (code := self.establishes.pop(0)):
            return code, 0
        self._contexts += 1
        return 0, self._contexts

    def SCardReleaseContext(self, context: int) -> int:
        assert context, "a context that was never established"
        self.calls.append(f"release {context}")
        return 0

    def SCardListReaders(self, context: int, groups: list[str]) -> tuple[int, list[str]]:
        self.calls.append("list")
        return self.listing, self.names

    def SCardGetStatusChange(
        self, context: int, timeout_ms: int, states: list[tuple[str, int]]
    ) -> tuple[int, ReaderStates]:
        assert not self._connected, "it waits while it holds the card"
        self.calls.append("wait")
        self.asked.append(list(states))
        self.waits_s.append(timeout_ms / 1000)
        step = self.states.pop(0) if self.states else Code(TIMEOUT)
        if isinstance(step, Code):
            self.now += timeout_ms / 1000
            return step, [(states[0][0], self._last, []), (states[1][0], self.pnp, [])]
        self._last = step
        return 0, [(states[0][0], step | CHANGED, []), (states[1][0], self.pnp, [])]

    def SCardCancel(self, context: int) -> int:
        return 0

    def SCardConnect(self, context: int, name: str, share: int, protocols: int) -> tuple[int, int, int]:
        self.calls.append("connect")
        if isinstance(self.reads[0], int):
            return self.reads.pop(0) if len(self.reads) > 1 else self.reads[0], 0, 0
        self._connected += 1
        return 0, 77, 2

    def SCardTransmit(self, card: int, protocol: int, command: list[int]) -> tuple[int, list[int]]:
        self.calls.append("transmit")
        assert command == [0xFF, 0xCA, 0, 0, 0]
        answer: tuple[int, list[int]] = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        return answer

    def SCardDisconnect(self, card: int, disposition: int) -> int:
        self.calls.append("disconnect")
        self._connected -= 1
        self.disposals.append(disposition)
        return 0


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Callable[..., tuple[PcscReader, FakeScard]]:
    """Makes an open reader over a script, closed at the end."""

    def make(states: list[int], reads: list[Any] | None = None) -> tuple[PcscReader, FakeScard]:
        fake = FakeScard(states, reads)
        reader = PcscReader("fake", clock=fake.clock, scard=lambda: fake)
        reader.open()
        request.addfinalizer(reader.close)
        return reader, fake

    return make


def counted(count: int, state: int) -> int:
    """A reader's event state with its count of insertions and removals."""
    return count << 16 | state


Opened = Callable[..., tuple[PcscReader, FakeScard]]


# --- waiting ------------------------------------------------------------------------------------------------------


def test_what_is_asked(opened: Opened) -> None:
    """Each wait asks for the reader and PnP as last told, for two seconds at most; neighbours are no news."""
    reader, fake = opened([counted(4, EMPTY), counted(5, PRESENT | INUSE)])
    field = reader.wait(ABSENT, 60)
    assert shows(WIRE)(field)
    assert reader.wait(field, 5) is field
    pnp = "\\\\?PnP?\\Notification"
    assert fake.asked[0] == [(NAME, 0), (pnp, 0)]
    assert fake.asked[1] == [(NAME, counted(4, EMPTY)), (pnp, 0)]
    assert fake.asked[2] == [(NAME, counted(5, PRESENT)), (pnp, 0)]
    assert fake.waits_s == [2.0, 2.0, 2.0, 2.0, 1.0]


def test_swap_that_only_the_count_shows(opened: Opened) -> None:
    """The same state with another count is another card: read again, and news even if it is the same UID."""
    other = [4, 9, 9, 9, 9, 9, 9]
    reader, fake = opened(
        [counted(1, PRESENT), counted(3, PRESENT), counted(5, PRESENT)], [GOOD, (0, [*other, 0x90, 0]), GOOD]
    )
    first = reader.wait(ABSENT, 9)
    second = reader.wait(first, 9)
    third = reader.wait(second, 9)
    assert [field.tags[0].uid.wire for field in (first, second, third)] == [WIRE, bytes(other).hex(), WIRE]
    assert first != third
    assert fake.calls.count("transmit") == 3


def test_swap_told_only_by_a_timeout(opened: Opened) -> None:
    """A count of nothing is not compared by the service: the state that comes with the timeout shows the swap."""
    reader, fake = opened([counted(0, PRESENT)])
    first = reader.wait(ABSENT, 9)
    fake._last = counted(2, PRESENT)
    second = reader.wait(first, 9)
    assert second.count == 2
    assert fake.calls.count("transmit") == 2


def test_count_that_wraps(opened: Opened) -> None:
    """The count has sixteen bits; beginning anew is just another count."""
    reader, _ = opened([counted(0xFFFF, PRESENT), counted(0x0001, PRESENT)])
    first = reader.wait(ABSENT, 9)
    assert reader.wait(first, 9).count == 1


def test_one_read_per_arrival(opened: Opened) -> None:
    """While a card lies there it is read once; other programs' comings and goings do not bring another reading."""
    reader, fake = opened([counted(1, PRESENT), counted(1, PRESENT | INUSE), counted(1, PRESENT | 0x80)])
    field = reader.wait(ABSENT, 9)
    assert reader.wait(field, 9) is field
    assert fake.calls.count("transmit") == 1


def test_card_is_left_alone_and_let_go(opened: Opened) -> None:
    """After reading, the card is disconnected with LEAVE_CARD before the next wait, and at the latest by closing."""
    reader, fake = opened([counted(1, PRESENT)])
    field = reader.wait(ABSENT, 9)
    assert fake.disposals == []
    reader.wait(field, 1)
    assert fake.disposals == [0]
    fake.states.append(counted(3, PRESENT))
    reader.wait(field, 9)
    reader.close()
    assert fake.disposals == [0, 0]
    assert fake.calls[-1] == "release 1"


def test_a_cancel_that_told_nothing(opened: Opened) -> None:
    """A wait cancelled before the service said anything changes nothing."""
    reader, fake = opened([Code(CANCELLED), counted(1, PRESENT)])
    fake._last = 0
    assert shows(WIRE)(reader.wait(ABSENT, 9))


def test_another_reader_came(opened: Opened) -> None:
    """PnP says that the list changed: ours is looked for, and if it is still there nothing happens."""
    reader, fake = opened([counted(2, EMPTY)])
    fake.pnp = CHANGED
    assert reader.wait(ABSENT, 1) is ABSENT
    fake.names = ["Other 00 00"]
    with pytest.raises(ReaderLost):
        reader.wait(ABSENT, 9)


# --- loss ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", [UNKNOWN_READER, COMM_ERROR, NO_SERVICE, VIOLATION, 0x80100003, 0x8010002E, 0x80109999]
)
def test_a_failed_wait_is_a_loss(opened: Opened, code: int) -> None:
    """Whatever ends a wait for good is a lost reader at once, without asking again."""
    reader, fake = opened([Code(code)])
    with pytest.raises(ReaderLost) as caught:
        reader.wait(ABSENT, 9)
    assert caught.value.remedy
    assert fake.calls.count("wait") == 1


def test_unavailable_is_a_loss(opened: Opened) -> None:
    """The state that a pulled reader has before it is unknown."""
    reader, _ = opened([counted(1, EMPTY), UNAVAILABLE])
    with pytest.raises(ReaderLost):
        reader.wait(ABSENT, 9)


@pytest.mark.parametrize("code", [INVALID_VALUE, 0x80100017, UNKNOWN_READER, NO_SERVICE, COMM_ERROR, VIOLATION])
def test_a_reader_lost_while_reading(opened: Opened, code: int) -> None:
    """A transmit that fails for the reader's sake is a lost reader, not a card's trouble."""
    reader, fake = opened([counted(1, PRESENT)], [(code, [])])
    with pytest.raises(ReaderLost):
        reader.wait(ABSENT, 9)
    reader.close()
    assert fake.disposals == [0]


@pytest.mark.parametrize(("listing", "kind"), [(0, ReaderForbidden), (NO_SERVICE, ReaderLost)])
def test_a_refused_connection(opened: Opened, listing: int, kind: type[Exception]) -> None:
    """A security violation is polkit's, unless the service turns out to be gone: then it was the killed service's."""
    reader, fake = opened([counted(1, PRESENT)], [VIOLATION])
    fake.listing = listing
    with pytest.raises(kind):
        reader.wait(ABSENT, 9)


def test_every_opening_has_a_context_of_its_own(opened: Opened) -> None:
    """A context from before a loss is worthless: opening again makes a new one and asks from scratch."""
    reader, fake = opened([counted(7, PRESENT), Code(COMM_ERROR)])
    field = reader.wait(ABSENT, 9)
    with pytest.raises(ReaderLost):
        reader.wait(field, 9)
    reader.close()
    fake.states = [counted(1, PRESENT)]
    reader.open()
    assert reader.wait(ABSENT, 9).count == 1
    assert fake.asked[-1][0] == (NAME, 0)
    assert [call for call in fake.calls if call in ("establish", "release 1")] == [
        "establish",
        "release 1",
        "establish",
    ]


@pytest.mark.parametrize(
    ("code", "kind"), [(NO_SERVICE, ReaderMissing), (VIOLATION, ReaderForbidden), (0x80100031, Exception)]
)
def test_no_context(code: int, kind: type[Exception]) -> None:
    """Where the service gives no context there is none to release, and the reason is told; the next try may work."""
    fake = FakeScard([counted(1, PRESENT)])
    fake.establishes = [code]
    reader = PcscReader("", scard=lambda: fake)
    with pytest.raises(kind):
        reader.open()
    assert fake.calls == ["establish"]
    reader.open()
    reader.close()


def test_reader_gone_between_listing_and_opening() -> None:
    """A reader that is not in the list is missing, and the context is released."""
    fake = FakeScard([])
    fake.names = []
    reader = PcscReader("fake", scard=lambda: fake)
    with pytest.raises(ReaderMissing, match="no PC/SC reader"):
        reader.open()
    assert fake.calls == ["establish", "list", "release 1"]


# --- cards that cannot be read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [RESET, REMOVED, UNPOWERED, SHARING, (RESET, []), (NOT_TRANSACTED, []), (REMOVED, []), (0, [0x90]), (0, [])],
    ids=str,
)
def test_a_second_try_reads(opened: Opened, bad: Any) -> None:
    """A try that fails is no news; the next one, soon after, reads, and the arrival bears the time of the first."""
    reader, fake = opened([counted(1, PRESENT)], [bad, GOOD])
    arrived = fake.now
    assert shows(WIRE)(reader.wait(ABSENT, 9))
    assert reader.seen_at == arrived
    assert fake.now == pytest.approx(arrived + RETRY_S[0], abs=0.01)


@pytest.mark.parametrize(
    ("bad", "trouble"),
    [
        (SHARING, Trouble.HELD),
        (UNPOWERED, Trouble.MUTE),
        (REMOVED, Trouble.MUTE),
        ((NOT_TRANSACTED, []), Trouble.MUTE),
        ((0, [0x6A, 0x81]), Trouble.NO_UID),
        ((0, [0x90, 0x00]), Trouble.NO_UID),
    ],
    ids=str,
)
def test_what_stays_unread_is_told(
    opened: Opened, bad: Any, trouble: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    """After a while it is news, once, with one line in the log; it is tried on, and when it reads it has just come."""
    reader, fake = opened([counted(1, PRESENT)], [bad])
    came = fake.now
    field = reader.wait(ABSENT, 9)
    assert (field.tags, field.count, field.trouble) == ((), 1, trouble)
    assert fake.now == pytest.approx(came + UNREAD_S, abs=0.01)
    assert reader.wait(field, 10) is field
    assert sum("cannot be read" in record.message for record in caplog.records) == 1
    fake.reads = [GOOD]
    before = fake.now
    assert shows(WIRE)(reader.wait(field, 9))
    assert reader.seen_at > before


def test_tries_become_rarer(opened: Opened) -> None:
    """Quick at first, once a second in the end: a bad card that is left lying costs nothing."""
    reader, fake = opened([counted(1, PRESENT)], [UNPOWERED])
    field = reader.wait(ABSENT, 9)
    quick = fake.calls.count("connect")
    reader.wait(field, 60)
    assert quick <= 8
    assert fake.calls.count("connect") - quick <= 61


def test_a_bad_card_does_not_hide_the_good_one_before(opened: Opened) -> None:
    """When a bad card replaces a good one, the good one is gone at once."""
    reader, _ = opened([counted(1, PRESENT), counted(3, PRESENT)], [GOOD, UNPOWERED])
    first = reader.wait(ABSENT, 9)
    assert reader.wait(first, 9) == ABSENT


def test_flickering_is_one_stay(opened: Opened) -> None:
    """A card that comes and goes without ever being read (two on each other) is told as well, and its gaps are not."""
    reader, fake = opened([], [UNPOWERED])
    count, last, fields = 0, ABSENT, []
    for _ in range(12):
        for state, lasts in ((PRESENT, 0.2), (EMPTY, 0.2)):
            count += 1
            fake.states.append(counted(count, state))
            field = reader.wait(last, lasts)
            if field is not last:
                fields.append(field.trouble)
            last = field
    assert set(fields) == {Trouble.MUTE}
    assert reader.wait(last, FLICKER_S + 1) == ABSENT


# --- being woken --------------------------------------------------------------------------------------------------


def test_a_hanging_service_does_not_take_the_waker_with_it() -> None:
    """SCardCancel waits for pcscd's answer: a wake must return all the same."""
    gate, inside = threading.Event(), threading.Event()

    class Hanging(FakeScard):
        def SCardGetStatusChange(
            self, context: int, timeout_ms: int, states: list[tuple[str, int]]
        ) -> tuple[int, ReaderStates]:
            inside.set()
            gate.wait(30)
            return super().SCardGetStatusChange(context, timeout_ms, states)

        def SCardCancel(self, context: int) -> int:
            gate.wait(30)
            return 0

    fake = Hanging([])
    reader = PcscReader("", scard=lambda: fake)
    reader.open()
    waiting = Waiting(reader)
    assert inside.wait(10)
    reader.wake()  # returns, or the test times out
    gate.set()
    assert waiting.joined() == Field()
    reader.close()
