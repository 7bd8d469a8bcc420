"""Contract ids: recognising them, their check characters, and DIN → eMI3. Knows nothing of batches and policies.

Two kinds are recognised, in either case, in ASCII only:

    DIN SPEC 91286   CC*PPP*IIIIII*K      separators `*`, `-` or none    check character 0-9 or X
    ISO 15118/eMI3   CC-PPP-IIIIIIIII-K   separator `-` or none          check character 0-9 or A-Z

C is a letter, P and I are letters or digits. Separators stand after both country and provider or after neither.
Before the check character stands the same one or none; where the rest is unseparated, one may still set it apart. A
letter that a DIN id sets apart as its check character is a wrong one; without a separator the text is no DIN id. The
check character may be missing.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

from tagsmith.errors import NumberError


class Format(enum.StrEnum):
    """What kind of number it is."""

    DIN = "din"
    """A contract id of DIN SPEC 91286 (EVCO-ID)."""
    ISO = "iso"
    """A contract id of ISO 15118 / eMI3 (EMAID)."""
    OTHER = "other"
    """Opaque text."""


class Check(enum.StrEnum):
    """What the check character of a contract id says."""

    OK = "ok"
    """It is right."""
    FAILED = "failed"
    """It is wrong."""
    ABSENT = "absent"
    """There is none: opaque text, or a contract id printed without it."""


@dataclass(frozen=True, slots=True)
class ContractId:
    """A text that was recognised as a contract id; the parts in upper case, without separators."""

    format: Format
    country: str
    provider: str
    instance: str
    given: str
    """The check character as it stands there, or an empty text."""
    expected: str
    """The check character as it should be."""

    @property
    def check(self) -> Check:
        """What the check character says."""
        if not self.given:
            return Check.ABSENT
        return Check.OK if self.given == self.expected else Check.FAILED

    @property
    def compact(self) -> str:
        """All of it without separators; this can be read back in one way only (11 or 12 characters DIN, else ISO)."""
        return self.country + self.provider + self.instance + self.given

    @property
    def emi3(self) -> str | None:
        """The eMI3 id, hyphenated: a DIN id converted, an ISO id itself; a missing check character is added.

        None for a DIN id whose check character is wrong: which of its characters is at fault is not known.
        """
        if self.format is Format.ISO:
            return f"{self.country}-{self.provider}-{self.instance}-{self.given or self.expected}"
        if self.check is Check.FAILED:
            return None
        instance = f"C0{self.instance}{self.expected}"
        return f"{self.country}-{self.provider}-{instance}-{iso_check(self.country + self.provider + instance)}"


# [A-Za-z0-9] and no IGNORECASE: with it, Python also takes the Kelvin sign for a K and the long s for an s.
_DIN = re.compile(
    r"(?P<country>[A-Za-z]{2})(?P<sep>[*-]?)(?P<provider>[A-Za-z0-9]{3})(?P=sep)(?P<instance>[A-Za-z0-9]{6})"
    r"(?:(?P<check>[0-9Xx])|(?P<apart>[*-])(?P<check_apart>[A-Za-z0-9]))?"
)
_ISO = re.compile(
    r"(?P<country>[A-Za-z]{2})(?P<sep>-?)(?P<provider>[A-Za-z0-9]{3})(?P=sep)(?P<instance>[A-Za-z0-9]{9})"
    r"(?:(?P<check>[A-Za-z0-9])|(?P<apart>-)(?P<check_apart>[A-Za-z0-9]))?"
)


def recognise(text: str) -> ContractId | None:
    """The contract id that a text is, right or wrong; None for any other text."""
    kinds: tuple[tuple[Format, re.Pattern[str], Callable[[str], str]], ...] = (
        (Format.DIN, _DIN, din_check),
        (Format.ISO, _ISO, iso_check),
    )
    for kind, pattern, check_of in kinds:
        match = pattern.fullmatch(text)
        # Two sorts of separators in one text are damage, not a style.
        if match is None or (match["apart"] and match["sep"] not in ("", match["apart"])):
            continue
        country, provider, instance = (match[part].upper() for part in ("country", "provider", "instance"))
        given = (match["check"] or match["check_apart"] or "").upper()
        return ContractId(kind, country, provider, instance, given, check_of(country + provider + instance))
    return None


# --- check characters --------------------------------------------------------------------------------------------

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BODY = re.compile(r"[A-Za-z]{2}[A-Za-z0-9]+")
_DIN_LENGTH = 11
_ISO_LENGTH = 14


def din_check(body: str) -> str:
    """The DIN SPEC 91286 check character (0-9, X) of country, provider and instance: 11 characters, no separators.

    Raises:
        NumberError: the body is not two ASCII letters and nine ASCII letters or digits.
    """
    total = 0
    exponent = 0
    for value in _values(body, _DIN_LENGTH):
        # A letter counts as the two digits of its value (A = 10), each with a weight of its own.
        for digit in (value,) if value < 10 else divmod(value, 10):
            total += digit << exponent
            exponent += 1
    return "0123456789X"[total % 11]


def iso_check(body: str) -> str:
    """The ISO 15118 / eMI3 check character (0-9, A-Z) of country, provider and instance: 14 characters, no separators.

    Raises:
        NumberError: the body is not two ASCII letters and twelve ASCII letters or digits.
    """
    # Each value gives two bits q and two trits r. The sums over i = 1..14 of q·P1^i over Z2 and of r·P2^i over Z3, with
    # P1 = [[0,1],[1,1]] and P2 = [[0,1],[1,2]], are formed by Horner's rule, so from the last character to the first.
    q1 = q2 = r1 = r2 = 0
    for value in reversed(_values(body, _ISO_LENGTH)):
        q, r = divmod(value, 9)
        q1, q2 = q1 + q // 2, q2 + q % 2
        q1, q2 = q2 % 2, (q1 + q2) % 2
        r1, r2 = r1 + r // 3, r2 + r % 3
        r1, r2 = r2 % 3, (r1 + 2 * r2) % 3
    # The last step: r·[[0,2],[2,1]] over Z3.
    r1, r2 = 2 * r2 % 3, (2 * r1 + r2) % 3
    return _ALPHABET[9 * (2 * q1 + q2) + 3 * r1 + r2]


def _values(body: str, length: int) -> list[int]:
    """The values 0-35 of the characters of a body of `length`."""
    # ASCII is tested before upper-casing, which turns some other letters into ASCII ones.
    if len(body) != length or not _BODY.fullmatch(body):
        raise NumberError(f"{body!r} is no contract id of {length} characters without its check character")
    return [_ALPHABET.index(character) for character in body.upper()]
