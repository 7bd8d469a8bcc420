"""What may stand behind `nfcpy:`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.errors import ConfigError
from tagsmith.readers.nfcpy_spec import IDLE_S, POLL_S, Tty, Udp, Usb, parse


@pytest.mark.parametrize(
    ("rest", "device"),
    [
        ("usb", Usb()),
        ("usb:054c:06c3", Usb(ids=(0x054C, 0x06C3))),
        ("usb:072F:2200", Usb(ids=(0x072F, 0x2200))),
        ("usb:001:023", Usb(place=(1, 23))),
        ("tty:AMA0:pn532", Tty(Path("/dev/ttyAMA0"), "pn532")),
        ("tty:USB12:pn532", Tty(Path("/dev/ttyUSB12"), "pn532")),
        ("tty:ttyS0:pn532", Tty(Path("/dev/ttyS0"), "pn532")),
        ("tty:rfid-serial:pn532", Tty(Path("/dev/rfid-serial"), "pn532")),
        ("tty:serial0:pn532", Tty(Path("/dev/serial0"), "pn532")),
        (
            "tty:/dev/serial/by-id/usb-A_B.1-if00-port0:pn532",
            Tty(Path("/dev/serial/by-id/usb-A_B.1-if00-port0"), "pn532"),
        ),
        ("tty:/dev/serial/by-path/usb-0:1.3:1.0:pn532", Tty(Path("/dev/serial/by-path/usb-0:1.3:1.0"), "pn532")),
        ("udp", Udp("localhost", 54321)),
        ("udp:10.0.0.7", Udp("10.0.0.7", 54321)),
        ("udp::5000", Udp("localhost", 5000)),
    ],
)
def test_devices(rest: str, device: Usb | Tty | Udp) -> None:
    """nfcpy's own paths mean what they mean to nfcpy; a whole path to a serial port is understood as well."""
    assert parse(f"nfcpy:{rest}").device == device


@pytest.mark.parametrize(
    ("rest", "hint"),
    [
        ("", "nfcpy:usb:vvvv:pppp"),
        ("bluetooth:1", "nfcpy:usb:vvvv:pppp"),
        ("tty", "tty:AMA0:pn532"),
        ("tty:AMA0", "tty:AMA0:pn532"),
        ("tty::pn532", "tty:AMA0:pn532"),
        ("tty:AMA0:pn523", "tty:AMA0:pn532"),
        ("tty:/dev/../etc:pn532", "tty:AMA0:pn532"),
        ("tty:x;reboot:pn532", "tty:AMA0:pn532"),
        ("tty:$(id):pn532", "tty:AMA0:pn532"),
        ("usb:54c:06c3", "usb:072f:2200"),
        ("usb:072f", "usb:072f:2200"),
        ("udp:host:0", "udp:localhost"),
        ("udp:a b", "udp:localhost"),
        ("udp:host:70000", "udp:localhost"),
    ],
)
def test_what_is_refused(rest: str, hint: str) -> None:
    """What is incomplete, dangerous or nonsense is refused with what to write; above all the bare `tty`, with which
    nfcpy writes to every serial port there is."""
    with pytest.raises(ConfigError) as caught:
        parse(f"nfcpy:{rest}")
    assert hint in caught.value.remedy


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=12))
@settings(max_examples=200)
def test_no_shell_ever_understands_a_port_name(name: str) -> None:
    """nfcpy puts the port's name into a shell command: no character that a shell could act on gets through."""
    try:
        device = parse(f"nfcpy:tty:{name}:pn532").device
    except ConfigError:
        return
    assert isinstance(device, Tty)
    assert not set(str(device.path)) & set(" \t\n\r'\"`$&|;<>(){}[]*?!#~\\\0")


def test_options() -> None:
    """Technologies in their order, each once; the pauses; and what was not given has its default."""
    plan = parse("nfcpy:usb?tech=106a,212F,106A&poll=0.02&idle=1")
    assert (plan.technologies, plan.poll_s, plan.idle_s) == (("106A", "212F"), 0.02, 1.0)
    assert plan.query == "?tech=106a,212F,106A&poll=0.02&idle=1"
    plan = parse("nfcpy:udp")
    assert (plan.technologies, plan.poll_s, plan.idle_s, plan.query) == (("106A",), POLL_S, IDLE_S, "")


def test_a_long_pause_is_not_shortened_by_idling() -> None:
    """Who looks rarely while there is activity does not look more often when there is none."""
    assert parse("nfcpy:usb?poll=2").idle_s == 2.0


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("tech=106C", "106C"),
        ("tech=", "some of"),
        ("poll=fast", "poll=fast"),
        ("idle=60", "idle=60"),
        ("pol=1", "poll"),
    ],
)
def test_wrong_options_are_named(query: str, said: str) -> None:
    """A wrong option says what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        parse(f"nfcpy:usb?{query}")
    assert said in str(caught.value)
