"""A reader on which keys are laid one after the other, each as soon as the one before was seen; and a person at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tagsmith.errors import ReaderError
from tagsmith.model import Field, ReaderInfo, Tag, Trouble
from tagsmith.readers import Reader
from tagsmith.uid import Uid


def tag(uid: str, raw: str | None = None) -> Tag:
    """A chip by its UID in hex as the reader makes it, and what the reader sent."""
    return Tag(Uid.from_hex(uid), raw=uid if raw is None else raw)


class LaidReader(Reader):
    """Shows each of `laid` in turn: a tag, two tags, or something that is no UID. `error` is raised at opening."""

    def __init__(self, spec: str, *laid: Tag | tuple[Tag, Tag] | Trouble, error: ReaderError | None = None) -> None:
        super().__init__(spec)
        self._laid = self._fields(laid)
        self._error = error
        self._bell = threading.Event()
        self.opened = 0

    @staticmethod
    def _fields(laid: tuple[Tag | tuple[Tag, Tag] | Trouble, ...]) -> Iterator[Field]:
        for count, one in enumerate(laid):
            match one:
                case Trouble():
                    yield Field((), count, one)
                case Tag():
                    yield Field((one,), count)
                case _:
                    yield Field(one, count)

    def _claim(self, identity: str) -> None:
        """It is no device that another process could want."""

    def _open(self) -> ReaderInfo:
        self.opened += 1
        if self._error is not None:
            raise self._error
        return ReaderInfo(f"reader {self.spec}", self.spec, sees_two=True, sees_removal=True, sees_sak=False)

    def _wait(self, last: Field, timeout_s: float) -> Field:
        field = next(self._laid, None)
        if field is not None:
            return field
        self._bell.wait(timeout_s)
        return last

    def _close(self) -> None:
        """Nothing is held."""

    def _wake(self) -> None:
        self._bell.set()


class Somebody:
    """A person with answers, by a word of the question; all that was said and asked is kept."""

    def __init__(self, **answers: bool) -> None:
        self.present = bool(answers)
        self._answers = answers
        self.said: list[str] = []
        self.asked: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, question: str, *, alone: bool) -> bool:
        if not self.present:
            return alone
        self.asked.append(question)
        return next(answer for word, answer in self._answers.items() if word in question)

    def __str__(self) -> str:
        return "\n".join(self.said)
