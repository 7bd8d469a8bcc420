"""The conformance suite over every backend: the simulator, a PC/SC reader that tells at once, one that is polled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from readers.conformance import CHECKS, Rig

BACKENDS = [
    "sim",
    pytest.param("pcsc", marks=pytest.mark.pcsc),
    pytest.param("pcsc-polled", marks=pytest.mark.pcsc),
    "nfcpy",
    "nfcpy-udp",
    "serial",
    "serial-twn4",
]


@pytest.mark.parametrize("rig", BACKENDS, indirect=True)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_reader(rig: Rig, check: Callable[[Rig], None]) -> None:
    """Every backend passes every check; what each pins is in its docstring."""
    check(rig)
