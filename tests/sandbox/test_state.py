"""The state file: what was answered is there after any end, and what is no state file is refused."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.raw_http import RESERVATIONS, exchange, request, status_of
from tagsmith.errors import ConfigError, StationError
from tagsmith.sandbox import Sandbox, Store
from tagsmith.sandbox.rules import Problem
from tagsmith.sandbox.state import StateFile

NOW = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)
JSON = "application/json"
ORDER = {
    "address": {"addressLine1": "Gräsvägen 1", "postalCode": "1", "city": "Solna", "country": "Sweden"},
    "taxationCountry": "SE",
}


def opened(path: Path) -> tuple[Store, StateFile]:
    """A store that keeps everything in this file."""
    store, state = Store(clock_utc=lambda: NOW), StateFile(path)
    store.keep_in(state)
    return store, state


def reserve(store: Store, uid: str, number: str) -> None:
    store.reserve(JSON, json.dumps({"uid": uid, "visualNumber": number}).encode())


def filled(path: Path) -> Store:
    """One of each, and then some."""
    store, state = opened(path)
    for index, number in enumerate(["A1", "Grün/№", "<b>"]):
        reserve(store, f"27b8904{index}", number)
    store.activate("ada", "A1")
    store.activate("bob", "<b>")
    store.change("ada", "27b89040", JSON, json.dumps({"name": "mïne №", "enabled": False}).encode())
    store.plug_and_charge("ada", JSON, json.dumps({"pcid": "WDBRF61J21F123456"}).encode())
    store.order("ada", JSON, json.dumps(ORDER).encode())
    state.close()
    return store


def test_everything_is_there_again(tmp_path: Path) -> None:
    """Reservations, keys as they were changed, orders with their times, and what they forbid."""
    before = filled(tmp_path / "state")
    after, state = opened(tmp_path / "state")
    assert after.reservations == before.reservations
    assert after.keys == before.keys
    assert after.list_orders("ada") == before.list_orders("ada")
    first, second = before.view(), after.view()
    assert second == first._replace(version=second.version)
    for act, status in (
        (lambda: reserve(after, "27B89040", "A9"), 409),
        (lambda: reserve(after, "27b89049", "Grün/№"), 409),
        (lambda: after.activate("bob", "A1"), 409),
        (lambda: after.order("ada", JSON, json.dumps(ORDER).encode()), 429),
    ):
        with pytest.raises(Problem) as caught:
            act()
        assert caught.value.status == status
    made = after.plug_and_charge("bob", JSON, json.dumps({"pcid": "WDBRF61J21F123457"}).encode())
    contracts = [key.contract_id for keys in after.keys.values() for key in keys]
    assert contracts.count(str(made["contractId"])) == 1
    assert after.order("bob", JSON, json.dumps(ORDER).encode())["id"] == "order2"
    state.close()


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_file_that_ends_anywhere_is_what_was_written_whole(tmp_path: Path, data: st.DataObject) -> None:
    """A process may vanish after any byte: the half line was never answered and goes; the file goes on from there."""
    path = tmp_path / "state"
    path.unlink(missing_ok=True)
    whole = filled(path)
    content = path.read_bytes()
    end = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:end])
    store, state = opened(path)
    assert store.reservations == whole.reservations[: len(store.reservations)]
    assert len(store.reservations) == content[:end].count(b'\n{"reserved"') - (
        content[:end].rpartition(b"\n")[2].startswith(b'{"reserved"')
    )
    reserve(store, "7d009d67181896", "new")
    state.close()
    again, state = opened(path)
    assert again.reservations == store.reservations
    state.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[api]\nurl = 1\n", "damaged in line 1"),
        (b"{}\n", "no state file"),
        (b'{"tagsmith-sandbox": 2}\n', "no state file"),
        (b"something without an end", "no state file"),
        (b'{"tagsmith-sandbox": 1}\nx\n', "damaged in line 2"),
        (b'{"tagsmith-sandbox": 1}\n{"reserved":{"uid":"1"}}\n', "damaged in line 2"),
        (b'{"tagsmith-sandbox": 1}\n{"other":{}}\n', "damaged in line 2"),
        (b'{"tagsmith-sandbox": 1}\n[]\n', "damaged in line 2"),
        (b'{"tagsmith-sandbox": 1}\n\n', "damaged in line 2"),
    ],
)
def test_what_is_no_state_file_is_refused_and_left_alone(tmp_path: Path, content: bytes, words: str) -> None:
    """A wrong path must not cost anybody a file."""
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        Sandbox(state=path).start()
    assert path.read_bytes() == content


def test_a_state_file_has_one_sandbox(tmp_path: Path) -> None:
    """A second one is told; afterwards the file is free again, and its port is not left taken by who failed."""
    path = tmp_path / "state"
    with Sandbox(state=path) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(StationError, match="another sandbox keeps its state"):
            Sandbox(state=path).start()
    with Sandbox(state=path, port=port):
        pass
    with pytest.raises(StationError, match="No such file"):
        Sandbox(state=tmp_path / "none" / "state").start()


def test_what_cannot_be_kept_is_not_done(tmp_path: Path) -> None:
    """500 instead of a success that the next start would not know of; afterwards it goes on."""
    path = tmp_path / "state"
    store, state = opened(path)
    before = path.read_bytes()
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 10):
        # As a full disc: of the line a part is written, or nothing.
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, most))
        try:
            with pytest.raises(Problem) as caught:
                reserve(store, "27b89043", "A1")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert caught.value.status == 500
        assert path.read_bytes() == before
    assert store.reservations == ()
    reserve(store, "27b89043", "A1")
    state.close()
    again, state = opened(path)
    assert again.reservations == store.reservations
    state.close()


SERVE = """
import sys
from pathlib import Path
from tagsmith.sandbox import Sandbox, serve
serve(Sandbox(state=Path(sys.argv[1])), lambda made: print(made.url, flush=True))
"""


def test_an_answered_reservation_outlives_a_kill(tmp_path: Path) -> None:
    """SIGKILL right after the 201, again and again: each is there at the next start."""
    path, answered = tmp_path / "state", []
    for turn in range(2):
        process = subprocess.Popen([sys.executable, "-c", SERVE, str(path)], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            for index in range(5):
                number = f"A{turn}-{index}"
                got = exchange(
                    url, request("POST", RESERVATIONS, {"uid": f"27b89{turn}0{index}", "visualNumber": number})
                )
                assert status_of(got) == 201
                answered.append(number)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            process.stdout.close()  # type: ignore[union-attr]
    store, state = opened(path)
    assert [one.visual_number for one in store.reservations] == answered
    state.close()
