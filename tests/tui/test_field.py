"""The technician's form from end to end: a real station, a simulated reader, a Drive API on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.field import KEY, NUMBER, OTHER, A, B, form, sandbox
from tagsmith.enrolment import Reached, Wish
from tagsmith.model import State
from tagsmith.sandbox import Sandbox
from tagsmith.station import FieldStation as RealStation
from tagsmith.tui.port import FieldStation
from tagsmith.uid import Uid


@pytest.fixture
def api() -> Iterator[Sandbox]:
    """A sandbox that knows every user but `nobody`."""
    with sandbox(unknown_users=("nobody",)) as made:
        yield made


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded test machine is no station that stood still."""
    monkeypatch.setattr("tagsmith.bench.beat.STALL_S", 30.0)


def wire(uid: str) -> str:
    """A UID as the API gets it."""
    return bytes.fromhex(uid)[::-1].hex()


def numbers_of(api: Sandbox, user: str) -> dict[str, str]:
    """The user's keys that have a number, with their names."""
    return {key.reference_id: key.name for key in api.store.keys.get(user, ()) if key.reference_id}


@pytest.mark.parametrize("size", [(40, 15), pytest.param((80, 24), marks=pytest.mark.long)], ids=["40x15", "80x24"])
async def test_a_key_is_enrolled_and_works(tmp_path: Path, api: Sandbox, size: tuple[int, int]) -> None:
    """User, tap, scan, name, one F4: reserved, activated and named at once; the form shows the contract and "works"."""
    async with form(tmp_path, api.url, size=size) as it:
        await it.user("driver-1")
        await it.sees("known, has no key")
        await it.tap(A)
        await it.scan(NUMBER)
        await it.sees(f"{NUMBER} with {A}", "for driver-1?")
        it.pilot.app.screen.query_one("#name").focus()
        await it.type("my van")
        await it.sees("named my van?")
        assert not it.records()
        assert not api.store.reservations
        await it.press("f4")
        await it.until(lambda: it.reached is Reached.ACTIVE, "not active")
        (record,) = it.records()
        assert record.contract_id
        await it.sees(record.contract_id, "works for driver-1" if size[0] > 40 else "works", "[x] active")
        await it.until(lambda: numbers_of(api, "driver-1") == {NUMBER: "my van"}, "no name")
        await it.sees("known, has 1 key", "my van")
        assert (record.entry.user_id, record.entry.uid_api) == ("driver-1", wire(A))
        assert (it.field("number"), it.field("name"), it.field("user")) == ("", "", "driver-1")


async def test_scans_and_typing_never_meet(tmp_path: Path, api: Sandbox) -> None:
    """A burst into a focused field is the number, and nothing of it is text; what is typed there is no number."""
    async with form(tmp_path, api.url) as it:
        await it.tap(A)
        await it.user("driver-1")
        it.pilot.app.screen.query_one("#user").focus()
        await it.scan(NUMBER)
        await it.until(lambda: it.station.view().lanes[0].number == NUMBER, "no number")
        assert it.field("user") == "driver-1"
        it.pilot.app.screen.query_one("#name").focus()
        await it.type("DE-8PS-17")
        await it.press("enter")
        await it.pilot.pause(0.2)
        assert it.station.view().lanes[0].number == NUMBER
        assert it.field("name") == "DE-8PS-17"


async def test_a_typed_number_counts_with_enter_and_can_be_corrected(tmp_path: Path, api: Sandbox) -> None:
    """In its field, whatever comes first; another one takes its place until it is confirmed."""
    async with form(tmp_path, api.url, user="driver-1") as it:
        it.pilot.app.screen.query_one("#number").focus()
        await it.type("N-1")
        assert it.station.view().lanes[0].number == ""
        await it.press("enter")
        await it.until(lambda: it.station.view().lanes[0].number == "N-1", "no number")
        await it.tap(A)
        await it.sees(f"N-1 with {A}")
        it.pilot.app.screen.query_one("#number").value = OTHER  # type: ignore[attr-defined]
        it.pilot.app.screen.query_one("#number").focus()
        await it.press("enter")
        await it.sees(f"{OTHER} with {A} for driver-1?")
        await it.press("f4")
        await it.until(lambda: it.reached is Reached.ACTIVE, "not active")
        assert [record.entry.visual_number for record in it.records()] == [OTHER]


@pytest.mark.parametrize(
    ("laid", "said"),
    [((B,), "Another key came in between"), ((A, B), "Two keys are on the reader"), ((), "not on the reader")],
    ids=["another", "two", "none"],
)
async def test_a_key_that_changes_before_the_word_is_refused(
    tmp_path: Path, api: Sandbox, laid: tuple[str, ...], said: str
) -> None:
    """Nothing is saved, and the form says why."""
    async with form(tmp_path, api.url, user="driver-1") as it:
        await it.sees("known")
        await it.tap(A)
        await it.scan(NUMBER)
        await it.sees(f"{A} for driver-1?")
        it.reader.feed.remove()
        if laid:
            it.reader.feed.put(*laid)
            await it.sees(said)
        else:
            await it.pilot.pause(0.8)  # the pump makes sure that it is gone
        await it.press("f4")
        await it.sees(said)
        assert not it.records()
        assert not api.store.reservations


async def test_a_user_the_api_does_not_know_is_said_and_nothing_is_saved(tmp_path: Path, api: Sandbox) -> None:
    """Before anything is reserved, where the API can be asked."""
    async with form(tmp_path, api.url) as it:
        await it.user("nobody")
        await it.sees("NOT KNOWN to the API")
        await it.tap(A)
        await it.scan(NUMBER)
        await it.sees("The API does not know the user nobody.")
        it.station.enroll(Wish(Uid.from_hex(A), NUMBER, "nobody"))
        await it.until(lambda: it.station.form().said is not None, "not refused")
        assert not it.records()
        await it.user("driver-1")
        await it.sees(f"{A} for driver-1?")


async def test_offline_it_is_kept_and_sent_when_the_network_is_back(tmp_path: Path) -> None:
    """Stopped and started again: the form says what is saved and what will be sent, and then that it works."""
    state = tmp_path / "api.json"
    with sandbox(state=state) as first:
        url, port = first.url, int(first.url.rpartition(":")[2])
    async with form(tmp_path, url) as it:
        await it.user("driver-1")
        await it.sees("OFFLINE")
        await it.enroll(A, NUMBER)
        await it.sees("is saved.", "Reserved and activated for driver-1 when the network is back.", "not sent yet: 1")
        assert [record.state for record in it.records()] in ([State.HELD], [State.QUEUED])
        await it.press("f10")
        await it.sees("1 key is saved and not sent yet", "tagsmith courier")
        await it.press("escape")
        with sandbox(port=port, state=state) as again:
            await it.until(lambda: it.reached is Reached.ACTIVE, "not active")
            await it.sees("works for driver-1", "known, has 1 key")
            assert list(numbers_of(again, "driver-1")) == [NUMBER]


async def test_leaving_offline_says_so_and_the_next_run_sends(tmp_path: Path) -> None:
    """What the terminal is left with, and an enrolment that the next run takes up."""
    with sandbox() as first:
        url, port = first.url, int(first.url.rpartition(":")[2])
    async with form(tmp_path, url, user="driver-1") as it:
        await it.sees("OFFLINE")
        await it.enroll(A, NUMBER)
        await it.sees("not sent yet: 1")
        await it.press("f10")
        await it.sees("F10 leaves.")
        await it.press("f10")
        assert "1 key is saved and not sent yet" in it.pilot.app.last_words  # type: ignore[attr-defined]
    with sandbox(port=port) as again:
        async with form(tmp_path, url) as it:
            await it.until(lambda: it.reached is Reached.ACTIVE, "not active")
            assert list(numbers_of(again, "driver-1")) == [NUMBER]


async def test_a_user_named_offline_is_corrected_without_losing_the_reservation(tmp_path: Path) -> None:
    """The activation finds no such user: the key stays reserved, once, and is activated for the right one."""
    with sandbox() as first:
        url, port = first.url, int(first.url.rpartition(":")[2])
    async with form(tmp_path, url, user="nobody") as it:
        await it.sees("OFFLINE")
        await it.enroll(A, NUMBER)
        await it.sees("is saved.")
        with sandbox(port=port, unknown_users=("nobody",)) as again:
            await it.until(lambda: it.reached is Reached.NO_USER, "no 404")
            await it.sees("does not know the user nobody", "Correct the user above")
            await it.user("driver-2")
            await it.sees("F4: activate it for driver-2.")
            await it.press("f4")
            async with asyncio.timeout(10):  # at once: the courier looks by itself only after longer than that
                await it.until(lambda: it.reached is Reached.ACTIVE, "not corrected")
            await it.sees("works for driver-2")
            assert list(numbers_of(again, "driver-2")) == [NUMBER]
            posts = [request for request in again.store.requests if request.path.endswith("/reservations")]
            assert sum(request.status == 201 for request in posts) == 1
            (record,) = it.records()
            assert (record.entry.user_id, record.state) == ("driver-2", State.ACTIVE)


@pytest.mark.long
async def test_a_stray_of_an_earlier_run_is_still_there(tmp_path: Path) -> None:
    """A reserved key without its user is not forgotten when the form is left."""
    with sandbox() as first:
        url, port = first.url, int(first.url.rpartition(":")[2])
    async with form(tmp_path, url, user="nobody") as it:
        await it.sees("OFFLINE")
        await it.enroll(A, NUMBER)
        await it.sees("is saved.")
        with sandbox(port=port, unknown_users=("nobody",)):
            await it.until(lambda: it.reached is Reached.NO_USER, "no 404")
    with sandbox(port=port, unknown_users=("nobody",)):
        async with form(tmp_path, url) as it:
            await it.sees("does not know the user nobody")


async def test_a_lost_key_is_replaced(tmp_path: Path, api: Sandbox) -> None:
    """Chosen among the user's keys, disabled after a question, and the new one enrolled; the virtual one is hidden."""
    api.store.reserve("application/json", f'{{"uid": "{wire(B)}", "visualNumber": "OLD-1"}}'.encode())
    api.store.activate("driver-1", "OLD-1")
    async with form(tmp_path, api.url, user="driver-1") as it:
        await it.sees("known, has 1 key", "OLD-1")
        await it.press("f6")
        await it.sees("> works OLD-1")
        await it.press("enter")
        await it.sees("Disable OLD-1")
        await it.press("escape")
        assert all(key.enabled for key in api.store.keys["driver-1"])
        await it.press("enter")
        await it.sees("Disable OLD-1")
        await it.press("f4")
        await it.sees("The old key is disabled: OLD-1", "Tap the new key.", "off")
        assert [key.enabled for key in api.store.keys["driver-1"] if key.reference_id == "OLD-1"] == [False]
        await it.enroll(A, NUMBER)
        await it.until(lambda: it.reached is Reached.ACTIVE, "not active")
        await it.sees("known, has 2 keys")


async def test_a_disabling_that_fails_is_not_told_as_done(tmp_path: Path, api: Sandbox) -> None:
    """The API refuses: the form says that the old key is not disabled."""
    api.store.reserve("application/json", f'{{"uid": "{wire(B)}", "visualNumber": "OLD-1"}}'.encode())
    api.store.activate("driver-1", "OLD-1")
    async with form(tmp_path, api.url, user="driver-1") as it:
        await it.sees("OLD-1")
        api.faults.add("change:403")
        await it.press("f6")
        await it.press("enter")
        await it.press("f4")
        await it.sees("NOT disabled")


@pytest.mark.long
async def test_a_name_whose_answer_is_lost_is_given_again(tmp_path: Path, api: Sandbox) -> None:
    """The key works meanwhile, and the form says that the name is still to come."""
    async with form(tmp_path, api.url, user="driver-1") as it:
        await it.sees("known")
        api.faults.add("change:cut x2")
        it.pilot.app.screen.query_one("#name").focus()
        await it.type("van")
        await it.enroll(A, NUMBER)
        await it.sees("not named yet", "works for driver-1")
        await it.until(lambda: numbers_of(api, "driver-1") == {NUMBER: "van"}, "no name")
        await it.sees("named van")


@pytest.mark.long
async def test_a_duplicate_number_is_refused_before_it_is_confirmed(tmp_path: Path, api: Sandbox) -> None:
    """The journal holds it already."""
    async with form(tmp_path, api.url, user="driver-1") as it:
        await it.sees("known")
        await it.enroll(A, NUMBER)
        await it.until(lambda: it.reached is Reached.ACTIVE, "not active")
        await it.pilot.pause(0.1)
        await it.tap(B)
        await it.scan(NUMBER)
        await it.sees("already used")


async def test_one_reader_only(tmp_path: Path) -> None:
    """A form has one lane."""
    from tagsmith.config import settings_of
    from tagsmith.errors import ConfigError

    settings = settings_of(
        api={"url": "http://127.0.0.1:1", "key": KEY},
        journal={"url": f"sqlite:///{tmp_path}/j"},
        reader=[{"spec": "sim:", "lane": "1"}, {"spec": "sim:x", "lane": "2"}],
    )
    with pytest.raises(ConfigError, match="one reader"):
        await asyncio.to_thread(RealStation, settings, readers={"sim:": None, "sim:x": None})  # type: ignore[dict-item]


def test_the_station_is_what_the_form_needs() -> None:
    """The door that the glass knows and the station's are one."""
    door: type[FieldStation] = RealStation
    assert {"form", "ask_user", "enroll", "correct", "disable"} <= set(dir(door))
