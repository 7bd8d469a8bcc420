"""The headless station as its user has it: a real process, a real HTTP server, lines in, events out.

The reader is the simulated one here; tests/test_pcsc_station.py does the same with a real pcscd.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.cli import called
from support.headless import Headless, entries, environment, tagsmith
from support.wire_server import (
    DROP_AFTER_COMMIT,
    GARBAGE,
    HALF_BODY,
    HANG,
    WireServer,
    in_turn,
    status,
)

KEY = "test-key"


def scenario(folder: Path, *steps: str) -> str:
    """A simulated reader that plays these steps; its spec."""
    path = folder / "scenario.toml"
    path.write_text("".join(f"[[step]]\n{step}\n\n" for step in ("pause_s = 0.3", *steps)), encoding="utf-8")
    return f"sim:{path}"


def uid(number: int) -> str:
    """The n-th good UID."""
    return f"04{number:010x}80"


def put(number: int) -> str:
    """A step that lays the n-th good key on the reader."""
    return f'put = "{uid(number)}"'


def test_tap_and_line_end_reserved(tmp_path: Path) -> None:
    """On a bare machine a tap and a line are paired, then delivered; at the end of input the station ends with 0."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        with Headless("--reader", scenario(tmp_path, put(1)), env=env, new=True) as station:
            assert station.expect("ready")["lanes"] == ["1"]
            assert station.expect("tapped")["uid"] == uid(1)
            station.send("N-1")
            paired = station.expect("paired")
            assert (paired["uid"], paired["uid_api"], paired["visual_number"]) == (
                uid(1),
                bytes.fromhex(uid(1))[::-1].hex(),
                "N-1",
            )
            assert station.expect("delivered")["state"] == "reserved"
            station.end_input()
            assert station.wait() == 0
        assert dict(server.committed) == {(paired["uid_api"], "N-1"): 1}
        assert [(entry["entry"], entry["state"]) for entry in entries(env)] == [(paired["entry"], "reserved")]
        assert called("journal", "verify", env=env).returncode == 0


def test_activation_follows_the_reservation(tmp_path: Path) -> None:
    """With --user a key becomes active, and its contract id is recorded."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        reader = scenario(tmp_path, put(1))
        with Headless("--reader", reader, "--user", "driver-1", env=env) as station:
            station.expect("tapped")
            station.send("DE*8PS*CD0C00*2")
            station.expect("delivered", state="active")
            station.end_input()
            assert station.wait() == 0
        assert dict(server.active) == {"DE*8PS*CD0C00*2": "driver-1"}
        [entry] = entries(env)
        assert (entry["state"], entry["user_id"]) == ("active", "driver-1")
        assert entry["contract_id"]


def test_wrong_things_are_refused_and_the_station_lives(tmp_path: Path) -> None:
    """Every wrong input of a careless or hostile day gets its own reason, and the next good key is paired."""
    two = f'put = ["{uid(2)}", "{uid(3)}"]\nfor_s = 0.5'
    steps = (put(1), "pause_s = 0.3", 'put = "08c0ffee"', "pause_s = 0.2", two)
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        with Headless("--reader", scenario(tmp_path, *steps, "pause_s = 1", put(4)), env=env) as station:
            station.expect("ready")
            station.send("BEFORE-ANY-TAP")
            station.expect("rejected", reason="no-tag")
            station.expect("tapped", uid=uid(1))
            for data, reason in (
                (b"N\x07-1\n", "number-control-character"),
                (b"N-\x1b[31m1\n", "number-control-character"),
                (b"N-\xff\xfe\n", "scan-dirty"),
                (b"X" * 600 + b"\n", "scan-too-long"),
                ("N\u202e-1\n".encode(), "number-invisible-character"),
                (b"   \x1d \n", "number-control-character"),
            ):
                station.send(data)
                event = station.expect("rejected")
                assert event["reason"] in (reason, "scan-dirty"), (data[:20], event)
            station.send("[/]")
            assert station.expect("paired")["visual_number"] == "[/]"
            station.expect("rejected", reason="random-uid")
            station.expect("rejected", reason="two-tags")
            station.expect("tapped", uid=uid(4))
            station.send("[/]")
            station.expect("rejected", reason="duplicate-number")
            station.end_input()
            assert station.wait() == 0


def test_known_key_is_shown_again(tmp_path: Path) -> None:
    """A key that an earlier run paired is refused with when, where and with what; so is its number."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        for run in (1, 2):
            with Headless("--reader", scenario(tmp_path, put(1)), env=env) as station:
                station.expect("tapped")
                if run == 1:
                    station.send("N-1")
                    station.expect("paired")
                else:
                    assert "N-1" in station.expect("rejected", reason="duplicate-uid")["message"]
                station.end_input()
                assert station.wait() == 0
        assert len(server.committed) == 1


def test_sigterm_sends_nothing_early(tmp_path: Path) -> None:
    """SIGTERM within the undo window ends the station at once with 0; the pair stays held and goes out later."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url, TAGSMITH_COURIER__HOLD_S="60")
        with Headless("--reader", scenario(tmp_path, put(1)), env=env) as station:
            station.expect("tapped")
            station.send("N-1")
            station.expect("paired")
            assert station.terminate() == 0
        assert not server.requests
        assert [entry["state"] for entry in entries(env)] == ["held"]
        once = tagsmith("courier", "--once", env={**env, "TAGSMITH_COURIER__HOLD_S": "0"})
        assert once.returncode == 0, once.stderr
        assert [entry["state"] for entry in entries(env)] == ["reserved"]


def test_what_is_left_is_told_by_the_exit_code(tmp_path: Path) -> None:
    """When the API cannot be reached within drain_s the station ends with 3 and keeps the pair."""
    with WireServer(key=KEY) as server:
        url = server.url
    env = environment(tmp_path, url, TAGSMITH_COURIER__DRAIN_S="1")
    with Headless("--reader", scenario(tmp_path, put(1)), env=env) as station:
        station.expect("tapped")
        station.send("N-1")
        station.expect("paired")
        station.end_input()
        assert station.wait() == 3
    assert [entry["state"] for entry in entries(env)] == ["queued"]


def test_production_holds_pairs_until_the_byte_order_is_confirmed(tmp_path: Path) -> None:
    """An API that is neither loopback nor stage gets nothing; pairs are made and held, and the event stream says so."""
    env = environment(tmp_path, "https://drive.invalid/drive")
    with Headless("--reader", scenario(tmp_path, put(1)), env=env) as station:
        assert station.expect("ready")["delivery"] == "held-back"
        station.expect("tapped")
        station.send("N-1")
        station.expect("paired")
        station.end_input()
        assert station.wait() == 3
    assert [entry["state"] for entry in entries(env)] == ["held"]


def test_suspect_order_stops_production_only(tmp_path: Path) -> None:
    """A key that looks read backwards is paired with a warning in the sandbox, and refused for production."""
    suspect = 'put = "967d009d671818"'
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        with Headless("--reader", scenario(tmp_path, suspect), env=env) as station:
            assert station.expect("tapped")["warnings"] == ["reader-order-suspect"]
            station.send("N-1")
            assert station.expect("paired")["warnings"] == ["reader-order-suspect"]
    env = environment(tmp_path, "https://drive.invalid/drive")
    with Headless("--reader", scenario(tmp_path, suspect), env=env) as station:
        station.expect("rejected", reason="reader-order-suspect")


def test_rejected_key_stops_delivery_and_loses_nothing(tmp_path: Path) -> None:
    """After a 401 nothing more is sent; with the right key the next start delivers what remained."""
    with WireServer(key="another-key") as server:
        env = environment(tmp_path, server.url)
        with Headless("--reader", scenario(tmp_path, put(1)), env=env) as station:
            station.expect("tapped")
            station.send("N-1")
            station.expect("paired")
            station.end_input()
            assert station.wait() == 3
        assert len(server.requests) == 1
        assert not server.committed
        once = tagsmith("courier", "--once", env={**env, "TAGSMITH_API__KEY": "another-key"})
        assert once.returncode == 0, once.stderr
        assert sum(server.committed.values()) == 1
    assert KEY not in station.stderr


def test_reader_away_at_start_and_lost_later(tmp_path: Path) -> None:
    """The station starts without its reader, takes it when it comes, and goes on after a loss."""
    steps = ('fault = "missing"\nfor_s = 0.5', put(1), "pause_s = 0.5", "unplug = true\nfor_s = 0.5", put(2))
    path = tmp_path / "late.toml"
    path.write_text("".join(f"[[step]]\n{step}\n\n" for step in steps), encoding="utf-8")
    with (
        WireServer(key=KEY) as server,
        Headless("--reader", f"sim:{path}", env=environment(tmp_path, server.url)) as station,
    ):
        station.expect("reader", state="missing")
        station.expect("tapped", uid=uid(1))
        station.send("N-1")
        station.expect("paired")
        station.expect("reader", state="lost")
        station.expect("reader", state="ready")
        station.expect("tapped", uid=uid(2))


def test_a_half_pair_does_not_survive_its_reader(tmp_path: Path) -> None:
    """After a loss the number that comes joins nothing: whose key it is on a dead reader nobody saw."""
    with WireServer(key=KEY) as server:
        reader = scenario(tmp_path, put(1), "pause_s = 0.3", "unplug = true")
        with Headless("--reader", reader, env=environment(tmp_path, server.url)) as station:
            station.expect("tapped")
            station.expect("rejected", reason="reader-lost")
            station.send("N-OF-ANOTHER-KEY")
            station.expect("rejected", reason="no-tag")
            assert station.terminate() == 0
        assert not any(event["event"] == "paired" for event in station.events)


def test_lanes_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    """They would be one address for two keys."""
    readers = '[{"spec": "sim:a", "lane": "A"}, {"spec": "sim:b", "lane": "a"}]'
    env = environment(tmp_path, "http://127.0.0.1:9", TAGSMITH_READER=readers)
    done = called("run", "--headless", env=env)
    assert done.returncode == 1
    assert "lane" in done.stderr


def test_a_bound_scanner_feeds_its_lane_only(tmp_path: Path) -> None:
    """Its plain numbers go to that lane; a lane that no reader has is refused at the start."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    readers = ["--reader", scenario(tmp_path / "a", put(1)), "--reader", scenario(tmp_path / "b", put(2))]
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url, TAGSMITH_SCANNER='[{"spec": "stdin:", "lane": "2"}]')
        with Headless(*readers, env=env) as station:
            station.expect("tapped")
            station.expect("tapped")
            station.send("N-2")
            assert station.expect("paired")["uid"] == uid(2)
        env["TAGSMITH_SCANNER"] = '[{"spec": "stdin:", "lane": "nowhere"}]'
        refused = called("run", "--headless", *readers, env=env)
        assert refused.returncode == 1
        assert "nowhere" in refused.stderr


def test_a_station_that_stands_by_hears_of_its_deliveries(tmp_path: Path) -> None:
    """Two stations on one journal: one sends, and the other still reports what became of its own pairs."""
    (tmp_path / "b").mkdir()
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        with Headless("--reader", scenario(tmp_path, put(1)), env=env) as active:
            assert active.expect("ready")["delivery"] == "active"
            with Headless("--reader", scenario(tmp_path / "b", put(2)), env=env) as other:
                assert other.expect("ready")["delivery"] == "standby"
                other.expect("tapped")
                other.send("N-2")
                entry = other.expect("paired")["entry"]
                assert other.expect("delivered", entry=entry)["state"] == "reserved"


def test_a_locked_journal_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """SIGTERM ends the station while another program holds the journal; the pair was never reported."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        with Headless("--reader", scenario(tmp_path, "pause_s = 0.5", put(1)), env=env) as station:
            station.expect("ready")
            locked = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
            locked.execute("begin immediate")
            station.expect("tapped")
            station.send("N-1")
            station.expect_nothing("paired", 0.5)
            started = time.monotonic()
            assert station.terminate() == 0
            assert time.monotonic() - started < 20, "it waited for the lock"
            locked.execute("rollback")
            locked.close()
        assert not entries(env)


def test_any_number_is_printed_whatever_the_locale(tmp_path: Path) -> None:
    """JSON is UTF-8: a number that the terminal's encoding lacks is no reason to lose its line."""
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url, PYTHONIOENCODING="latin-1")
        with Headless("--reader", scenario(tmp_path, put(1)), env=env) as station:
            station.expect("tapped")
            station.send("N€1")
            assert station.expect("paired")["visual_number"] == "N€1"


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 1)], ids=["stdin", "stdout"])
def test_closed_streams_are_told_in_words(tmp_path: Path, closed: str, code: int) -> None:
    """No standard input is one that has ended; without standard output the station does not start."""
    command = f'exec "{sys.executable}" -m tagsmith run --headless --reader sim: {closed}'
    done = subprocess.run(
        ["sh", "-c", command],
        env=environment(tmp_path, "http://127.0.0.1:9"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_several_lanes_take_numbers_by_name(tmp_path: Path) -> None:
    """With several readers a line must name its lane; one that names none is refused and joins nothing."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    readers = [scenario(tmp_path / "a", put(1)), scenario(tmp_path / "b", put(2))]
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        with Headless("--reader", readers[0], "--reader", readers[1], env=env) as station:
            assert station.expect("ready")["lanes"] == ["1", "2"]
            station.expect("tapped")
            station.expect("tapped")
            station.send("N-0")
            station.expect("rejected", reason="unknown-lane")
            station.send("2\tN-2")
            assert station.expect("paired", lane="2")["uid"] == uid(2)
            station.send("1\tN-1")
            assert station.expect("paired", lane="1")["uid"] == uid(1)


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        (status(500), {"reserved"}),
        (DROP_AFTER_COMMIT, {"unknown"}),
        # The courier's own tests have each of these, without a process.
        pytest.param(status(500, commit=True), {"unknown"}, marks=pytest.mark.long),
        pytest.param(status(429, retry_after="0"), {"reserved"}, marks=pytest.mark.long),
        pytest.param(HANG, {"reserved"}, marks=pytest.mark.long),
        pytest.param(GARBAGE, {"reserved"}, marks=pytest.mark.long),
        pytest.param(HALF_BODY, {"unknown"}, marks=pytest.mark.long),
    ],
    ids=["500", "commit-and-drop", "500-after-commit", "429", "nothing", "garbage", "half-a-body"],
)
def test_a_faulty_answer_neither_loses_nor_lies(tmp_path: Path, fault: object, states: set[str]) -> None:
    """After one bad answer the entry ends where the truth allows, and stands at the server exactly once."""
    with WireServer(key=KEY, plan=in_turn([fault])) as server:  # type: ignore[list-item]
        env = environment(tmp_path, server.url, TAGSMITH_API__TIMEOUT_S="1")
        with Headless("--reader", scenario(tmp_path, put(1)), env=env) as station:
            station.expect("tapped")
            station.send("N-1")
            station.expect("paired")
            station.end_input()
            assert station.wait() == 0
        assert {entry["state"] for entry in entries(env)} == states
        assert list(server.committed.values()) == [1]


def test_nobody_reads_the_events(tmp_path: Path) -> None:
    """When standard output is closed the station ends, because nobody would see a refusal."""
    with WireServer(key=KEY) as server:
        command = [sys.executable, "-m", "tagsmith", "run", "--headless"]
        process = subprocess.Popen(
            [*command, "--reader", scenario(tmp_path, "pause_s = 0.5", put(1))],
            env=environment(tmp_path, server.url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert b'"reader"' in process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 1
        _, said = process.communicate()
        assert b"nobody reads" in said
        assert b"Traceback" not in said


def test_a_service_reads_no_standard_input(tmp_path: Path) -> None:
    """With --no-stdin it starts only with a scanner of its own, and an empty standard input is no end then."""
    own = '[{"spec": "serial:/dev/ttyNOBODY"}]'
    with WireServer(key=KEY) as server:
        env = environment(tmp_path, server.url)
        for scanners in ("[]", '[{"spec": "stdin:"}]'):
            env["TAGSMITH_SCANNER"] = scanners
            refused = called("run", "--headless", "--no-stdin", "--reader", "sim:", env=env)
            assert (refused.returncode, "write a [[scanner]]" in refused.stderr) == (1, True), refused.stderr
        env["TAGSMITH_SCANNER"] = own
        with Headless("--no-stdin", "--reader", scenario(tmp_path, "pause_s = 1", put(1)), env=env) as station:
            station.expect("ready")
            station.end_input()
            station.expect("tapped")
            assert station.terminate() == 0
