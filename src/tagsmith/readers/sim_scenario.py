"""Scenario files of the simulated reader: reading, checking, and what happens when. The format is in `sim`."""

from __future__ import annotations

import itertools
import math
import random
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from tagsmith.errors import ConfigError, UidError
from tagsmith.readers.sim_feed import FAULTS, NO_FAULT, WEDGED, SimFeed, tag_of


@dataclass(frozen=True, slots=True)
class Action:
    """Something that happens at a moment of the scenario."""

    at: float
    act: Callable[[SimFeed], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what happens, for how long, and what happens then."""

    begin: Callable[[SimFeed], None] | None
    for_s: float
    end: Callable[[SimFeed], None] | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """The steps of a file. `repeat` 0 means for ever."""

    steps: tuple[Step, ...]
    repeat: int

    @classmethod
    def read(cls, path: Path, rng: random.Random) -> Scenario:
        """The scenario in a file.

        Raises:
            ConfigError: it cannot be read or is wrong; says where and what to write.
        """
        try:
            text = path.read_text(encoding="utf-8")
            data = tomllib.loads(text)
        except OSError as error:
            raise ConfigError(f"the scenario {path} cannot be read: {error.strerror}", "check the path") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"the scenario {path} is no text", "write it as TOML in UTF-8") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"the scenario {path} is no TOML: {error}", "mend that line") from error
        if unknown := set(data) - {"repeat", "step"}:
            raise ConfigError(f"the scenario {path} has {_names(unknown)}", "it takes `repeat` and [[step]]s only")
        repeat, steps = data.get("repeat", 1), data.get("step", [])
        if not isinstance(repeat, int) or isinstance(repeat, bool) or repeat < 0:
            raise ConfigError(f"the scenario {path} has repeat = {repeat!r}", "write a whole number; 0 means for ever")
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise ConfigError(f"the scenario {path} has no steps but {type(steps).__name__}", "write them as [[step]]")
        # tomllib keeps no positions: the n-th step stands under the n-th [[step]].
        lines = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*step\s*\]\]", line)]
        lines += [0] * (len(steps) - len(lines))
        made = []
        for line, step in zip(lines, steps, strict=False):
            try:
                made.append(_step(step, rng))
            except (ConfigError, UidError) as error:
                where = f"{path}, line {line}" if line else f"{path}, step {len(made) + 1}"
                raise ConfigError(f"{where}: {error.message}", error.remedy) from error
        if repeat != 1 and made and not any(step.for_s for step in made):
            raise ConfigError(
                f"the scenario {path} repeats steps that take no time", "give one of them for_s or pause_s"
            )
        return cls(tuple(made), repeat)

    def play(self, start: float) -> Iterator[Action]:
        """What happens when, beginning at `start`."""
        at = start
        for _ in range(self.repeat) if self.repeat else itertools.count():
            for step in self.steps:
                if step.begin is not None:
                    yield Action(at, step.begin)
                at += step.for_s
                if step.end is not None:
                    yield Action(at, step.end)
            if not self.steps:
                return


_VERBS = ("put", "remove", "pause_s", "unplug", "plug", "fault")


def _step(step: dict[str, object], rng: random.Random) -> Step:
    """A step of the file.

    Raises:
        ConfigError, UidError: what is wrong with it, without the place.
    """
    if unknown := set(step) - {*_VERBS, "for_s"}:
        raise ConfigError(f"a step has {_names(unknown)}", f"it takes one of {', '.join(_VERBS)}, and for_s")
    verbs = [verb for verb in _VERBS if verb in step]
    if len(verbs) != 1:
        raise ConfigError(f"a step has {_names(verbs) or 'nothing to do'}", f"give it one of {', '.join(_VERBS)}")
    verb = verbs[0]
    value = step[verb]
    for_s = step.get("for_s")
    if for_s is not None and verb not in ("put", "unplug", "fault"):
        raise ConfigError(f"{verb} takes no time", "leave for_s out, or write a step with pause_s")
    if for_s is not None and not _is_time(for_s):
        raise ConfigError(f"for_s = {for_s!r} is no time", "write seconds, like 0.5")
    seconds = float(for_s) if _is_time(for_s) else 0.0
    lasts = for_s is not None
    match verb:
        case "put":
            return Step(_putter(value, rng), seconds, SimFeed.remove if lasts else None)
        case "pause_s":
            if not _is_time(value):
                raise ConfigError(f"pause_s = {value!r} is no time", "write seconds, like 0.5")
            return Step(None, float(value), None)
        case "fault":
            if value == WEDGED:
                # The thread that plays the scenario is the one that hangs: it cannot end that itself.
                return Step(lambda feed: feed.wedge(seconds if lasts else math.inf), seconds, None)
            if not isinstance(value, str) or (value != NO_FAULT and value not in FAULTS):
                raise ConfigError(f"fault = {value!r} is none", f"one of {', '.join([*FAULTS, WEDGED, NO_FAULT])}")
            return Step(_failer(value), seconds, SimFeed.plug if lasts else None)
    if value is not True:
        raise ConfigError(f"{verb} = {value!r}", f"write {verb} = true")
    if verb == "unplug":
        return Step(SimFeed.unplug, seconds, SimFeed.plug if lasts else None)
    return Step(SimFeed.remove if verb == "remove" else SimFeed.plug, 0.0, None)


def _putter(value: object, rng: random.Random) -> Callable[[SimFeed], None]:
    given = value if isinstance(value, list) else [value]
    uids = [uid for uid in given if isinstance(uid, str)]
    if len(uids) != len(given) or len(uids) not in (1, 2):
        raise ConfigError(f"put = {value!r} is no key", 'write a UID in hex, "random" or "new", or two of them in [ ]')
    fixed = [tag_of(uid) for uid in uids if uid not in ("random", "new")]
    if len(set(fixed)) != len(fixed):
        raise ConfigError("the same key lies there twice", "write two different UIDs")

    def put(feed: SimFeed) -> None:
        feed.put(*(_fresh(uid, rng) for uid in uids))

    return put


def _failer(fault: str) -> Callable[[SimFeed], None]:
    return lambda feed: feed.fail(fault)


def _fresh(uid: str, rng: random.Random) -> str:
    """A UID for `random` (4 bytes, 08 first: ISO/IEC 14443-3) and `new` (7 bytes, a maker's code first)."""
    if uid == "random":
        return "08" + rng.randbytes(3).hex()
    if uid == "new":
        # No 88, the cascade tag, anywhere, and no 04 at the end: nothing about it is odd.
        return "04" + bytes(rng.randrange(0x88) for _ in range(5)).hex() + "80"
    return uid


def _is_time(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6


def _names(names: object) -> str:
    assert isinstance(names, set | list)
    return ", ".join(sorted(names))
