"""PINs are kept as what scrypt makes of them (RFC 7914), each with its own salt: settings never hold one in clear.

A PIN is short: whoever has the settings can try all there are. The hash only keeps it from being read by the way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass

MIN_LENGTH = 4
MAX_LENGTH = 64

_COST, _BLOCK, _LANES, _SIZE = 1 << 14, 8, 1, 32
"""16 MiB and some 50 ms for a try: what a Raspberry Pi can spare, and no guesser likes."""
_MAX_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True)
class _Hash:
    cost: int
    block: int
    lanes: int
    salt: bytes
    digest: bytes


def hash_pin(pin: str) -> str:
    """The line that stands in the settings for this PIN; another one each time.

    Raises:
        ValueError: it is too short or too long; says how long it may be.
    """
    if not MIN_LENGTH <= len(pin) <= MAX_LENGTH:
        raise ValueError(f"a PIN has {MIN_LENGTH} to {MAX_LENGTH} characters")
    salt = secrets.token_bytes(16)
    made = _Hash(_COST, _BLOCK, _LANES, salt, _digest(pin, _COST, _BLOCK, _LANES, salt))
    texts = (base64.b64encode(data).decode() for data in (made.salt, made.digest))
    return "$".join(("scrypt", str(made.cost), str(made.block), str(made.lanes), *texts))


def pin_matches(pin: str, line: str) -> bool:
    """Whether this is the PIN that the line was made of. Takes some 50 ms; False for a line that is none."""
    kept = _parsed(line)
    if kept is None or not MIN_LENGTH <= len(pin) <= MAX_LENGTH:
        return False
    return hmac.compare_digest(kept.digest, _digest(pin, kept.cost, kept.block, kept.lanes, kept.salt))


def is_pin_hash(line: str) -> bool:
    """Whether a text is a line of `hash_pin`."""
    return _parsed(line) is not None


def _digest(pin: str, cost: int, block: int, lanes: int, salt: bytes) -> bytes:
    secret = unicodedata.normalize("NFC", pin).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=lanes, maxmem=_MAX_MEMORY, dklen=_SIZE)


def _parsed(line: str) -> _Hash | None:
    kind, *rest = line.split("$")
    if kind != "scrypt" or len(rest) != 5:
        return None
    try:
        cost, block, lanes = (int(text) for text in rest[:3])
        salt, digest = (base64.b64decode(text, validate=True) for text in rest[3:])
    except (ValueError, binascii.Error):
        return None
    # What asks for more memory than it may have would fail at the first try, at the lane.
    fits = 2 <= cost <= 1 << 16 and cost & (cost - 1) == 0 and 1 <= block <= 8 and 1 <= lanes <= 4
    if not fits or 128 * cost * block > _MAX_MEMORY // 2 or len(salt) < 8 or len(digest) != _SIZE:
        return None
    return _Hash(cost, block, lanes, salt, digest)
