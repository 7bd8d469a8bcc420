"""Asking for keys on readers, one reader after the other, and what that proves together.

Owns the order of things and who is believed; what bytes prove is `judgement`'s, what is said `telling`'s. Records
nothing, and asks the API nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tagsmith.calibration import telling
from tagsmith.calibration.judgement import Finding, Writing, chip_of, combine, is_cut, pick, writing_of
from tagsmith.calibration.keys import KnownKey
from tagsmith.calibration.results import WRONG, Outcome, Proof, ReaderResult, SecondKey, Standing
from tagsmith.calibration.specs import bare, claimed_order, heard_otherwise, proves_order, spec_for
from tagsmith.calibration.taps import Taps
from tagsmith.model import Tag
from tagsmith.readers import Reader, create
from tagsmith.uid import ByteOrder, Uid

SECOND_S = 10.0
"""How long a second key is waited for at most where nobody can be asked whether there is one."""

_ORDERED = (Finding.REVERSED, Finding.WIRE)


class Person(Protocol):
    """Whoever lays the keys on, or a script that has somebody do it."""

    def say(self, text: str) -> None:
        """Tell them something."""

    def ask(self, question: str, *, alone: bool) -> bool:
        """Yes or no; `alone` is the answer where nobody is there to be asked."""

    @property
    def present(self) -> bool:
        """Whether somebody can be asked."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A key that was recognised on a reader, or what came instead."""

    standing: Standing
    message: str
    finding: Finding | None = None
    key: KnownKey | None = None
    uid: Uid | None = None
    wanted_spec: str = ""

    def result(self, spec: str, reader: str) -> ReaderResult:
        """This, as the result of a reader."""
        key_id = self.key.key_id if self.key else ""
        standing = Standing.INCONCLUSIVE if self.finding is Finding.PALINDROME else self.standing
        return ReaderResult(spec, reader, standing, self.message, key_id, self.wanted_spec)


class Session:
    """One calibration: `keys` are those that can prove something, `recorded` the order of the last record.

    `run` blocks while it waits for keys, `timeout_s` for each.
    """

    def __init__(
        self,
        keys: Sequence[KnownKey],
        recorded: ByteOrder | None,
        person: Person,
        *,
        sandbox: bool,
        timeout_s: float,
        open_reader: Callable[[str], Reader] = create,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = tuple(keys)
        self._recorded = recorded
        self._person = person
        self._sandbox = sandbox
        self._timeout_s = timeout_s
        self._open_reader = open_reader
        self._clock = clock
        self._proofs: list[Proof] = []
        self._findings: list[Finding] = []
        self._results: list[ReaderResult] = []
        self._vouched: set[str] = set()
        self._uid: Uid | None = None
        self._second_key: SecondKey | None = None
        self._proving: list[str] = []

    def run(self, specs: Sequence[str]) -> Outcome:
        """Ask for keys on these readers: first on those that can prove the order, then on those that follow it.

        Raises:
            ConfigError: a spec names no reader, or has a wrong option.
        """
        proving = self._proving = [spec for spec in specs if proves_order(spec, sandbox=self._sandbox)]
        following = [spec for spec in specs if spec not in proving]
        # All of them are made before the first is asked: a wrong spec must not come to light after the first tap.
        readers = {spec: self._open_reader(spec) for spec in (*proving, *following)}
        if not proving and self._recorded is None:
            return self._outcome(
                Finding.NO_READER,
                None,
                "the order of this API is not known yet, and these readers cannot prove it: their own order is a"
                f" setting, and a wrong one would turn the whole station ({', '.join(following)})",
                "calibrate with a PC/SC or nfcpy reader first, like: tagsmith calibrate --reader pcsc:",
            )
        for spec in proving:
            self._prove(spec, readers[spec])
        finding = combine(self._findings)
        order = finding.order if proving else self._recorded
        for spec in following:
            self._follow(spec, readers[spec], order)
        if proving:
            return self._proved(finding)
        return self._followed(order)

    # --- readers that prove ---------------------------------------------------------------------------------------

    def _prove(self, spec: str, reader: Reader) -> None:
        """Have a key, or two, laid on a reader that gives what the chip sends."""
        first = not self._findings
        with self._taps(reader) as taps:
            read = self._read_key(taps, self._wanted(), self._timeout_s)
            self._note(spec, taps, read)
            second = self._second(read) if first else []
            if not second:
                return
            wait_s = self._timeout_s if self._person.present else min(self._timeout_s, SECOND_S)
            again = self._read_key(taps, second, wait_s, but=read.uid)
            if again.standing is Standing.NO_TAP:
                self._second_key = SecondKey.NOT_LAID
                self._person.say(telling.no_second(taps.name))
                return
            self._second_key = SecondKey.LAID
            self._note(spec, taps, again)

    def _second(self, read: _Read) -> list[KnownKey]:
        """The keys that would prove more beside the one that was read: of the other length, or after a palindrome any.

        Only a chip of seven bytes shows by itself that the reader does not turn UIDs, and only one of four is what
        half of the world's keys are.
        """
        if read.key is None or read.standing is not Standing.PROVES:
            return []
        silent = read.finding is Finding.PALINDROME
        others = [
            key
            for key in self._keys
            if key.data not in (read.key.data, read.key.data[::-1]) and (silent or len(key.data) != len(read.key.data))
        ]
        if not others:
            return []
        lengths = " or ".join(sorted({f"{len(key.data)}-byte" for key in others}))
        question = f"Is a {lengths} key of this user at hand too? It would make the proof stronger."
        if self._person.ask(question, alone=True):
            return others
        self._second_key = SecondKey.DECLINED
        return []

    def _read_key(self, taps: Taps, wanted: Sequence[KnownKey], wait_s: float, *, but: Uid | None = None) -> _Read:
        """Wait for one of the wanted keys on a reader that proves."""
        self._person.say(telling.ask_for(taps.name, wanted, timeout_s=wait_s))
        while True:
            tag = taps.next(wait_s, but=but)
            if tag is None:
                return _Read(Standing.NO_TAP, telling.not_tapped(taps.name, wait_s, taps.trouble))
            read = self._recognise(tag, wanted)
            self._person.say(read.message)
            read = self._vouch(read)
            if read.standing is Standing.PROVES or not self._person.ask("Try another key?", alone=False):
                return read

    def _recognise(self, tag: Tag, wanted: Sequence[KnownKey]) -> _Read:
        self._uid = tag.uid
        match = pick(tag.uid, [key.data for key in wanted], tag.raw)
        if match.index is None:
            mirrored = {tag.uid.data, tag.uid.data[::-1]} <= {key.data for key in wanted}
            words = telling.mirrored(tag.uid) if mirrored else telling.foreign(tag.uid, wanted)
            return _Read(Standing.MISMATCH, words, match.finding, uid=tag.uid)
        key = wanted[match.index]
        words = telling.proved(match.finding, tag.uid, key)
        return _Read(_STANDINGS[match.finding], words, match.finding, key, tag.uid)

    def _vouch(self, read: _Read) -> _Read:
        """Have the person vouch for the key that was recognised: only one that works proves anything."""
        if read.standing is not Standing.PROVES or read.key is None or read.key.key_id in self._vouched:
            return read
        if self._person.ask("Is this key known to work at a charger?", alone=True):
            self._vouched.add(read.key.key_id)
            return read
        words = f"Nobody vouches for {read.key.label}: only a key that works at a charger proves anything."
        return _Read(Standing.INCONCLUSIVE, words, Finding.NOT_VOUCHED, read.key, read.uid)

    def _note(self, spec: str, taps: Taps, read: _Read) -> None:
        self._results.append(read.result(spec, taps.name))
        if read.standing is Standing.NO_TAP:
            self._person.say(read.message)
        if read.finding is not None:
            self._findings.append(read.finding)
        if read.key is not None and read.uid is not None and read.finding in _ORDERED:
            self._proofs.append(Proof(read.key, read.uid, read.finding, spec, taps.name))

    # --- readers that follow --------------------------------------------------------------------------------------

    def _follow(self, spec: str, reader: Reader, order: ByteOrder | None) -> None:
        """Compare a reader whose order is a setting with what is known."""
        if order is None:
            words = "It was not asked for: without the API's order there is nothing to compare it with."
            self._results.append(ReaderResult(spec, spec, Standing.NOT_ASKED, words))
            return
        wanted = self._wanted()
        others = list(heard_otherwise(spec, max(len(key.data) for key in wanted)))
        with self._taps(reader) as taps:
            self._person.say(telling.ask_for(taps.name, wanted, timeout_s=self._timeout_s))
            read = self._hear(taps, spec, order)
        # What is no UID by a reader's options is lost, and often silently; by other options the next one is heard.
        while read.standing is Standing.NO_TAP and others and (taps.unreadable or not taps.trouble):
            other, *others = others
            with self._taps(self._open_reader(other)) as taps:
                self._person.say(telling.once_more(spec, timeout_s=self._timeout_s))
                read = self._hear(taps, spec, order, own=False)
        self._person.say(read.message)
        self._results.append(read.result(spec, taps.name))
        if read.standing is Standing.AGREES and read.key is not None and read.uid is not None:
            finding = Finding.WIRE if order is ByteOrder.WIRE else Finding.REVERSED
            self._proofs.append(Proof(read.key, read.uid, finding, spec, taps.name))

    def _hear(self, taps: Taps, spec: str, order: ByteOrder, *, own: bool = True) -> _Read:
        """Wait for a key on a reader whose order is a setting; ends, too, with something that is no UID.

        Not `own`: it is heard by other options than those of `spec`, which are known to be wrong.
        """
        wanted = self._wanted()
        while True:
            tag = taps.next(self._timeout_s, patient=False)
            if taps.unreadable:
                return _Read(Standing.NO_TAP, telling.unreadable(taps.name))
            if tag is None:
                return _Read(Standing.NO_TAP, telling.not_tapped(taps.name, self._timeout_s, taps.trouble))
            read = self._compare(spec, tag, wanted, order, own=own)
            if read.standing is not Standing.MISMATCH or not self._person.present:
                return read
            self._person.say(read.message)
            if not self._person.ask("Try another key?", alone=False):
                return read

    def _compare(self, spec: str, tag: Tag, wanted: Sequence[KnownKey], order: ByteOrder, *, own: bool) -> _Read:
        """What a reader needs so that it gives the chip of one of these keys."""
        self._uid = uid = tag.uid
        claimed, raw = claimed_order(spec), bare(spec, tag.raw)
        chips = [(key, chip_of(key.data, order)) for key in wanted]
        for key, chip in chips:
            if chip == uid and own:
                if chip == chip.turned:
                    return _Read(Standing.INCONCLUSIVE, telling.proved(Finding.PALINDROME, uid, key), None, key, uid)
                return _Read(Standing.AGREES, telling.agrees(uid, key), None, key, uid)
        mended = [
            (key, chip, writing) for key, chip in chips if (writing := writing_of(chip, uid, raw, claimed)) is not None
        ]
        if len({chip for _, chip, _ in mended}) == 1:
            return self._mend(spec, uid, *mended[0])
        for key, chip in chips:
            if not mended and is_cut(chip, uid, raw):
                return _Read(Standing.TRUNCATED, telling.cut(uid, chip, key), None, key, uid)
        return _Read(Standing.MISMATCH, telling.foreign(uid, wanted), uid=uid)

    def _mend(self, spec: str, uid: Uid, key: KnownKey, chip: Uid, writing: Writing) -> _Read:
        if writing.order is None:
            return _Read(Standing.INCONCLUSIVE, telling.proved(Finding.PALINDROME, chip, key), None, key, uid)
        wanted = spec_for(spec, writing, {len(proof.key.data) for proof in self._proofs})
        if wanted == spec:
            return _Read(Standing.MISMATCH, telling.foreign(uid, [key]), None, key, uid)
        return _Read(Standing.SET_OTHERWISE, telling.set_otherwise(uid, chip, key, wanted), None, key, uid, wanted)

    # --- what it comes to -----------------------------------------------------------------------------------------

    def _wanted(self) -> list[KnownKey]:
        """The very key that proved something already, the longest of several; else every key of the user."""
        if not self._proofs:
            return list(self._keys)
        return [max((proof.key for proof in self._proofs), key=lambda key: len(key.data))]

    def _taps(self, reader: Reader) -> Taps:
        return Taps(reader, self._person.say, clock=self._clock)

    def _proved(self, finding: Finding) -> Outcome:
        """The outcome where some reader could prove the order."""
        if finding.order is not None:
            return self._outcome(finding, finding.order, "")
        if len({one for one in self._findings if one in _ORDERED}) > 1:
            told = "; ".join(f"{one.key.label} on {one.reader}: {one.finding}" for one in self._proofs)
            return self._outcome(
                Finding.MISMATCH,
                None,
                f"the keys or the readers contradict each other, so nothing is concluded ({told})",
                "one of the keys was enrolled wrong, or one of the readers turns UIDs: use keys that work today",
            )
        results = [one for one in self._results if one.spec in self._proving]
        why = min(results, key=lambda one: _BLAME.index(one.standing))
        return self._outcome(finding, None, why.message)

    def _followed(self, order: ByteOrder | None) -> Outcome:
        """The outcome where all readers were compared with the recorded order."""
        bad = [one for one in self._results if one.standing is not Standing.AGREES]
        if self._proofs and not any(one.standing in WRONG for one in bad):
            return self._outcome(self._proofs[-1].finding, order, "")
        worst = next((one for one in bad if one.standing in WRONG), bad[0])
        remedy = "write that spec into the settings, then calibrate again" if worst.wanted_spec else ""
        return self._outcome(_FOUND[worst.standing], None, worst.message, remedy)

    def _outcome(self, finding: Finding, order: ByteOrder | None, message: str, remedy: str = "") -> Outcome:
        # The last one recorded is the one that counts: from a reader that proves, with the longest key.
        proofs = sorted(self._proofs, key=lambda one: (one.spec in self._proving, len(one.key.data)))
        proofs = proofs if order is not None else []
        results = tuple(self._results)
        return Outcome(finding, order, tuple(proofs), results, self._uid, message, remedy, self._second_key)


_BLAME = (*WRONG, Standing.INCONCLUSIVE, Standing.NO_TAP, Standing.PROVES)
"""What is said of several readers that prove nothing together: of the first of these."""
_FOUND = {
    Standing.SET_OTHERWISE: Finding.SET_OTHERWISE,
    Standing.TRUNCATED: Finding.TRUNCATED,
    Standing.MISMATCH: Finding.MISMATCH,
    Standing.INCONCLUSIVE: Finding.PALINDROME,
    Standing.NO_TAP: Finding.NO_TAP,
}
"""What readers that were compared with the record come to, by the worst of them."""
_STANDINGS = {
    Finding.REVERSED: Standing.PROVES,
    Finding.WIRE: Standing.PROVES,
    Finding.PALINDROME: Standing.PROVES,
    Finding.TRUNCATED: Standing.TRUNCATED,
    Finding.DECIMAL: Standing.MISMATCH,
    Finding.SUSPECT: Standing.MISMATCH,
    Finding.MISMATCH: Standing.MISMATCH,
}
