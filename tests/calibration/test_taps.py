"""Keys on one reader, handed over one by one."""

from __future__ import annotations

from support.laid import LaidReader, tag
from tagsmith.calibration.taps import Taps
from tagsmith.errors import ReaderBusy, ReaderForbidden
from tagsmith.model import Trouble

ONE, TWO = tag("04a1b2c3d4e5f6"), tag("27b89043")
SHORT_S, LONG_S = 0.1, 300.0


def test_keys_come_in_order() -> None:
    """Each key laid on comes once, also one that lies there already; after the last there is nothing."""
    with Taps(LaidReader("pcsc:", ONE, TWO), [].append) as taps:
        assert taps.next(LONG_S) == ONE
        assert taps.name == "reader pcsc:"
        assert taps.next(LONG_S) == TWO
        assert taps.next(SHORT_S) is None


def test_a_key_that_is_not_wanted_is_passed_over() -> None:
    """The key that was read already does not count as the next one."""
    with Taps(LaidReader("pcsc:", ONE, TWO), [].append) as taps:
        assert taps.next(LONG_S, but=ONE.uid) == TWO


def test_a_collision_is_said_once() -> None:
    """Two keys are no key; that is told, and not again and again."""
    said: list[str] = []
    with Taps(LaidReader("pcsc:", (ONE, TWO), (TWO, ONE)), said.append) as taps:
        assert taps.next(SHORT_S) is None
    assert len([one for one in said if "lay on one alone" in one]) == 1


def test_what_is_no_uid_ends_an_impatient_wait() -> None:
    """Who can listen otherwise wants to know at once that something came."""
    with Taps(LaidReader("pcsc:", Trouble.NO_UID), [].append) as taps:
        assert taps.next(LONG_S, patient=False) is None
        assert taps.unreadable
        assert taps.next(SHORT_S) is None
        assert not taps.unreadable


def test_what_waiting_does_not_mend_ends_it() -> None:
    """No right to open a reader stays so until somebody types something; a reader in use may become free."""
    said: list[str] = []
    with Taps(LaidReader("pcsc:", error=ReaderForbidden("no right", "usermod")), said.append) as taps:
        assert taps.next(LONG_S) is None
        assert taps.trouble == "no right (usermod)"
    assert said == ["pcsc:: no right (usermod)"]
    with Taps(LaidReader("pcsc:", error=ReaderBusy("in use by 7", "end it")), [].append) as taps:
        assert taps.next(SHORT_S) is None
        assert taps.trouble == "in use by 7 (end it)"
