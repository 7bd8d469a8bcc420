"""Which lane a scan is for: bound, only, or chosen by the barcode right before it."""

from __future__ import annotations

from tagsmith.bench.addressing import Addressing


def test_the_only_lane_needs_no_name() -> None:
    """A station of one lane takes every scan for that lane."""
    assert Addressing(["1"], 30.0).lane_of("", None, 1.0) == "1"


def test_a_bound_scanner_feeds_its_lane_only() -> None:
    """The lane of the setting decides, whatever was chosen; one that is not there is nobody's."""
    addressing = Addressing(["A", "B"], 30.0)
    addressing.choose("evdev:x", "B", 1.0)
    assert addressing.lane_of("evdev:x", "A", 2.0) == "A"
    assert addressing.lane_of("evdev:x", "C", 2.0) is None


def test_several_lanes_need_a_choice_before_each_scan() -> None:
    """A choice serves one scan; the next one is nobody's again."""
    addressing = Addressing(["A", "B"], 30.0)
    assert addressing.lane_of("", None, 1.0) is None
    addressing.choose("", "B", 2.0)
    assert addressing.lane_of("", None, 3.0) == "B"
    assert addressing.lane_of("", None, 4.0) is None


def test_a_choice_belongs_to_its_scanner() -> None:
    """What one scanner chose says nothing of another's scans."""
    addressing = Addressing(["A", "B"], 30.0)
    addressing.choose("left", "A", 1.0)
    assert addressing.lane_of("right", None, 2.0) is None
    assert addressing.lane_of("left", None, 2.0) == "A"


def test_a_choice_grows_old() -> None:
    """After the time a half pair may wait, and for a scan captured before it, a choice is worth nothing."""
    addressing = Addressing(["A", "B"], 30.0)
    addressing.choose("", "A", 10.0)
    assert addressing.lane_of("", None, 40.1) is None
    addressing.choose("", "A", 10.0)
    assert addressing.lane_of("", None, 9.9) is None


def test_the_keyboard_may_be_two_scanners() -> None:
    """A second lane before the first one's number voids both: perhaps two people's. A device just changed its mind."""
    addressing = Addressing(["A", "B"], 30.0)
    assert addressing.choose("", "A", 1.0)
    assert not addressing.choose("", "B", 2.0)
    assert addressing.lane_of("", None, 3.0) is None
    assert addressing.choose("", "A", 4.0)
    assert addressing.choose("", "A", 5.0)
    assert addressing.lane_of("", None, 6.0) == "A"
    assert addressing.choose("evdev:x", "A", 1.0)
    assert addressing.choose("evdev:x", "B", 2.0)
    assert addressing.lane_of("evdev:x", None, 3.0) == "B"


def test_a_lost_scanner_chose_nothing() -> None:
    """The choice of a scanner that went away is dropped."""
    addressing = Addressing(["A", "B"], 30.0)
    addressing.choose("x", "A", 1.0)
    addressing.forget("x")
    assert addressing.lane_of("x", None, 2.0) is None
