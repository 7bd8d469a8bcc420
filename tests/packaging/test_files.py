"""What is packed beside the program: the files of the package, and names that come of its rules."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from tagsmith.lines.known import GROUP
from tagsmith.readers import create
from tagsmith.supervision.liveness import PUMP_S

ROOT = Path(__file__).parents[2]
SERVICES = sorted((ROOT / "systemd").glob("*.service"))


def test_every_file_that_is_packed_is_there() -> None:
    """A file that is renamed is missed here, and not when a package is built."""
    spec = importlib.util.spec_from_file_location("deb", ROOT / "packaging" / "deb.py")
    assert spec is not None
    assert spec.loader is not None
    deb = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(deb)
    assert [name for name in deb.FILES if not (ROOT / name).is_file()] == []
    packed = {Path(name).name for name in deb.FILES}
    assert {unit.name for unit in (ROOT / "systemd").glob("tagsmith*")} <= packed


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("pci-0000:00:14.0-usb-0:1.2:1.0", "pci-0000-00-14-0-usb-0-1-2-1-0"),
        ("platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3", "platform-fd500000-pcie-pci-0000-01-00-0-usb-0-1-3"),
        ("$(reboot);`x`/../é", "--reboot---x-------"),
    ],
)
def test_links_have_names_that_nfcpy_takes(place: str, name: str) -> None:
    """Whatever the kernel calls the place: letters, digits and dashes."""
    done = subprocess.run([ROOT / "udev" / "tagsmith-name", place], check=True, capture_output=True, text=True)
    assert done.stdout == f"{name}\n"
    create(f"nfcpy:tty:tagsmith-reader-{name}:pn532").close()


def test_nothing_is_open_to_all() -> None:
    """Who is not in the group may open no device by our rules."""
    rules = (ROOT / "udev" / "93-tagsmith.rules").read_text(encoding="utf-8")
    assert set(re.findall(r'MODE[:+]?="(\d+)"', rules)) == {"0660"}
    assert set(re.findall(r'GROUP[:+]?="(\w+)"', rules)) == {GROUP}


def test_services_never_wait_for_a_person() -> None:
    """No service of a line is given up, a headless one asks no standard input, and the kiosk stands in for it."""
    text = {unit.name: unit.read_text(encoding="utf-8") for unit in SERVICES}
    for name in ("tagsmith-station.service", "tagsmith-courier.service"):
        assert "StartLimitIntervalSec=0\n" in text[name]
        assert "Restart=always\n" in text[name]
        assert "StandardInput=null\n" in text[name]
    assert "run --headless --no-stdin\n" in text["tagsmith-station.service"]
    assert re.search(r"^Conflicts=.*tagsmith-station\.service", text["tagsmith-kiosk@.service"], re.MULTILINE)


def test_services_say_each_thing_once() -> None:
    """What is said is a record of journald with its fields. There are no JSON lines beside it."""
    text = {unit.name: unit.read_text(encoding="utf-8") for unit in SERVICES}
    assert "StandardOutput=null\nStandardError=journal\n" in text["tagsmith-station.service"]
    assert "ExecStart=/usr/bin/tagsmith --log-journal run\n" in text["tagsmith-kiosk@.service"]
    assert "ExecStart=/usr/bin/tagsmith --log-journal courier\n" in text["tagsmith-courier.service"]


def test_services_are_watched() -> None:
    """Ready when they say so, ended when they no longer turn; an old journal may take its time at the start."""
    for name in ("tagsmith-station.service", "tagsmith-kiosk@.service", "tagsmith-courier.service"):
        text = (ROOT / "systemd" / name).read_text(encoding="utf-8")
        settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
        assert settings["Type"] == "notify"
        assert int(settings["WatchdogSec"]) > PUMP_S
        assert settings["TimeoutStartSec"] == "10min"


def test_metrics_can_be_written_where_the_pages_say() -> None:
    """The folder that the example and docs/metrics.md name is the units' own; all may read it; it outlives them."""
    named = re.search(r'^# textfile = "(/run/tagsmith)/', (ROOT / "packaging/tagsmith.toml").read_text(), re.MULTILINE)
    told = re.search(r'textfile = "(/run/tagsmith)/', (ROOT / "docs/metrics.md").read_text())
    assert named
    assert told
    for name in ("tagsmith-station.service", "tagsmith-kiosk@.service"):
        text = (ROOT / "systemd" / name).read_text(encoding="utf-8")
        assert "RuntimeDirectory=tagsmith\nRuntimeDirectoryMode=0755\nRuntimeDirectoryPreserve=yes\n" in text


def test_a_login_and_a_kiosk_never_share_a_terminal() -> None:
    """systemd 252 calls each new beginning of a service an end (OnSuccess=), too: what then starts must look first."""
    kiosk = (ROOT / "systemd" / "tagsmith-kiosk@.service").read_text(encoding="utf-8")
    login = (ROOT / "systemd" / "tagsmith-login@.service").read_text(encoding="utf-8")
    assert re.findall(r"^OnSuccess=(.*)$", kiosk, re.MULTILINE) == ["tagsmith-login@%i.service"]
    assert re.findall(r"^After=(.*)$", login, re.MULTILINE) == ["tagsmith-kiosk@%i.service"]
    assert "= inactive ]" in login
