"""Prometheus's text format, read as strictly as its own description allows, so that what is written can be checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HELP = re.compile(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)")
_TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)")
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\+Inf|-Inf|NaN|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)')


@dataclass
class Family:
    """One metric: its kind, and its samples by name and labels."""

    kind: str
    about: str
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)


def read(text: str) -> dict[str, Family]:
    """The families of a page.

    Raises:
        ValueError: it is not of the format; says which line.
    """
    if not text.endswith("\n"):
        raise ValueError("the last line has no end")
    families: dict[str, Family] = {}
    about: tuple[str, str] | None = None
    current = ""
    for number, line in enumerate(text.split("\n")[:-1], 1):
        if found := _HELP.fullmatch(line):
            about = found[1], found[2]
        elif found := _TYPE.fullmatch(line):
            current = found[1]
            if current in families or about is None or about[0] != current:
                raise ValueError(f"line {number}: the family {current} stands twice, or without its help")
            families[current] = Family(found[2], about[1])
        elif found := _SAMPLE.fullmatch(line):
            family = families.get(current)
            if family is None or not _belongs(found[1], current, family.kind):
                raise ValueError(f"line {number}: {found[1]} stands below {current}")
            key = found[1], _labels(found[2] or "", number)
            if key in family.samples:
                raise ValueError(f"line {number}: a sample stands twice")
            family.samples[key] = float(found[3])
        else:
            raise ValueError(f"line {number} is neither help, type nor sample: {line!r}")
    for name, family in families.items():
        _check(name, family)
    return families


def _labels(text: str, number: int) -> tuple[tuple[str, str], ...]:
    inner, found = text[1:-1], []
    while inner:
        label = _LABEL.match(inner)
        if label is None or label[1] in dict(found):
            raise ValueError(f"line {number}: wrong labels: {text}")
        found.append((label[1], re.sub(r"\\(.)", lambda it: {"n": "\n"}.get(it[1], it[1]), label[2])))
        inner = inner[label.end() :]
    return tuple(found)


def _belongs(sample: str, family: str, kind: str) -> bool:
    suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
    return any(sample == family + suffix for suffix in suffixes)


def _check(name: str, family: Family) -> None:
    """What a family of its kind must be beyond its syntax."""
    if not family.samples:
        raise ValueError(f"{name} has no samples")
    if family.kind == "counter" and (not name.endswith("_total") or min(family.samples.values()) < 0):
        raise ValueError(f"{name} is no counter")
    if family.kind == "histogram":
        buckets = [
            (dict(labels)["le"], n) for (sample, labels), n in family.samples.items() if sample.endswith("_bucket")
        ]
        bounds, counts = [float(le) for le, _ in buckets], [n for _, n in buckets]
        if bounds != sorted(set(bounds)) or bounds[-1] != float("inf") or counts != sorted(counts):
            raise ValueError(f"{name}: wrong buckets")
        if family.samples[f"{name}_count", ()] != counts[-1]:
            raise ValueError(f"{name}: the count is not that of the last bucket")
