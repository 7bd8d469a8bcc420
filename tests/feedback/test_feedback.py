"""Lights and buzzer on GPIO pins: what each signal shows, on gpiozero's own mock chip, and that no fault gets out."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from gpiozero.pins.mock import MockFactory

from tagsmith.config import FeedbackSettings
from tagsmith.feedback import PATTERNS, Feedback, Step
from tagsmith.lines import libraries
from tagsmith.model import Signal

GREEN, RED, BUZZER = 17, 27, 22
ALL = FeedbackSettings(gpio_green=GREEN, gpio_red=RED, gpio_buzzer=BUZZER)
PATIENCE_S = 20.0

Shown = tuple[bool, bool, bool, float]


class Bench:
    """A mock chip and a player whose pauses write down what is on; `played` waits for the end of so many steps."""

    def __init__(self, settings: FeedbackSettings) -> None:
        self.chip = MockFactory()
        self.settings = settings
        self.seen: list[Shown] = []
        self._step = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.feedback = Feedback(settings, pins=lambda: self.chip, pause=self.pause)

    def pause(self, seconds: float) -> None:
        """A pause that takes no time unless the gate is closed."""
        green, red, buzzer = (self.on(number) for number in (GREEN, RED, BUZZER))
        self.seen.append((green, red, buzzer, seconds))
        self._step.release()
        self.gate.wait(PATIENCE_S)

    def on(self, number: int) -> bool:
        """Whether the pin is driven high."""
        pin = self.chip.pin(f"GPIO{number}")
        return pin.function == "output" and bool(pin.state)

    def played(self, steps: int) -> list[Shown]:
        """What was shown in the next so many steps."""
        for _ in range(steps):
            assert self._step.acquire(timeout=PATIENCE_S)
        seen, self.seen = self.seen[:steps], self.seen[steps:]
        return seen


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Callable[[FeedbackSettings], Bench]]:
    """Makes a bench; at its end its player is closed."""
    made: list[Bench] = []

    def make(settings: FeedbackSettings) -> Bench:
        made.append(Bench(settings))
        return made[-1]

    yield make
    for one in made:
        one.gate.set()
        one.feedback.close()


Make = Callable[[FeedbackSettings], Bench]


@pytest.mark.parametrize("signal", Signal)
def test_pins_show_the_table(bench: Make, signal: Signal) -> None:
    """Step by step what the table has, on the three pins, for as long as it says; all off at the end."""
    one = bench(ALL)
    one.feedback.signal(signal)
    steps = PATTERNS[signal]
    assert one.played(len(steps)) == [(step.green, step.red, step.sound, step.lasts_s) for step in steps]


def test_off_between_and_after(bench: Make) -> None:
    """Two pairs in a row are two lights, not one long one, and nothing stays on: green is for a pair on the disc."""
    one = bench(ALL)
    green = one.chip.pin(f"GPIO{GREEN}")
    for _ in range(2):
        one.feedback.signal(Signal.PAIRED)
        one.played(len(PATTERNS[Signal.PAIRED]))
    one.feedback.close()
    assert [state.state for state in green.states] == [False, True, False, True, False]


def test_signals_are_told_apart() -> None:
    """By ear alone, by eye alone; green alone means paired, and the longest is over in three seconds."""
    assert set(PATTERNS) == set(Signal)
    by_ear = {tuple((step.sound, step.lasts_s) for step in steps if step.sound) for steps in PATTERNS.values()}
    by_eye = {frozenset((step.green, step.red) for step in steps) - {(False, False)} for steps in PATTERNS.values()}
    assert len(by_ear) == len(by_eye) == len(Signal)
    for signal, steps in PATTERNS.items():
        assert any(step.green and not step.red for step in steps) is (signal is Signal.PAIRED)
        assert sum(step.lasts_s for step in steps) < 3


def test_silent(bench: Make) -> None:
    """No tone, the same lights, and the buzzer's pin is not even taken."""
    one = bench(ALL.model_copy(update={"silent": True}))
    for signal in Signal:
        one.feedback.signal(signal)
        shown = one.played(len(PATTERNS[signal]))
        assert [(green, red) for green, red, _, _ in shown] == [(it.green, it.red) for it in PATTERNS[signal]]
        assert not any(sound for _, _, sound, _ in shown)
    assert one.chip.pin(f"GPIO{BUZZER}").function == "input"


@pytest.mark.parametrize(
    "settings", [FeedbackSettings(gpio_red=RED), FeedbackSettings(gpio_buzzer=BUZZER), FeedbackSettings(gpio_green=0)]
)
def test_one_pin_alone(bench: Make, settings: FeedbackSettings) -> None:
    """Each may be there without the others; BCM 0 is a pin like any other."""
    one = bench(settings)
    one.feedback.signal(Signal.REFUSED)
    for green, red, sound, _ in one.played(len(PATTERNS[Signal.REFUSED])):
        assert not green
        assert settings.gpio_red is not None or not red
        assert settings.gpio_buzzer is not None or not sound


def test_without_pins_nothing_is_loaded() -> None:
    """No pin in the settings: no thread, no library."""

    def never() -> MockFactory:
        raise AssertionError("nobody asked for pins")

    before = threading.active_count()
    feedback = Feedback(FeedbackSettings(), pins=never)
    feedback.signal(Signal.ALARM)
    assert threading.active_count() == before
    feedback.close()


def test_the_newest_few_wait(bench: Make) -> None:
    """A burst neither blocks nor piles up: three wait, the oldest give way."""
    one = bench(ALL)
    one.gate.clear()
    one.feedback.signal(Signal.PAIRED)
    one.played(1)
    for _ in range(50):
        one.feedback.signal(Signal.PAIRED)
    for signal in (Signal.REFUSED, Signal.ALARM, Signal.REFUSED):
        one.feedback.signal(signal)
    one.gate.set()
    one.played(len(PATTERNS[Signal.PAIRED]) - 1)
    for signal in (Signal.REFUSED, Signal.ALARM, Signal.REFUSED):
        steps = PATTERNS[signal]
        assert one.played(len(steps)) == [(step.green, step.red, step.sound, step.lasts_s) for step in steps]


def test_close_cuts_short() -> None:
    """Closing ends a pattern under way at once and lets the pins go; twice is once; then signals are nothing."""
    chip = MockFactory()
    feedback = Feedback(ALL, pins=lambda: chip)
    feedback.signal(Signal.ALARM)
    feedback.close(PATIENCE_S)
    feedback.close()
    feedback.signal(Signal.PAIRED)
    assert not [thread for thread in threading.enumerate() if thread.name == "feedback"]
    assert not chip.pins


def thrown(error: Exception) -> Callable[[], MockFactory]:
    """A chip that cannot be had."""

    def pins() -> MockFactory:
        raise error

    return pins


@pytest.mark.parametrize(
    "error",
    [ImportError("No module named 'lgpio'"), OSError("can not open gpiochip"), PermissionError(13, "no"), ValueError()],
    ids=lambda error: type(error).__name__,
)
def test_no_chip_is_one_warning(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A missing library, no chip, no permission: told once, and the station goes on without."""
    feedback = Feedback(ALL, pins=thrown(error))
    ended()
    for signal in Signal:
        feedback.signal(signal)
    feedback.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert type(error) is not ImportError or libraries.missing("gpio") in caplog.text


def ended() -> None:
    """Wait for the player's end."""
    for thread in threading.enumerate():
        if thread.name == "feedback":
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def test_the_library_of_this_machine(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The true way to the pins, where lgpio is not installed, ends in the same one warning."""
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setenv("LG_WD", "/nowhere")
    feedback = Feedback(ALL)
    ended()
    feedback.signal(Signal.PAIRED)
    feedback.close()
    assert len(caplog.records) == 1
    assert "lgpio" in caplog.text


@pytest.mark.parametrize("settings", [FeedbackSettings(gpio_green=GREEN, gpio_red=GREEN)])
def test_a_pin_used_twice(settings: FeedbackSettings, caplog: pytest.LogCaptureFixture) -> None:
    """gpiozero refuses it: one warning, and what was already taken is let go."""
    chip = MockFactory()
    feedback = Feedback(settings, pins=lambda: chip)
    ended()
    feedback.close()
    assert len(caplog.records) == 1
    assert not chip.pins


def test_a_chip_that_fails_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    """A pin that cannot be set any more ends the feedback, with one warning, not the station."""
    chip = MockFactory()
    broken = threading.Event()

    def pause(seconds: float) -> None:
        for pin in chip.pins.values():
            pin.function = "input"  # setting the state of an input is an error of gpiozero's
        broken.set()

    feedback = Feedback(ALL, pins=lambda: chip, pause=pause)
    feedback.signal(Signal.ALARM)
    assert broken.wait(PATIENCE_S)
    ended()
    feedback.signal(Signal.PAIRED)
    feedback.close()
    assert sum(record.levelno >= logging.WARNING for record in caplog.records) == 1


def test_a_step_is_off_unless_said() -> None:
    """What the table leaves out is off."""
    assert Step(1.0) == Step(1.0, green=False, red=False, sound=False)
