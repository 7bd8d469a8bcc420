"""The Drive API: a real server, each answer in turn."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from support.machine import machine, only, patient, settings
from support.seed_server import SeedServer
from support.tls import SelfSigned, dated_certificate
from support.wire_server import GARBAGE, PORTAL, Fault, WireServer, always, status
from tagsmith.config import Api, Environment
from tagsmith.doctor import Finding, Verdict
from tagsmith.doctor.api import api
from tagsmith.doctor.patient import Patient
from tagsmith.drive import NOBODY

KEY = "k3y-of-the-t3st"


@pytest.fixture
def server() -> Iterator[WireServer]:
    """A server that answers properly until a test gives it another plan."""
    with WireServer(key=KEY) as server:
        yield server


def examined(root: Path, url: str, key: str = KEY, **fields: Any) -> list[Finding]:
    return api(patient(machine(root, **fields), settings(root, "sim:", api={"url": url, "key": key})))


def test_an_api_that_takes_the_key(tmp_path: Path, server: WireServer) -> None:
    """One GET, of a user that nobody is: nothing is changed there."""
    only(examined(tmp_path, server.url), Verdict.OK)
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", f"/v1/users/{NOBODY}/charging-keys")
    assert not server.committed


def test_a_user_that_is_not_found_is_an_accepted_key(tmp_path: Path, server: WireServer) -> None:
    """The API looked, and so it took the key."""
    server.plan = always(status(404))
    only(examined(tmp_path, server.url), Verdict.OK)


@pytest.mark.parametrize("code", [401, 403])
def test_a_key_that_is_refused(tmp_path: Path, server: WireServer, code: int) -> None:
    """Where the right one goes; neither key is shown."""
    server.plan = always(status(code))
    finding = only(examined(tmp_path, server.url), Verdict.BAD)
    assert "does not take the key" in finding.what
    assert "[api] key_file" in finding.remedy
    assert KEY not in finding.what + finding.remedy


def test_a_wrong_key_is_refused_and_not_shown(tmp_path: Path, server: WireServer) -> None:
    """By the server itself."""
    finding = only(examined(tmp_path, server.url, "wr0ng-k3y"), Verdict.BAD)
    assert "wr0ng-k3y" not in finding.what + finding.remedy


def test_nobody_answers(tmp_path: Path) -> None:
    """The sandbox is started; another API is asked by hand."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    finding = only(examined(tmp_path, f"http://127.0.0.1:{port}"), Verdict.BAD)
    assert "nobody answers" in finding.what
    assert finding.remedy == f"tagsmith sandbox --port {port}"
    elsewhere = Api(f"http://127.0.0.1:{port}", Environment.PRODUCTION, SecretStr(KEY))
    far = only(api(Patient(machine(tmp_path), None, elsewhere)), Verdict.BAD)
    assert "cannot be reached" in far.what
    assert far.remedy == f"curl -sv http://127.0.0.1:{port} -o /dev/null"


@pytest.mark.parametrize(
    "form", ["http://[::1]:{}", "http://127.0.0.2:{}", "http://127.0.0.1:{}/drive", "https://localhost:{}"]
)
def test_a_sandbox_that_is_not_ours_is_not_started(tmp_path: Path, form: str) -> None:
    """Ours serves 127.0.0.1 alone, without TLS and without a path: starting it would not mend this."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = form.format(taken.getsockname()[1])
    assert only(examined(tmp_path, url), Verdict.BAD).remedy == f"curl -sv {url} -o /dev/null"


@pytest.mark.parametrize(
    ("fault", "verdict", "said"),
    [
        (status(500), Verdict.BAD, "does not answer as it should"),
        (GARBAGE, Verdict.BAD, "does not answer as it should"),
        (PORTAL, Verdict.BAD, "does not answer as it should"),
        (status(429), Verdict.WARN, "asks to wait"),
        (status(400), Verdict.WARN, "answers strangely"),
    ],
)
def test_strange_answers(tmp_path: Path, server: WireServer, fault: Fault, verdict: Verdict, said: str) -> None:
    """A failing API, the login page of a guest network, a limit: each is told from a refused key."""
    server.plan = always(fault)
    assert said in only(examined(tmp_path, server.url), verdict).what


def test_a_certificate_and_a_doubtful_clock(tmp_path: Path) -> None:
    """Where a certificate is refused for its time and the clock is nobody's, the clock is named; else it is not."""
    pem = dated_certificate(tmp_path, datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC))
    with SeedServer(key=KEY, certificate=pem) as server:
        chosen = settings(tmp_path, "sim:", api={"url": server.url, "key": KEY, "ca_file": str(pem)})
        nobodys, kept = (machine(tmp_path, synchronised=lambda _, told=told: told) for told in (False, True))
        doubtful = only(api(patient(nobodys, chosen)), Verdict.BAD)
        sound = only(api(patient(kept, chosen)), Verdict.BAD)
    assert "this machine's clock is likely wrong: it shows 2026-11-20 00:00 UTC" in doubtful.what
    assert doubtful.remedy.splitlines()[0] == "sudo timedatectl set-ntp true"
    assert "has expired" in sound.what
    assert "timedatectl" not in sound.remedy


def test_a_certificate_that_nobody_vouches_for_is_not_the_clocks_fault(tmp_path: Path) -> None:
    """However doubtful it is."""
    with SelfSigned(tmp_path) as server:
        finding = only(examined(tmp_path, server.url, synchronised=lambda runtime: False), Verdict.BAD)
    assert "certificate" in finding.what
    assert "clock" not in finding.what


def test_without_an_api_nothing_is_asked(tmp_path: Path) -> None:
    """What is wrong with the settings is said elsewhere."""
    only(api(patient(machine(tmp_path), settings(tmp_path, "sim:"))), Verdict.SKIPPED)
