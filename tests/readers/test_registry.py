"""Specs: which backend they choose, what a wrong one says, and that no library is loaded before it is needed."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tagsmith.errors import ConfigError, DeviceUnsupported, ReaderForbidden, ReaderUnsupported
from tagsmith.lines import libraries
from tagsmith.model import ReaderState, ReaderStatus
from tagsmith.readers import backends, create, discover
from tagsmith.readers.evdev import EvdevReader
from tagsmith.readers.nfcpy import NfcpyReader
from tagsmith.readers.pcsc import PcscReader
from tagsmith.readers.registry import is_absence
from tagsmith.readers.serial import SerialReader
from tagsmith.readers.sim import SimReader


def test_backends() -> None:
    """The words a spec may begin with."""
    assert backends() == ("pcsc", "nfcpy", "serial", "evdev", "sim")


def test_specs(tmp_path: Path) -> None:
    """Each spec makes a reader of its backend, not opened, that knows its spec."""
    scenario = tmp_path / "a b.toml"
    scenario.write_text("")
    for spec, kind in [
        ("pcsc:", PcscReader),
        ("pcsc:ACS ACR1252", PcscReader),
        ("nfcpy:usb:054c:06c3", NfcpyReader),
        ("nfcpy:tty:AMA0:pn532", NfcpyReader),
        ("serial:/dev/ttyUSB0?frame=hex-line&length=7", SerialReader),
        ("evdev:/dev/input/by-id/usb-Elatec-event-kbd?length=7", EvdevReader),
        ("sim:", SimReader),
        (f"sim:{scenario}", SimReader),
    ]:
        reader = create(spec)
        assert type(reader) is kind
        assert reader.spec == spec
        assert reader.info is None
        assert not reader.silent
        assert create(spec, silent=True).silent


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("pscs:ACR", "did you mean pcsc:"),
        ("PCSC:ACR", "did you mean pcsc:"),
        ("smi:", "did you mean sim:"),
        ("nfc:usb", "did you mean nfcpy:"),
        ("serail:/dev/ttyUSB0", "did you mean serial:"),
        ("edev:/dev/input/event3", "did you mean evdev:"),
        ("pcsc", "did you mean pcsc:"),
        ("ACR122U", "write pcsc:"),
        ("", "write pcsc:"),
    ],
)
def test_wrong_specs(spec: str, hint: str) -> None:
    """An unknown word is an error of the settings that says what was probably meant."""
    with pytest.raises(ConfigError, match="names no reader") as caught:
        create(spec)
    assert hint in caught.value.remedy


def test_wrong_options() -> None:
    """An option that a backend does not know is an error of the settings, before anything is opened."""
    with pytest.raises(ConfigError):
        create("serial:/dev/ttyUSB0?frame=hex-line&length=7&bauds=9600")


def test_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyscard the reader is unsupported, with the line to type; a list of readers says the same."""
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(ReaderUnsupported) as caught:
        create("pcsc:").open()
    assert caught.value.remedy == libraries.missing("pcsc")
    status = discover()[-1]
    assert (status.spec, status.state) == ("pcsc:", ReaderState.UNSUPPORTED)
    assert status.remedy == libraries.missing("pcsc")


LIBRARIES = {"pcsc": "smartcard", "nfcpy": "nfc", "serial": "serial", "evdev": "evdev"}


def test_no_library_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is one line each, at the end, and no error."""
    for library in LIBRARIES.values():
        monkeypatch.setitem(sys.modules, library, None)
    found = discover()[-len(LIBRARIES) :]
    assert {status.spec for status in found} == {f"{scheme}:" for scheme in LIBRARIES}
    for status in found:
        assert (status.state, status.message) == (ReaderState.UNSUPPORTED, "not installed")
        assert status.remedy == libraries.missing(status.spec[:-1])
        assert is_absence(status)


def offering(monkeypatch: pytest.MonkeyPatch, **found: list[ReaderStatus] | Exception) -> None:
    """Let each backend find this, or fail so."""

    def finder(what: list[ReaderStatus] | Exception) -> Callable[[], list[ReaderStatus]]:
        def discover_() -> list[ReaderStatus]:
            if isinstance(what, Exception):
                raise what
            return what

        return discover_

    for scheme in LIBRARIES:
        module = importlib.import_module(f"tagsmith.readers.{scheme}")
        monkeypatch.setattr(module, "discover", finder(found.get(scheme, [])))


def test_the_list_over_all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers first, kind by kind; then why a kind has none; a backend that fails hides no other."""
    busy = ReaderStatus("nfcpy:usb:072f:2200", ReaderState.BUSY, "held by process 7 (pcscd)")
    reader = ReaderStatus("evdev:09d8:0410?length=4,7", ReaderState.READY)
    offering(
        monkeypatch,
        pcsc=[ReaderStatus("pcsc:", ReaderState.MISSING, "pcscd is not running", "start it")],
        nfcpy=[busy],
        serial=DeviceUnsupported("pyserial is broken", "mend it"),
        evdev=[reader],
    )
    assert discover() == [
        busy,
        reader,
        ReaderStatus("pcsc:", ReaderState.MISSING, "pcscd is not running", "start it"),
        ReaderStatus("serial:", ReaderState.UNSUPPORTED, "pyserial is broken", "mend it"),
    ]
    offering(monkeypatch, pcsc=ReaderForbidden("polkit says no", "a rule"), serial=[reader])
    assert discover() == [reader, ReaderStatus("pcsc:", ReaderState.FORBIDDEN, "polkit says no", "a rule")]


def test_what_is_plugged_in_shows_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that can be seen but not used is listed as such, with what to install."""
    offering(monkeypatch, evdev=[ReaderStatus("evdev:09d8:0410?length=4,7", ReaderState.READY, "Elatec TWN4")])
    monkeypatch.setitem(sys.modules, "evdev", None)
    seen, bare = discover()
    assert (seen.spec, seen.state, seen.message) == (
        "evdev:09d8:0410?length=4,7",
        ReaderState.UNSUPPORTED,
        "Elatec TWN4",
    )
    assert seen.remedy == bare.remedy == libraries.missing("evdev")
    assert not is_absence(seen)


def test_nothing_is_loaded_before_it_is_chosen() -> None:
    """Importing the readers loads no backend; making one loads no other, and no library."""
    script = (
        "import sys, tagsmith.readers as readers\n"
        "kinds = ('pcsc', 'nfcpy', 'serial', 'evdev', 'sim')\n"
        "loaded = lambda: [kind for kind in kinds if f'tagsmith.readers.{kind}' in sys.modules]\n"
        "assert not loaded()\n"
        "readers.create('pcsc:')\n"
        "assert loaded() == ['pcsc']\n"
        "readers.create('serial:/dev/ttyUSB0?frame=hex-line&length=7')\n"
        "readers.create('nfcpy:usb:054c:06c3')\n"
        "readers.create('evdev:09d8:0410?length=7')\n"
        "assert loaded() == ['pcsc', 'nfcpy', 'serial', 'evdev']\n"
        "assert not {'smartcard', 'nfc', 'serial', 'evdev'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
