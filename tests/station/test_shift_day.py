"""A shift as a line works it: the real station, simulated readers, SQLite on a disc and the sandbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.day import Day, key
from support.headless import Headless, environment
from tagsmith.config import Settings, settings_of
from tagsmith.journal import Journal
from tagsmith.model import Phase, State
from tagsmith.sandbox import Sandbox

GOLDEN, BADGE = "04a0a1a2a3a4a5", "04b0b1b2b3b4b5"
PEOPLE = [{"name": "Ada", "badge": BADGE}, {"name": "Bo", "code": "OP-0002"}]


def settings(folder: Path, url: str, *, golden: bool = True) -> Settings:
    """A station that requires shifts."""
    return settings_of(
        api={"url": url, "key": "sandbox"},
        journal={"url": f"sqlite:///{folder / 'journal.sqlite'}"},
        courier={"hold_s": 60},
        calibration={"golden_key": GOLDEN} if golden else {},
        station={"name": "line-3"},
        shift={"required": True, "report_dir": str(folder / "reports")},
        operator=PEOPLE,
        reader=[{"spec": "sim:a", "lane": "A"}, {"spec": "sim:b", "lane": "B"}],
    )


def test_a_shift_from_sign_on_to_report(tmp_path: Path) -> None:
    """Badge, start, golden key, green, two operators, an undo, a lost reader, the end: the report tells the truth."""
    with Sandbox() as sandbox, Day(settings(tmp_path, sandbox.url)) as day:
        for lane in ("A", "B"):
            day.tap(lane, GOLDEN)
        day.until(lambda: len(day.seen("golden")) == 2)
        assert day.refused("A", key(1)) == "sign-on-first"
        day.scan("N-1", "A")
        day.until(lambda: len(day.seen("rejected")) == 2)
        assert day.seen("rejected")[-1]["reason"] == "sign-on-first"
        day.tap("A", BADGE)
        day.until(lambda: bool(day.seen("signed-on")))
        assert (day.seen("signed-on")[0]["operator"], day.seen("signed-on")[0]["by"]) == ("Ada", "badge")
        assert day.refused("A", key(1)) == "shift-first"

        day.scan("TAGSMITHSHIFTSTART")
        day.until(lambda: bool(day.seen("shift-started")))
        # The golden key of before does not count for this shift.
        day.until(lambda: {lane.phase for lane in day.station.view().lanes} == {Phase.GOLDEN})
        day.tap("A", GOLDEN)
        day.until(lambda: len(day.seen("golden")) == 3)
        assert day.refused("A", key(1)) == "shift-checks"
        assert not day.station.view().shift.ready
        day.tap("B", GOLDEN)
        day.until(lambda: bool(day.seen("shift-ready")))
        day.until(lambda: day.station.view().shift.ready)

        for number in (1, 2):
            day.pair("A", number)
        day.readers["B"].feed.unplug()
        day.until(lambda: day.seen("reader")[-1]["state"] == "lost")
        day.readers["B"].feed.plug()
        day.until(lambda: day.seen("reader")[-1]["state"] == "ready")
        day.scan("OP-0002")
        day.until(lambda: day.seen("signed-on")[-1]["operator"] == "Bo")
        for number in (3, 4):
            day.pair("B", number)
        day.station.undo("B")
        day.until(lambda: bool(day.seen("undone")))
        assert sum(day.station.view().rates) == 4
        day.until(lambda: day.station.view().first_pass_yield == 3 / 4)

        day.scan("TAGSMITHSHIFTEND")
        day.until(lambda: bool(day.seen("shift-ended")))
        [ended] = day.seen("shift-ended")
        report = ended["report"]
        assert (report["paired"], report["undone"], report["recoveries"]) == (3, 1, 1)
        assert (report["operators"], report["first_pass_yield"]) == (["Ada", "Bo"], 3 / 4)
        assert report["waiting"] == 3
        day.until(lambda: day.station.view().shift.report is not None)
        text, fields = (Path(file).read_text(encoding="utf-8") for file in ended["files"])
        assert json.loads(fields)["paired"] == 3
        assert "Pairs                 3\n" in text
        assert max(map(len, text.splitlines())) <= 60
        assert [event["operator"] for event in day.seen("paired")] == ["Ada", "Ada", "Bo", "Bo"]
        assert day.refused("A", key(5)) == "shift-first"
        day.station.sign_off()
        day.until(lambda: bool(day.seen("signed-off")) and day.seen("signed-off")[-1]["operator"] == "Bo")
        assert day.refused("A", key(6)) == "sign-on-first"

    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite'}", station="line-3")
    try:
        of_ada, *_, of_bo = (journal.history(one.entry.id) for one in journal.records())
        made = [(one.entry.visual_number, one.entry.operator, one.state) for one in journal.records()]
    finally:
        journal.close()
    assert [(number, who) for number, who, _ in made] == [("N-1", "Ada"), ("N-2", "Ada"), ("N-3", "Bo"), ("N-4", "Bo")]
    # Every event of the journal tells who was at work when it was written.
    assert [{json.loads(change.payload)["by"] for change in changes} for changes in (of_ada, of_bo)] == [
        {"Ada"},
        {"Bo"},
    ]
    assert [state for _, _, state in made if state is State.UNDONE] == [State.UNDONE]


def test_a_network_that_is_away_stops_no_shift(tmp_path: Path) -> None:
    """Delivery waits; the check says so, and pairs are made."""
    with Day(settings(tmp_path, "http://127.0.0.1:1", golden=False)) as day:
        day.station.sign_on("ada")
        day.station.start_shift()
        day.until(lambda: bool(day.seen("shift-ready")))
        [api] = [check for check in day.seen("shift-ready")[0]["checks"] if check["check"] == "api"]
        assert api["ok"]
        assert api["warning"]
        assert "sent when it answers" in api["message"]
        day.pair("A", 1)


def test_a_sign_off_leaves_no_half_pair_behind(tmp_path: Path) -> None:
    """The number of a key that somebody tapped who has gone joins nothing."""
    with Sandbox() as sandbox, Day(settings(tmp_path, sandbox.url, golden=False)) as day:
        day.station.sign_on("nobody of ours")
        day.until(lambda: bool(day.seen("shift-refused")))
        day.station.sign_on("Ada")
        day.station.start_shift()
        day.until(lambda: bool(day.seen("shift-ready")))
        day.tap("A", key(1))
        day.scan("TAGSMITHSIGNOFF")
        day.until(lambda: bool(day.seen("signed-off")))
        day.scan("OP-0002")
        day.scan("N-1", "A")
        day.until(lambda: day.seen("rejected")[-1]["reason"] == "no-tag")
        assert not day.seen("paired")


def test_a_shift_goes_on_after_a_kill(tmp_path: Path) -> None:
    """Killed in mid-shift, started again: the same shift, asked to sign on anew; its report counts both runs."""

    def lays(number: int) -> str:
        path = tmp_path / f"{number}.toml"
        step = f'[[step]]\nput = "{key(number)}"\nfor_s = 0.3\n\n[[step]]\npause_s = 0.4\n'
        path.write_text(f"repeat = 0\n\n{step}", encoding="utf-8")
        return f"sim:{path}"

    def pair(station: Headless, number: int) -> dict[str, Any]:
        station.expect("tapped", uid=key(number))
        station.send(f"N-{number}")
        return station.expect("paired")

    with Sandbox("test-key") as sandbox:
        more = {"TAGSMITH_OPERATOR": json.dumps(PEOPLE), "TAGSMITH_SHIFT__REQUIRED": "true"}
        env = environment(tmp_path, sandbox.url, **more)
        with Headless("--reader", lays(1), env=env) as station:
            station.expect("ready")
            station.send("OP-0002")
            station.send("TAGSMITHSHIFTSTART")
            begun = station.expect("shift-started")
            station.expect("shift-ready")
            assert pair(station, 1)["operator"] == "Bo"
            station.kill()
        with Headless("--reader", lays(2), env=env) as station:
            again = station.expect("shift-started")
            assert (again["shift"], again["resumed"], begun["resumed"]) == (begun["shift"], True, False)
            station.expect("shift-ready")
            station.expect("rejected", reason="sign-on-first")
            station.send("OP-0002")
            station.expect("signed-on")
            pair(station, 2)
            station.send("TAGSMITHSHIFTEND")
            ended = station.expect("shift-ended")
            assert (ended["shift"], ended["report"]["paired"]) == (begun["shift"], 2)
            assert datetime.fromisoformat(ended["report"]["ended_at"]) - datetime.now(UTC) < timedelta(minutes=1)
