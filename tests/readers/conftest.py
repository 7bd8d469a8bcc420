"""The pcscd of these tests, started once, and the rigs that the conformance suite runs over.

`support.pcscd` is imported here, at collection, so that no test of this process ever talks to the machine's own pcscd.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("readers.conformance")

from readers.conformance import PcscRig, Rig, SimRig  # noqa: E402
from support.pcscd import EVENT, POLLED, Pcscd, Plan  # noqa: E402
from support.rig_nfcpy import NfcpyRig, UdpRig  # noqa: E402
from support.rig_serial import SerialRig, Twn4Rig  # noqa: E402

PLANS = (Plan("Polled PICC", POLLED), Plan("Event PICC", EVENT))


@pytest.fixture(scope="session")
def _daemon() -> Iterator[Pcscd]:
    with Pcscd(PLANS) as daemon:
        yield daemon


@pytest.fixture
def pcscd(_daemon: Pcscd) -> Iterator[Pcscd]:
    """A running pcscd with empty readers, all plugged in."""
    _daemon.start()
    _daemon.wait_empty()
    yield _daemon
    for reader in _daemon.readers:
        for slot in reader.slots:
            slot.remove()
        if reader.unplugged:
            reader.plug()


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """The reader under test and the hands that work it; parametrised with the backend's name."""
    made: Rig
    if request.param == "sim":
        made = SimRig(tmp_path)
    elif request.param == "nfcpy":
        made = NfcpyRig(tmp_path)
    elif request.param == "nfcpy-udp":
        made = UdpRig()
    elif request.param == "serial":
        made = SerialRig(tmp_path)
    elif request.param == "serial-twn4":
        made = Twn4Rig(tmp_path)
    else:
        pcscd = request.getfixturevalue("pcscd")
        made = PcscRig(pcscd, "Event PICC" if request.param == "pcsc" else "Polled PICC")
    with made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say over which backends the conformance suite ran, and how many of its checks each passed."""
    counts: dict[str, list[int]] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            if "test_conformance.py::test_reader[" in report.nodeid and getattr(report, "when", "") == "call":
                backend = report.nodeid.rpartition("[")[2].rstrip("]").split("-", 1)[1]
                count = counts.setdefault(backend, [0, 0])
                count[0] += outcome == "passed"
                count[1] += 1
    if counts:
        told = (f"{backend} {passed}/{ran}" for backend, (passed, ran) in sorted(counts.items()))
        terminalreporter.write_line(f"conformance of readers: {', '.join(told)}")
