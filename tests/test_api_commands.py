"""`keys`, `orders` and `pnc` as people and programs use them: against the sandbox, and against a server of its own.

The second server follows the API's documents and shares no code with tagsmith, so whatever passes here with both is
read right, or misread twice in the same way.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from support.cli import CommandLine
from support.headless import Headless, environment
from support.journal import entry as journal_entry
from support.journal import laid
from support.seed_server import KEY as SAMPLE
from support.seed_server import ORDER, SeedServer
from tagsmith.drive import DriveClient, NoteState, OrderNotes, Reservation
from tagsmith.drive.endpoints import ENDPOINTS
from tagsmith.journal import Journal
from tagsmith.sandbox import Sandbox
from tagsmith.uid import Uid

API_KEY = "s3cr3t-of-the-commands"
USER = ("--user", "user-1")
NUMBER = "DE*8PS*CD0C00*2"
PCID = "WDBRF61J21F123456"
ADDRESS = (
    *("--address-line1", "Driver road 1", "--postal-code", "11122", "--city", "Berlin", "--country", "Germany"),
    *("--taxation-country", "DE"),
)
KEYS = "/v1/users/user-1/charging-keys"
PLACE = ("orders", "place", *USER, *ADDRESS)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line, with a journal of its own that is not there yet."""
    monkeypatch.setenv("TAGSMITH_API__KEY", API_KEY)
    monkeypatch.setenv("TAGSMITH_JOURNAL__URL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
def seed(monkeypatch: pytest.MonkeyPatch) -> Iterator[SeedServer]:
    with SeedServer(key=API_KEY) as server:
        monkeypatch.setenv("TAGSMITH_API__URL", server.url)
        yield server


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(key=API_KEY) as sandbox:
        monkeypatch.setenv("TAGSMITH_API__URL", sandbox.url)
        yield sandbox


@pytest.fixture(params=["seed", "sandbox"])
def api(request: pytest.FixtureRequest) -> str:
    """Each of the two servers in turn: its URL."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, SeedServer | Sandbox)
    return server.url


def reserve(url: str, uid: str = "27b89043", number: str = NUMBER) -> None:
    """Reserve a pair there, as a station does."""

    async def send() -> None:
        async with DriveClient(url, API_KEY) as drive:
            await drive.reserve(Reservation(uid=uid, visual_number=number).body())

    asyncio.run(send())


def notes() -> OrderNotes:
    """What this test's machine remembers of orders."""
    return OrderNotes(Path(os.environ["XDG_STATE_HOME"]) / "tagsmith")


# --- each command, with both servers -----------------------------------------------------------------------------


def test_keys_from_activation_to_the_end(api: str, run: CommandLine) -> None:
    """Activate, list, rename, disable, enable: in words, and as JSON with the API's own names."""
    reserve(api)
    done = run("keys", "activate", NUMBER, *USER, "--yes", "--json")
    assert done.code == 0, done.err
    key = done.json
    assert (key["keyId"], key["referenceId"], key["type"], key["enabled"]) == ("27b89043", NUMBER, "tag", True)
    for identifier in ("27b89043", key["contractId"]):
        assert run("keys", "disable", identifier, *USER, "--json").json["enabled"] is False
        assert run("keys", "enable", identifier, *USER, "--json").json["enabled"] is True
    done = run("keys", "rename", "27b89043", "Anna's key №1", *USER)
    assert done.code == 0, done.err
    assert "Anna's key №1" in done.out
    done = run("keys", "list", *USER)
    (head, row) = done.out.splitlines()
    assert head.split("  ")[0] == "NAME"
    assert all(part in row for part in ("Anna's key №1", NUMBER, "27b89043", key["contractId"], "tag", "enabled"))
    assert [one["type"] for one in run("keys", "list", *USER, "--json").json] == ["tag"]
    assert {one["type"] for one in run("keys", "list", *USER, "--virtual", "--json").json} == {"tag", "virtual"}


def test_orders_from_the_price_to_the_receipt(api: str, run: CommandLine) -> None:
    """Prices with the raw value, an order, the list, the receipt."""
    done = run("orders", "prices")
    assert (done.code, "COUNTRY  AMOUNT" in done.out, "FI" in done.out) == (0, True, True)
    assert "whole units" in done.err
    (price,) = [one for one in run("orders", "prices", "--json").json if one["country"] == "FI"]
    assert (price["currency"], price["vat"]) == ("EUR", 25)
    assert (price["priceMinorInclVat"], price["amount"]) in ((10, "0.10"), (1000, "10.00"))
    done = run(*PLACE, "--first-name", "Jörg", "--payment-option-id", "free", "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["state"] == "ORDER_PLACED"
    order = done.json["id"]
    (listed,) = run("orders", "list", *USER, "--json").json
    assert (listed["id"], listed["state"], listed["rawState"]) == (order, "UNKNOWN", "ORDER_FREE_OF_CHARGE")
    assert listed["address"]["firstName"] == "Jörg"
    shown = run("orders", "list", *USER).out
    assert "UNKNOWN (ORDER_FREE_OF_CHARGE)" in shown
    assert "Jörg, Driver road 1, 11122 Berlin, Germany" in shown
    assert run("orders", "receipt", order, *USER).out.startswith("receipt  https://")
    assert run("orders", "receipt", order, *USER, "--json").json["url"].startswith("https://")


def test_vehicles_from_creation_to_the_end(api: str, run: CommandLine) -> None:
    """Create with and without a contract, disable, enable; a letter that no vehicle has is pointed out, not refused."""
    done = run("pnc", "create", PCID.lower(), *USER, "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["pcid"] == PCID
    assert done.json["keyId"] == done.json["contractId"]
    done = run("pnc", "create", "WDBRFO1J21F123456", "--contract-id", "DE-8PS-C0AD21B19-Q", *USER, "--yes")
    assert done.code == 0, done.err
    assert "has O" in done.err
    assert "DE-8PS-C0AD21B19-Q" in done.out
    assert run("pnc", "disable", "DE-8PS-C0AD21B19-Q", *USER, "--json").json["enabled"] is False
    assert run("pnc", "enable", "DE-8PS-C0AD21B19-Q", *USER, "--json").json["enabled"] is True
    assert {one["type"] for one in run("keys", "list", *USER, "--json").json} == {"plug_and_charge"}


# --- each documented error ---------------------------------------------------------------------------------------

COMMANDS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "activate": (
        ("keys", "activate", NUMBER, *USER, "--yes"),
        "POST",
        f"{KEYS}/DE%2A8PS%2ACD0C00%2A2/activate",
    ),
    "rename": (("keys", "rename", "27b89043", "x", *USER), "PATCH", f"{KEYS}/27b89043"),
    "disable": (("keys", "disable", "27b89043", *USER), "PATCH", f"{KEYS}/27b89043"),
    "enable": (("pnc", "enable", "DE-8PS-C0AD21B13-Q", *USER), "PATCH", f"{KEYS}/DE-8PS-C0AD21B13-Q"),
    "list": (("keys", "list", *USER), "GET", KEYS),
    "place": ((*PLACE, "--yes"), "POST", f"{KEYS}/order"),
    "orders": (("orders", "list", *USER), "GET", f"{KEYS}/orders"),
    "receipt": (("orders", "receipt", "o1", *USER), "POST", f"{KEYS}/orders/o1/receipt"),
    "prices": (("orders", "prices"), "GET", "/v1/charging-keys/orders/configuration"),
    "create": (("pnc", "create", PCID, *USER, "--yes"), "POST", f"{KEYS}/plug-and-charge"),
}
STATUSES = {
    "activate": (400, 404, 409, 500),
    "rename": (400, 404, 500),
    "disable": (400, 404, 500),
    "enable": (400, 404, 500),
    "list": (400, 404, 500),
    "place": (400, 404, 429, 500),
    "orders": (500,),
    "receipt": (400, 404, 500),
    "prices": (404, 500),
    "create": (400, 404, 409, 500),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_an_error_is_told_with_what_to_do(seed: SeedServer, run: CommandLine, name: str) -> None:
    """The status, the API's own words, and a line that says what to do; nothing on standard output, no repetition.

    An undocumented status keeps its words, and no remedy is made up for it.
    """
    arguments, method, target = COMMANDS[name]
    for count, status in enumerate((418, *STATUSES[name]), start=1):
        seed.answer(method, target, status, b'{"message": "said by \\u001b[31mthe API"}')
        done = run(*arguments)
        assert done.code == (3 if (name, status) == ("place", 500) else 1)
        assert f"({status}: said by [31mthe API)" in done.err
        assert "\x1b" not in done.err
        assert ("  → " in done.err) is (status != 418)
        assert done.out == ""
        assert API_KEY not in done.err
        assert seed.count(method, target) == count


def test_every_documented_error_is_in_that_table() -> None:
    """All endpoints but the reservation, which only a station sends: it has a test of its own below."""
    of_commands = {(method, tuple(sorted(STATUSES[name]))) for name, (_, method, _) in COMMANDS.items()}
    assert {(one.method, tuple(sorted(one.errors))) for one in ENDPOINTS[1:]} == of_commands
    assert {(one.method, tuple(sorted(one.errors))) for one in ENDPOINTS[:1]} == {("POST", (400, 500))}


def one_reservation(folder: Path, url: str) -> tuple[Headless, str]:
    """A station of which a key and a number are taken, and its entry's id."""
    path = folder / "scenario.toml"
    path.write_text('[[step]]\npause_s = 0.3\n\n[[step]]\nput = "04a1b2c3d4e5f6"\n', encoding="utf-8")
    env = environment(folder, url, TAGSMITH_API__KEY=API_KEY, TAGSMITH_COURIER__DRAIN_S="0.2")
    station = Headless("--reader", f"sim:{path}", env=env)
    station.expect("tapped")
    station.send(NUMBER)
    return station, station.expect("paired")["entry"]


def test_each_error_of_a_reservation_through_the_station(seed: SeedServer, tmp_path: Path) -> None:
    """500: nobody knows, so the identical request goes again. 400 after that proves nothing. 400 at first is a no."""
    target = "/v1/charging-keys/reservations"
    for status in (500, 400):
        seed.answer("POST", target, status, b'{"message": "said by the API"}')
    station, _ = one_reservation(tmp_path, seed.url)
    with station:
        message = station.expect("delivered", state="unknown")["message"]
        assert "(500: said by the API)" in message
        station.end_input()
        station.wait()
    sent = [one.body for one in seed.asked if one.target == target]
    assert len(set(sent)) == 1
    assert seed.reserved == {}


@pytest.mark.parametrize(
    ("options", "state", "said"),
    [({"duplicate_status": 400}, "refused", "(400: "), ({"failing": {"reserve"}}, "unknown", "(500: ")],
    ids=["400", "500"],
)
def test_each_error_of_a_reservation_as_the_sandbox_comes_to_it(
    tmp_path: Path, options: dict[str, Any], state: str, said: str
) -> None:
    """A number that is reserved already, with another key; and one to order."""
    with Sandbox(key=API_KEY, **options) as sandbox:
        if state == "refused":
            reserve(sandbox.url)
        station, entry = one_reservation(tmp_path, sandbox.url)
        with station:
            event = station.expect("delivered", entry=entry, state=state)
            assert said in event["message"]
            station.end_input()
            assert station.wait() == (0 if state == "refused" else 3)


@dataclass(frozen=True)
class Natural:
    """A documented error as the sandbox comes to it by itself."""

    arguments: tuple[str, ...]
    status: int
    options: dict[str, Any]
    before: Callable[[CommandLine, str], object] = lambda run, url: None


NOBODY = ("--user", "unknown-1")
NO_ID = ("--user", "no id")
"""Never sent by a client that looks first."""
NATURAL = {
    "activate-404-user": Natural(("keys", "activate", NUMBER, *NOBODY, "--yes"), 404, {}, lambda _, url: reserve(url)),
    "activate-404-key": Natural(("keys", "activate", NUMBER, *USER, "--yes"), 404, {}),
    "activate-409": Natural(
        ("keys", "activate", NUMBER, "--user", "user-2", "--yes"),
        409,
        {},
        lambda run, url: (reserve(url), run("keys", "activate", NUMBER, *USER, "--yes")),
    ),
    "activate-400": Natural(("keys", "activate", NUMBER, *NO_ID, "--yes"), 400, {}),
    "list-400": Natural(("keys", "list", *NO_ID), 400, {}),
    "receipt-400": Natural(("orders", "receipt", "o1", *NO_ID), 400, {}),
    "change-400": Natural(("keys", "rename", "27b89043", "x" * 256, *USER), 400, {}),
    "change-404": Natural(("keys", "disable", "27b89043", *USER), 404, {}),
    "list-404": Natural(("keys", "list", *NOBODY), 404, {}),
    "order-400": Natural((*PLACE, "--company-name", "x" * 256, "--yes"), 400, {}),
    "order-404": Natural(("orders", "place", *NOBODY, *ADDRESS, "--yes"), 404, {}),
    "order-429": Natural(
        (*PLACE, "--yes"),
        429,
        {},
        # This machine forgets its order, as if another had placed it.
        lambda run, url: (run(*PLACE, "--yes"), notes().forget(notes().last(url, "user-1"))),  # type: ignore[arg-type]
    ),
    "receipt-404": Natural(("orders", "receipt", "o1", *USER), 404, {}),
    "receipt-404-unpaid": Natural(
        ("orders", "receipt", "order1", *USER),
        404,
        {},
        lambda run, url: run(*PLACE, "--payment-option-id", "fail", "--yes"),
    ),
    "prices-404": Natural(("orders", "prices"), 404, {"prices": ()}),
    "pnc-400-prefix": Natural(("pnc", "create", PCID, "--contract-id", "NL-TNM-C00122045-K", *USER, "--yes"), 400, {}),
    "pnc-400-feature": Natural(("pnc", "create", PCID, *USER, "--yes"), 400, {"plug_and_charge": False}),
    "pnc-404": Natural(("pnc", "create", PCID, *NOBODY, "--yes"), 404, {}),
    "pnc-409": Natural(
        ("pnc", "create", PCID, "--contract-id", "DE8PSC0AD21B13Q", "--user", "user-2", "--yes"),
        409,
        {},
        lambda run, _: run("pnc", "create", PCID, "--contract-id", "DE-8PS-C0AD21B13-Q", *USER, "--yes"),
    ),
    **{
        f"{endpoint}-500": Natural(COMMANDS[name][0], 500, {"failing": {endpoint}})
        for endpoint, name in {
            "activate": "activate",
            "change": "rename",
            "list_keys": "list",
            "order": "place",
            "list_orders": "orders",
            "receipt": "receipt",
            "configuration": "prices",
            "plug_and_charge": "create",
        }.items()
    },
}


def test_the_sandbox_comes_to_every_documented_error_somewhere() -> None:
    """Each endpoint has each of its documented statuses in that table."""
    names = {"activate": "activate", "change": "rename", "list": "list", "order": "place", "receipt": "receipt"}
    names |= {"prices": "prices", "pnc": "create", "list_keys": "list", "list_orders": "orders"}
    names |= {"configuration": "prices", "plug_and_charge": "create"}
    found = {(names[name.split("-")[0]], case.status) for name, case in NATURAL.items()}
    assert found == {(name, status) for name in set(names.values()) for status in STATUSES[name]}


@pytest.mark.parametrize("name", NATURAL)
def test_the_sandbox_comes_to_each_documented_error(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By what is done with it, or to order; the command tells it in words."""
    case = NATURAL[name]
    if NO_ID[1] in case.arguments:
        for place in ("tagsmith.drive.check_user_id", "tagsmith.drive.models.check_user_id"):
            monkeypatch.setattr(place, lambda user_id: user_id)
    with Sandbox(key=API_KEY, **case.options) as sandbox:
        monkeypatch.setenv("TAGSMITH_API__URL", sandbox.url)
        case.before(run, sandbox.url)
        done = run(*case.arguments)
    assert done.code == (3 if name == "order-500" else 1)
    assert f"({case.status}: " in done.err
    assert "  → " in done.err
    assert done.out == ""


def test_a_key_that_is_not_accepted_is_told(
    seed: SeedServer, run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 for every command; the key itself is not shown."""
    monkeypatch.setenv("TAGSMITH_API__KEY", "another-key")
    for arguments, *_ in COMMANDS.values():
        done = run(*arguments)
        assert (done.code, "turned the key away (401" in done.err) == (1, True)
        assert "another-key" not in done.err


# --- questions ---------------------------------------------------------------------------------------------------

FOR_GOOD = {
    "activate": ("keys", "activate", NUMBER, *USER),
    "place": PLACE,
    "create": ("pnc", "create", PCID, *USER),
}


@pytest.mark.parametrize("name", FOR_GOOD)
def test_nothing_is_done_for_good_without_a_yes(seed: SeedServer, run: CommandLine, name: str) -> None:
    """No terminal and no --yes is refused with a line; a no, an empty line and the end of input are no yes."""
    done = run(*FOR_GOOD[name])
    assert (done.code, "--yes" in done.err) == (1, True)
    for typed in (["n"], [""], []):
        done = run(*FOR_GOOD[name], typed=typed)
        assert done.code in (1, 130)
        assert "user-1" in done.err
        assert "(sandbox, http://127.0.0.1:" in done.err
    assert not [one for one in seed.asked if one.method == "POST"]
    reserve(seed.url)
    done = run(*FOR_GOOD[name], "--json", typed=["y"])
    assert done.code == 0, done.err
    assert isinstance(done.json, dict)


def test_a_question_on_a_real_terminal(seed: SeedServer) -> None:
    """As a process with a terminal of its own: the question is asked, and the answer counts."""
    reserve(seed.url)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tagsmith", *FOR_GOOD["activate"]],
        env={**os.environ, "TAGSMITH_API__KEY": API_KEY},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    asked = b""
    try:
        while b"[y/N]" not in asked:
            asked += os.read(ours, 4096)
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        os.write(ours, b"y\n")
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(ours)
    assert process.returncode == 0
    assert b"27b89043" in out
    assert API_KEY.encode() not in asked + arguments + out


def test_no_log_of_a_command_shows_the_key(seed: SeedServer, run: CommandLine) -> None:
    """As a process with every log line there is, and an API that repeats the key in its answers."""
    body = json.dumps({"message": f"{API_KEY} is not known"}).encode()
    seed.answer("POST", f"{KEYS}/order", 500, body)
    seed.answer("GET", f"{KEYS}/orders", 500, body)
    done = subprocess.run(
        [sys.executable, "-m", "tagsmith", "-vvv", *PLACE, "--yes"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "> POST /v1/users/user-1/charging-keys/order" in done.stderr
    assert "*** is not known" in done.stderr
    assert API_KEY not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


# --- orders are sent once ----------------------------------------------------------------------------------------


def test_a_second_order_within_five_minutes_is_not_even_asked_for(seed: SeedServer, run: CommandLine) -> None:
    """The same rule as the API's, held here: nothing is sent, and the line says what to look at."""
    assert run(*PLACE, "--yes").code == 0
    done = run(*PLACE, "--yes")
    assert (done.code, done.out) == (1, "")
    assert "'xXXx10' of this user was sent" in done.err
    assert "tagsmith orders list --user user-1" in done.err
    assert seed.count("POST", f"{KEYS}/order") == 1


@pytest.mark.parametrize(
    ("status", "kept"), [(400, False), (404, False), (401, False), (429, False), (500, True), (502, True), (307, True)]
)
def test_what_is_remembered_of_an_order_that_failed(
    seed: SeedServer, run: CommandLine, status: int, kept: bool
) -> None:
    """Only what is proved not placed is forgotten."""
    seed.answer("POST", f"{KEYS}/order", status, b"http://127.0.0.1:1/")
    done = run(*PLACE, "--yes")
    assert done.code == (3 if kept else 1)
    note = notes().last(seed.url, "user-1")
    assert (note is not None and note.state is NoteState.UNKNOWN) is kept


def test_an_api_that_is_not_there_takes_no_order(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never connected: nothing is remembered, and the next try is free."""
    monkeypatch.setenv("TAGSMITH_API__URL", "http://127.0.0.1:9")
    for _ in range(2):
        done = run(*PLACE, "--yes")
        assert (done.code, "no connection" in done.err) == (1, True)
    assert notes().last("http://127.0.0.1:9", "user-1") is None


def test_a_lost_answer_shows_the_orders_and_asks(seed: SeedServer, run: CommandLine) -> None:
    """A person sees it in the list and says so: settled, nothing more is sent, and the five minutes hold."""
    seed.lose("POST", f"{KEYS}/order")
    done = run(*PLACE, typed=["y", "y"])
    assert done.code == 0, done.err
    assert "nobody knows whether this order was placed" in done.err
    assert "xXXx10" in done.err
    assert "Driver road 1, 11122 Berlin, Germany" in done.err
    assert "nothing more is ordered" in done.err
    assert done.out == ""
    assert "sent" in run(*PLACE, "--yes").err
    assert seed.count("POST", f"{KEYS}/order") == 1


def test_a_lost_answer_that_nobody_finds_is_not_repeated(seed: SeedServer, run: CommandLine) -> None:
    """The person says no: it is not sent again by itself, and a new command has to wait out the five minutes."""
    seed.answer("POST", f"{KEYS}/order", 503)
    done = run(*PLACE, typed=["y", "n"])
    assert done.code == 3
    assert "not sent again by itself" in done.err
    note = notes().last(seed.url, "user-1")
    assert note is not None
    assert note.state is NoteState.NOT_SEEN
    done = run(*PLACE, typed=["y"])
    assert (done.code, "5 minutes" in done.err) == (1, True)
    assert seed.count("POST", f"{KEYS}/order") == 1


def test_a_program_never_orders_while_one_is_in_doubt(seed: SeedServer, run: CommandLine) -> None:
    """With --yes and nobody to ask the list is shown and the exit code is 3, again and again; a person settles it."""
    seed.lose("POST", f"{KEYS}/order")
    for _ in range(3):
        done = run(*PLACE, "--yes", "--json")
        assert (done.code, done.out) == (3, "")
        assert "xXXx10" in done.err
        assert "at a terminal" in done.err
    assert seed.count("POST", f"{KEYS}/order") == 1
    done = run(*PLACE, typed=["y"])
    assert (done.code, "nothing more is ordered" in done.err) == (0, True)
    assert seed.count("POST", f"{KEYS}/order") == 1


def test_an_order_in_doubt_stays_so_while_the_list_cannot_be_had(seed: SeedServer, run: CommandLine) -> None:
    """An API that is down answers neither; nothing is asked of anybody, and nothing is forgotten."""
    seed.answer("POST", f"{KEYS}/order", 500)
    seed.answer("GET", f"{KEYS}/orders", 500)
    done = run(*PLACE, typed=["y"])
    assert (done.code, "cannot be listed" in done.err) == (3, True)
    note = notes().last(seed.url, "user-1")
    assert note is not None
    assert note.state is NoteState.UNKNOWN


def test_an_order_in_doubt_of_long_ago_is_settled_before_another(
    seed: SeedServer, run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash left it. Not among the orders, says the person: then the usual question, and a new order."""
    notes().begin(seed.url, "user-1")
    monkeypatch.setattr("tagsmith.drive.order_notes.APART_S", 0.0)
    done = run(*PLACE, "--json", typed=["n", "y"])
    assert done.code == 0, done.err
    assert done.json["id"] == "xXXx10"


def test_an_impossible_order_is_told_before_anything(seed: SeedServer, run: CommandLine) -> None:
    """Missing options are wrong usage; parts that cannot be are refused unasked and unsent."""
    assert run("orders", "place", *USER).code == 2
    for change, words in (
        (("--taxation-country", "DEU"), "two letters"),
        (("--city", " "), "city of the address is empty"),
        (("--city", "a\x1b[31mb"), "nobody can see"),
        (("--user", "a/b"), "no user id"),
    ):
        done = run(*PLACE, *change, typed=["y"])
        assert (done.code, words in done.err) == (1, True)
        assert "[y/N]" not in done.err
    assert seed.asked == []


# --- the key that was meant --------------------------------------------------------------------------------------

PAIR = replace(journal_entry(1), uid=Uid.from_hex("04abcdef12345a"))


def journal_with_a_pair(folder: Path, target: str) -> None:
    """A journal that holds one pair for this API."""

    async def append() -> None:
        opened = Journal.open(laid(folder / "journal.sqlite"), station="test")
        await opened.append(replace(PAIR, target=target))
        opened.close()

    asyncio.run(append())


def test_an_activation_of_another_key_is_an_alarm(seed: SeedServer, run: CommandLine, tmp_path: Path) -> None:
    """The journal knows which uid was reserved with the number; the API activated another."""
    journal_with_a_pair(tmp_path, seed.url)
    reserve(seed.url, uid="27b89043", number=PAIR.visual_number)
    done = run("keys", "activate", PAIR.visual_number, *USER, "--yes")
    assert done.code == 1
    assert "ALARM" in done.err
    assert "27b89043" in done.err
    assert PAIR.uid_api in done.err


def test_an_activation_of_the_reserved_key_is_none(
    seed: SeedServer, run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal's uid is compared as it was sent, in either case; what it holds for another API does not count."""
    journal_with_a_pair(tmp_path, seed.url)
    reserve(seed.url, uid=PAIR.uid_api.upper(), number=PAIR.visual_number)
    assert run("keys", "activate", PAIR.visual_number, *USER, "--yes").code == 0
    with SeedServer(key=API_KEY) as other:
        reserve(other.url, uid="27b89043", number=PAIR.visual_number)
        monkeypatch.setenv("TAGSMITH_API__URL", other.url)
        assert run("keys", "activate", PAIR.visual_number, *USER, "--yes").code == 0


def test_a_journal_that_cannot_be_read_is_told(seed: SeedServer, run: CommandLine, tmp_path: Path) -> None:
    """The activation goes on: the API is the one who knows."""
    (tmp_path / "journal.sqlite").write_bytes(b"no database " * 100)
    reserve(seed.url)
    done = run("keys", "activate", NUMBER, *USER, "--yes")
    assert (done.code, "so the uid is not compared" in done.err) == (0, True)


def test_an_activation_of_another_number_is_an_alarm(seed: SeedServer, run: CommandLine) -> None:
    """The answer's own number differs by more than separators."""
    reserve(seed.url, number="DE*8PS*CD0C00*3")
    target = f"{KEYS}/DE%2A8PS%2ACD0C00%2A3/activate"
    seed.answer("POST", target, 200, json.dumps(SAMPLE).encode())
    assert "ALARM" in run("keys", "activate", "DE*8PS*CD0C00*3", *USER, "--yes").err
    seed.answer("POST", target, 200, json.dumps({**SAMPLE, "referenceId": "de-8ps-CD0C00-3"}).encode())
    assert run("keys", "activate", "DE*8PS*CD0C00*3", *USER, "--yes").code == 0


def test_a_key_that_is_still_enabled_is_told(seed: SeedServer, run: CommandLine) -> None:
    """An answer that contradicts the request is no success."""
    seed.answer("PATCH", f"{KEYS}/27b89043", 200, json.dumps(SAMPLE).encode())
    done = run("keys", "disable", "27b89043", *USER)
    assert (done.code, "still enabled" in done.err, done.out) == (1, True, "")


@pytest.mark.parametrize("name", ["activate", "rename", "create"])
def test_a_lost_answer_says_where_to_look(seed: SeedServer, run: CommandLine, name: str) -> None:
    """Perhaps done: it is not repeated, and the line to type is there."""
    arguments, method, target = COMMANDS[name]
    reserve(seed.url)
    seed.lose(method, target)
    done = run(*arguments)
    assert done.code == 1
    assert "tagsmith keys list --user user-1" in done.err
    assert seed.count(method, target) == 1


# --- what comes from the API is shown, never obeyed --------------------------------------------------------------


def test_nothing_that_the_api_says_drives_the_terminal(seed: SeedServer, run: CommandLine) -> None:
    """Names, numbers, states and URLs with control characters are shown as codes."""
    wild = "\x1b]0;x\x07\x9b\n\u202e"
    body = json.dumps({"keys": [{**SAMPLE, "name": wild, "contractId": wild, "referenceId": wild}]}).encode()
    seed.answer("GET", KEYS, 200, body)
    shown = run("keys", "list", *USER).out
    order = {**ORDER, "id": wild, "state": wild, "address": {"city": wild}}
    seed.answer("GET", f"{KEYS}/orders", 200, json.dumps([order]).encode())
    shown += run("orders", "list", *USER).out
    seed.answer("PATCH", f"{KEYS}/27b89043", 200, json.dumps({**SAMPLE, "name": wild}).encode())
    shown += run("keys", "enable", "27b89043", *USER).out
    price = {"country": wild, "currency": wild, "priceMinorInclVat": 1, "vat": 1}
    seed.answer("GET", "/v1/charging-keys/orders/configuration", 200, json.dumps({"countries": [price]}).encode())
    shown += run("orders", "prices").out
    seed.answer("POST", f"{KEYS}/order", 200, json.dumps({"id": wild, "state": wild}).encode())
    shown += run(*PLACE, "--yes").out
    shown += run(*PLACE, "--yes").err
    assert shown.count("<1B>") >= 10
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_every_command_takes_a_settings_file(
    seed: SeedServer, run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--config` names the API."""
    monkeypatch.delenv("TAGSMITH_API__URL")
    path = tmp_path / "own.toml"
    path.write_text(f'[api]\nurl = "{seed.url}"\n')
    for arguments, *_ in COMMANDS.values():
        assert "no Drive API is chosen" in run(*arguments).err
        assert "no Drive API is chosen" not in run(*arguments, "--config", str(path)).err
    assert run("keys", "list", *USER, "--config", str(path)).code == 0
