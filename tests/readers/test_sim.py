"""The simulator: hands that lay keys, scenario files, and what a wrong file says."""

from __future__ import annotations

import queue
import random
import threading
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers.conformance import ABSENT, Waiting, shows, until
from readers.scripted import Clock
from tagsmith.errors import (
    ConfigError,
    ReaderBusy,
    ReaderError,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
    UidError,
)
from tagsmith.model import Field
from tagsmith.readers import sim
from tagsmith.readers.sim import LIFT_S, SimFeed, SimReader
from tagsmith.readers.sim_scenario import Scenario
from tagsmith.uid import Decision, Uid, UidReason, judge

KEY = "04a1b2c3d4e5f6"
OTHER = "0499999999999a"


def scenario(folder: Path, text: str) -> Path:
    """A scenario file with that text."""
    path = folder / "scenario.toml"
    path.write_text(text)
    return path


def played(path: Path, *, until_s: float, rng: random.Random | None = None) -> list[tuple[float, Field | str]]:
    """What a scenario shows, and when, seen every hundredth of a second: fields, or the name of the error."""
    clock = Clock()
    feed = SimFeed(clock)
    actions = Scenario.read(path, rng or random.Random(1)).play(clock.now)
    action = next(actions, None)
    shown: list[tuple[float, Field | str]] = []
    now: Field | str
    for hundredth in range(round(until_s * 100) + 1):
        clock.now = 100 + hundredth / 100
        while action is not None and action.at <= clock.now:
            action.act(feed)
            action = next(actions, None)
        try:
            now = feed.look(opening=True)
        except ReaderError as error:
            now = type(error).__name__
        if not shown or shown[-1][1] != now:
            shown.append((hundredth / 100, now))
    return shown


def uids(field: Field | str) -> list[str]:
    """The UIDs in a field."""
    assert isinstance(field, Field)
    return [tag.uid.wire for tag in field.tags]


# --- hands --------------------------------------------------------------------------------------------------------


def test_live_feed() -> None:
    """`sim:` shows what its feed is told: one key, another, two, none."""
    reader = SimReader()
    reader.open()
    last = ABSENT
    for keys in ([KEY], [OTHER], [KEY, OTHER], [KEY]):
        reader.feed.put(*keys)
        last = until(reader, shows(*keys), last)
    reader.feed.remove()
    assert until(reader, shows(), last) == ABSENT
    reader.close()


def test_two_live_readers_are_two_devices() -> None:
    """Every `sim:` is a device of its own: a station may have several."""
    first, second = SimReader(), SimReader()
    first.open()
    second.open()
    first.feed.put(KEY)
    assert until(first, shows(KEY))
    assert second.wait(ABSENT, 0) == ABSENT
    first.close()
    second.close()


def test_keys_may_be_values() -> None:
    """A UID may be given as text or as the value, with its technology."""
    feed = SimFeed()
    feed.put(Uid.from_hex(KEY))
    assert uids(feed.look(opening=True)) == [KEY]
    feed.put("04:A1:B2:C3:D4:E5:F7")
    assert uids(feed.look(opening=True)) == ["04a1b2c3d4e5f7"]


@pytest.mark.parametrize("keys", [(), (KEY, KEY), (KEY, OTHER, "04" * 7), ("zz",)])
def test_what_cannot_lie_there(keys: tuple[str, ...]) -> None:
    """No key, the same one twice, three, or something that is no UID."""
    with pytest.raises(UidError):
        SimFeed().put(*keys)


def test_laying_the_same_key_again_takes_a_hands_time() -> None:
    """The key that lies there, or has just left, is away for a moment before it lies there again; another is not."""
    clock = Clock()
    feed = SimFeed(clock)
    feed.put(KEY)
    first = feed.look(opening=True)
    feed.put(KEY)
    assert feed.look(opening=True) == ABSENT
    clock.now += LIFT_S
    again = feed.look(opening=True)
    assert uids(again) == [KEY]
    assert again != first
    feed.remove()
    feed.put(KEY)
    assert feed.look(opening=True) == ABSENT
    feed.put(OTHER)
    assert uids(feed.look(opening=True)) == [OTHER]
    clock.now += LIFT_S
    assert uids(feed.look(opening=True)) == [OTHER]


def test_removing_forgets_what_was_about_to_be_laid() -> None:
    """A key on its way back does not lie there when everything was taken away."""
    clock = Clock()
    feed = SimFeed(clock)
    feed.put(KEY)
    feed.put(KEY)
    feed.remove()
    clock.now += 10
    assert feed.look(opening=True) == ABSENT


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("missing", ReaderMissing),
        ("forbidden", ReaderForbidden),
        ("busy", ReaderBusy),
        ("lost", ReaderLost),
        ("unsupported", ReaderUnsupported),
    ],
)
def test_faults(fault: str, kind: type[ReaderError]) -> None:
    """Each fault fails an opening with its type and a remedy, and loses a reader that is open; then it ends."""
    reader = SimReader()
    reader.open()
    waiting = Waiting(reader)
    reader.feed.fail(fault)
    assert isinstance(waiting.joined(), ReaderLost)
    reader.close()
    with pytest.raises(kind) as caught:
        reader.open()
    assert caught.value.remedy
    reader.feed.plug()
    reader.open()
    reader.close()


def test_unknown_fault() -> None:
    """It says which there are."""
    with pytest.raises(ConfigError) as caught:
        SimFeed().fail("tired")
    assert "forbidden" in caught.value.remedy


# --- scenarios ----------------------------------------------------------------------------------------------------

EVERYTHING = f"""
# a comment
[[step]]
put = "{KEY}"
for_s = 0.5
[[step]]
pause_s = 0.5
[[step]]
put = ["{KEY}", "{OTHER}"]
[[step]]
pause_s = 1
[[step]]
remove = true
[[step]]
fault = "forbidden"
for_s = 0.5
[[step]]
put = "{OTHER}"
[[step]]
unplug = true
for_s = 0.5
[[step]]
pause_s = 0.25
[[step]]
unplug = true
[[step]]
pause_s = 0.25
[[step]]
plug = true
"""


def test_every_step(tmp_path: Path) -> None:
    """A scenario with all there is, at its times; what lay on the reader when it was unplugged still lies there."""
    shown = played(scenario(tmp_path, EVERYTHING), until_s=6)
    short = [(at, what if isinstance(what, str) else uids(what)) for at, what in shown]
    assert short == [
        (0.0, [KEY]),
        (0.5, []),
        (1.0, [KEY, OTHER]),
        (2.0, "ReaderForbidden"),
        (2.5, "ReaderMissing"),
        (3.0, [OTHER]),
        (3.25, "ReaderMissing"),
        (3.5, [OTHER]),
    ]


def test_repeat(tmp_path: Path) -> None:
    """Steps are played so many times, or for ever; a fresh key is another one each time, and a good one."""
    text = '{}[[step]]\nput = "new"\nfor_s = 0.1\n[[step]]\npause_s = 0.1\n'
    for repeat, expected in (("", 1), ("repeat = 3\n", 3), ("repeat = 0\n", 10)):
        shown = played(scenario(tmp_path, text.format(repeat)), until_s=1.95)
        keys = [uids(what)[0] for _, what in shown if uids(what)]
        assert len(keys) == len(set(keys)) == expected
        for key in keys:
            assert judge(Uid.from_hex(key)).reason is UidReason.OK


def test_random_uids(tmp_path: Path) -> None:
    """A phone shows another random UID each time, which is refused as one."""
    text = 'repeat = 5\n[[step]]\nput = "random"\nfor_s = 0.1\n[[step]]\npause_s = 0.1\n'
    keys = [uids(what)[0] for _, what in played(scenario(tmp_path, text), until_s=2) if uids(what)]
    assert len(set(keys)) == 5
    for key in keys:
        assert judge(Uid.from_hex(key)).decision is Decision.REFUSE
        assert judge(Uid.from_hex(key)).reason is UidReason.RANDOM


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_fresh_keys_are_good(seed: int) -> None:
    """Whatever the dice say, a fresh key has nothing odd about it."""
    from tagsmith.readers.sim_scenario import _fresh

    assert judge(Uid.from_hex(_fresh("new", random.Random(seed)))).reason is UidReason.OK


def test_reader_plays_a_file(tmp_path: Path) -> None:
    """`sim:PATH` plays from the first opening on, in real time, and goes on while the reader is lost."""
    steps = ("pause_s = 0.05", f'put = "{KEY}"', "pause_s = 0.05", "unplug = true\nfor_s = 0.05")
    reader = SimReader(str(scenario(tmp_path, "".join(f"[[step]]\n{step}\n" for step in steps))))
    reader.open()
    field = until(reader, shows(KEY))
    with pytest.raises(ReaderLost):
        until(reader, lambda _: False, field)
    reader.close()
    while True:
        try:
            reader.open()
        except ReaderMissing:
            continue
        break
    until(reader, shows(KEY))
    reader.close()


def test_example_of_the_docstring(tmp_path: Path) -> None:
    """The scenario that the documentation shows is one."""
    assert sim.__doc__ is not None
    example = sim.__doc__[sim.__doc__.index("    repeat = 1") :]
    text = "\n".join(line[4:] for line in example.splitlines())
    assert len(tomllib.loads(text)["step"]) == 8
    assert len(Scenario.read(scenario(tmp_path, text), random.Random()).steps) == 8


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("put = [", "is no TOML", "mend that line"),
        ("x = 1", "has x", "[[step]]"),
        ("repeat = -1", "repeat = -1", "whole number"),
        ("repeat = true", "repeat = True", "whole number"),
        ("step = 3", "no steps", "[[step]]"),
        ("\n[[step]]\npause_s = 1\n\n[[step]]\n", "line 5: a step has nothing to do", "one of put"),
        ('[[step]]\nput = "04a1b2c3d4e5f6"\nremove = true', "line 1: a step has put, remove", "one of put"),
        ("[[step]]\nputt = 1", "line 1: a step has putt", "one of put"),
        ('[[step]]\nput = "hello"', "line 1: 'hello' is no hexadecimal UID", "04a1b2c3d4e5f6"),
        ("[[step]]\nput = 4", "line 1: put = 4 is no key", "random"),
        ("[[step]]\nput = []", "line 1: put = [] is no key", "random"),
        ('[[step]]\nput = ["new", "new", "new"]', "is no key", "random"),
        (f'[[step]]\nput = ["{KEY}", "{KEY.upper()}"]', "lies there twice", "two different"),
        ('[[step]]\npause_s = "long"', "pause_s = 'long' is no time", "seconds"),
        ("[[step]]\npause_s = -1", "is no time", "seconds"),
        ("[[step]]\npause_s = nan", "is no time", "seconds"),
        ('[[step]]\nput = "new"\nfor_s = true', "for_s = True is no time", "seconds"),
        ("[[step]]\nremove = true\nfor_s = 1", "remove takes no time", "pause_s"),
        ("[[step]]\nremove = false", "remove = False", "remove = true"),
        ("[[step]]\nunplug = 3", "unplug = 3", "unplug = true"),
        ('[[step]]\nfault = "tired"', "fault = 'tired'", "forbidden"),
        ("repeat = 0\n[[step]]\nplug = true", "take no time", "for_s"),
        ("step = [{ pause_s = 1 }, { }]", "step 2: a step has nothing to do", "one of put"),
    ],
)
def test_wrong_scenarios(tmp_path: Path, text: str, message: str, remedy: str) -> None:
    """Each mistake says where it is and what to write, when the reader is made and not when the key should come."""
    path = scenario(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        SimReader(str(path))
    assert str(path) in caught.value.message
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_unreadable_scenarios(tmp_path: Path) -> None:
    """A file that is not there, is a folder or no text."""
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for name, words in (("missing.toml", "No such file"), ("", "directory"), ("binary.toml", "no text")):
        with pytest.raises(ConfigError, match=words):
            SimReader(str(tmp_path / name))


def test_a_wedged_reader_obeys_nobody_until_it_is_freed() -> None:
    """Its thread neither returns at the timeout nor when it is woken, and goes on where it stood."""
    reader = sim.SimReader()
    reader.open()
    reader.feed.fail("wedged")
    seen: queue.SimpleQueue[Field] = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: seen.put(reader.wait(Field(), 0.05)), daemon=True)
    thread.start()
    reader.wake()
    thread.join(0.3)
    assert thread.is_alive()
    reader.feed.plug()
    assert seen.get(timeout=10) == Field()
    thread.join(10)
    reader.close()


def test_a_wedge_of_a_scenario_ends_by_itself(tmp_path: Path) -> None:
    """The thread that plays the scenario is the one that hangs, so its time is told to it beforehand."""
    text = f'[[step]]\nfault = "wedged"\nfor_s = 0.2\n[[step]]\nput = "{KEY}"\n'
    reader = sim.SimReader(str(scenario(tmp_path, text)))
    began = time.monotonic()
    reader.open()
    assert time.monotonic() - began >= 0.2
    assert [tag.uid.wire for tag in reader.wait(Field(), 10).tags] == [KEY]
    reader.close()
