"""Which backend a spec means, and what readers are there. Imports a backend only when it is chosen."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from tagsmith.errors import ConfigError
from tagsmith.model import ReaderStatus

if TYPE_CHECKING:
    from tagsmith.readers.base import Reader

_SPECS = {
    "pcsc": "pcsc: (the first contactless PC/SC reader) or pcsc:PART OF ITS NAME",
    "sim": "sim: (fed by the program) or sim:PATH of a scenario file",
}


def backends() -> tuple[str, ...]:
    """The words a spec may begin with."""
    return tuple(_SPECS)


def create(spec: str) -> Reader:
    """The reader that `spec` means, not opened yet.

    Raises:
        ConfigError: no backend is called so, or a scenario file is wrong.
    """
    scheme, colon, rest = spec.strip().partition(":")
    if scheme not in _SPECS or not colon:
        raise ConfigError(f"{spec!r} names no reader", _did_you_mean(scheme))
    if scheme == "pcsc":
        from tagsmith.readers.pcsc import PcscReader

        return PcscReader(rest)
    from tagsmith.readers.sim import SimReader

    return SimReader(rest)


def discover() -> list[ReaderStatus]:
    """What hardware readers are there, each with the spec that selects just it, its state and what to do.

    Never empty: where there is none, one status says why. The simulator, which is always there, is not listed.
    """
    from tagsmith.readers.pcsc import discover as discover_pcsc

    return discover_pcsc()


def _did_you_mean(scheme: str) -> str:
    close = difflib.get_close_matches(scheme.lower(), _SPECS, n=1, cutoff=0.4)
    if close:
        return f"did you mean {_SPECS[close[0]]}?"
    return f"write {', or '.join(_SPECS.values())}"
