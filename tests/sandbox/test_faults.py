"""How faults are written: what is understood, and what is said of the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.errors import ConfigError
from tagsmith.sandbox.faults import (
    AFTER_BY_ITSELF,
    ANY,
    BROKEN,
    CERTIFICATES,
    DUPLICATE_STATUSES,
    ENDPOINTS,
    HANDSHAKE,
    Fault,
    Kind,
    parse,
    parse_words,
    read_file,
)


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("reserve:500", Fault("reserve", Kind.STATUS, status=500)),
        ("activate:cut-after x3", Fault("activate", Kind.CUT, after=True, times=3)),
        ("activate:cut", Fault("activate", Kind.CUT)),
        ("*:429 p=0.2 seed=7", Fault(ANY, Kind.STATUS, status=429, probability=0.2, seed=7)),
        ("reserve:latency=2s", Fault("reserve", Kind.LATENCY, seconds=2)),
        ("reserve:latency=200ms", Fault("reserve", Kind.LATENCY, seconds=0.2)),
        ("reserve:latency-after=1.5", Fault("reserve", Kind.LATENCY, seconds=1.5, after=True)),
        ("reserve:latency=1m", Fault("reserve", Kind.LATENCY, seconds=60)),
        ("list-keys:404-after skip=2 x1", Fault("list_keys", Kind.STATUS, status=404, after=True, skip=2, times=1)),
        ("plug_and_charge:429 retry-after=7", Fault("plug_and_charge", Kind.STATUS, status=429, retry_after_s=7)),
        ("order:reset", Fault("order", Kind.RESET)),
        ("order:half-head", Fault("order", Kind.HALF_HEAD, after=True)),
        ("order:half-body-before", Fault("order", Kind.HALF_BODY)),
        ("order:garbage", Fault("order", Kind.GARBAGE, after=True)),
        ("order:drip", Fault("order", Kind.DRIP, seconds=0.1, after=True)),
        ("order:drip-before=1s", Fault("order", Kind.DRIP, seconds=1)),
        ("order:redirect=same", Fault("order", Kind.REDIRECT, status=307, to="same")),
        ("order:302=other", Fault("order", Kind.REDIRECT, status=302, to="other")),
        (
            "order:redirect=http://x.invalid:9/a x1",
            Fault("order", Kind.REDIRECT, 307, to="http://x.invalid:9/a", times=1),
        ),
        ("*:limit=3000/min", Fault(ANY, Kind.LIMIT, most=3000, per="min")),
        ("*:limit=5/minute retry-after", Fault(ANY, Kind.LIMIT, most=5, per="min", retry_after_s=0)),
        ("reserve:limit=0/day", Fault("reserve", Kind.LIMIT, most=0, per="day")),
        ("reserve:duplicate=201", Fault("reserve", Kind.DUPLICATE, status=201)),
        ("tls:expired", Fault(HANDSHAKE, Kind.HANDSHAKE, to="expired")),
        ("tls:cut x2", Fault(HANDSHAKE, Kind.HANDSHAKE, to="cut", times=2)),
    ],
)
def test_what_is_written_is_what_is_meant(spec: str, fault: Fault) -> None:
    """Each kind with its value, its place and its options; what is printed of it is understood again."""
    assert parse(spec) == fault
    assert parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "write WHERE:KIND"),
        ("reserve", "write WHERE:KIND"),
        ("resrve:500", "did you mean reserve?"),
        ("xyz:500", "one of reserve, activate"),
        ("reserve:", "no kind ''"),
        ("reserve:half-bdy", "did you mean half-body?"),
        ("reserve:status", "no kind"),
        ("reserve:handshake", "no kind"),
        ("reserve:200", "200 is no fault"),
        ("reserve:600", "600 is no fault"),
        ("reserve:500=1", "500 has no value"),
        ("reserve:cut=1", "cut has no value"),
        ("reserve:latency", "say how long"),
        ("reserve:latency=", "nothing stands behind latency="),
        ("reserve:latency=fast", "say how long"),
        ("reserve:latency=2h", "say how long"),
        ("reserve:latency=0", "say how long"),
        ("reserve:latency=3601", "at most an hour"),
        ("reserve:redirect", "say where to"),
        ("reserve:redirect=ftp://x", "say where to"),
        ("reserve:redirect=http://[", "say where to"),
        ("reserve:302=http://", "say where to"),
        ("*:limit=10", "say how many"),
        ("*:limit=10/hour", "say how many"),
        ("*:limit=10/min x3", "a limit has no xN"),
        ("*:limit=10/min p=0.5", "a limit has no p"),
        ("*:limit=10/min retry-after=4", "knows when it opens"),
        ("*:limit-after=10/min", "limit has no before or after"),
        ("activate:duplicate=201", "only a reservation"),
        ("reserve:duplicate=404", "one of 201, 400, 409, 500"),
        ("tls:500", "no handshake"),
        ("tls:expird", "did you mean expired?"),
        ("reserve:500 x0", "whole number from 1"),
        ("reserve:500 3", "no option '3'"),
        ("reserve:500 x3 x4", "xN is said twice"),
        ("reserve:500 p=0", "above 0 and up to 1"),
        ("reserve:500 p=1.1", "above 0 and up to 1"),
        ("reserve:500 p=nan", "above 0 and up to 1"),
        ("reserve:500 seed=7", "a seed needs a probability"),
        ("reserve:500 retry-after=soon", "whole number"),
        ("reserve:cut retry-after=1", "cut has no retry-after"),
        ("reserve:500 skip=-1", "whole number"),
    ],
)
def test_what_is_not_understood_is_told_in_one_line(spec: str, words: str) -> None:
    """With what was written and what would be right."""
    with pytest.raises(ConfigError) as caught:
        parse(spec)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert repr(spec) in caught.value.message


@given(
    st.text(max_size=60)
    | st.from_regex(r"(reserve|\*|tls):[a-z0-9=/.-]{0,20}( [a-z=0-9.-]{1,12}){0,3}", fullmatch=True)
)
def test_any_text_is_a_fault_or_one_line(text: str) -> None:
    """Nothing else is raised, and what a terminal could obey does not come back."""
    told = ""
    try:
        fault = parse(text)
    except ConfigError as error:
        told = error.message
    assert told.isprintable()
    assert told or parse(str(fault)) == fault


def faults() -> st.SearchStrategy[Fault]:
    """Every fault that can be written."""
    place = st.sampled_from([*ENDPOINTS, ANY])
    often = {
        "times": st.none() | st.integers(1, 10**9),
        "skip": st.integers(0, 1000),
    }
    chance = st.just((1.0, 0)) | st.tuples(st.floats(1e-6, 0.999), st.integers(0, 10**9))
    seconds = st.floats(0.001, 3600, allow_nan=False)
    after = st.booleans()
    spoiling = [Kind.CUT, Kind.RESET, *sorted(AFTER_BY_ITSELF - {Kind.DRIP})]
    kinds = (
        {"kind": Kind.STATUS, "status": st.integers(400, 599), "after": after, "retry_after_s": st.none() | st.just(9)},
        {
            "kind": Kind.REDIRECT,
            "status": st.sampled_from([301, 302, 303, 307, 308]),
            "to": st.sampled_from(["same", "other", "https://a.invalid/x"]),
            "after": after,
        },
        {"kind": st.sampled_from([Kind.LATENCY, Kind.DRIP]), "seconds": seconds, "after": after},
        {"kind": st.sampled_from(spoiling), "after": after},
        {"where": "reserve", "kind": Kind.DUPLICATE, "status": st.sampled_from(DUPLICATE_STATUSES)},
        {"where": HANDSHAKE, "kind": Kind.HANDSHAKE, "to": st.sampled_from([*CERTIFICATES, BROKEN])},
    )
    made = [{"where": place, **often, **kind} for kind in kinds]
    values = [
        st.builds(Fault, **{n: v if isinstance(v, st.SearchStrategy) else st.just(v) for n, v in one.items()})
        for one in made
    ]
    return st.builds(_with_chance, st.one_of(values), chance)


def _with_chance(fault: Fault, chance: tuple[float, int]) -> Fault:
    values = {name: getattr(fault, name) for name in Fault.__slots__}
    return Fault(**{**values, "probability": chance[0], "seed": chance[1]})


@given(faults())
def test_every_fault_can_be_written_and_read(fault: Fault) -> None:
    """What `fault list` shows can be typed again."""
    assert parse(str(fault)) == fault


def test_words_of_a_command_line_need_no_quotes() -> None:
    """Options belong to the spec before them; a quoted spec is the same; a URL begins none."""
    words = ("reserve:500", "x3", "p=0.5", "activate:redirect=http://x.invalid:1/", "x1", "*:cut skip=1")
    assert [str(fault) for fault in parse_words(words)] == [
        "reserve:500 x3 p=0.5 seed=0",
        "activate:307=http://x.invalid:1/ x1",
        "*:cut skip=1",
    ]
    with pytest.raises(ConfigError, match="write WHERE:KIND"):
        parse_words(("x3",))


def test_a_file_of_faults(tmp_path: Path) -> None:
    """TOML, so that it may hold comments; anything else in it is refused, and so is what is not understood."""
    file = tmp_path / "faults.toml"
    file.write_text('faults = [\n  "reserve:500 x3",  # a bad morning\n  "*:429 p=0.2",\n]\n')
    assert [str(fault) for fault in read_file(file)] == ["reserve:500 x3", "*:429 p=0.2 seed=0"]
    file.write_text("")
    assert read_file(file) == ()
    for text, words in (
        ("faults = [", "cannot be read"),
        ("fault = []", "'fault', which is nothing here"),
        ("faults = [1]", "no list of texts"),
        ('faults = "reserve:500"', "no list of texts"),
        ('faults = ["reserve:5000"]', "'reserve:5000' is not understood"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=words) as caught:
            read_file(file)
        assert str(file) in caught.value.message
    with pytest.raises(ConfigError, match="No such file"):
        read_file(tmp_path / "none.toml")
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_file(file)


def test_every_spec_that_people_are_told_is_one() -> None:
    """docs/sandbox.md names each kind and each endpoint, and every spec in it is understood."""
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    specs = [parse(text) for text in re.findall(r"[`'\"]((?:[a-z-]+|\*):[a-z0-9][^`'\"]*)[`'\"]", page)]
    assert {fault.kind for fault in specs} == set(Kind) - {Kind.RESET}
    assert "`reset`" in page
    assert all(f"`{name.replace('_', '-')}`" in page for name in (*ENDPOINTS, ANY, HANDSHAKE))
    assert all(f"`{shown}`" in page for shown in CERTIFICATES)
