"""What a sandbox shows at the handshake, and that our client and its own commands take it as they should."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.raw_http import port_of
from tagsmith.drive import DriveClient
from tagsmith.errors import ConfigError, NotProcessed, StationError
from tagsmith.sandbox import CERTIFICATES, Control, Sandbox

REASONS = {
    "self-signed": "self-signed certificate",
    "expired": "certificate has expired",
    "wrong-host": "IP address mismatch",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tls="good", tls_folder=tmp_path_factory.mktemp("tls")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.faults.clear()


def shake(sandbox: Sandbox) -> str:
    """Why a client that trusts the sandbox's CA does not go on; empty if it does."""
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    with socket.create_connection(("127.0.0.1", port_of(sandbox)), timeout=10) as raw:
        try:
            context.wrap_socket(raw, server_hostname="127.0.0.1").close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        except OSError as error:
            return type(error).__name__
    return ""


async def test_our_client_trusts_the_good_one(sandbox: Sandbox) -> None:
    """With the CA as its `ca_file`, on https, and with faults of requests as without TLS."""
    assert sandbox.url.startswith("https://127.0.0.1:")
    async with DriveClient(sandbox.url, "sandbox", ca_file=sandbox.ca_file) as drive:
        await drive.reserve(json.dumps({"uid": "27b89043", "visualNumber": "A1"}))
        assert (await drive.activate("ada", "A1")).key_id == "27b89043"


@pytest.mark.parametrize("shown", REASONS)
def test_each_bad_one_fails_for_its_own_reason(sandbox: Sandbox, shown: str) -> None:
    """At the handshakes for which it was ordered, and then no more."""
    sandbox.faults.add(f"tls:{shown} x1")
    assert REASONS[shown] in shake(sandbox)
    assert shake(sandbox) == ""
    assert sandbox.faults.counts[f"tls:{shown} x1"] >= 1


def test_a_handshake_is_broken_off(sandbox: Sandbox) -> None:
    """Before any certificate."""
    sandbox.faults.add("tls:cut x1")
    assert shake(sandbox) in ("SSLEOFError", "ConnectionResetError", "SSLError")
    assert shake(sandbox) == ""


async def test_a_bad_handshake_proves_that_nothing_was_sent(sandbox: Sandbox) -> None:
    """No request reaches a server whose certificate is not trusted."""
    asked = len(sandbox.store.requests)
    async with DriveClient(sandbox.url, "sandbox", ca_file=sandbox.ca_file) as drive:
        for shown in (*REASONS, "cut"):
            sandbox.faults.add(f"tls:{shown} x1")
            with pytest.raises(NotProcessed):
                await drive.reserve(json.dumps({"uid": "27b89044", "visualNumber": "A2"}))
            sandbox.faults.clear()
    assert len(sandbox.store.requests) == asked


@pytest.mark.parametrize("shown", CERTIFICATES)
def test_the_usual_one_is_chosen_at_the_start(shown: str) -> None:
    """The commands of the sandbox come through with any of them; the folder of the CA is gone at the end."""
    with Sandbox(tls=shown, faults=["tls:cut skip=1"]) as sandbox:
        assert REASONS.get(shown, "") in shake(sandbox)
        assert shake(sandbox) not in ("", *REASONS.values())
        assert Control(port_of(sandbox), "sandbox").clear()["faults"] == []
        folder = sandbox.ca_file
        assert folder is not None
        assert folder.exists()
    assert not folder.parent.exists()


def test_a_folder_keeps_its_ca(tmp_path: Path) -> None:
    """So that a station which trusts it need not be told at every start; keys are for nobody else to read."""
    found = set()
    for _ in range(2):
        with Sandbox(tls="good", tls_folder=tmp_path / "ca") as sandbox:
            assert shake(sandbox) == ""
            found.add((tmp_path / "ca" / "ca.pem").read_bytes())
    assert len(found) == 1
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "ca").glob("*.key")} == {0}


def test_what_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handshake faults without TLS, an unknown certificate, a folder that is none, and a machine without openssl."""
    with pytest.raises(ConfigError, match="needs TLS"):
        Sandbox(faults=["tls:expired"])
    with pytest.raises(ConfigError, match="no certificate 'best'"):
        Sandbox(tls="best")
    (tmp_path / "file").touch()
    with pytest.raises(StationError, match="no certificates in"):
        Sandbox(tls="good", tls_folder=tmp_path / "file").start()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StationError, match="apt install openssl"):
        Sandbox(tls="good", tls_folder=tmp_path / "new").start()
