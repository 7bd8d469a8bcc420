"""A virtual machine with a Debian kernel of its own, for what the machine of the tests may not have: input devices.

Its root is this machine's, read-only (9p); /dev and /run are its own, and a real udevd makes the links in /dev.
One program runs in it and talks to the test in JSON lines over a serial port; the test plugs, pulls and types on USB
keyboards through QEMU. Its processor is emulated (a KVM inside a machine that is virtual itself may hang); it starts in
seconds all the same.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

APT = "apt install qemu-system-x86 linux-image-amd64 busybox-static kmod udev"
"""The line to type on Debian and its kin when something is missing here."""

PATIENCE_S = 120.0
_EARLY = ("virtio_pci", "9pnet_virtio", "9p")
_LATER = ("xhci-pci", "usbhid", "hid-generic", "evdev", "uinput")
_INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc && $b mount -t sysfs sys /sys && $b mount -t devtmpfs dev /dev
for module in $($b cat /modules/order); do $b insmod /modules/$module || echo "no $module"; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose host /host
$b mount -t tmpfs tmpfs /host/run
for folder in dev proc sys; do $b mount --move /$folder /host/$folder; done
$b chroot /host /bin/sh < /guest
$b poweroff -f
"""
_GUEST = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1
export SYSTEMD_IGNORE_CHROOT=1
for module in {modules}; do modprobe $module; done
/lib/systemd/systemd-udevd --daemon 2> /dev/null
udevadm trigger --action=add && udevadm settle
stty -F /dev/ttyS1 raw -echo
cd {folder} && {python} {program} < /dev/ttyS1 > /dev/ttyS1
"""


class VirtualMachine:
    """One machine, running `program` (a Python file) with this Python."""

    def __init__(self, program: Path) -> None:
        kernel = _kernel()
        self._folder = Path(tempfile.mkdtemp(prefix="vm-"))
        (self._folder / "initramfs").write_bytes(_initramfs(kernel, program))
        self._console = self._folder / "console"
        self._talks = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            listeners = {name: stack.enter_context(_listener(self._folder / name)) for name in ("guest", "qmp")}
            self._qemu = subprocess.Popen(
                [
                    *("qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none", "-m", "512", "-smp", "1"),
                    *("-accel", "tcg"),
                    *("-kernel", f"/boot/vmlinuz-{kernel}", "-initrd", str(self._folder / "initramfs")),
                    *("-append", "console=ttyS0 panic=-1 loglevel=4"),
                    *("-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"),
                    *("-serial", f"file:{self._console}", "-serial", f"unix:{self._folder / 'guest'}"),
                    *("-qmp", f"unix:{self._folder / 'qmp'}", "-device", "qemu-xhci,id=usb"),
                ],
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                self._guest, self._qmp = (
                    _Talk(self._talks.enter_context(_accepted(listeners[name], self._qemu))) for name in listeners
                )
                self._qmp.hear()
                self._order("qmp_capabilities")
            except BaseException:
                self.stop()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Switch it off; idempotent."""
        self._qemu.kill()
        self._qemu.communicate()
        self._talks.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- the program in it ----------------------------------------------------------------------------------------

    def say(self, *words: object) -> None:
        """Send the program a line."""
        self._guest.say(words)

    def hear(self, patience_s: float = PATIENCE_S) -> Any:
        """The next line of the program."""
        try:
            return self._guest.hear(patience_s)
        except (TimeoutError, EOFError) as error:
            raise AssertionError(f"the machine is silent; its console: {self._console.read_text()[-3000:]}") from error

    # --- its keyboards --------------------------------------------------------------------------------------------

    def plug(self, name: str, serial: str) -> None:
        """Plug a USB keyboard in (0627:0001)."""
        self._order("device_add", driver="usb-kbd", id=name, bus="usb.0", serial=serial)

    def unplug(self, name: str) -> None:
        """Pull it out."""
        self._order("device_del", id=name)

    def press(self, keys: Iterable[str]) -> None:
        """Press keys of the keyboard that was plugged last, by QEMU's names; each is let go before the next."""
        for key in keys:
            codes = [{"type": "qcode", "data": code} for code in key.split("+")]
            for down in (True, False):
                events = [{"type": "key", "data": {"down": down, "key": code}} for code in codes]
                self._order("input-send-event", events=events if down else events[::-1])

    def _order(self, command: str, **arguments: object) -> None:
        self._qmp.say({"execute": command, "arguments": arguments})
        while True:
            answer = self._qmp.hear()
            assert "error" not in answer, answer
            if "return" in answer:
                return


class _Talk:
    """JSON lines over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def say(self, value: object) -> None:
        self._connection.sendall(json.dumps(value).encode() + b"\n")

    def hear(self, patience_s: float = PATIENCE_S) -> Any:
        deadline = time.monotonic() + patience_s
        while b"\n" not in self._rest:
            self._connection.settimeout(max(0.01, deadline - time.monotonic()))
            chunk = self._connection.recv(65536)
            if not chunk:
                raise EOFError
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)


def _listener(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(PATIENCE_S)
    return listener


def _accepted(listener: socket.socket, qemu: subprocess.Popen[str]) -> socket.socket:
    while True:
        listener.settimeout(0.5)
        try:
            return listener.accept()[0]
        except TimeoutError:
            assert qemu.poll() is None, f"QEMU ended: {qemu.communicate()[1]}"


def _kernel() -> str:
    """The newest kernel of Debian's that is installed with its modules."""
    tools = [name for name in ("qemu-system-x86_64", "busybox", "modprobe", "udevadm") if _which(name) is None]
    versions = [file.name.removeprefix("vmlinuz-") for file in Path("/boot").glob("vmlinuz-*")]
    versions = [version for version in versions if Path("/lib/modules", version).is_dir()]
    assert not tools, f"the virtual machine needs {', '.join(tools)}: {APT}"
    assert versions, f"the virtual machine needs a kernel: {APT}"
    return max(versions)


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _modules(kernel: str) -> list[Path]:
    """The files that give the guest its root, in the order in which they must be loaded."""
    found: dict[Path, None] = {}
    for name in _EARLY:
        command = [str(_which("modprobe")), "--set-version", kernel, "--show-depends", "--ignore-install", name]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found.update({Path(line.split()[1]): None for line in listed.splitlines() if line.startswith("insmod ")})
    return list(found)


def _initramfs(kernel: str, program: Path) -> bytes:
    """Busybox, the first modules and the first program, as a cpio archive (newc, initramfs buffer format)."""
    modules = _modules(kernel)
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", ""))))
    guest = _GUEST.format(
        path=path, modules=" ".join(_LATER), folder=program.parent, python=sys.executable, program=program
    )
    archive = io.BytesIO()
    for folder in ("bin", "dev", "host", "modules", "proc", "sys"):
        _add(archive, folder, 0o040755, b"")
    # The console must be there before devtmpfs is.
    _add(archive, "dev/console", 0o020600, b"", device=(5, 1))
    _add(archive, "bin/busybox", 0o100755, Path(str(_which("busybox"))).read_bytes())
    _add(archive, "init", 0o100755, _INIT.encode())
    _add(archive, "guest", 0o100644, guest.encode())
    for module in modules:
        _add(archive, f"modules/{module.name}", 0o100644, module.read_bytes())
    _add(archive, "modules/order", 0o100644, "\n".join(module.name for module in modules).encode())
    _add(archive, "TRAILER!!!", 0, b"")
    return archive.getvalue()


def _add(archive: io.BytesIO, name: str, mode: int, data: bytes, device: tuple[int, int] = (0, 0)) -> None:
    encoded = name.encode() + b"\0"
    fields = (archive.tell(), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    archive.write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
    archive.write(b"\0" * (-archive.tell() % 4) + data)
    archive.write(b"\0" * (-archive.tell() % 4))
