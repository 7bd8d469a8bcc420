"""The tests' own pcscd: kept to itself, honest about what is missing, and with readers that do not mix up cards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from readers.conformance import KEY, OTHER, shows, until
from support import pcscd as support
from support.pcscd import APT, Card, Pcscd, PcscdMissing, require_packages
from tagsmith.readers import create

pytestmark = pytest.mark.pcsc


def test_missing_packages_fail_with_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a package nothing is skipped: it fails and says what to type."""
    require_packages()
    monkeypatch.setattr(support, "_which", lambda name: None if name == "pcscd" else f"/bin/{name}")
    with pytest.raises(PcscdMissing, match=APT):
        require_packages()
    monkeypatch.setattr(support, "VPCD", Path("/nowhere/libifdvpcd.so"))
    with pytest.raises(AssertionError, match=r"pcscd, /nowhere/libifdvpcd\.so"):
        Pcscd()


def test_it_listens_on_loopback_only(pcscd: Pcscd) -> None:
    """vpcd would listen on every address."""
    ours = {slot.port for reader in pcscd.readers for slot in reader.slots}
    listening = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, port = line.split()[1].split(":")
        if line.split()[3] == "0A":
            listening[int(port, 16)] = address
    assert {port: listening[port] for port in ours} == dict.fromkeys(ours, "0100007F")


def test_it_is_not_the_machines(pcscd: Pcscd) -> None:
    """Its socket stands in a folder of this process, which is where this process's own clients look."""
    assert os.environ["PCSCLITE_CSOCK_NAME"] == str(pcscd.socket_path)
    assert pcscd.socket_path.is_socket()
    assert not pcscd.socket_path.is_relative_to("/run")
    theirs = Path("/run/pcscd/pcscd.pid")
    assert not theirs.exists() or theirs.read_text().strip() != str(pcscd.pid)


def test_readers_do_not_mix_up_cards(pcscd: Pcscd) -> None:
    """Each reader, and each slot of it, shows its own card."""
    readers = [create(f"pcsc:{name} 00 0{slot}") for name in ("Polled PICC", "Event PICC") for slot in (0, 1)]
    uids = [KEY, OTHER, "0401020304050a", "0401020304050b"]
    slots = [slot for reader in pcscd.readers for slot in reader.slots]
    for reader, slot, uid in zip(readers, slots, uids, strict=True):
        reader.open()
        slot.insert(Card(uid=bytes.fromhex(uid)))
    for reader, uid in zip(readers, uids, strict=True):
        until(reader, shows(uid))
        reader.close()
