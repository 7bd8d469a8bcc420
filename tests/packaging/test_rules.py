"""The udev rules, obeyed by the true udev on devices that umockdev makes up: each that is known, and strangers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.clean_root import alone
from tagsmith.lines.known import DEVICES, GROUP, Access, Kind, KnownDevice

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
BUS = "/devices/pci0000:00/0000:00:14.0/usb1"
GID = 64000
KEYBOARD = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"
MOUSE = "70000 0 0 0 0"
ANY_PRODUCT = 0x0123
STRANGERS = (
    KnownDevice(0x046D, 0xC31C, "a keyboard", Kind.KEYBOARD_READER, (Access.KEYBOARD,)),
    KnownDevice(0x2341, 0x0043, "an Arduino", Kind.BRIDGE, (Access.SERIAL,)),
    KnownDevice(0x08E6, 0x3437, "a reader of contact cards", Kind.READER, (Access.PCSC,)),
    # A vendor's other products, where the table does not mean all of them.
    KnownDevice(0x072F, 0x90CC, "another one of ACS", Kind.READER, (Access.PCSC,)),
    KnownDevice(0x0403, 0xFFFF, "another one of FTDI", Kind.BRIDGE, (Access.SERIAL,)),
)
# All of this is seen by the test alone: what udev would do to this machine's /dev and /run it does there.
NAMESPACE = """
mount -t tmpfs tmpfs /run
mkdir -p /run/udev/rules.d /run/helpers /run/dev
cp {root}/udev/93-tagsmith.rules /run/udev/rules.d/
cp {root}/udev/tagsmith-name /run/helpers/
mount -t overlay -o lowerdir=/run/helpers:/usr/lib/udev overlay /usr/lib/udev
{{ cat /etc/group; echo {group}:x:{gid}:; }} >/run/group
mount --bind /run/group /etc/group
mknod -m 666 /run/dev/null c 1 3
mkdir /run/dev/pts
mount --bind /dev/pts /run/dev/pts
ln -s pts/ptmx /run/dev/ptmx
mount --rbind /run/dev /dev
umockdev-run -d {devices} -- sh -c 'while read -r path; do echo "@ $path"; udevadm test "/sys$path" 2>&1; done <{paths}'
"""


@dataclass
class Seen:
    """What udev made of one node. `links` are ours."""

    group: str = ""
    mode: str = ""
    links: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def wants(self) -> str:
        return self.properties.get("SYSTEMD_WANTS", "")

    @property
    def touched(self) -> bool:
        """Whether any rule of ours was for it."""
        return bool(self.links) or self.group == str(GID) or "ID_MM_DEVICE_IGNORE" in self.properties


def described(place: int, device: KnownDevice) -> tuple[str, dict[str, str]]:
    """A plugged device with all nodes that it may have, in umockdev's words; and the path of each node."""
    pid = ANY_PRODUCT if device.pid is None else device.pid
    usb = f"{BUS}/1-1.{place}"
    hid = f"{usb}/1-1.{place}:1.0/0003:{device.vid:04X}:{pid:04X}.0001/input"
    nodes = {
        "usb": (usb, f"bus/usb/001/{place:03d}", 189, place),
        "tty": (f"{usb}/1-1.{place}:1.1/ttyUSB{place}/tty/ttyUSB{place}", f"ttyUSB{place}", 188, place),
        "input": (f"{hid}/input{place}/event{place}", f"input/event{place}", 13, 64 + place),
        "pointer": (f"{hid}/input{place + 500}/event{place + 500}", f"input/event{place + 500}", 13, 1064 + place),
    }
    text = ""
    for kind, (path, node, major, minor) in nodes.items():
        if kind in ("input", "pointer"):
            keys, moves = (KEYBOARD, "0") if kind == "input" else (MOUSE, "3")
            text += f"P: {path.rpartition('/')[0]}\nE: SUBSYSTEM=input\nA: capabilities/ev=120017\\n\n"
            text += f"A: capabilities/key={keys}\\n\nA: capabilities/rel={moves}\\n\n\n"
        if kind == "tty":
            for number, its_class in (("0", "03"), ("1", "02")):
                text += f"P: {usb}/1-1.{place}:1.{number}\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n"
                text += f"A: bInterfaceNumber=0{number}\\n\nA: bInterfaceClass={its_class}\\n\n\n"
        text += f"P: {path}\nN: {node}\nE: DEVNAME=/dev/{node}\nE: MAJOR={major}\nE: MINOR={minor}\n"
        text += f"E: SUBSYSTEM={'input' if kind == 'pointer' else kind}\n"
        if kind == "usb":
            text += "E: DEVTYPE=usb_device\n"
            # As brltty's own rules leave it for a bridge.
            text += "E: BRLTTY_BRAILLE_DRIVER=bm\n"
            text += f"A: idVendor={device.vid:04x}\\n\nA: idProduct={pid:04x}\\n\nA: product=Something\\n\n"
        text += "\n"
    return text, {kind: path for kind, (path, *_) in nodes.items()}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int | None], dict[str, Seen]]:
    """What udev makes of every node of every device, by the device's ids and the kind of node."""
    folder = tmp_path_factory.mktemp("udev")
    text = f"P: {BUS.rpartition('/')[0]}\nE: SUBSYSTEM=pci\n\n"
    paths: dict[str, tuple[KnownDevice, str]] = {}
    for place, device in enumerate((*DEVICES, *STRANGERS), start=1):
        more, nodes = described(place, device)
        text += more
        paths |= {path: (device, kind) for kind, path in nodes.items()}
    (folder / "devices").write_text(text)
    (folder / "paths").write_text("".join(f"{path}\n" for path in paths))
    script = NAMESPACE.format(root=ROOT, devices=folder / "devices", paths=folder / "paths", group=GROUP, gid=GID)
    said = alone(script)
    assert "93-tagsmith.rules" in said
    found: dict[tuple[int, int | None], dict[str, Seen]] = {}
    for part in said.split("@ ")[1:]:
        path, _, about = part.partition("\n")
        device, kind = paths[path]
        found.setdefault((device.vid, device.pid), {})[kind] = judged(about)
    assert len(found) == len(DEVICES) + len(STRANGERS)
    return found


def judged(said: str) -> Seen:
    """What `udevadm test` says in the end: the last rule wins."""
    properties = dict(re.findall(r"^([A-Z_.]+)=(.*)$", said, re.MULTILINE))
    links = tuple(sorted(re.findall(r" LINK '(tagsmith-[^']*)'", said)))
    assert not re.search(r"93-tagsmith.rules:[0-9]+ (Invalid|Unknown|Failed)", said), said
    group, mode = (re.findall(rf" {word} (\w+)$", said, re.MULTILINE) for word in ("GROUP", "MODE"))
    return Seen(group[-1] if group else "", mode[-1] if mode else "", links, properties)


def test_each_node_that_a_station_opens_is_the_groups(seen: dict[tuple[int, int | None], dict[str, Seen]]) -> None:
    """Owner, mode, link and, for a reader, the start of the station; never open for all, and no other node of it."""
    ways = {"usb": (Access.PCSC, Access.NFCPY), "tty": (Access.SERIAL,), "input": (Access.KEYBOARD,)}
    links: list[str] = []
    for device in DEVICES:
        for kind, node in seen[device.vid, device.pid].items():
            role = device.role(*ways[kind]) if kind in ways else None
            about = (device.name, kind, node)
            if role is None:
                assert not node.links, about
                assert node.group != str(GID), about
                assert not node.wants, about
                continue
            assert (node.group, node.mode) == (str(GID), "0660"), about
            assert len(node.links) == 1, about
            assert re.fullmatch(rf"tagsmith-{role}-[A-Za-z0-9-]+", node.links[0]), about
            assert node.wants == ("tagsmith-plugged.service" if role == "reader" else ""), about
            assert ("systemd" in node.properties.get("TAGS", "")) or role == "scanner", about
            links += node.links
    assert len(links) == len(set(links)) > len(DEVICES)


def test_modem_manager_and_brltty_leave_them_alone(seen: dict[tuple[int, int | None], dict[str, Seen]]) -> None:
    """All that is used: also the USB device of a serial reader, which is where both of them look."""
    for device in DEVICES:
        usb = seen[device.vid, device.pid]["usb"]
        used = device.role(*Access) is not None
        assert (usb.properties.get("ID_MM_DEVICE_IGNORE") == "1") is used, device
        assert ("BRLTTY_BRAILLE_DRIVER" not in usb.properties) is used, device


def test_no_other_device_is_touched(seen: dict[tuple[int, int | None], dict[str, Seen]]) -> None:
    """Strangers, readers that see no charging key, and the pointer that a known device may have, too."""
    nodes = [(device, node) for device in STRANGERS for node in seen[device.vid, device.pid].values()]
    nodes += [(one, node) for one in DEVICES if not one.role(*Access) for node in seen[one.vid, one.pid].values()]
    nodes += [(one, seen[one.vid, one.pid]["pointer"]) for one in DEVICES]
    assert len(nodes) > 4 * len(STRANGERS)
    assert [about for about in nodes if about[1].touched] == []
