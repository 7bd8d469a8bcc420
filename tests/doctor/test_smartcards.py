"""pcscd: a real one of our own, running, killed and never started; and what no real one can be made to say here."""

from __future__ import annotations

import plistlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machine import FORBIDDEN, NO_READERS, NO_SERVICE, machine, only, patient, saying, settings
from support.pcscd import EVENT, Pcscd, Plan
from support.sysfs import plug
from tagsmith.doctor import Ran, System, Verdict
from tagsmith.doctor.smartcards import service
from tagsmith.errors import ReaderUnsupported
from tagsmith.lines.libraries import missing
from tagsmith.readers.pcsc import Scard, discover


@pytest.fixture(scope="module")
def daemon() -> Iterator[Pcscd]:
    """A real pcscd with one reader."""
    with Pcscd((Plan("Doctor PICC", EVENT),)) as daemon:
        yield daemon


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[None]:
    """A socket where pcscd's is, and somebody who listens."""
    folder = tmp_path / "runtime" / "pcscd"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "pcscd.comm"))
        server.listen()
        yield


def real(daemon: Pcscd, root: Path) -> System:
    """A machine with this pcscd."""
    environ = {"PCSCLITE_CSOCK_NAME": str(daemon.socket_path)}
    return machine(root, discover_pcsc=discover, environ=environ)


@pytest.mark.pcsc
def test_a_running_pcscd_names_its_readers(daemon: Pcscd, tmp_path: Path) -> None:
    """A real one."""
    daemon.start()
    assert "Doctor PICC" in only(service(patient(real(daemon, tmp_path), settings(tmp_path))), Verdict.OK).what


@pytest.mark.pcsc
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_stopped_pcscd_is_to_be_started(daemon: Pcscd, tmp_path: Path, end: str) -> None:
    """Ended properly, or killed so that its socket stays behind: nobody listens."""
    daemon.start()
    getattr(daemon, end)()
    finding = only(service(patient(real(daemon, tmp_path), settings(tmp_path))), Verdict.BAD)
    assert (finding.what, finding.remedy) == ("pcscd is not running", "sudo systemctl enable --now pcscd.socket")


def test_pcscd_is_not_installed(tmp_path: Path) -> None:
    """Absent is told apart from stopped: there is no program."""
    finding = only(
        service(patient(saying(tmp_path, NO_SERVICE, which=lambda program: False), settings(tmp_path))), Verdict.BAD
    )
    assert (finding.what, finding.remedy) == ("pcscd is not installed", "sudo apt install pcscd libccid")


def test_a_masked_pcscd_must_be_unmasked_first(tmp_path: Path) -> None:
    """Starting alone would be refused by systemd."""
    commands = {"systemctl is-enabled pcscd.socket": Ran(1, "masked")}
    finding = only(service(patient(saying(tmp_path, NO_SERVICE, commands=commands), settings(tmp_path))), Verdict.BAD)
    assert finding.remedy.startswith("sudo systemctl unmask pcscd.socket pcscd.service\n")


def test_polkit_forbids(tmp_path: Path) -> None:
    """Access denied at the connection: a polkit rule for this very user, which also is a line that a shell takes."""
    finding = only(service(patient(saying(tmp_path, FORBIDDEN), settings(tmp_path))), Verdict.BAD)
    assert finding.what == "polkit forbids station to use pcscd"
    assert 'subject.user == "station"' in finding.remedy
    assert "| sudo tee /etc/polkit-1/rules.d/50-tagsmith.rules\n" in finding.remedy
    assert finding.remedy.count("'") == 2


def test_the_socket_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither stopped nor polkit: the file itself."""

    def refused(self: socket.socket, address: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refused)
    finding = only(service(patient(saying(tmp_path, NO_SERVICE), settings(tmp_path))), Verdict.BAD)
    assert "may not open pcscd's socket" in finding.what
    assert finding.remedy == f"ls -ld {tmp_path}/runtime/pcscd {tmp_path}/runtime/pcscd/pcscd.comm"


@pytest.mark.usefixtures("listening")
def test_no_reader_and_none_plugged_in(tmp_path: Path) -> None:
    """pcscd is well; a hand is needed."""
    finding = only(service(patient(saying(tmp_path, listed=NO_READERS), settings(tmp_path))), Verdict.BAD)
    assert finding.what == "pcscd runs and sees no reader: none is plugged in"
    assert finding.remedy == "# plug in the reader"


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(("pid", "package"), [(0x2200, "libacsccid1"), (0x223B, "libccid"), (0x9999, "libccid")])
def test_a_plugged_reader_without_a_driver(tmp_path: Path, pid: int, package: str) -> None:
    """The package is the one for the reader, also for a stranger with a smart card interface."""
    plug(tmp_path, "1-1", 0x072F, pid, product="PICC", classes=(0x0B,))
    finding = only(service(patient(saying(tmp_path, listed=NO_READERS), settings(tmp_path))), Verdict.BAD)
    assert finding.what.endswith(f"the PICC (072f:{pid:04x}) that is plugged in: the driver is missing")
    assert finding.remedy == f"sudo apt install {package}\nsudo systemctl restart pcscd.service"


@pytest.mark.usefixtures("listening")
def test_a_plugged_reader_with_a_driver_is_to_be_plugged_anew(tmp_path: Path) -> None:
    """Installing what is there would mend nothing. A bundle that cannot be read counts for none."""
    plug(tmp_path, "1-1", 0x072F, 0x2200, classes=(0x0B,))
    bundles = tmp_path / "usr/lib/pcsc/drivers"
    for name, text in {
        "a.bundle": b"no plist",
        "b.bundle": plistlib.dumps({"ifdVendorID": ["0x072F"], "ifdProductID": ["0x2200"]}),
    }.items():
        (bundles / name / "Contents").mkdir(parents=True)
        (bundles / name / "Contents/Info.plist").write_bytes(text)
    finding = only(service(patient(saying(tmp_path, listed=NO_READERS), settings(tmp_path))), Verdict.BAD)
    assert "though it has a driver" in finding.what
    assert "apt" not in finding.remedy


@pytest.mark.usefixtures("listening")
def test_a_reader_that_types_is_not_missed_by_pcscd(tmp_path: Path) -> None:
    """An OMNIKEY 5427CK in keyboard mode has no interface for it."""
    plug(tmp_path, "1-1", 0x076B, 0x5427, drivers=("usbhid",), classes=(0x03,))
    assert (
        "none is plugged in"
        in only(service(patient(saying(tmp_path, listed=NO_READERS), settings(tmp_path))), Verdict.BAD).what
    )


@pytest.mark.usefixtures("listening")
def test_a_failing_pcscd_is_restarted(tmp_path: Path) -> None:
    """It listens, and then says nonsense."""
    finding = only(service(patient(saying(tmp_path, 0x80100001), settings(tmp_path))), Verdict.BAD)
    assert finding.remedy == "sudo systemctl restart pcscd.service"


def test_a_station_that_needs_no_pcscd(tmp_path: Path) -> None:
    """Stopped on purpose, so that nfcpy gets the reader: no fault."""
    chosen = settings(tmp_path, "nfcpy:usb:072f:2200")
    plug(tmp_path, "1-1", 0x072F, 0x2200, classes=(0x0B,))
    finding = only(service(patient(saying(tmp_path, NO_SERVICE), chosen)), Verdict.SKIPPED)
    assert finding.what == "pcscd is not running, and no reader here needs it"


def test_without_settings_nobody_knows_whether_pcscd_is_needed(tmp_path: Path) -> None:
    """The default reader is not invented for settings that are wrong."""
    finding = only(service(patient(saying(tmp_path, NO_SERVICE))), Verdict.SKIPPED)
    assert finding.what == "pcscd is not running, and without settings no reader is known that needs it"


def test_pyscard_is_missing(tmp_path: Path) -> None:
    """The library's own words and line."""

    def absent() -> Scard:
        raise ReaderUnsupported("pyscard is not installed", missing("pcsc"))

    system = machine(tmp_path, discover_pcsc=lambda: discover(absent))
    assert only(service(patient(system, settings(tmp_path))), Verdict.BAD).remedy == missing("pcsc")
