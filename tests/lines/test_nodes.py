"""What the kernel tells of a device node: who has it open, who may open it, and what to type."""

from __future__ import annotations

import errno
import grp
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sysfs import plug
from tagsmith.errors import DeviceBusy, DeviceForbidden, DeviceLost, DeviceMissing, DeviceUnsupported
from tagsmith.lines import nodes

_HOLD = "import os, sys; held = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('held', flush=True); input()"


@pytest.fixture
def terminal() -> Iterator[Path]:
    """A pty: a device node of this machine that anybody may open."""
    master, slave = pty.openpty()
    yield Path(os.ttyname(slave))
    os.close(slave)
    os.close(master)


@pytest.fixture
def child(terminal: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the pty open, by a path of its own."""
    command = [sys.executable, "-c", _HOLD, str(terminal)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_process_that_has_the_node_open_is_found(terminal: Path, child: subprocess.Popen[str]) -> None:
    """Its pid and its command line; this process has it open, too, and is left out."""
    (holder,) = nodes.holders(terminal)
    assert holder.pid == child.pid
    assert holder.command.startswith("python")
    assert str(holder) == f"process {child.pid} ({holder.command})"


def test_a_node_is_the_same_under_every_name(terminal: Path, child: subprocess.Popen[str], tmp_path: Path) -> None:
    """A udev symlink in place of the node: the holder of the device is still found."""
    link = tmp_path / "rfid-serial"
    link.symlink_to(terminal)
    assert [holder.pid for holder in nodes.holders(link)] == [child.pid]


def test_a_device_is_known_by_its_number(terminal: Path, tmp_path: Path) -> None:
    """One device may have several nodes, as in a container; files are one only if they are the same file."""
    character = 0o020600
    number = {"st_rdev": terminal.stat().st_rdev}
    one = os.stat_result((character, 1, 2, 1, 0, 0, 0, 0, 0, 0), number)
    other = os.stat_result((character, 7, 8, 1, 0, 0, 0, 0, 0, 0), number)
    assert nodes._same(one, other)
    assert not nodes._same(one, os.stat_result((character, 1, 2, 1, 0, 0, 0, 0, 0, 0), {"st_rdev": 1}))
    assert not nodes._same(tmp_path.stat(), Path("/").stat())


def test_nobody_else_has_it(terminal: Path, tmp_path: Path) -> None:
    """Our own opening counts for nothing, and a node that is not there has no holders."""
    assert nodes.holders(terminal) == ()
    assert nodes.holders(tmp_path / "ttyUSB0") == ()


def test_a_command_line_is_made_safe_and_short(tmp_path: Path) -> None:
    """Control characters in a process's own words never reach a terminal; a hidden command line leaves its name."""
    node = tmp_path / "ttyUSB0"
    node.touch()
    for pid, cmdline in ((7, b"/usr/sbin/pcs\x1b[2Jcd\0--foreground\0" + b"x" * 500), (8, b"")):
        (tmp_path / "proc" / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / "proc" / str(pid) / "fd" / "3").symlink_to(node)
        (tmp_path / "proc" / str(pid) / "cmdline").write_bytes(cmdline)
        (tmp_path / "proc" / str(pid) / "comm").write_text("kworker\n")
    (tmp_path / "proc" / "self").mkdir()
    one, other = nodes.holders(node, proc=tmp_path / "proc")
    assert one.command.startswith("pcs[2Jcd --foreground xxx")
    assert len(one.command) == 80
    assert str(other) == "process 8 (kworker)"


def test_processes_that_end_or_may_not_be_looked_into_are_passed_over(tmp_path: Path) -> None:
    """No fd folder, a dangling link, no /proc at all: no holders, and no error."""
    node = tmp_path / "ttyUSB0"
    node.touch()
    (tmp_path / "proc" / "9").mkdir(parents=True)
    (tmp_path / "proc" / "10" / "fd").mkdir(parents=True)
    (tmp_path / "proc" / "10" / "fd" / "0").symlink_to("/dev/gone (deleted)")
    assert nodes.holders(node, proc=tmp_path / "proc") == ()
    assert nodes.holders(node, proc=tmp_path / "none") == ()


def test_busy_names_who_and_what_to_type(terminal: Path, child: subprocess.Popen[str]) -> None:
    """The pid stands in the message and in the line to type."""
    error = nodes.busy(terminal)
    assert isinstance(error, DeviceBusy)
    assert f"process {child.pid}" in error.message
    assert f"`sudo kill {child.pid}`" in error.remedy
    assert error.holders == nodes.holders(terminal)


def test_busy_without_a_known_holder_says_how_to_find_it(tmp_path: Path) -> None:
    """Another user's process does not show: the line to type finds it."""
    error = nodes.busy(Path("/dev/ttyUSB0"), proc=tmp_path)
    assert error.message == "/dev/ttyUSB0 is in use by another program"
    assert "`sudo fuser -v /dev/ttyUSB0`" in error.remedy
    assert error.holders == ()


@pytest.mark.parametrize(
    ("code", "was_open", "kind"),
    [
        (errno.ENOENT, False, DeviceMissing),
        (errno.ENXIO, False, DeviceMissing),
        (errno.ENODEV, False, DeviceMissing),
        (errno.ENOENT, True, DeviceLost),
        (errno.ENODEV, True, DeviceLost),
        (errno.EACCES, False, DeviceForbidden),
        (errno.EPERM, True, DeviceForbidden),
        (errno.EBUSY, False, DeviceBusy),
        (errno.EAGAIN, False, DeviceBusy),
        (errno.ENOTTY, False, DeviceUnsupported),
        (errno.EIO, False, DeviceLost),
        (errno.EIO, True, DeviceLost),
    ],
)
def test_every_code_has_its_error(code: int, was_open: bool, kind: type[Exception]) -> None:
    """Forbidden, busy and absent are told apart, and absent from lost; each names the node and has a remedy."""
    error = nodes.from_oserror(OSError(code, os.strerror(code)), Path("/dev/ttyUSB77"), was_open=was_open)
    assert type(error) is kind
    assert "/dev/ttyUSB77" in error.message
    assert error.remedy


def test_an_io_error_of_a_node_that_is_still_there_says_what_failed(terminal: Path) -> None:
    """It was not unplugged: the system's words are kept."""
    error = nodes.from_oserror(OSError(errno.EIO, "Input/output error"), terminal, was_open=True)
    assert error.message == f"{terminal} failed (Input/output error)"


def test_allowed_is_what_opening_would_say(terminal: Path, tmp_path: Path) -> None:
    """A node of ours may be opened; one that is not there may not."""
    assert nodes.allowed(terminal)
    assert not nodes.allowed(tmp_path / "ttyUSB0")


def test_a_group_that_may_open_it_is_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution's own group, as it stands on the node, and the user who runs this."""
    node = tmp_path / "ttyUSB0"
    node.touch()
    node.chmod(0o660)
    dialout = grp.getgrnam("dialout").gr_gid
    _pretend(monkeypatch, node, dialout, 0o660)
    monkeypatch.setattr(nodes, "user_name", lambda: "daemon")
    error = nodes.forbidden(node)
    assert error.message == f"this user may not open {node}"
    assert error.remedy == "`sudo usermod -aG dialout daemon`, then log out and in again"


def test_nobody_is_put_into_the_group_of_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """root's group may open it, and that is no group for a worker: a rule gives the node another one."""
    node = tmp_path / "ttyUSB0"
    node.touch()
    _pretend(monkeypatch, node, 0, 0o660)
    assert "usermod -aG root" not in nodes.forbidden(node).remedy
    assert 'GROUP="dialout"' in nodes.forbidden(node).remedy


def test_a_session_older_than_the_group_must_log_in_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is in the group already, and so usermod would change nothing."""
    node = tmp_path / "ttyUSB0"
    node.touch()
    _pretend(monkeypatch, node, grp.getgrnam("daemon").gr_gid, 0o660)
    monkeypatch.setattr(nodes, "user_name", lambda: "daemon")
    assert nodes.forbidden(node).remedy.endswith("this session is older than that: log out and in again")
    assert "usermod" not in nodes.forbidden(node).remedy


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("ttyUSB3", 'SUBSYSTEM=="tty", KERNEL=="ttyUSB[0-9]*", GROUP="dialout", MODE="0660"'),
        ("ttyAMA0", 'SUBSYSTEM=="tty", KERNEL=="ttyAMA[0-9]*", GROUP="dialout", MODE="0660"'),
        ("input/event7", 'SUBSYSTEM=="input", KERNEL=="event*", GROUP="input", MODE="0660"'),
        ("ttymxc1", 'SUBSYSTEM=="tty", KERNEL=="ttymxc[0-9]*", GROUP="dialout", MODE="0660"'),
        ("rfcomm0", 'SUBSYSTEM=="tty", KERNEL=="rfcomm[0-9]*", GROUP="dialout", MODE="0660"'),
    ],
)
def test_a_node_of_root_alone_needs_a_rule(tmp_path: Path, name: str, rule: str) -> None:
    """0600 and root's group: no group helps, so a udev rule is the remedy, with a number above the CCID driver's."""
    node = tmp_path / name
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    node.chmod(0o600)
    remedy = nodes.forbidden(node).remedy
    assert f"`echo '{rule}' | sudo tee -a /etc/udev/rules.d/94-tagsmith-local.rules`" in remedy
    assert "udevadm control --reload" in remedy
    assert f"--name-match={node}" in remedy


def test_a_node_that_cannot_even_be_looked_at(tmp_path: Path) -> None:
    """The folders above it are in the way: no group and no rule would help."""
    assert nodes.forbidden(tmp_path / "none" / "ttyUSB0").remedy == "look whether the folders above it may be entered"


def test_users_and_groups_without_a_name_are_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container knows few names."""
    node = tmp_path / "ttyUSB0"
    node.touch()
    _pretend(monkeypatch, node, 4_000_000, 0o660)
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_001)
    assert nodes.forbidden(node).remedy == "`sudo usermod -aG 4000000 4000001`, then log out and in again"


def test_the_rule_of_a_usb_device_names_its_ids(tmp_path: Path) -> None:
    """A USB node's name changes with every plug, and udev knows the device by its socket; its ids stay."""
    plug(tmp_path, "1-1", 0x054C, 0x06C3, bus=1, address=3)
    node = plug(tmp_path, "1-1.2", 0x072F, 0x2200, bus=1, address=4)
    rule = 'SUBSYSTEM=="usb", ATTR{idVendor}=="072f", ATTR{idProduct}=="2200", GROUP="plugdev", MODE="0660"'
    assert nodes.udev_rule(node, sys=tmp_path / "sys") == ("plugdev", rule)


@pytest.mark.parametrize(
    "name", ["pts/3", "bus/usb/001/004", "reader", "7", "tty1", "tty", "ttyp0", "sda1", "null", "console", "hidraw0"]
)
def test_no_rule_where_none_fits_the_node_alone(tmp_path: Path, name: str) -> None:
    """A rule that fits other devices gives them away, and one that fits nothing is no remedy: something is said."""
    node = tmp_path / name
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch(0o600)
    assert nodes.udev_rule(node, sys=tmp_path) is None
    (step,) = nodes.permission_steps(node, sys=tmp_path)
    assert step.startswith(f"# {node} is ")
    assert "udev" not in nodes.forbidden(node, sys=tmp_path).remedy


def test_a_pseudo_terminal_is_called_so(terminal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever name, and whatever group it has: being in the group tty would open every screen."""
    link = tmp_path / "ttyUSB0"
    link.symlink_to(terminal)
    _pretend(monkeypatch, link, grp.getgrnam("tty").gr_gid, 0o660)
    assert "is a pseudo-terminal" in nodes.forbidden(link).remedy
    assert "sudo" not in nodes.forbidden(link).remedy


def test_a_blank_in_a_name_is_no_end_of_a_word(tmp_path: Path) -> None:
    """A link of any name may be set; what is typed means that link."""
    (tmp_path / "ttyUSB0").touch(0o600)
    link = tmp_path / "the reader"
    link.symlink_to("ttyUSB0")
    assert f"sudo udevadm trigger --name-match='{link}'" in nodes.permission_steps(link)


def test_an_unverified_holder_is_told_as_such() -> None:
    """Its number, and no words that anybody might have written."""
    assert str(nodes.Holder(7, verified=False)) == "process 7 (not verified)"


def _pretend(monkeypatch: pytest.MonkeyPatch, node: Path, gid: int, mode: int) -> None:
    """Let a file have another group and mode, which only root could give it."""
    true_stat = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        status = true_stat(self, follow_symlinks=follow_symlinks)
        if self != node:
            return status
        fields = list(status)
        fields[0], fields[5] = 0o020000 | mode, gid
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)
