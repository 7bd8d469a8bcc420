"""Buzzers of PC/SC readers: the bytes, the way they take, and that no fault of theirs reaches a reading."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from readers.conformance import ABSENT, KEY, OTHER, PATIENCE_S, shows
from readers.test_pcsc_calls import GOOD, NAME, PRESENT, WIRE, FakeScard, counted
from support.pcscd import Card, Pcscd
from tagsmith.model import Signal
from tagsmith.readers import pcsc_feedback
from tagsmith.readers.pcsc import PcscReader, load
from tagsmith.readers.pcsc_feedback import QUIRKS, TONES, Acr122u, Acr1252u, BadAnswer, Buzzer, Quirk, quirk_of

ACR122U = "ACS ACR122U PICC Interface 00 00"
ACR1252U = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00"

GET_FEATURES, VENDOR_EXCHANGE, ACS_ESCAPE = 0x42000D48, 0x42000001, 0x42000DAC
NO_SERVICE, SHARING, UNKNOWN_READER = 0x8010001D, 0x8010000B, 0x80100009
UNSUPPORTED, NOT_TRANSACTED = 0x8010001F, 0x80100016


class FakeControl:
    """The calls of a buzzer as a script: what was sent, in order, and how the reader answers it.

    `features` is the driver's answer to the question for its control codes. `fails` gives the code with which a call
    fails. Every pause is in `sent`, too, in seconds.
    """

    def __init__(self, features: bytes = b"", answer: Callable[[bytes], bytes] | None = None) -> None:
        self.features = features
        self.answer = answer or answers
        self.fails: dict[str, int] = {}
        self.codes: list[int] = []
        self.sent: list[str | float] = []
        self.open: list[str] = []
        self.connections: list[tuple[str, int, int]] = []
        self.disposals: list[int] = []

    def SCardEstablishContext(self, scope: int) -> tuple[int, int]:
        if code := self.fails.get("establish", 0):
            return code, 0
        self.open.append("context")
        return 0, 5

    def SCardReleaseContext(self, context: int) -> int:
        self.open.remove("context")
        return 0

    def SCardConnect(self, context: int, name: str, share: int, protocols: int) -> tuple[int, int, int]:
        if code := self.fails.get("connect", 0):
            return code, 0, 0
        self.connections.append((name, share, protocols))
        self.open.append("card")
        return 0, 6, 0

    def SCardControl(self, card: int, code: int, command: list[int]) -> tuple[int, list[int]]:
        assert card == 6
        self.codes.append(code)
        if code == GET_FEATURES:
            return (0, list(self.features)) if self.features else (UNSUPPORTED, [])
        if fault := self.fails.get("control", 0):
            return fault, []
        self.sent.append(bytes(command).hex())
        return 0, list(self.answer(bytes(command)))

    def SCardDisconnect(self, card: int, disposition: int) -> int:
        self.disposals.append(disposition)
        self.open.remove("card")
        return 0

    def pause(self, seconds: float) -> None:
        """A pause that takes no time."""
        self.sent.append(seconds)


def answers(command: bytes) -> bytes:
    """How both readers answer a good command; the ACR1252U's lights are green."""
    return b"\x90\x02" if command[0] == 0xFF else b"\xe1\x00\x00\x00\x01\x02"


def played(buzzer: Buzzer, *signals: Signal) -> None:
    """Play, and wait for the end."""
    for signal in signals:
        buzzer.play(signal)
        ended()


def ended() -> None:
    """Wait for the buzzers' threads."""
    for thread in threading.enumerate():
        if thread.name.startswith("buzzer "):
            thread.join(PATIENCE_S)


# --- the bytes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "silent", "sent"),
    [
        (Signal.PAIRED, False, "ff0040a00401000101"),
        (Signal.REFUSED, False, "ff0040500401010301"),
        (Signal.ALARM, False, "ff0040f00404010201"),
        (Signal.PAIRED, True, "ff0040a00401000100"),
        (Signal.REFUSED, True, "ff0040500401010300"),
        (Signal.ALARM, True, "ff0040f00404010200"),
    ],
)
def test_acr122u(signal: Signal, silent: bool, sent: str) -> None:
    """One command: blinking green, red or both; times in 100 ms; the buzzer linked to T1 unless it is silent."""
    fake = FakeControl()
    played(Buzzer(fake, ACR122U, silent=silent, pause=fake.pause), signal)
    assert fake.sent == [sent]


def test_acr1252u() -> None:
    """Light on, tone in 10 ms, and the light as it was, tone by tone; the timing is ours: it answers at once."""
    fake = FakeControl()
    buzzer = Buzzer(fake, ACR1252U, pause=fake.pause)
    played(buzzer, Signal.PAIRED)
    assert fake.sent == ["e000002900", "e00000290102", "e0000028010a", 0.1, "e00000290102", 0.0]
    fake.sent.clear()
    played(buzzer, Signal.REFUSED)
    assert fake.sent == ["e000002900", *3 * ["e00000290101", "e0000028010a", 0.1, "e00000290102", 0.1]]
    fake.sent.clear()
    played(buzzer, Signal.ALARM)
    assert fake.sent == ["e000002900", *2 * ["e00000290103", "e00000280128", 0.4, "e00000290102", 0.1]]


def test_silent_acr1252u() -> None:
    """Silent: lights, and not one command to the buzzer."""
    fake = FakeControl()
    buzzer = Buzzer(fake, ACR1252U, silent=True, pause=fake.pause)
    for signal in Signal:
        played(buzzer, signal)
    assert fake.sent
    assert not any(str(sent).startswith("e0000028") for sent in fake.sent)


def test_every_signal_is_told_apart_and_short() -> None:
    """Unlike in tones and in colour, in units that both readers can do, and over before the next key is laid on."""
    assert set(TONES) == set(Signal)
    assert len({(tones.count, tones.on_ms) for tones in TONES.values()}) == len(Signal)
    assert len({(tones.red, tones.green) for tones in TONES.values()}) == len(Signal)
    for tones in TONES.values():
        assert tones.on_ms % 100 == tones.off_ms % 100 == 0
        assert 0 < tones.on_ms <= 2550
        assert tones.count * (tones.on_ms + tones.off_ms) <= 1000
    assert TONES[Signal.PAIRED].on_ms + TONES[Signal.PAIRED].off_ms <= 100


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (ACR122U, Acr122u),
        ("ACS ACR122U 00 00", Acr122u),
        (ACR1252U, Acr1252u),
        ("ACS ACR1252 1S CL Reader [ACR1252 Dual Reader PICC] 01 00", Acr1252u),
        ("ACS ACR1222 3S PICC Reader 00 00", type(None)),
        ("HID Global OMNIKEY 5022 Smart Card Reader 00 00", type(None)),
        (NAME, type(None)),
        ("", type(None)),
    ],
)
def test_which_reader_is_which(name: str, kind: type[object]) -> None:
    """By its PC/SC name; a reader of which nothing is known is sent nothing."""
    assert type(quirk_of(name)) is kind
    fake = FakeControl()
    played(Buzzer(fake, name, pause=fake.pause), Signal.PAIRED)
    assert bool(fake.sent) is (kind is not type(None))


@pytest.mark.parametrize("kind", QUIRKS)
@pytest.mark.parametrize(
    "answer", [b"", b"\x63\x00", b"\x6a\x81", b"\x90", b"\xe1\x00\x00\x00\x00", b"\xe1\x00\x00\x00\x02\x00\x00"]
)
def test_a_wrong_answer_is_told(kind: type[Quirk], answer: bytes) -> None:
    """What the manuals do not call a success is none."""
    with pytest.raises(BadAnswer):
        kind().play(TONES[Signal.PAIRED], False, lambda _: answer, lambda _: None)


# --- the way ------------------------------------------------------------------------------------------------------


def test_the_reader_alone_is_connected_to() -> None:
    """Directly, without a protocol, so that no card is powered or reset; and everything is let go as it was."""
    fake = FakeControl()
    played(Buzzer(fake, ACR122U, pause=fake.pause), Signal.PAIRED, Signal.REFUSED)
    assert fake.connections == [(ACR122U, 3, 0)] * 2
    assert fake.disposals == [0, 0]
    assert fake.open == []


@pytest.mark.parametrize(
    ("features", "code"),
    [
        (b"", VENDOR_EXCHANGE),
        (bytes.fromhex("06044233000a 130442000dac"), ACS_ESCAPE),
        (bytes.fromhex("130442000001 120442330012"), VENDOR_EXCHANGE),
        (bytes.fromhex("12044233001213"), VENDOR_EXCHANGE),
        (bytes.fromhex("130242000dac"), VENDOR_EXCHANGE),
    ],
)
def test_the_driver_names_the_control_code(features: bytes, code: int) -> None:
    """acsccid and libccid take different codes and say so; asked once per reader; what is mangled is not believed."""
    fake = FakeControl(features)
    played(Buzzer(fake, ACR122U, pause=fake.pause), Signal.PAIRED, Signal.REFUSED)
    assert fake.codes == [GET_FEATURES, code, code]


def test_what_comes_with_an_error_is_not_believed() -> None:
    """A driver that fails to name a code names none, whatever stands in its answer."""
    fake = FakeControl(bytes.fromhex("130442000dac"))
    named = fake.SCardControl
    fake.SCardControl = lambda card, code, command: (  # type: ignore[method-assign]
        UNSUPPORTED if code == GET_FEATURES else 0,
        named(card, code, command)[1],
    )
    played(Buzzer(fake, ACR122U, pause=fake.pause), Signal.PAIRED)
    assert fake.codes == [GET_FEATURES, VENDOR_EXCHANGE]


@pytest.mark.parametrize("code", [UNSUPPORTED, NOT_TRANSACTED, 0x80109999])
def test_a_driver_that_does_not_let_it_through(code: int, caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log, everything let go, and nothing is tried again."""
    fake = FakeControl()
    fake.fails["control"] = code
    buzzer = Buzzer(fake, ACR122U, pause=fake.pause)
    played(buzzer, Signal.PAIRED, Signal.REFUSED, Signal.ALARM)
    assert not buzzer.works
    assert fake.codes == [GET_FEATURES, VENDOR_EXCHANGE]
    assert fake.open == []
    assert [record.levelno for record in caplog.records if record.levelno >= logging.INFO] == [logging.WARNING]


def test_a_reader_that_refuses(caplog: pytest.LogCaptureFixture) -> None:
    """A bad answer ends it as well, said once; the pattern under way is left."""
    fake = FakeControl(answer=lambda _: b"\x63\x00")
    played(Buzzer(fake, ACR1252U, pause=fake.pause), Signal.ALARM, Signal.ALARM)
    assert fake.sent == ["e000002900"]
    assert fake.open == []
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(warnings) == 1
    assert "6300" in warnings[0]


@pytest.mark.parametrize(
    ("call", "code"), [("connect", SHARING), ("connect", UNKNOWN_READER), ("establish", NO_SERVICE)]
)
def test_what_passes_is_no_reason_to_give_up(call: str, code: int, caplog: pytest.LogCaptureFixture) -> None:
    """A reader that is held or unplugged beeps again when it can, and nobody is warned."""
    fake = FakeControl()
    fake.fails[call] = code
    buzzer = Buzzer(fake, ACR122U, pause=fake.pause)
    played(buzzer, Signal.PAIRED)
    assert fake.sent == fake.open == []
    fake.fails.clear()
    played(buzzer, Signal.PAIRED)
    assert len(fake.sent) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]


def test_a_driver_that_hangs_holds_up_nobody() -> None:
    """acsccid waits for ever: signals still return at once, and only the newest few wait."""
    gate, inside = threading.Event(), threading.Event()

    def hang(command: bytes) -> bytes:
        inside.set()
        gate.wait(PATIENCE_S)
        return answers(command)

    fake = FakeControl(answer=hang)
    buzzer = Buzzer(fake, ACR122U, pause=fake.pause)
    buzzer.play(Signal.PAIRED)
    assert inside.wait(PATIENCE_S)
    for signal in [*5 * [Signal.PAIRED], Signal.REFUSED, Signal.ALARM]:
        buzzer.play(signal)
    gate.set()
    ended()
    assert fake.sent == ["ff0040a00401000101", "ff0040500401010301", "ff0040f00404010201"]


# --- in the reader ------------------------------------------------------------------------------------------------


class Controlled(FakeScard):
    """The scripted library with a buzzer that fails by this code (0: it beeps)."""

    def __init__(self, states: list[int], code: int) -> None:
        super().__init__(states)
        self.code = code
        self.controls: list[int] = []
        self.direct = 0
        self._serial = threading.Lock()

    def SCardConnect(self, context: int, name: str, share: int, protocols: int) -> tuple[int, int, int]:
        with self._serial:
            if share == 3:
                self.direct += 1
                return 0, 99, 0
            return super().SCardConnect(context, name, share, protocols)

    def SCardControl(self, card: int, code: int, command: list[int]) -> tuple[int, list[int]]:
        assert card == 99
        self.controls.append(code)
        return self.code, [] if self.code else list(answers(bytes(command or [0xFF])))

    def SCardDisconnect(self, card: int, disposition: int) -> int:
        assert disposition == 0
        if card == 99:
            self.direct -= 1
            return 0
        return super().SCardDisconnect(card, disposition)


@pytest.mark.parametrize("code", [0, UNSUPPORTED, SHARING])
def test_reading_goes_on_whatever_the_buzzer_does(code: int) -> None:
    """A signal while a card lies there: the card is not read again, and the next one is read as ever."""
    fake = Controlled([counted(1, PRESENT)], code)
    fake.names = [ACR122U]
    reader = PcscReader("ACR122U", clock=fake.clock, scard=lambda: fake)
    reader.open()
    field = reader.wait(ABSENT, 9)
    assert shows(WIRE)(field)
    reader.signal(Signal.PAIRED)
    assert reader.wait(field, 1) is field
    ended()
    assert fake.controls
    assert fake.direct == 0
    assert fake.calls.count("transmit") == 1
    fake.reads, fake.states = [(0, [8, 1, 2, 3, 0x90, 0])], [counted(3, PRESENT)]
    assert shows("08010203")(reader.wait(field, 9))
    reader.close()


def test_giving_up_outlasts_a_loss() -> None:
    """A reader that could not be made to beep is not tried again after it was lost and opened anew."""
    fake = Controlled([counted(1, PRESENT)], UNSUPPORTED)
    fake.names = [ACR122U]
    reader = PcscReader("ACR122U", clock=fake.clock, scard=lambda: fake)
    for _ in range(3):
        reader.open()
        reader.signal(Signal.REFUSED)
        fake.states, fake.reads = [counted(1, PRESENT)], [GOOD]
        reader.wait(ABSENT, 9)
        ended()
        reader.close()
    assert len(fake.controls) == 2


def test_silence_reaches_the_reader() -> None:
    """`silent` on a reader is silent on its buzzer."""
    fake = Controlled([], 0)
    fake.names = [ACR122U]
    sent: list[list[int]] = []
    original = fake.SCardControl
    fake.SCardControl = lambda card, code, command: (sent.append(command), original(card, code, command))[1]  # type: ignore[method-assign]
    reader = PcscReader("ACR122U", clock=fake.clock, scard=lambda: fake)
    reader.silent = True
    reader.open()
    reader.signal(Signal.ALARM)
    reader.wait(ABSENT, 1)
    ended()
    assert sent[-1][-1] == 0
    reader.close()


@pytest.mark.pcsc
def test_a_real_pcscd_that_refuses_it(
    pcscd: Pcscd, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """vpcd knows no escape command: one warning, and keys are read before, during and after as if nothing had been."""

    class Event(Acr122u):
        name = "Event PICC"

    monkeypatch.setattr(pcsc_feedback, "QUIRKS", (Event,))
    slot = pcscd.reader("Event PICC").slot
    reader = PcscReader("Event PICC")
    reader.open()
    try:
        slot.insert(Card(bytes.fromhex(KEY)))
        field = reader.wait(ABSENT, PATIENCE_S)
        assert shows(KEY)(field)
        commands = len(slot.commands)
        reader.signal(Signal.PAIRED)
        assert reader.wait(field, 0.2) is field
        ended()
        assert len(slot.commands) == commands
        slot.remove()
        gone = reader.wait(field, PATIENCE_S)
        assert gone.tags == ()
        reader.signal(Signal.REFUSED)
        slot.insert(Card(bytes.fromhex(OTHER)))
        assert shows(OTHER)(reader.wait(gone, PATIENCE_S))
        ended()
    finally:
        reader.close()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "no buzzer" in warnings[0]


@pytest.mark.pcsc
def test_the_library_has_the_calls(pcscd: Pcscd) -> None:
    """pyscard takes an empty command and a direct connection as they are used here, without a card."""
    scard = load()
    _, context = scard.SCardEstablishContext(2)
    _, names = scard.SCardListReaders(context, [])
    code, card, protocol = scard.SCardConnect(context, names[0], 3, 0)
    assert (code, protocol) == (0, 0)
    code, answer = scard.SCardControl(card, GET_FEATURES, [])
    assert isinstance(answer, list)
    assert scard.SCardDisconnect(card, 0) == 0
    assert scard.SCardReleaseContext(context) == 0
