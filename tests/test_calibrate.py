"""`tagsmith calibrate` as it is used: a sandbox with a user's keys, a reader, and what a station does afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from support.cli import called
from support.headless import Headless, environment
from support.pcscd import EVENT, Card, Pcscd, Plan
from support.pn532 import Pn532
from support.pty_line import PtyLine
from tagsmith.cli import main
from tagsmith.sandbox import Sandbox

KEY = "test-key"
FOUR, SEVEN = "27b89043", "04a1b2c3d4e5f6"
BACK_FOUR, BACK_SEVEN = "4390b827", "f6e5d4c3b2a104"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def env(tmp_path: Path, sandbox: Sandbox) -> dict[str, str]:
    """The variables of a station that delivers to the sandbox."""
    return environment(tmp_path, sandbox.url)


def enrol(sandbox: Sandbox, *uids: str, user: str = "ada") -> None:
    """Give a user keys, with these texts as their ids at the API."""
    for uid in uids:
        number = f"N-{uid}"
        body = {"uid": uid, "visualNumber": number, "type": "CARD"}
        sandbox.store.reserve("application/json", json.dumps(body).encode())
        sandbox.store.activate(user, number)


def lay(folder: Path, *uids: str) -> str:
    """The spec of a simulated reader on which these keys are laid one after the other."""
    steps = [f'[[step]]\nput = "{uid}"\nfor_s = 0.2\n[[step]]\npause_s = 0.2\n' for uid in uids]
    path = folder / "keys.toml"
    path.write_text("".join(steps), encoding="utf-8")
    return f"sim:{path}"


def calibrate(env: dict[str, str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """The JSON of a calibration that nobody is asked anything in."""
    runner = CliRunner(env=env)
    done = runner.invoke(main, ["calibrate", "--user", "ada", "--json", "--timeout", "5", *arguments])
    assert done.exit_code == code, (done.stderr, done.exception)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_keys_enrolled_in_wire_order(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """It says wire, records it with who and which key, and the next pair is posted in that order."""
    enrol(sandbox, SEVEN)
    found = calibrate(env, "--reader", lay(tmp_path, SEVEN), "--by", "Ada Lovelace")
    assert (found["order"], found["key"], found["reader"]) == ("wire", SEVEN, "simulated reader")
    assert (found["recorded"], found["by"], found["former"], found["conflict"]) == (True, "Ada Lovelace", None, "")
    assert (found["uid"], found["uid_reversed"]) == (SEVEN, BACK_SEVEN)
    with Headless("--reader", lay(tmp_path, "04112233445580"), env=env) as station:
        assert station.expect("tapped")["uid_api"] == "04112233445580"
        station.send("NEXT-1")
        station.expect("delivered", state="reserved")
        station.end_input()
        assert station.wait() == 0
    assert sandbox.store.reservations[-1].uid == "04112233445580"
    listed = called("calibrate", "--list", "--json", env=env)
    (kept,) = json.loads(listed.stdout)
    assert (kept["order"], kept["key"], kept["user"], kept["by"]) == ("wire", SEVEN, "ada", "Ada Lovelace")
    assert "Ada Lovelace" in called("calibrate", "--list", env=env).stdout


def test_keys_enrolled_reversed_and_two_of_them(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """A 4-byte and a 7-byte key agree; ids in capitals are the same ids."""
    enrol(sandbox, BACK_FOUR.upper(), BACK_SEVEN.upper())
    found = calibrate(env, "--reader", lay(tmp_path, FOUR, SEVEN))
    assert found["order"] == "reversed"
    assert [one["key"] for one in found["readers"]] == [BACK_FOUR.upper(), BACK_SEVEN.upper()]
    assert found["second_key"] == "laid"
    assert found["key"] == BACK_SEVEN.upper()


def test_a_second_key_that_never_comes_is_told(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """The proof stands with one key, and says that the other one was asked for."""
    enrol(sandbox, FOUR, SEVEN)
    found = calibrate(env, "--reader", lay(tmp_path, SEVEN), "--timeout", "0.5")
    assert (found["order"], found["recorded"], found["second_key"]) == ("wire", True, "not-laid")


def test_a_foreign_card_is_refused(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """It says mismatch and why, with both orders of the card's UID; nothing is recorded."""
    enrol(sandbox, SEVEN)
    found = calibrate(env, "--reader", lay(tmp_path, "04112233445580"), code=1)
    assert (found["order"], found["recorded"], found["key"]) == ("mismatch", False, None)
    assert "04112233445580 (back to front 80554433221104)" in found["message"]
    assert SEVEN in found["message"]
    assert "another card" in found["message"]


def test_nobody_taps(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """After the timeout it ends with a clear message and nothing recorded."""
    enrol(sandbox, SEVEN)
    found = calibrate(env, "--reader", lay(tmp_path), "--timeout", "0.2", code=1)
    assert (found["order"], found["finding"], found["recorded"]) == ("inconclusive", "no-tap", False)
    assert found["second_key"] is None
    assert "No key was laid on simulated reader within 0.2 s" in found["message"]


def test_a_user_without_a_key_that_works(sandbox: Sandbox, env: dict[str, str]) -> None:
    """Virtual keys are never shown; without a physical one there is nothing to compare, and no reader is asked."""
    sandbox.store.list_keys("ada")
    done = called("calibrate", "--user", "ada", env=env)
    assert done.returncode == 1
    assert "User ada has no physical key." in done.stderr
    assert "no physical key that works now" in done.stdout
    assert calibrate(env, code=1)["finding"] == "no-key"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "--user ID is needed"),
        (("--user", "unknown-1"), 1, "User not found)\n  → check the user id"),
        (("--user", "ada", "--reader", "pscs:"), 1, "did you mean pcsc:"),
        (("--user", "ada", "--by", "\x1b[31m"), 2, "plain characters"),
        (("--user", "ada", "--timeout", "0"), 2, "--timeout"),
    ],
)
def test_wrong_use_is_told(
    sandbox: Sandbox, env: dict[str, str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    """Without a terminal nobody is asked for what is missing; what is wrong is said in words."""
    enrol(sandbox, SEVEN)
    done = called("calibrate", *arguments, env=env)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_turn_lists_what_was_sent_in_the_other_order(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """Pairs that were sent in the default order before the calibration found the other one are counted and named."""
    enrol(sandbox, SEVEN)
    with Headless("--reader", lay(tmp_path, "04112233445580"), env=env) as station:
        station.expect("tapped")
        station.send("EARLY-1")
        station.expect("delivered", state="reserved")
        station.end_input()
        assert station.wait() == 0
    done = called("calibrate", "--user", "ada", "--reader", lay(tmp_path, SEVEN), env=env)
    assert done.returncode == 0, done.stderr
    assert "1 already sent in the other order" in done.stdout
    assert "EARLY-1  80554433221104  reserved" in done.stdout


def test_a_conflict_with_the_settings_names_the_line(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """The record is made; the settings that contradict it are named with the line to write, file or variable."""
    enrol(sandbox, SEVEN)
    file = tmp_path / "station.toml"
    file.write_text('[uid]\norder = "reversed"\n', encoding="utf-8")
    found = calibrate(env, "--reader", lay(tmp_path, SEVEN), "--config", str(file))
    assert found["recorded"]
    assert "CONFLICT" in found["conflict"]
    assert f'write order = "wire" under [uid] in {file}' in found["conflict"]
    by_variable = calibrate(env | {"TAGSMITH_UID__ORDER": "reversed"}, "--reader", lay(tmp_path, SEVEN))
    assert "set TAGSMITH_UID__ORDER=wire, or unset it" in by_variable["conflict"]


@pytest.mark.pcsc
def test_with_a_card_on_a_real_pcscd(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """The whole way through PC/SC: the virtual reader's card proves the order in which its key was enrolled."""
    enrol(sandbox, BACK_SEVEN)
    with Pcscd([Plan("Virtual PICC", driver=EVENT)]) as pcscd:
        pcscd.reader("Virtual PICC").slot.insert(Card(bytes.fromhex(SEVEN)))
        found = calibrate(env | pcscd.environment, "--reader", "pcsc:", "--timeout", "20")
    assert (found["order"], found["uid"], found["spec"]) == ("reversed", SEVEN, "pcsc:")
    assert "Virtual PICC" in found["reader"]


@contextlib.contextmanager
def typing(line: PtyLine, text: str) -> Iterator[None]:
    """A serial reader on which one key is laid again and again."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(0.4):
            line.send(f"{text}\r\n".encode())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_serial_reader_is_calibrated_against_the_record(
    tmp_path: Path, sandbox: Sandbox, env: dict[str, str]
) -> None:
    """It never decides: refused without a record, then told the spec that makes it right, and right with that one."""
    enrol(sandbox, BACK_FOUR)
    line = PtyLine(tmp_path)
    spec = f"serial:{line.path}?length=4,7"
    refused = calibrate(env, "--reader", spec, code=1)
    assert (refused["order"], refused["finding"]) == ("inconclusive", "no-reader")
    assert "would turn the whole station" in refused["message"]
    at_lane = env | {"TAGSMITH_READER": json.dumps([{"spec": spec}])}
    proved = calibrate(at_lane, "--reader", lay(tmp_path, FOUR))
    assert (proved["order"], proved["not_compared"]) == ("reversed", [spec])
    told = called("calibrate", "--user", "ada", "--reader", lay(tmp_path, FOUR), env=at_lane)
    assert f"NOT COMPARED: {spec}" in told.stdout
    with typing(line, str(int.from_bytes(bytes.fromhex(FOUR), "little")).zfill(10)):
        wrong = calibrate(env, "--reader", spec, code=1)
        assert (wrong["finding"], wrong["readers"][0]["standing"]) == ("set-otherwise", "set-otherwise")
        wanted = wrong["readers"][0]["wanted_spec"]
        assert wanted == f"serial:{line.path}?length=4&order=reversed&frame=decimal-line"
        right = calibrate(env, "--reader", wanted)
    assert (right["order"], right["recorded"], right["spec"]) == ("reversed", True, wanted)
    assert right["not_compared"] == []
    later = calibrate(env | {"TAGSMITH_READER": json.dumps([{"spec": wanted}])}, "--reader", lay(tmp_path, FOUR))
    assert later["not_compared"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_it(tmp_path: Path, sandbox: Sandbox, env: dict[str, str], number: signal.Signals) -> None:
    """While it waits for a key it ends at once, says that nothing was recorded, and leaves the reader as it was."""
    enrol(sandbox, SEVEN)
    with Pn532(tmp_path / "usb-Some.UART_Bridge-if00-port0") as reader:
        command = [sys.executable, "-m", "tagsmith", "calibrate", "--user", "ada", "--reader", reader.spec]
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with process:
            assert process.stderr is not None
            for said in process.stderr:
                if said.startswith("Lay "):
                    break
            assert reader.looked(patience_s=20)
            assert reader.chip.baud > 115200
            process.send_signal(number)
            output, errors = process.communicate(timeout=20)
        assert process.returncode == 130
        assert errors == "tagsmith: nothing was recorded\n"
        assert output == ""
        assert reader.chip.baud == 115200


def test_a_signal_that_was_ignored_stays_so(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """Under nohup a terminal that goes away ends nothing."""
    enrol(sandbox, SEVEN)
    command = ["nohup", sys.executable, "-m", "tagsmith", "calibrate", "--user", "ada", "--timeout", "1"]
    process = subprocess.Popen(
        [*command, "--reader", lay(tmp_path)],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        for said in process.stderr:
            if said.startswith("Lay "):
                break
        process.send_signal(signal.SIGHUP)
        output, _ = process.communicate(timeout=20)
    assert (process.returncode, "No key was laid on" in output) == (1, True)


def test_no_answer_ends_it(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """Whoever ends the input at a question has ended the calibration, and reads that nothing was recorded."""
    enrol(sandbox, SEVEN)
    said, code = at_terminal(env, lay(tmp_path, SEVEN), [("at a charger:", "ada"), ("a charger? [y/n]:", "\x04")])
    assert (code, "tagsmith: nothing was recorded" in said) == (130, True), said


def test_the_same_is_not_said_twice(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """Where both outputs are one terminal, what went wrong stands there once, and the conclusion after it."""
    enrol(sandbox, SEVEN)
    said, code = at_terminal(env, lay(tmp_path, FOUR), [("at a charger:", "ada"), ("another key? [y/n]:", "n")])
    assert (code, said.count("another card")) == (1, 1), said
    assert said.rstrip().endswith("Nothing was recorded.")


def test_at_a_terminal_a_person_is_asked(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    """The user is asked for, and whether the key is known to work; without that word nothing is recorded."""
    enrol(sandbox, SEVEN)
    reader = lay(tmp_path, SEVEN)
    said, code = at_terminal(
        env, reader, [("known to work at a charger:", "ada"), ("a charger? [y/n]:", "n"), ("[y/n]:", "n")]
    )
    assert (code, "Nobody vouches" in said) == (1, True), said
    said, code = at_terminal(env, reader, [("known to work at a charger:", "ada"), ("a charger? [y/n]:", "y")])
    assert (code, "Recorded:" in said) == (0, True), said


def at_terminal(env: dict[str, str], reader: str, answers: list[tuple[str, str]]) -> tuple[str, int]:
    """What was said at a terminal where each prompt, known by its words, gets its answer; and the exit code."""
    far, near = pty.openpty()
    command = [sys.executable, "-m", "tagsmith", "calibrate", "--reader", reader, "--timeout", "10"]
    process = subprocess.Popen(command, env=env, stdin=near, stdout=near, stderr=near, start_new_session=True)
    os.close(near)
    said, new = "", ""
    until = time.monotonic() + 40
    try:
        while time.monotonic() < until:
            if not select.select([far], [], [], 1.0)[0]:
                continue
            try:
                text = os.read(far, 4096).decode(errors="replace")
            except OSError:  # the far end of a terminal whose program has ended
                break
            said, new = said + text, new + text
            if answers and answers[0][0] in new.replace("\r\n", " "):
                os.write(far, f"{answers.pop(0)[1]}\n".encode())
                new = ""
        return said, process.wait(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(far)
