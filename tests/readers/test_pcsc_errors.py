"""The one table of PC/SC return codes: complete, and its words of use to a worker."""

from __future__ import annotations

import pytest
import smartcard.scard as raw

from tagsmith.errors import ReaderBusy, ReaderError, ReaderForbidden, ReaderLost, ReaderMissing
from tagsmith.readers import pcsc
from tagsmith.readers.pcsc_errors import MEANINGS, Meaning, ScardError, failure, meaning

CODES = {
    name: getattr(raw, name) & 0xFFFFFFFF
    for name in dir(raw)
    if name.startswith(("SCARD_E_", "SCARD_F_", "SCARD_W_", "SCARD_P_", "SCARD_S_"))
}

pytestmark = pytest.mark.pcsc


def test_table_is_complete() -> None:
    """Every return code that pyscard knows has a row of its own."""
    assert len(CODES) > 60
    missing = [name for name, code in CODES.items() if code not in MEANINGS]
    assert missing == []


def test_table_has_no_strangers() -> None:
    """Every row is a code that pyscard knows (Windows' own unsupported-feature apart, which pcsclite never had)."""
    assert set(MEANINGS) - set(CODES.values()) <= {0x80100022}


@pytest.mark.parametrize("code", sorted(set(CODES.values()) - {0}))
@pytest.mark.parametrize("was_open", [False, True])
def test_every_code_becomes_one_of_our_errors(code: int, was_open: bool) -> None:
    """Whatever comes, a typed error with words comes out; nothing is *missing* that was open."""
    error = failure(ScardError(code, "SCardConnect"), was_open=was_open)
    assert isinstance(error, ReaderError)
    assert error.message
    assert not (was_open and isinstance(error, ReaderMissing))


@pytest.mark.parametrize(
    ("name", "was_open", "kind", "line"),
    [
        ("SCARD_E_NO_SERVICE", False, ReaderMissing, "sudo systemctl start pcscd.socket"),
        ("SCARD_F_COMM_ERROR", True, ReaderLost, "sudo systemctl start pcscd.socket"),
        ("SCARD_E_UNKNOWN_READER", True, ReaderLost, "tagsmith readers"),
        ("SCARD_E_NO_READERS_AVAILABLE", False, ReaderMissing, "plug it in"),
        ("SCARD_E_INVALID_VALUE", True, ReaderLost, "plug it in"),
        ("SCARD_W_SECURITY_VIOLATION", False, ReaderForbidden, "/etc/polkit-1/rules.d/"),
        ("SCARD_E_SHARING_VIOLATION", True, ReaderBusy, "close that program"),
        ("SCARD_E_INVALID_HANDLE", True, ReaderLost, "sudo systemctl restart pcscd"),
    ],
)
def test_words(name: str, was_open: bool, kind: type[ReaderError], line: str) -> None:
    """The failures of the field have the right type and the line to type."""
    error = failure(ScardError(CODES[name], "SCardConnect"), was_open=was_open)
    assert type(error) is kind
    assert line in error.remedy


def test_a_reset_connection_is_no_refusal() -> None:
    """libpcsclite reports a connection reset by a killed pcscd as a security violation; only connecting asks polkit."""
    violation = CODES["SCARD_W_SECURITY_VIOLATION"]
    assert type(failure(ScardError(violation, "SCardGetStatusChange"), was_open=True)) is ReaderLost
    assert type(failure(ScardError(violation, "SCardConnect"), was_open=True)) is ReaderForbidden


def test_unknown_and_negative_codes() -> None:
    """A code nobody knows is a defect that shows its number; some builds give codes as negative numbers."""
    assert meaning(0x80109999) is Meaning.DEFECT
    assert "0x80109999" in failure(ScardError(0x80109999, "SCardTransmit"), was_open=True).message
    assert meaning(0x8010000A - (1 << 32)) is Meaning.NOTHING_NEW
    assert ScardError(0x8010000A - (1 << 32), "x").code == 0x8010000A


def test_constants_are_pyscards() -> None:
    """The few numbers that are written down here are those of the library."""
    assert pcsc.SCOPE_SYSTEM == raw.SCARD_SCOPE_SYSTEM
    assert pcsc.SHARE_SHARED == raw.SCARD_SHARE_SHARED
    assert pcsc.PROTOCOL_ANY == raw.SCARD_PROTOCOL_T0 | raw.SCARD_PROTOCOL_T1
    assert pcsc.LEAVE_CARD == raw.SCARD_LEAVE_CARD
    for state in ("CHANGED", "UNKNOWN", "UNAVAILABLE", "PRESENT", "EXCLUSIVE", "INUSE"):
        assert getattr(pcsc, f"STATE_{state}") == getattr(raw, f"SCARD_STATE_{state}")
