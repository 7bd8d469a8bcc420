"""Which scanners may be there: serial ports and input devices, each with the spec to use.

Nobody can tell a scanner from a keyboard by asking it, so what may be one is listed, and known scanners say so. It
opens nothing and disturbs nobody.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

from tagsmith.errors import DeviceUnsupported
from tagsmith.lines import libraries, nodes
from tagsmith.lines.inputs import InputInfo, inputs, spec_of
from tagsmith.lines.known import Kind, KnownDevice, find
from tagsmith.lines.ports import PortInfo, ports
from tagsmith.model import ReaderState, ScannerStatus

_NO_SCANNERS = (Kind.READER, Kind.KEYBOARD_READER, Kind.LOW_FREQUENCY)


def discover(
    *,
    listed_ports: Callable[[], Sequence[PortInfo]] = ports,
    listed_inputs: Callable[[], Sequence[InputInfo]] = inputs,
) -> list[ScannerStatus]:
    """What may be a scanner, with the spec that selects just it, its state and what to do.

    Known readers are left out. Last comes one line for each kind whose library is not installed; its spec is the bare
    scheme.
    """
    there: list[ScannerStatus] = []
    absent: list[ScannerStatus] = []
    try:
        found = ((info, _known(info.vid, info.pid)) for info in listed_ports())
        there += [_of_port(info, known) for info, known in found if not _is_reader(known)]
    except DeviceUnsupported as error:
        absent.append(ScannerStatus("serial:", ReaderState.UNSUPPORTED, "", error.message, error.remedy))
    among = listed_inputs()
    typing = [(info, _known(info.vid, info.pid)) for info in among]
    if importlib.util.find_spec("evdev") is not None:
        there += [_of_input(info, known, spec_of(info, among)) for info, known in typing if not _is_reader(known)]
    else:
        message, remedy = "input devices cannot be used: evdev is not installed", libraries.missing("evdev")
        absent.append(ScannerStatus("evdev:", ReaderState.UNSUPPORTED, "", message, remedy))
    return there + absent


def _known(vid: int | None, pid: int | None) -> KnownDevice | None:
    return None if vid is None or pid is None else find(vid, pid)


def _is_reader(known: KnownDevice | None) -> bool:
    return known is not None and known.kind in _NO_SCANNERS


def _of_port(info: PortInfo, known: KnownDevice | None) -> ScannerStatus:
    spec, name = f"serial:{info.stable}", info.name if known is None else known.name
    if not nodes.allowed(info.node):
        error = nodes.forbidden(info.node)
        return ScannerStatus(spec, ReaderState.FORBIDDEN, name, error.message, error.remedy)
    if nodes.holders(info.node):
        held = nodes.busy(info.node)
        return ScannerStatus(spec, ReaderState.BUSY, name, held.message, held.remedy)
    message = "a scanner" if known is not None and known.kind is Kind.SCANNER else "a serial port: perhaps a scanner"
    return ScannerStatus(spec, ReaderState.READY, name, message, "set baud= as its manual says, if it is not 9600")


def _of_input(info: InputInfo, known: KnownDevice | None, spec: str) -> ScannerStatus:
    name = info.name if known is None else known.name
    if not info.readable:
        error = nodes.forbidden(info.node)
        return ScannerStatus(spec, ReaderState.FORBIDDEN, name, error.message, error.remedy)
    # Desktops hold every keyboard open without keeping others out: being open says nothing of being grabbed.
    if known is not None and known.kind is Kind.SCANNER:
        return ScannerStatus(spec, ReaderState.READY, name, "a scanner that types")
    remedy = "if it is the keyboard, leave it out: the station would take it for itself"
    return ScannerStatus(spec, ReaderState.READY, name, "a keyboard, or a scanner that types", remedy)
