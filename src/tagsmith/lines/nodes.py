"""What the kernel and /proc know of a device node: who may open it, who has it open, and what to type about it.

It opens no device and never changes one. The words of its errors are a worker's; the remedies are lines to type.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import re
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagsmith.errors import (
    DeviceBusy,
    DeviceError,
    DeviceForbidden,
    DeviceLost,
    DeviceMissing,
    DeviceUnsupported,
)
from tagsmith.lines.usb import usb_devices

RULES = Path("/etc/udev/rules.d/94-tagsmith-local.rules")
"""Where a machine's own udev rules go. The CCID driver's are number 92, tagsmith's 93, and the last rule wins; a file
of the same name as tagsmith's would be read in its place."""

LOG_IN_AGAIN = "# then log out and in again"
"""The last step where a group is new: a session keeps the groups it began with."""

_COMMAND_LENGTH = 80
# Kernel names of serial ports: ttyUSB0, ttyACM0, ttyAMA0, ttyS0, ttymxc0, rfcomm0. Not tty1, which is the screen.
_SERIAL = re.compile(r"(tty[A-Z][A-Za-z]*|ttymxc|rfcomm)[0-9]+", re.ASCII)
_EVENT = re.compile(r"event[0-9]+", re.ASCII)
_ABSENT = (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR)
_DENIED = (errno.EACCES, errno.EPERM)
_HELD = (errno.EBUSY, errno.EAGAIN)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a device; `command` is its command line, shortened, without control characters.

    One that is not `verified` was only said to have it: by somebody whom we need not believe.
    """

    pid: int
    command: str = ""
    verified: bool = True

    def __str__(self) -> str:
        """For people: `process 123 (pcscd)`."""
        if not self.verified:
            return f"process {self.pid} (not verified)"
        return f"process {self.pid} ({self.command})" if self.command else f"process {self.pid}"


def holders(node: Path, *, proc: Path = Path("/proc")) -> tuple[Holder, ...]:
    """The other processes that have the node open, by number.

    Another user's processes show only to root, so an empty answer is no proof that nobody has it.
    """
    try:
        wanted = node.stat()
    except OSError:
        return ()
    found = [pid for pid in _processes(proc) if pid != os.getpid() and _has_open(proc / str(pid), node, wanted)]
    return tuple(Holder(pid, _command(proc / str(pid))) for pid in sorted(found))


def allowed(node: Path) -> bool:
    """Whether this process may read and write the node; False also when it is not there."""
    return os.access(node, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def missing(node: Path) -> DeviceMissing:
    """The error for a node that is not there."""
    return DeviceMissing(f"{node} is not there", "plug it in; `tagsmith readers` lists what is there")


def lost(node: Path) -> DeviceLost:
    """The error for a device that was open and went away."""
    return DeviceLost(f"{node} was unplugged", "plug it in again; it goes on by itself")


def forbidden(node: Path, *, sys: Path = Path("/sys")) -> DeviceForbidden:
    """The error for a node that this user may not open. The remedy is the one that fits: a group that may already, or
    else a udev rule."""
    return DeviceForbidden(f"this user may not open {node}", _permission(node, sys))


def busy(node: Path, *, proc: Path = Path("/proc")) -> DeviceBusy:
    """The error for a node that somebody holds; says who, as far as this user may know."""
    found = holders(node, proc=proc)
    if not found:
        return DeviceBusy(
            f"{node} is in use by another program", f"close that program; `sudo fuser -v {node}` says which it is"
        )
    names = ", ".join(map(str, found))
    pids = " ".join(str(holder.pid) for holder in found)
    return DeviceBusy(f"{node} is in use by {names}", f"close that program, or: `sudo kill {pids}`", holders=found)


def from_oserror(error: OSError, node: Path, *, was_open: bool) -> DeviceError:
    """The typed error for what the operating system said of a node.

    `was_open` tells what went away from what was never there. A code that nobody knows counts as a loss: opening the
    device again is then tried, and says more.
    """
    if error.errno in _ABSENT:
        return lost(node) if was_open else missing(node)
    if error.errno in _DENIED:
        return forbidden(node)
    if error.errno in _HELD:
        return busy(node)
    if error.errno == errno.ENOTTY:
        return DeviceUnsupported(f"{node} is no device of this kind", "`tagsmith readers` lists what is there")
    if was_open and not node.exists():
        return lost(node)
    said = error.strerror or str(error)
    return DeviceLost(f"{node} failed ({said})", "unplug it and plug it in again; it goes on by itself")


# --- who has it ---------------------------------------------------------------------------------------------------


def _processes(proc: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):  # without /proc nobody is known to hold anything
        for name in os.listdir(proc):
            if name.isascii() and name.isdigit():
                yield int(name)


def _has_open(process: Path, node: Path, wanted: os.stat_result) -> bool:
    """Whether a process has the node open, under whatever name it opened it."""
    path = str(node.resolve())
    try:
        names = os.listdir(process / "fd")
    except OSError:
        return False  # it ended, or is another user's
    for name in names:
        try:
            target = os.readlink(process / "fd" / name)
            # Only nodes are asked for more than their name: a file of a dead network drive would never answer.
            if target == path or (target.startswith("/dev/") and _same(os.stat(process / "fd" / name), wanted)):
                return True
        except OSError:
            continue
    return False


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether two are one device: by its number where it is a device, because one device may have several nodes."""
    if stat.S_ISCHR(one.st_mode) and stat.S_ISCHR(other.st_mode):
        return one.st_rdev == other.st_rdev
    return os.path.samestat(one, other)


def _command(process: Path) -> str:
    """A process's command line without the folder of its program; its short name where that is hidden."""
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        if not words[0]:
            words = [(process / "comm").read_text(errors="replace").strip()]
    except OSError:
        return ""
    line = " ".join([words[0].rpartition("/")[2], *words[1:]]).strip()
    return "".join(character for character in line if character.isprintable())[:_COMMAND_LENGTH]


# --- who may open it ----------------------------------------------------------------------------------------------


def permission_steps(node: Path, *, sys: Path = Path("/sys")) -> tuple[str, ...]:
    """The lines to type, in order, so that this user may open the node; what is no command is a shell comment.

    No step changes who may open a pseudo-terminal, or a node of a kind that no reader and no scanner has. The node
    must be there.

    Raises:
        OSError: it is not, or the folders above it may not be entered.
    """
    user = user_name()
    status = node.stat()
    if _is_pseudo_terminal(node):
        return (f"# {node} is a pseudo-terminal, the inside of another program: run tagsmith as the user of that",)
    if status.st_gid != 0 and status.st_mode & 0o060 == 0o060:
        group = _group_name(status.st_gid)
        if _is_member(user, status.st_gid):
            return (f"# {user} is in the group {group}, this session is older than that: log out and in again",)
        return (f"sudo usermod -aG {group} {user}", LOG_IN_AGAIN)
    found = udev_rule(node, sys=sys)
    if found is None:
        return (f"# {node} is no serial port and no input device, nor a USB device whose ids are known: name another",)
    group, rule = found
    rules = (
        f"echo '{rule}' | sudo tee -a {RULES}",
        "sudo udevadm control --reload",
        f"sudo udevadm trigger --name-match={shlex.quote(str(node))}",
    )
    return rules if _is_member(user, group) else (*rules, f"sudo usermod -aG {group} {user}", LOG_IN_AGAIN)


def _permission(node: Path, sys: Path) -> str:
    """The same steps in one sentence."""
    try:
        steps = permission_steps(node, sys=sys)
    except OSError:
        return "look whether the folders above it may be entered"
    return ", ".join(step.removeprefix("# ") if step.startswith("#") else f"`{step}`" for step in steps)


def udev_rule(node: Path, *, sys: Path = Path("/sys")) -> tuple[str, str] | None:
    """The group that should have this node, and the udev rule that gives it to that group and fits nothing else.

    None where no such rule can be written: the node is neither a serial port nor an input device, or a USB device whose
    ids sysfs does not tell. Groups are those of Debian: `dialout` for serial ports, `input` for input devices,
    `plugdev` for USB devices. Source of the match keys: udev(7).
    """
    real = node.resolve()
    if real.parent.parent.match("bus/usb"):
        device = next((one for one in usb_devices(sys) if one.node.parts[-2:] == real.parts[-2:]), None)
        if device is None:
            return None
        # By its ids alone: the kernel's name for the device is its socket, 1-1.2 or so, and its node is new each time.
        which = f'ATTR{{idVendor}}=="{device.vid:04x}", ATTR{{idProduct}}=="{device.pid:04x}"'
        return "plugdev", f'SUBSYSTEM=="usb", {which}, GROUP="plugdev", MODE="0660"'
    if _EVENT.fullmatch(real.name):
        return "input", 'SUBSYSTEM=="input", KERNEL=="event*", GROUP="input", MODE="0660"'
    if port := _SERIAL.fullmatch(real.name):
        return "dialout", f'SUBSYSTEM=="tty", KERNEL=="{port[1]}[0-9]*", GROUP="dialout", MODE="0660"'
    return None


def _is_pseudo_terminal(node: Path) -> bool:
    return node.resolve().parent.name == "pts"


def user_name() -> str:
    """The name of the user this process runs as; the number where it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _is_member(user: str, group: int | str) -> bool:
    """Whether the user stands in a group's list: not what this session has, but what the next one will have."""
    try:
        entry = grp.getgrgid(group) if isinstance(group, int) else grp.getgrnam(group)
        return user in entry.gr_mem or pwd.getpwnam(user).pw_gid == entry.gr_gid
    except KeyError:
        return False
