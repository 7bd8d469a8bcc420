"""May this be paired: characters, the batch's rules, the verdict, and the mishaps that explain a bad number."""

from __future__ import annotations

import enum
import itertools
import re
import unicodedata
from dataclasses import dataclass, field

from tagsmith.errors import ConfigError, NumberError
from tagsmith.i18n import N_, Sentence
from tagsmith.visual_number.contract_id import Check, Format, recognise
from tagsmith.visual_number.keyboards import PAIRS, Layout, retype

MAX_LENGTH = 64
"""Characters of the longest visual number, after trimming."""
MAX_TEXT_LENGTH = 512
"""Characters of the longest text in which a pattern is asked to find a number."""


class CheckPolicy(enum.StrEnum):
    """What a wrong check character comes to; vendors are known to print wrong ones."""

    OK = "ok"
    """Nothing."""
    WARN = "warn"
    """The pair is made and the warning shown."""
    BLOCK = "block"
    """The number is refused."""


class NumberDecision(enum.StrEnum):
    """What a verdict comes to."""

    OK = "ok"
    """May be paired."""
    WARN = "warn"
    """May be paired; the warning is shown and recorded."""
    BLOCK = "block"
    """Must not be paired."""


class NumberReason(enum.StrEnum):
    """Why a number was judged as it was; stable words (docs/events.md)."""

    OK = "ok"
    """Nothing speaks against it."""
    EMPTY = "number-empty"
    """Nothing is left after trimming, or in the part that the pattern takes."""
    TOO_LONG = "number-too-long"
    """More than 64 characters."""
    CONTROL_CHARACTER = "number-control-character"
    """A control character inside it."""
    INVISIBLE_CHARACTER = "number-invisible-character"
    """A character that cannot be seen, or the mark of one that could not be read."""
    PATTERN = "number-pattern"
    """It is not of the form that the batch asks for."""
    CHECK_DIGIT = "number-check-digit"
    """The check character of a contract id is wrong."""
    LAYOUT = "number-layout"
    """Scanner and computer are set to different keyboards: the number arrived mangled."""
    CAPS_LOCK = "number-caps-lock"
    """Caps Lock turned upper and lower case round."""
    DOUBLED = "number-doubled"
    """The same number came twice in one line."""


@dataclass(frozen=True, slots=True)
class VisualNumber:
    """A printed number and what it was recognised as. Send `text`, compare `key`."""

    text: str
    """As it came, trimmed at the ends."""
    key: str
    """Equal for two numbers that differ only in case, or in the separators of a recognised contract id."""
    format: Format = Format.OTHER
    check: Check = Check.ABSENT
    expected: str | None = None
    """The right check character of a contract id, whatever stands there."""
    emi3: str | None = None
    """The eMI3 id, hyphenated, upper case, with its check character: a DIN id converted, an ISO id itself.

    None for opaque text and for a DIN id whose check character is wrong.
    """

    @classmethod
    def parse(cls, text: str) -> VisualNumber:
        """The number that a text is, by the rules that no batch can relax.

        Raises:
            NumberError: empty, longer than 64 characters, or with a character that no number may hold.
        """
        finding = _find(text, _NO_RULES)
        if finding.number is None:
            raise NumberError(finding.hint)
        return finding.number


@dataclass(frozen=True, slots=True)
class Rules:
    """What one batch asks of its numbers.

    `pattern` is a Python regular expression that the whole trimmed text must match. What its group `number` holds, if
    it has one, is the number: `https://example[.]com/(?P<number>[^/?]+)` takes it out of a QR code.

    Raises:
        ConfigError: the pattern is no regular expression, or empty.
    """

    check_digit: CheckPolicy = CheckPolicy.WARN
    pattern: str | None = None
    _compiled: re.Pattern[str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.pattern is None:
            return
        if not self.pattern:
            raise ConfigError("the number pattern is empty: no number could match it", "leave the pattern out")
        try:
            compiled = re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ConfigError(
                f"the number pattern {self.pattern!r} is no regular expression: {error}",
                "write a Python regular expression, like [A-Z]{2}-[0-9]{6}",
            ) from error
        object.__setattr__(self, "_compiled", compiled)

    def number_in(self, text: str) -> str | None:
        """The number that a trimmed text holds, by the pattern: a part of it or the whole; None where it holds none."""
        if self._compiled is None:
            return text
        match = self._compiled.fullmatch(text)
        if match is None:
            return None
        taken: str | None = match["number"] if "number" in self._compiled.groupindex else match[0]
        return taken


_NO_RULES = Rules()


@dataclass(frozen=True, slots=True)
class NumberVerdict:
    """A decision with its reason, a line for the worker, and the number it is about."""

    decision: NumberDecision
    reason: NumberReason
    hint: str = ""
    """What happened and what to do, in plain words; empty where nothing speaks against the number."""
    number: VisualNumber | None = None
    """What the text was recognised as, also where it is blocked (to be shown); None where it can be no number."""


def judge(text: str, rules: Rules = _NO_RULES) -> NumberVerdict:
    """Whether what was scanned may be paired.

    Looked at in this order: characters that no number may hold; the batch's pattern; 1 to 64 characters; the check
    character, by the batch's policy. A text that fails, or that nothing vouches for, is then tried for a mishap: where
    undoing a keyboard layout mix-up, Caps Lock or a doubled scan (or several at once) makes it match the pattern, or
    makes it a contract id with the right check character, the mishap is named and the number blocked, whatever the
    policy.

    A right check character or the pattern vouches for a text. Against a wrong check character the pattern vouches
    only if the policy is that check characters mean nothing: a swap of Y and Z fits many patterns.
    """
    finding = _find(text, rules)
    trimmed = text.strip(_TRIMMED)
    if finding.reason in _FINAL or len(trimmed) > MAX_TEXT_LENGTH:
        return NumberVerdict(NumberDecision.BLOCK, finding.reason, finding.hint, finding.number)
    if not _vouched_for(finding, rules) and (mishap := _mishap(trimmed, finding, rules)) is not None:
        reason, hint = mishap
        return NumberVerdict(NumberDecision.BLOCK, reason, hint, finding.number)
    match finding.reason:
        case NumberReason.OK:
            decision = NumberDecision.OK
        case NumberReason.CHECK_DIGIT:
            decision = NumberDecision(rules.check_digit.value)
        case _:
            decision = NumberDecision.BLOCK
    if decision is NumberDecision.OK:
        return NumberVerdict(decision, NumberReason.OK, number=finding.number)
    return NumberVerdict(decision, finding.reason, finding.hint, finding.number)


# --- a text as it stands -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a text is by the rules, before any mishap is thought of."""

    reason: NumberReason
    hint: str = ""
    number: VisualNumber | None = None


def _find(text: str, rules: Rules) -> _Finding:
    """What a text is by the rules."""
    trimmed = text.strip(_TRIMMED)
    if not trimmed:
        return _Finding(NumberReason.EMPTY, N_("There is no number in this scan: scan the number printed on the key."))
    if len(trimmed) > MAX_TEXT_LENGTH:
        return _too_long(trimmed)
    hint: str
    if (bad := _bad_character(trimmed)) is not None:
        reason, character = bad
        control = reason is NumberReason.CONTROL_CHARACTER
        kind = N_("a control character") if control else N_("a character that cannot be seen")
        hint = Sentence(
            "The scan holds {kind} ({code}): scan again; if it stays, set the scanner to plain text.",
            kind=kind,
            code=f"U+{ord(character):04X}",
        )
        return _Finding(reason, hint)
    taken = rules.number_in(trimmed)
    if taken is None:
        hint = N_("This is not a number of this batch: was another code on the key scanned?")
        return _Finding(NumberReason.PATTERN, hint, _number(trimmed) if len(trimmed) <= MAX_LENGTH else None)
    taken = taken.strip(_TRIMMED)
    if not taken:
        hint = N_("The code is empty where this batch has its number: scan the printed one.")
        return _Finding(NumberReason.EMPTY, hint)
    if len(taken) > MAX_LENGTH:
        return _too_long(taken)
    number = _number(taken)
    if number.check is Check.FAILED:
        hint = Sentence(
            "The last character is {found} and should be {expected}: compare the number with the "
            "one printed on the key.",
            found=taken[-1].upper(),
            expected=number.expected,
        )
        return _Finding(NumberReason.CHECK_DIGIT, hint, number)
    return _Finding(NumberReason.OK, number=number)


def _too_long(text: str) -> _Finding:
    """The finding on a text of too many characters."""
    hint = Sentence(
        "A number has at most {most} characters, this has {count}: scan the number printed on the key.",
        most=MAX_LENGTH,
        count=len(text),
    )
    return _Finding(NumberReason.TOO_LONG, hint)


def _number(text: str) -> VisualNumber:
    """A trimmed text of good characters as a number.

    Unlike contract ids have unlike keys, because a compact id is read in one way only; and an opaque text has the key
    of a contract id only where it is the same id but for case, or for separators before a check character that is none.
    """
    contract_id = recognise(text)
    if contract_id is None:
        # Canonical caseless matching (Unicode D145), written composed.
        return VisualNumber(text, unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold()))
    return VisualNumber(
        text,
        contract_id.compact.lower(),
        contract_id.format,
        contract_id.check,
        contract_id.expected,
        contract_id.emi3,
    )


# Trimmed at the ends: what people and scanners add. A bare str.strip() would also eat U+001C-1F and the no-break
# space: damage (a GS1 separator, a word processor's blank) that must be seen.
_TRIMMED = " \t\r\n"
# Formats (zero-width, bidi), surrogates, private use, unassigned, line and paragraph separators, odd blanks.
_UNSEEN_CATEGORIES = frozenset({"Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# What the categories miss: default-ignorable code points (Unicode's DerivedCoreProperties.txt), characters drawn as a
# blank, and the marks for "object" and "could not be decoded".
_UNSEEN_CHARACTERS = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),  # braille blank
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),  # half-width Hangul filler
        (0xFFFC, 0xFFFD),  # object replacement, replacement
        (0x1D159, 0x1D159),  # musical null notehead
        (0xE0100, 0xE01EF),  # variation selectors supplement
    )
    for code in range(first, last + 1)
)
# No mishap brings these about: keyboards have no such characters.
_FINAL = frozenset({NumberReason.EMPTY, NumberReason.CONTROL_CHARACTER, NumberReason.INVISIBLE_CHARACTER})


def _bad_character(text: str) -> tuple[NumberReason, str] | None:
    """The first character that no number may hold, and why."""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cc":
            return NumberReason.CONTROL_CHARACTER, character
        if character in _UNSEEN_CHARACTERS or (category in _UNSEEN_CATEGORIES and character != " "):
            return NumberReason.INVISIBLE_CHARACTER, character
    return None


# --- mishaps -----------------------------------------------------------------------------------------------------

_CAPS_LOCK = N_("Caps Lock turned upper and lower case round: switch it off.")
_DOUBLED = N_("The same number came twice in one line: scan it once.")

# (doubled, Caps Lock, layout): single causes before joint ones.
_CAUSES = sorted(itertools.product((False, True), repeat=3), key=sum)[1:]


def _vouched_for(finding: _Finding, rules: Rules) -> bool:
    """Whether the text is known to be good as it stands, so that no mishap is looked for."""
    match finding.reason:
        case NumberReason.OK:
            return rules.pattern is not None or (finding.number is not None and finding.number.check is Check.OK)
        case NumberReason.CHECK_DIGIT:
            return rules.pattern is not None and rules.check_digit is CheckPolicy.OK
        case _:
            return False


def _mishap(text: str, finding: _Finding, rules: Rules) -> tuple[NumberReason, str] | None:
    """The simplest mishap that explains why a trimmed text is not good: its name, and how to mend it."""
    for doubled, caps_lock, layout in _CAUSES:
        arrived = text
        if doubled:
            half = len(arrived) // 2
            if arrived[:half] != arrived[half:]:
                continue
            arrived = arrived[:half]
        if caps_lock:
            arrived = "".join(map(_other_case, arrived))
        pairs: list[tuple[Layout, Layout]] = []
        if layout:
            for scanner, computer in PAIRS:
                meant = retype(arrived, of=computer, as_=scanner)
                if meant is not None and meant != arrived and _explains(meant, finding, rules):
                    pairs.append((scanner, computer))
        if not (pairs if layout else _explains(arrived, finding, rules)):
            continue
        causes = {
            NumberReason.LAYOUT: _layout_hint(pairs) if pairs else "",
            NumberReason.CAPS_LOCK: _CAPS_LOCK if caps_lock else "",
            NumberReason.DOUBLED: _DOUBLED if doubled else "",
        }
        named = [reason for reason, hint in causes.items() if hint]
        hint = causes[named[0]]
        for reason in named[1:]:
            hint = Sentence("{title} {hint}", title=hint, hint=causes[reason])
        return named[0], hint
    return None


def _explains(meant: str, arrived: _Finding, rules: Rules) -> bool:
    """Whether a text with a mishap undone is good in just the way in which the one that arrived is not."""
    finding = _find(meant, rules)
    if rules.pattern is not None and arrived.reason is not NumberReason.CHECK_DIGIT:
        return finding.reason in (NumberReason.OK, NumberReason.CHECK_DIGIT)
    return finding.number is not None and finding.reason is NumberReason.OK and finding.number.check is Check.OK


def _other_case(character: str) -> str:
    """A character as Caps Lock changes it; one without a counterpart of one character stays."""
    other = character.swapcase()
    return other if len(other) == 1 else character


def _layout_hint(pairs: list[tuple[Layout, Layout]]) -> str:
    """The line that names the two keyboards; where several pairs explain it, the likeliest."""
    scanner, computer = pairs[0]
    if len(pairs) == 1:
        return Sentence(
            "The scanner is set to {scanner}, the computer to {computer}: set the scanner to the computer's keyboard, "
            "then scan again.",
            scanner=scanner.label,
            computer=computer.label,
        )
    return Sentence(
        "Scanner and computer are set to different keyboards, probably {scanner} and {computer}: set the scanner to "
        "the computer's keyboard, then scan again.",
        scanner=scanner.label,
        computer=computer.label,
    )
