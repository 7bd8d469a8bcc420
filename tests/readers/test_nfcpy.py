"""The real nfcpy on an emulated PN532: what cards come to, how it is opened, shared, lost and found again."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import nfc.clf.pn532
import pytest

from readers.conformance import KEY, OTHER, other_process, reopened, shows, until
from support.pn532 import IN_LIST, Bad, Card, Fault, Jewel, TypeA, TypeB, TypeF
from support.rig_nfcpy import NfcpyRig, Partner
from tagsmith.errors import ReaderBusy, ReaderForbidden, ReaderLost, ReaderMissing, ReaderUnsupported
from tagsmith.lines import nodes
from tagsmith.model import Field, Trouble
from tagsmith.readers import Pump, TagArrived, TagsCollided, create
from tagsmith.readers.nfcpy import NfcpyReader
from tagsmith.uid import Technology

FOUR, SEVEN, TEN = "1a2b3c4d", KEY, "04a1b2c3d4e5f6070809"
SET_BAUD, POWER_DOWN = 0x10, 0x16


def card(uid: str, sak: int = 0x20) -> TypeA:
    """A type A card."""
    return TypeA(bytes.fromhex(uid), sak)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[NfcpyRig]:
    """A PN532 behind a udev link."""
    with NfcpyRig(tmp_path) as made:
        assert isinstance(made, NfcpyRig)
        yield made


def opened(rig: NfcpyRig, options: str = "") -> NfcpyReader:
    """A reader for it with options, opened; the rig closes it."""
    reader = NfcpyReader(rig.spec.removeprefix("nfcpy:") + options)
    rig._opened.append(reader)
    reader.open()
    return reader


# --- cards --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("uid", "sak"), [(FOUR, 0x08), (SEVEN, 0x00), (SEVEN, 0x60), (TEN, 0x20)])
def test_type_a(rig: NfcpyRig, uid: str, sak: int) -> None:
    """UIDs of every size come whole, uid0 first, with their SAK; a phone's (bit 40) as well."""
    reader = opened(rig)
    rig.device.put(card(uid, sak))
    (tag,) = until(reader, shows(uid)).tags
    assert (tag.sak, tag.raw, tag.uid.technology) == (sak, uid, Technology.ISO14443A)


def test_an_unfinished_uid_keeps_its_sak(rig: NfcpyRig) -> None:
    """SAK 04 says that the anticollision was not finished: it is handed on, so that the UID is refused."""
    reader = opened(rig)
    rig.device.put(card(FOUR, 0x04))
    assert until(reader, shows(FOUR)).tags[0].sak == 0x04


def test_type_b(rig: NfcpyRig) -> None:
    """With `tech=106B` a type B card shows its PUPI."""
    reader = opened(rig, "?tech=106A,106B")
    rig.device.put(TypeB(bytes.fromhex("a0b1c2d3")))
    (tag,) = until(reader, shows("a0b1c2d3")).tags
    assert (tag.uid.technology, tag.sak) == (Technology.ISO14443B, None)
    assert tag.raw.startswith("50a0b1c2d3")


def test_felica(rig: NfcpyRig) -> None:
    """With `tech=212F` a FeliCa card shows its IDm."""
    reader = opened(rig, "?tech=212F")
    rig.device.put(TypeF(bytes.fromhex("0110030456789abc")))
    (tag,) = until(reader, shows("0110030456789abc")).tags
    assert tag.uid.technology is Technology.FELICA


def test_only_what_is_configured(rig: NfcpyRig) -> None:
    """By default nothing but type A is looked for."""
    reader = opened(rig)
    rig.device.put(TypeB(b"abcd"), TypeF(b"12345678"))
    assert reader.wait(Field(), 0.1) == Field()


def test_type_1_has_no_uid(rig: NfcpyRig) -> None:
    """A Jewel or Topaz tag is trouble, not a tag and not an empty reader."""
    reader = opened(rig)
    rig.device.put(Jewel(b"jewl"))
    field = until(reader, lambda field: field != Field())
    assert (field.tags, field.trouble) == ((), Trouble.NO_UID)


@pytest.mark.parametrize(
    "cards", [(card(SEVEN), card(OTHER)), (card(FOUR, 0x08), card(SEVEN)), (card(SEVEN), card(SEVEN))]
)
def test_two_cards_are_two_tags(rig: NfcpyRig, cards: tuple[Card, ...]) -> None:
    """Two cards at once are seen as two, and their parting as well; it costs no command more than one card does."""
    reader = opened(rig)
    assert reader.info is not None
    assert reader.info.sees_two
    rig.device.put(*cards)
    field = until(reader, lambda field: len(field.tags) == 2)
    rig.device.put(cards[1])
    assert len(until(reader, lambda field: len(field.tags) == 1, field).tags) == 1


def test_two_cards_of_two_technologies(rig: NfcpyRig) -> None:
    """A type A and a type B card together are two tags where both are looked for."""
    reader = opened(rig, "?tech=106A,106B")
    rig.device.put(card(SEVEN), TypeB(b"abcd"))
    until(reader, shows(SEVEN, b"abcd".hex()))


def test_two_cards_never_pair(rig: NfcpyRig) -> None:
    """Through the pump two cards collide, and the one that stays behind does not arrive by itself."""
    edges: list[object] = []
    collided, again = threading.Event(), threading.Event()

    def sink(edge: object) -> None:
        edges.append(edge)
        if isinstance(edge, TagsCollided):
            collided.set()
        elif isinstance(edge, TagArrived):
            again.set()

    rig.device.put(card(SEVEN), card(OTHER))
    pump = Pump(create(rig.spec), sink)
    pump.start()
    try:
        assert collided.wait(5.0)
        rig.device.put(card(SEVEN))
        assert rig.device.looked(5)
        assert not again.is_set()
        rig.device.put()
        assert rig.device.looked(40)  # longer than a bounce: each look is followed by its pause
        rig.device.put(card(FOUR))
        assert again.wait(5.0)
        assert [edge.tag.uid.wire for edge in edges if isinstance(edge, TagArrived)] == [FOUR]
    finally:
        pump.close()


def test_a_chip_that_lists_only_one(rig: NfcpyRig) -> None:
    """A chip that refuses to list two is asked for one, and says that it does not see two."""
    rig.device.chip.max_targets = 1
    reader = opened(rig)
    assert reader.info is not None
    assert not reader.info.sees_two
    rig.device.put(card(SEVEN))
    until(reader, shows(SEVEN))


def test_a_look_at_an_empty_field_takes_three_commands(rig: NfcpyRig) -> None:
    """The field that was just switched off is not switched off again: nfcpy's own look takes four."""
    reader = opened(rig)
    reader.wait(Field(), 0.02)
    chip = rig.device.chip
    commands, looks = len(chip.commands), chip.looks
    reader.wait(Field(), 0.1)
    assert chip.looks - looks >= 3
    assert len(chip.commands) - commands == 3 * (chip.looks - looks)


def test_a_technology_that_the_chip_lacks(rig: NfcpyRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the chip cannot read is told at opening."""
    monkeypatch.setattr(nfc.clf.pn532.Chipset, "in_list_passive_target_brty_range", (0, 1, 2))
    with pytest.raises(ReaderUnsupported, match="106B"):
        opened(rig, "?tech=106A,106B")
    opened(rig)


# --- opening ------------------------------------------------------------------------------------------------------


def test_the_name_stays(rig: NfcpyRig) -> None:
    """The reader is called by what was configured, not by the node that its link means today."""
    reader = opened(rig)
    assert reader.info is not None
    assert reader.info.name == f"PN532v1.6 at {rig.device.link}"
    assert reader.info.spec == rig.spec


def test_it_runs_fast_and_is_left_slow(rig: NfcpyRig) -> None:
    """nfcpy raises the rate; closing brings it back, so that the next program finds the chip."""
    reader = opened(rig)
    assert rig.device.chip.baud == 921600
    reader.close()
    assert rig.device.chip.baud == 115200


def test_it_is_not_put_to_sleep(rig: NfcpyRig) -> None:
    """Closing sends no power-down, from which some boards only wake by being plugged anew; the field is off."""
    reader = opened(rig)
    rig.device.put(card(SEVEN))
    until(reader, shows(SEVEN))
    reader.close()
    assert POWER_DOWN not in rig.device.chip.commands
    assert not rig.device.chip.field_on
    for _ in range(3):
        reader.open()
        reader.close()


@pytest.mark.parametrize("baud", [921600, 460800, 230400])
def test_a_high_rate_is_recovered(rig: NfcpyRig, baud: int) -> None:
    """A chip that somebody left at a high rate is brought back by itself."""
    rig.device.chip.baud = baud
    rig.device.put(card(SEVEN))
    until(opened(rig), shows(SEVEN))


def test_a_killed_process_leaves_it_usable(rig: NfcpyRig) -> None:
    """A process that is killed while it reads leaves the chip at a high rate; the next one opens it all the same."""
    with other_process(rig) as (process, said):
        assert said == "open"
        assert rig.device.chip.baud == 921600
        os.kill(process.pid, signal.SIGKILL)
        process.wait(5.0)
        assert rig.device.chip.baud == 921600
        rig.device.put(card(SEVEN))
        until(opened(rig), shows(SEVEN))


def test_a_second_process_disturbs_nothing(rig: NfcpyRig) -> None:
    """A second process is refused before it sends a byte or changes the rate, by whichever name it calls the port."""
    reader = opened(rig)
    reader.wait(Field(), 0.05)
    rate = rig.device.chip.baud
    rig.spec = f"nfcpy:tty:{rig.device.node}:pn532"
    with other_process(rig) as (_, said):
        assert said.startswith("ReaderBusy:")
        assert f"process {os.getpid()} (" in said
    assert rig.device.chip.commands.count(SET_BAUD) == 1
    assert rig.device.chip.baud == rate
    rig.device.put(card(SEVEN))
    until(reader, shows(SEVEN))


def test_a_second_lane_is_refused(rig: NfcpyRig) -> None:
    """Two lanes of one station cannot share a port by two names of it."""
    opened(rig)
    with pytest.raises(ReaderBusy, match="another lane of this station"):
        NfcpyReader(f"tty:{rig.device.node}:pn532").open()


_FOREIGN = "import os,sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); sys.stdin.read()"


def test_a_foreign_program_is_named(rig: NfcpyRig) -> None:
    """A program that has the port open without any lock is named by its process, and nothing is sent."""
    command = [sys.executable, "-c", _FOREIGN, str(rig.device.node)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(ReaderBusy, match=f"process {process.pid} "):
            opened(rig)
        assert rig.device.chip.commands == []
    finally:
        process.kill()
        process.communicate()
    opened(rig)


def test_a_locked_port_is_busy(rig: NfcpyRig) -> None:
    """Who holds pyserial's lock keeps us out even where nobody can be named; the chip is not touched."""
    port = os.open(rig.device.node, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(ReaderBusy) as caught:
            opened(rig)
        assert "fuser" in caught.value.remedy
        assert rig.device.chip.commands == []
    finally:
        os.close(port)
    opened(rig)


def test_missing(rig: NfcpyRig) -> None:
    """A port that is not there is missing, and taken when it comes."""
    rig.device.unplug()
    reader = rig.reader()
    with pytest.raises(ReaderMissing):
        reader.open()
    rig.device.plug()
    reader.open()


def test_forbidden(rig: NfcpyRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that this user may not open is forbidden, with what to do."""
    monkeypatch.setattr(nodes, "allowed", lambda _: False)
    with pytest.raises(ReaderForbidden) as caught:
        opened(rig)
    assert "is a pseudo-terminal" in caught.value.remedy


def test_nothing_answers(rig: NfcpyRig) -> None:
    """A port with nothing that answers is a missing reader, and the wires are named."""
    rig.device.chip.asleep = True
    with pytest.raises(ReaderMissing) as caught:
        opened(rig)
    assert "TX" in caught.value.remedy
    rig.device.chip.asleep = False
    opened(rig)


@pytest.mark.parametrize("bad", [Bad.NACK, Bad.LOST, Bad.ERROR_FRAME])
def test_something_else_answers(rig: NfcpyRig, bad: Bad) -> None:
    """Something that is no PN532, or is not at its senses yet, is a missing reader; tried again, it works."""
    rig.device.chip.faults = [Fault(bad, times=9, command=None)]
    reader = rig.reader()
    with pytest.raises(ReaderMissing):
        reader.open()
    rig.device.chip.faults.clear()
    reopened(reader)
    rig.device.put(card(SEVEN))
    until(reader, shows(SEVEN))


def test_not_a_terminal(tmp_path: Path) -> None:
    """A file that is no serial port is none."""
    path = tmp_path / "file"
    path.touch()
    with pytest.raises((ReaderUnsupported, ReaderMissing)):
        NfcpyReader(f"tty:{path}:pn532").open()


# --- losing it ----------------------------------------------------------------------------------------------------


def test_unplugged_and_back(rig: NfcpyRig) -> None:
    """A port that hangs up is a loss at the next look, says so, and is followed to the other node it comes back as."""
    reader = opened(rig)
    rig.device.put(card(SEVEN))
    field = until(reader, shows(SEVEN))
    before = rig.device.node
    rig.device.unplug()
    with pytest.raises(ReaderLost, match="unplugged") as caught:
        until(reader, lambda _: False, field)
    assert "goes on by itself" in caught.value.remedy
    reader.close()
    with pytest.raises(ReaderMissing):
        reader.open()
    others = os.openpty()  # takes the number that is free now
    rig.device.plug()
    assert rig.device.node != before
    reopened(reader)
    until(reader, shows(SEVEN))
    for end in others:
        os.close(end)


def test_nothing_stays_open_after_a_loss(rig: NfcpyRig) -> None:
    """Losing and opening again, many times, leaks no descriptor: nfcpy's own closing fails on a port that is gone."""
    reader = opened(rig)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        rig.device.unplug()
        with pytest.raises(ReaderLost):
            until(reader, lambda _: False)
        reader.close()
        rig.device.plug()
        reopened(reader)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_chip_that_was_reset_is_found_again(rig: NfcpyRig) -> None:
    """A chip that lost its power for a moment is back at its first rate: a loss, and then it works again."""
    reader = opened(rig)
    rig.device.chip.baud = 115200
    with pytest.raises(ReaderLost):
        until(reader, lambda _: False)
    reopened(reader)
    rig.device.put(card(SEVEN))
    until(reader, shows(SEVEN))


# --- the udp driver -----------------------------------------------------------------------------------------------


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A card at the other end of the `udp` driver."""
    made = Partner()
    yield made
    made.close()


@pytest.mark.parametrize("uid", [FOUR, SEVEN, TEN])
def test_udp(partner: Partner, uid: str) -> None:
    """Over nfcpy's simulated reader UIDs of every size come with their SAK."""
    reader = create(f"nfcpy:udp:127.0.0.1:{partner.port}")
    reader.open()
    partner.uid = bytes.fromhex(uid)
    assert until(reader, shows(uid)).tags[0].sak == 0x20
    reader.close()


@pytest.mark.parametrize("reply", [b"106A 0", b"106A zz", b"\xff\xfe 44", b"106A 44 03 04"])
def test_udp_garbage(partner: Partner, reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datagrams that are no answers are a fault, or nothing; never a tag, and it goes on afterwards."""
    reader = create(f"nfcpy:udp:127.0.0.1:{partner.port}")
    reader.open()
    partner.uid = bytes.fromhex(SEVEN)
    good = partner._answer
    wrong = [reply]
    monkeypatch.setattr(partner, "_answer", lambda command: wrong.pop() if wrong else good(command))
    until(reader, shows(SEVEN))
    reader.close()


def test_udp_without_a_host() -> None:
    """A host that cannot be found is missing."""
    with pytest.raises(ReaderMissing):
        create("nfcpy:udp:no-such-host.invalid:5000").open()


def test_udp_is_shared_by_nobody(partner: Partner) -> None:
    """Two lanes on one simulated reader are refused like on any other, and closing leaves no socket behind."""
    first, second = (create(f"nfcpy:udp:127.0.0.1:{partner.port}") for _ in range(2))
    before = len(os.listdir("/proc/self/fd"))
    first.open()
    with pytest.raises(ReaderBusy):
        second.open()
    first.close()
    second.open()
    second.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.long
def test_a_lost_answer_is_waited_for(rig: NfcpyRig) -> None:
    """An answer that never comes costs its second, and the next look sees what lies there."""
    reader = opened(rig)
    rig.device.chip.faults = [Fault(Bad.LOST, command=IN_LIST)]
    rig.device.put(card(SEVEN))
    until(reader, shows(SEVEN))
