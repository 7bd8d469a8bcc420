"""Log, readers, settings and help over the lanes, and the keys that the settings give them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from textual.containers import VerticalScroll

from support.fake_station import STOP, UID, FakeStation, lane, view
from support.pages import FORBIDDEN, SETTINGS, full_ring
from support.screen import NUMBER, keys, make, text_of
from tagsmith.model import Delivery, DeliveryView, Phase, Reason, ScanFault
from tagsmith.production import Choice, Stop
from tagsmith.scanners.holdback import HOLD_S
from tagsmith.tui import keys as held_keys
from tagsmith.tui.meanings import MEANINGS
from tagsmith.tui.ring import LogRing
from tagsmith.tui.screens.help import HelpScreen, explanation
from tagsmith.tui.screens.log import LogScreen, hits, stand_row
from tagsmith.tui.screens.operator import OperatorScreen
from tagsmith.tui.screens.readers import ReadersScreen, reader_lines
from tagsmith.tui.screens.settings import SettingsScreen, setting_lines
from tagsmith.uid import UidReason
from tagsmith.visual_number import NumberReason


@pytest.fixture
def usual_keys() -> Iterator[None]:
    """The usual keys hold again afterwards."""
    yield
    held_keys.hold({})


def far() -> float:
    """A clock far ahead: what is held back is let go as soon as somebody looks."""
    return 1e9


# --- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("usual_keys")
async def test_a_key_of_the_settings_does_what_the_usual_one_did() -> None:
    """And the usual one nothing; the row of keys, the help and the sentences name the one that holds."""
    station = FakeStation(view(lane(Phase.NOT_SAVED)))
    app = make(station, keys={"undo": "ctrl+u", "retry": "f2", "help": "f7", "clear": "f5"})
    async with app.run_test(size=(120, 40)) as pilot:
        await keys(pilot, "ctrl+u")
        await keys(pilot, "f2")
        assert station.calls[-2:] == [("undo",), ("retry",)]
        for part in ("Ctrl+U undo last", "F2 SAVE AGAIN", "F7 help", "F5 clear", "or press F2, to try again"):
            assert part in " ".join(text_of(app).split())
        await keys(pilot, "f7")
        assert "HELP   F7 or F5: back" in text_of(app)
        assert "Ctrl+U: take the last pair back" in text_of(app)
        await keys(pilot, "f5")
        assert isinstance(app.screen, OperatorScreen)


def test_every_action_of_the_screen_has_words() -> None:
    """A label for the row of keys, and a line of the help."""
    assert set(held_keys.LABELS) == set(held_keys.DEFAULTS)
    assert set(held_keys.MEANINGS) == set(held_keys.DEFAULTS) - {"find"}


@pytest.mark.parametrize(("key", "kind"), [("ctrl+r", ReadersScreen), ("ctrl+t", SettingsScreen)])
async def test_pages_open_and_close_by_their_key(key: str, kind: type[object]) -> None:
    """Numbers go on reaching the station meanwhile."""
    station = FakeStation()
    app = make(station)
    async with app.run_test() as pilot:
        at = await keys(pilot, key)
        assert isinstance(app.screen, kind)
        at = await keys(pilot, *NUMBER, "\r", at=at + 1)
        await keys(pilot, key, at=at + 1)
        assert isinstance(app.screen, OperatorScreen)
    assert [(scan.text, scan.fault) for scan in station.scans] == [(NUMBER, None)]


# --- the log ------------------------------------------------------------------------------------------------------


def test_lines_are_found_in_either_case() -> None:
    """An empty text is in none of them: nothing is looked for."""
    assert hits(["Reader LOST", "paired", "lost again"], " lost ") == [0, 2]
    assert hits(["a"], " ") == []


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"follows": True, "found": 0, "at": None, "wanted": ""}, "following"),
        ({"follows": False, "found": 0, "at": None, "wanted": ""}, "End follows"),
        ({"follows": False, "found": 3, "at": 1, "wanted": "x"}, "2 of 3"),
        ({"follows": False, "found": 0, "at": None, "wanted": "x"}, "not in the log"),
    ],
)
def test_the_log_tells_how_it_stands(what: dict[str, object], said: str) -> None:
    """Whether it is followed, and how far the finding is."""
    assert said in stand_row(80, **what)[0][0]  # type: ignore[arg-type]


async def test_a_text_is_found_in_the_log_and_its_others_by_arrows() -> None:
    """The newest first; what is typed goes into the field, and never to the station."""
    station = FakeStation()
    app = make(station, ring=full_ring(), clock=far)
    async with app.run_test() as pilot:
        await keys(pilot, "f8")
        at = await keys(pilot, "ctrl+f", at=6001.0)
        await keys(pilot, *"d0c1", gap_s=0.2, at=at + 1)
        await pilot.pause(2 * HOLD_S)
        assert "1 of 10" in text_of(app)
        await keys(pilot, "down", "down", gap_s=0.2, at=6010.0)
        assert "3 of 10" in text_of(app)
        assert "CD0C17" in text_of(app)
        await keys(pilot, "escape", at=6011.0)
        assert isinstance(app.screen, LogScreen)
        assert "Find" not in text_of(app)
        await keys(pilot, "escape", at=6012.0)
        assert isinstance(app.screen, OperatorScreen)
    assert station.calls == [("start",)]


async def test_a_scan_is_a_scan_while_something_is_looked_for() -> None:
    """It never lands in the field; one that began with the control character of the key is refused."""
    station = FakeStation()
    app = make(station, ring=full_ring(), clock=far)
    async with app.run_test() as pilot:
        await keys(pilot, "f8")
        at = await keys(pilot, "ctrl+f", at=6001.0)
        at = await keys(pilot, *NUMBER, "\r", at=at)
        await keys(pilot, *NUMBER, "\r", at=at + 1)
        assert app.screen.query_one("#wanted").value == ""  # type: ignore[attr-defined]
    assert [(scan.text, scan.fault) for scan in station.scans] == [(NUMBER, ScanFault.PARTIAL), (NUMBER, None)]


async def test_a_number_under_way_is_finished_where_it_was_begun() -> None:
    """Half of it is not for the field that was opened meanwhile."""
    station = FakeStation()
    app = make(station, ring=full_ring())
    async with app.run_test() as pilot:
        await keys(pilot, "f8")
        at = await keys(pilot, *"AB", gap_s=0.2)
        at = await keys(pilot, "f12", at=at + 0.2)
        at = await keys(pilot, *"C", at=at + 0.2)
        assert "Number: ABC_" in text_of(app)
        await keys(pilot, "\r", at=at + 0.2)
    assert [(scan.text, scan.fault) for scan in station.scans] == [("ABC", None)]


async def test_following_ends_by_scrolling_and_begins_at_the_end() -> None:
    """A page that stands still stays where it is, whatever is logged."""
    ring = full_ring()
    app = make(ring=ring)
    async with app.run_test() as pilot:
        await keys(pilot, "f8")
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, LogScreen)
        assert screen.follows
        await keys(pilot, "home")
        await pilot.wait_for_scheduled_animations()
        assert "standing still" in text_of(app)
        _log(ring, "unseen")
        await pilot.pause()
        await pilot.pause()
        assert screen.query_one(VerticalScroll).scroll_offset.y == 0
        await keys(pilot, "end")
        await pilot.wait_for_scheduled_animations()
        assert screen.follows
        _log(ring, "seen")
        await pilot.pause()
        await pilot.pause()
        assert "seen" in text_of(app)
        assert "following" in text_of(app)


def _log(ring: LogRing, message: str) -> None:
    ring.emit(logging.makeLogRecord({"msg": message, "levelno": 20, "levelname": "INFO"}))


# --- readers and settings -----------------------------------------------------------------------------------------


async def test_readers_are_shown_as_they_change() -> None:
    """Message and remedy while one does not work, neither once it does."""
    station = FakeStation(view(lane(reader=FORBIDDEN)))
    app = make(station)
    async with app.run_test() as pilot:
        await keys(pilot, "ctrl+r")
        for part in ("lane 1: no permission", FORBIDDEN.spec, FORBIDDEN.message, FORBIDDEN.remedy):
            assert part in text_of(app)
        station.show(view())
        await pilot.pause()
        assert "lane 1: ready" in text_of(app)
        assert FORBIDDEN.remedy not in text_of(app)


def test_a_station_without_readers_says_so() -> None:
    """Also that no scanner has a line of its own."""
    said = " ".join(text for text, _ink in reader_lines(replace(view(), lanes=())))
    assert "There is no reader yet." in said
    assert "keyboard" in said


def test_settings_tell_value_and_place() -> None:
    """What stands in no file says that it does not come from one."""
    said = [text for text, _ink in setting_lines(SETTINGS, "dark", 80)]
    at = said.index("environment          sandbox")
    assert said[at + 1] == "  from /etc/tagsmith/tagsmith.toml"
    assert said[said.index("hold_s               10") + 1] == "requests_per_minute  600"
    assert "[reader] 1" in said
    assert "of its own" in setting_lines((), "dark", 80)[1][0]


# --- help ---------------------------------------------------------------------------------------------------------


async def test_the_help_tells_of_the_page_it_was_opened_on() -> None:
    """And of no other."""
    app = make()
    async with app.run_test() as pilot:
        await keys(pilot, "f8")
        await keys(pilot, "f1", at=6001.0)
        assert isinstance(app.screen, HelpScreen)
        assert "follow the log again" in text_of(app)
        await keys(pilot, "escape", at=6002.0)
        await keys(pilot, "f1", at=6003.0)
        assert "follow the log again" not in text_of(app)


def test_the_help_tells_what_a_refusal_means_and_what_is_awaited() -> None:
    """Of a lane that has stopped, which decisions there are."""
    meaning, waits = explanation(lane(Phase.REFUSED, notice=STOP, uid=UID))
    assert "another key with this number" in meaning
    assert waits == "It waits for this: Tap a key on the reader."
    stop = Stop("many-rejects", "Five in a row.", "", (Choice("unlock", "a supervisor unlocks it"),))
    meaning, waits = explanation(lane(stop=stop, notice=STOP))
    assert "no chance" in meaning
    assert waits == "It waits for a decision: a supervisor unlocks it"
    assert explanation(lane()) == ["It waits for this: Tap a key on the reader."]


@pytest.mark.parametrize("kind", [Reason, ScanFault, UidReason, NumberReason])
def test_every_refusal_has_a_meaning(kind: type[Reason]) -> None:
    """What only warns needs none."""
    notes = {"ok", "four-byte-uid", "ten-byte-uid"}
    assert {reason.value for reason in kind} - notes <= set(MEANINGS)


async def test_the_help_names_keys_in_sentences_of_others_as_they_are() -> None:
    """Braces in a name or a message are no placeholders."""
    station = FakeStation(view(delivery=DeliveryView(Delivery.ACTIVE, message="{undo} {0} [/]")))
    app = make(station)
    async with app.run_test() as pilot:
        await keys(pilot, "f1")
        assert "{undo} {0} [/]" in text_of(app)
