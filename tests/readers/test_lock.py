"""The lock that keeps a second process out: who holds it, whose file it is, what remains after a death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tagsmith.errors import DeviceBusy, ReaderBusy, ReaderForbidden
from tagsmith.lines.nodes import Holder
from tagsmith.model import Field, ReaderInfo
from tagsmith.readers import Reader, lock
from tagsmith.readers.lock import ReaderLock, busy

DEVICE = "pcsc:ACS ACR122U PICC Interface 00 00"
NOBODY = 65534

_HOLD = """
import sys
from pathlib import Path
from tagsmith.readers.lock import ReaderLock
ReaderLock(sys.argv[1], where=[Path(sys.argv[2])]).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the device's lock."""
    command = [sys.executable, "-c", _HOLD, DEVICE, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def files(folder: Path) -> list[Path]:
    """The lock files that are there."""
    return list(folder.glob("tagsmith-reader-*.lock"))


def test_one_holder(tmp_path: Path) -> None:
    """A second lock of the same device is refused until the first lets go; both calls may be repeated."""
    first, second = ReaderLock(DEVICE, where=[tmp_path]), ReaderLock(DEVICE, where=[tmp_path])
    first.acquire()
    first.acquire()
    with pytest.raises(ReaderBusy, match="already used by another lane of this station") as caught:
        second.acquire()
    assert caught.value.remedy == "give each lane a reader of its own"
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_devices_do_not_meet(tmp_path: Path) -> None:
    """Devices whose names look alike as file names have locks of their own."""
    names = ["pcsc:A B", "pcsc:A-B", "pcsc:a b", "pcsc:" + "x" * 300, "pcsc:" + "x" * 301, "sim:/tmp/ä"]
    locks = [ReaderLock(name, where=[tmp_path]) for name in names]
    for each in locks:
        each.acquire()
    assert len(files(tmp_path)) == len(names)
    assert all(len(path.name) < 100 for path in files(tmp_path))
    for each in locks:
        each.release()


def test_nothing_remains(tmp_path: Path) -> None:
    """Letting go removes the file."""
    held = ReaderLock(DEVICE, where=[tmp_path])
    held.acquire()
    assert len(files(tmp_path)) == 1
    held.release()
    assert files(tmp_path) == []


def test_second_process_is_told(tmp_path: Path) -> None:
    """Pid and command of the holder, and what to type."""
    with held_elsewhere(tmp_path) as process:
        with pytest.raises(ReaderBusy) as caught:
            ReaderLock(DEVICE, where=[tmp_path]).acquire()
        assert f"process {process.pid} (-c {DEVICE}" in caught.value.message
        assert f"`kill {process.pid}`" in caught.value.remedy
        assert [holder.pid for holder in caught.value.holders] == [process.pid]
        assert ReaderLock(DEVICE, where=[tmp_path]).holder() == Holder(process.pid, f"-c {DEVICE} {tmp_path}"[:120])


class Port(Reader):
    """A reader whose port somebody holds."""

    holders = (Holder(4321, "minicom"),)

    def _open(self) -> ReaderInfo:
        raise DeviceBusy("the port is in use", "close that program", holders=self.holders)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        return last

    def _close(self) -> None:
        pass


def test_holders_of_a_device_are_those_of_its_reader() -> None:
    """Who holds it is not lost on the way from the node to whoever opens the reader."""
    with pytest.raises(ReaderBusy) as caught:
        Port("port").open()
    assert caught.value.holders == Port.holders
    assert (caught.value.message, caught.value.remedy) == ("the port is in use", "close that program")


def test_killed_holder(tmp_path: Path) -> None:
    """The kernel lets go for a killed process; its file stays behind and is used again."""
    with held_elsewhere(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        assert len(files(tmp_path)) == 1
        mine = ReaderLock(DEVICE, where=[tmp_path])
        assert mine.holder() is None
        mine.acquire()
        assert len(files(tmp_path)) == 1
        assert files(tmp_path)[0].read_text().splitlines()[0] == str(os.getpid())
        mine.release()


def test_every_folder_is_looked_through(tmp_path: Path) -> None:
    """Who may write to the best folder still meets who could only write to the next."""
    best, next_best = tmp_path / "best", tmp_path / "next"
    next_best.mkdir()
    first = ReaderLock(DEVICE, where=[best, next_best])
    first.acquire()
    assert len(files(next_best)) == 1
    best.mkdir()
    with pytest.raises(ReaderBusy):
        ReaderLock(DEVICE, where=[best, next_best]).acquire()
    first.release()
    second = ReaderLock(DEVICE, where=[best, next_best])
    second.acquire()
    assert len(files(best)) == 1
    second.release()


def test_no_folder(tmp_path: Path) -> None:
    """Where nothing can be written, no reader is opened: two stations on it would be worse."""
    with pytest.raises(ReaderForbidden, match="cannot be locked"):
        ReaderLock(DEVICE, where=[tmp_path / "missing"]).acquire()


def test_something_else_in_the_way(tmp_path: Path) -> None:
    """A symlink or a FIFO under the lock's name is neither followed nor waited for: it is named, and in the way."""
    held = ReaderLock(DEVICE, where=[tmp_path])
    held.acquire()
    path = files(tmp_path)[0]
    held.release()
    victim = tmp_path / "victim"
    for text in (None, "of value"):
        if text is not None:
            victim.write_text(text)
            path.unlink()
        path.symlink_to(victim)
        with pytest.raises(ReaderForbidden, match=path.name):
            held.acquire()
    assert victim.read_text() == "of value"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ReaderForbidden, match=path.name):
        held.acquire()


def test_a_file_that_may_only_be_read(tmp_path: Path) -> None:
    """Another user's file can be locked without writing to it. In a sticky folder, where the kernel forbids to open
    it with O_CREAT (fs.protected_regular), too."""
    tmp_path.chmod(0o1777)
    held = ReaderLock(DEVICE, where=[tmp_path])
    held.acquire()
    path = files(tmp_path)[0]
    held.release()
    path.write_text("999999999\nsomebody of before\n")
    path.chmod(0o444)
    with as_somebody_else(tmp_path):
        held.acquire()
        with pytest.raises(ReaderBusy, match="in use by another process"):
            ReaderLock(DEVICE, where=[tmp_path]).acquire()
        held.release()


@contextmanager
def as_somebody_else(tmp_path: Path) -> Iterator[None]:
    """As a user who does not own the file, if we are root; otherwise its mode alone has to do."""
    if os.geteuid() != 0:
        yield
        return
    parents = [path for path in tmp_path.parents if path.stat().st_uid == 0 and not path.stat().st_mode & 0o001]
    modes = {path: path.stat().st_mode for path in parents}
    for path in parents:
        path.chmod(0o711)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


def test_what_stands_in_the_file_is_not_believed(tmp_path: Path) -> None:
    """Garbage, a dead pid or control characters in the file never reach a person."""
    with held_elsewhere(tmp_path) as process:
        pid = process.pid
        for text, holder in [
            ("", lock.NOBODY_KNOWN),
            ("no number\n", lock.NOBODY_KNOWN),
            ("999999999\nlong dead\n", lock.NOBODY_KNOWN),
            (f"{pid}\nevil\x1b[2J\x07\n", Holder(pid, "evil[2J")),
            (f"{pid}\n" + "y" * 5000, Holder(pid, "y" * 120)),
        ]:
            files(tmp_path)[0].write_text(text)
            assert ReaderLock(DEVICE, where=[tmp_path]).holder() == holder


def test_a_process_that_has_not_the_file_open_is_not_named(tmp_path: Path) -> None:
    """Anybody may write to the file: nobody is told to end a process that has nothing to do with the reader, nor that
    it is another lane of this very station."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with (
        held_elsewhere(tmp_path),
        subprocess.Popen(command, stdin=subprocess.PIPE) as bystander,
    ):
        for pid in (bystander.pid, os.getpid()):
            files(tmp_path)[0].write_text(f"{pid}\ntagsmith run\n")
            with pytest.raises(ReaderBusy, match="in use by another process") as caught:
                ReaderLock(DEVICE, where=[tmp_path]).acquire()
            assert "kill" not in caught.value.remedy
            assert caught.value.holders == ()
        bystander.kill()


def test_a_process_that_may_not_be_looked_into_is_not_to_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's: its number is told as unverified, without the words of the file and without a line to kill it."""
    real = os.listdir

    def listdir(path: str) -> list[str]:
        if path.startswith("/proc/"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    with held_elsewhere(tmp_path) as process:
        monkeypatch.setattr(os, "listdir", listdir)
        with pytest.raises(ReaderBusy) as caught:
            ReaderLock(DEVICE, where=[tmp_path]).acquire()
        monkeypatch.undo()
        assert caught.value.message.endswith(f"in use by process {process.pid} (not verified)")
        assert "kill" not in caught.value.remedy
        assert f"`ps -fp {process.pid}`" in caught.value.remedy
        assert caught.value.holders == (Holder(process.pid, verified=False),)


def test_removed_under_the_opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gets the lock of a file that was removed meanwhile looks again, so that two never hold one device."""
    first, second = ReaderLock(DEVICE, where=[tmp_path]), ReaderLock(DEVICE, where=[tmp_path])
    first.acquire()
    real, turns = lock.fcntl.flock, []

    def flock(file: int, operation: int) -> None:
        if not turns:  # `second` has opened the old file; now it is released and removed, and taken by `third`
            turns.append(file)
            first.release()
            third.acquire()
        real(file, operation)

    third = ReaderLock(DEVICE, where=[tmp_path])
    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with pytest.raises(ReaderBusy):
        second.acquire()
    third.release()


@pytest.mark.parametrize(
    ("holder", "message", "remedy"),
    [
        (Holder(4321, "tagsmith run"), "in use by process 4321 (tagsmith run)", "`kill 4321`"),
        (Holder(4321), "in use by process 4321", "`kill 4321`"),
        (Holder(0), "in use by another process", "end that program"),
    ],
)
def test_words(holder: Holder, message: str, remedy: str) -> None:
    """The worker is told who is in the way and what to do."""
    error = busy(DEVICE, holder)
    assert message in error.message
    assert remedy in error.remedy


def test_command_of_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m tagsmith run` is called tagsmith, not __main__.py."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/tagsmith/__main__.py", "run", "--headless"])
    assert lock._command() == "tagsmith run --headless"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/tagsmith", "read"])
    assert lock._command() == "tagsmith read"
