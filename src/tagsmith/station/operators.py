"""Who somebody is, by badge, code or name; and who may let a lane that has stopped go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tagsmith.config import OperatorSettings, pin_matches
from tagsmith.errors import UidError
from tagsmith.production import Operator
from tagsmith.uid import Uid


class Operators:
    """The operators of the settings."""

    def __init__(self, settings: Sequence[OperatorSettings]) -> None:
        self._by_badge = {Uid.from_hex(one.badge): _operator(one) for one in settings if one.badge}
        self._by_code = {one.code.casefold(): _operator(one) for one in settings if one.code}
        self._by_name = {one.name.casefold(): _operator(one) for one in settings}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_name)

    def of_badge(self, uid: Uid) -> Operator | None:
        """Whose badge this is."""
        return self._by_badge.get(uid)

    def of_code(self, text: str) -> Operator | None:
        """Whose code this is; its case means nothing, as with commands."""
        return self._by_code.get(text.strip().casefold())

    def of_name(self, text: str) -> Operator | None:
        """Who has this name."""
        return self._by_name.get(text.strip().casefold())


def supervisor_check(settings: Sequence[OperatorSettings]) -> Callable[[str], bool]:
    """The function that says whether a secret is a supervisor's: the UID of a badge (hex), a code, or a PIN.

    A text that is neither badge nor code is tried as a PIN, which takes some 50 ms for each supervisor who has one:
    call it in a thread of its own (`asyncio.to_thread`), never on the core loop. An empty one is nobody's.
    """
    named = supervisor_named(settings)
    return lambda secret: bool(named(secret))


def supervisor_named(settings: Sequence[OperatorSettings]) -> Callable[[str], str]:
    """The function that says which supervisor's a secret is; empty for nobody's. As `supervisor_check`."""
    supervisors = [one for one in settings if one.supervisor]
    known = Operators(supervisors)
    hashes = [(one.name, one.pin_hash) for one in supervisors if one.pin_hash]

    def name_of(secret: str) -> str:
        text = secret.strip()
        if not text:
            return ""
        if (found := known.of_code(text) or _of_badge(known, text)) is not None:
            return found.name
        return next((name for name, line in hashes if pin_matches(text, line)), "")

    return name_of


def _of_badge(known: Operators, text: str) -> Operator | None:
    try:
        return known.of_badge(Uid.from_hex(text))
    except UidError:
        return None


def _operator(one: OperatorSettings) -> Operator:
    return Operator(one.name, one.supervisor)
