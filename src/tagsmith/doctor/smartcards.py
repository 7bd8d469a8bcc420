"""pcscd: absent, stopped, forbidden, or running without the driver that a plugged reader needs.

It asks pcscd as a station would, and opens no reader.
"""

from __future__ import annotations

import contextlib
import enum
import plistlib
import socket
from collections.abc import Iterator
from pathlib import Path
from xml.parsers.expat import ExpatError

from tagsmith.doctor.finding import Finding, Section, Verdict, bad, lines_of, ok, skipped
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.system import System
from tagsmith.lines.known import Access
from tagsmith.lines.usb import UsbDevice
from tagsmith.model import ReaderState, ReaderStatus

CHECK = "pcscd"


class _Service(enum.Enum):
    """How pcscd stands, by its socket."""

    RUNNING = enum.auto()
    """It takes connections, or systemd does for it."""
    STOPPED = enum.auto()
    """Its socket is not there, or nobody listens."""
    FORBIDDEN = enum.auto()
    """Its socket may not be opened by this user."""


def service(patient: Patient) -> list[Finding]:
    """Whether pcscd gives readers, and if not, why. Where nothing needs it, it is no fault that it does not."""
    plugged = _plugged(patient)
    needed = patient.uses("pcsc") or (bool(plugged) and not patient.uses("nfcpy"))
    finding = _judge(patient, patient.system.discover_pcsc(), plugged)
    if finding.verdict is Verdict.BAD and not needed:
        why = "no reader here needs it" if patient.settings else "without settings no reader is known that needs it"
        return [skipped(CHECK, f"{finding.what}, and {why}", Section.PCSC)]
    return [finding]


def _judge(patient: Patient, statuses: list[ReaderStatus], plugged: list[UsbDevice]) -> Finding:
    system = patient.system
    failed = statuses[0] if len(statuses) == 1 and statuses[0].spec == "pcsc:" else None
    if failed is None:
        names = ", ".join(status.spec.removeprefix("pcsc:") for status in statuses)
        return ok(CHECK, f"pcscd runs and has {names}", Section.PCSC)
    if failed.state is ReaderState.UNSUPPORTED:
        return bad(CHECK, failed.message, lines_of(failed.remedy), Section.PCSC)
    if failed.state is ReaderState.FORBIDDEN:
        return bad(CHECK, f"polkit forbids {system.user} to use pcscd", _polkit(system.user), Section.PCSC)
    state = _service(system)
    if state is _Service.FORBIDDEN:
        return bad(
            CHECK,
            f"{system.user} may not open pcscd's socket {_socket(system)}",
            f"ls -ld {_socket(system).parent} {_socket(system)}",
            Section.PCSC,
        )
    if state is _Service.STOPPED:
        return _not_there(system)
    if failed.state is not ReaderState.MISSING:
        return bad(CHECK, f"pcscd runs, but {failed.message}", "sudo systemctl restart pcscd.service", Section.PCSC)
    if plugged:
        return _without_driver(system, plugged)
    return bad(CHECK, "pcscd runs and sees no reader: none is plugged in", "# plug in the reader", Section.PCSC)


def _not_there(system: System) -> Finding:
    if not system.which("pcscd"):
        return bad(CHECK, "pcscd is not installed", "sudo apt install pcscd libccid", Section.PCSC)
    if system.run(["systemctl", "is-enabled", "pcscd.socket"]).output == "masked":
        return bad(
            CHECK,
            "pcscd is switched off for good (masked)",
            "sudo systemctl unmask pcscd.socket pcscd.service\nsudo systemctl enable --now pcscd.socket",
            Section.PCSC,
        )
    return bad(CHECK, "pcscd is not running", "sudo systemctl enable --now pcscd.socket", Section.PCSC)


def _without_driver(system: System, plugged: list[UsbDevice]) -> Finding:
    device = plugged[0]
    what = f"pcscd runs and does not see the {device.product or 'reader'} ({device.ids}) that is plugged in"
    if _has_driver(system, device):
        return bad(
            CHECK,
            f"{what}, though it has a driver for it",
            "sudo systemctl restart pcscd.service\n# then unplug the reader and plug it in again",
            Section.PCSC,
        )
    row = next((one.known for one in Patient(system).plugged() if one.device == device), None)
    package = (row.driver if row is not None else "") or "libccid"
    return bad(
        CHECK,
        f"{what}: the driver is missing",
        f"sudo apt install {package}\nsudo systemctl restart pcscd.service",
        Section.PCSC,
    )


def _plugged(patient: Patient) -> list[UsbDevice]:
    """The plugged devices that pcscd should see: by our table, or by their interface."""
    known = [one.device for one in patient.plugged() if Access.PCSC in one.known.access]
    others = [device for device in patient.system.usb_devices() if device.smart_card and device not in known]
    # A reader that types has no interface for pcscd while it does; one whose classes nobody tells is given the doubt.
    return [device for device in (*known, *others) if device.smart_card or not device.classes]


def _has_driver(system: System, device: UsbDevice) -> bool:
    """Whether an installed driver lists the device."""
    return any((device.vid, device.pid) in listed for listed in _drivers(system))


def _drivers(system: System) -> Iterator[set[tuple[int, int]]]:
    """The ids that each installed driver lists, from its bundle's Info.plist (pcsc-lite, README)."""
    for file in sorted((system.usr / "lib" / "pcsc" / "drivers").glob("*/Contents/Info.plist")):
        # A bundle that cannot be read lists nothing for us: its reader is then said to have no driver, which is heard.
        with contextlib.suppress(OSError, ExpatError, ValueError, KeyError, TypeError):
            bundle = plistlib.loads(file.read_bytes())
            pairs = zip(bundle["ifdVendorID"], bundle["ifdProductID"], strict=True)
            yield {(int(vid, 16), int(pid, 16)) for vid, pid in pairs}


def _service(system: System) -> _Service:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2.0)
        try:
            client.connect(str(_socket(system)))
        except PermissionError:
            return _Service.FORBIDDEN
        except OSError:
            return _Service.STOPPED
    return _Service.RUNNING


def _socket(system: System) -> Path:
    """Where libpcsclite connects to."""
    return Path(system.environ.get("PCSCLITE_CSOCK_NAME") or system.runtime / "pcscd" / "pcscd.comm")


def _polkit(user: str) -> str:
    """A rule for both actions of pcscd (its polkit policy, org.debian.pcsc-lite.policy)."""
    rule = (
        "polkit.addRule(function(action, subject) { "
        'if (action.id.indexOf("org.debian.pcsc-lite.") == 0 && '
        f'subject.user == "{user}") return polkit.Result.YES; }});'
    )
    return (
        f"echo '{rule}' | sudo tee /etc/polkit-1/rules.d/50-tagsmith.rules\nsudo systemctl restart polkit pcscd.service"
    )
