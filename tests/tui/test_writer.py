"""Output never makes anybody wait, and the terminal is put in order whatever happened before."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator

import pytest

from tagsmith.tui.terminal.writer import Writer

GIVE_UP_S = 20.0
"""Only reached when the test fails."""


class Pipe:
    """A terminal that reads when it is told to."""

    def __init__(self) -> None:
        self.output, self.input = os.pipe()

    def fill(self) -> int:
        """Write until it takes no more; how many bytes that are."""
        os.set_blocking(self.input, False)
        filled = 0
        try:
            while True:
                filled += os.write(self.input, bytes(4096))
        except BlockingIOError:
            os.set_blocking(self.input, True)
            return filled

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to the mark."""
        got = b""
        while mark not in got:
            assert select.select([self.output], [], [], GIVE_UP_S)[0], got
            got += os.read(self.output, 65536)
        return got

    def close(self) -> None:
        """Both ends."""
        for fd in (self.output, self.input):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe of the kernel's usual 64 KiB."""
    made = Pipe()
    yield made
    made.close()


def test_what_is_written_arrives_in_order(pipe: Pipe) -> None:
    """All of it, and `stop` waits for it."""
    writer = Writer(pipe.input, lambda: None)
    writer.start()
    for number in range(100):
        writer.write(f"{number},")
    assert writer.stop(GIVE_UP_S)
    assert pipe.read_until(b"99,") == b"".join(b"%d," % number for number in range(100))


def test_a_terminal_that_does_not_read_holds_nobody_up(pipe: Pipe) -> None:
    """A hundred megabytes are taken at once; frames are dropped whole, and a new one is asked for when it reads."""
    asked = threading.Event()
    before = pipe.fill()
    writer = Writer(pipe.input, asked.set)
    writer.start()
    frame = "x" * 9_998 + "\r\n"
    for _ in range(10_000):
        writer.write(frame)
    assert not asked.is_set()
    got = b""
    while not asked.is_set():
        if select.select([pipe.output], [], [], 0.05)[0]:
            got += os.read(pipe.output, 1 << 20)
    writer.write("END")
    assert writer.stop(GIVE_UP_S)
    got = (got + pipe.read_until(b"END"))[before:]
    frames = got.removesuffix(b"END").split(b"\r\n")
    assert frames.pop() == b""
    assert {len(frame) for frame in frames} == {9_998}
    assert len(frames) < 100


def test_a_frame_larger_than_the_limit_is_written(pipe: Pipe) -> None:
    """The limit is for what waits, not for the size of a screen."""
    writer = Writer(pipe.input, lambda: None, limit=10)
    writer.start()
    writer.write("y" * 1000 + "END")
    assert len(pipe.read_until(b"END")) == 1003
    assert writer.stop(GIVE_UP_S)


def test_last_words_are_never_dropped(pipe: Pipe) -> None:
    """After a stall the old frames go, what restores the terminal stays."""
    writer = Writer(pipe.input, lambda: None)
    for _ in range(100):
        writer.write("z" * 10_000)
    writer.last_words()
    writer.write("RESTORE")
    writer.start()
    assert writer.stop(GIVE_UP_S)
    assert pipe.read_until(b"RESTORE") == b"RESTORE"


def test_stop_does_not_wait_for_ever(pipe: Pipe) -> None:
    """A terminal that never reads again does not keep the process."""
    pipe.fill()
    writer = Writer(pipe.input, lambda: None)
    writer.start()
    writer.write("anything")
    assert not writer.stop(0.05)


def test_a_terminal_that_is_gone_is_no_error(pipe: Pipe) -> None:
    """Writes go nowhere, and the writer ends."""
    os.close(pipe.output)
    pipe.output = -1
    writer = Writer(pipe.input, lambda: None)
    writer.start()
    writer.write("anybody?")
    writer.join(GIVE_UP_S)
    writer.write("no")
    assert writer.stop(GIVE_UP_S)


def test_a_non_blocking_terminal_is_waited_for(pipe: Pipe) -> None:
    """Some programs leave their terminal so; nothing may be lost by that."""
    os.set_blocking(pipe.input, False)
    writer = Writer(pipe.input, lambda: None, limit=1 << 20)
    writer.start()
    writer.write("v" * 300_000 + "END")
    assert len(pipe.read_until(b"END")) == 300_003
    assert writer.stop(GIVE_UP_S)


def test_what_the_encoding_lacks_is_replaced(pipe: Pipe) -> None:
    """A console without Unicode shows a question mark and lives."""
    writer = Writer(pipe.input, lambda: None, encoding="ascii")
    writer.start()
    writer.write("Schlüssel\n")
    assert pipe.read_until(b"\n") == b"Schl?ssel\n"
    assert writer.stop(GIVE_UP_S)
