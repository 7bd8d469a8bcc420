"""What every PC/SC return code means to tagsmith: one table, complete for all codes that pyscard knows.

It owns the meaning of codes and the words for them. It imports nothing foreign, so that it can be read and tested
without a smart card library. Codes are those of winscard.h and pcsclite.h.
"""

from __future__ import annotations

import enum
import os
import pwd

from tagsmith.errors import (
    ReaderBusy,
    ReaderError,
    ReaderForbidden,
    ReaderLost,
    ReaderMissing,
    ReaderUnsupported,
)


class Meaning(enum.Enum):
    """What follows from a return code."""

    DONE = enum.auto()
    """It worked."""
    NOTHING_NEW = enum.auto()
    """The wait ended without a change: timed out, or cancelled by us."""
    CARD_LEFT = enum.auto()
    """The card went away; the reader is well."""
    CARD_MUTE = enum.auto()
    """The card does not answer, or not so that it can be understood."""
    CARD_HELD = enum.auto()
    """Another program holds the card for itself."""
    CARD_RESET = enum.auto()
    """Another program reset the card: try again at once."""
    NO_SERVICE = enum.auto()
    """pcscd is not there, or went away; a context from before is worthless for ever."""
    NO_READER = enum.auto()
    """The reader is not there, or went away."""
    FORBIDDEN = enum.auto()
    """This user may not."""
    BUSY = enum.auto()
    """The service has too much to do."""
    UNSUPPORTED = enum.auto()
    """Reader, driver or service cannot do it."""
    DEFECT = enum.auto()
    """Something is wrong inside library, service or driver, or in how we call them: begin anew."""


MEANINGS: dict[int, Meaning] = {
    0x00000000: Meaning.DONE,  # SCARD_S_SUCCESS
    0x80100001: Meaning.DEFECT,  # SCARD_F_INTERNAL_ERROR
    0x80100002: Meaning.NOTHING_NEW,  # SCARD_E_CANCELLED
    # A handle becomes invalid when pcscd is restarted under it, or the reader pulled.
    0x80100003: Meaning.DEFECT,  # SCARD_E_INVALID_HANDLE
    0x80100004: Meaning.DEFECT,  # SCARD_E_INVALID_PARAMETER
    0x80100005: Meaning.DEFECT,  # SCARD_E_INVALID_TARGET
    0x80100006: Meaning.DEFECT,  # SCARD_E_NO_MEMORY
    0x80100007: Meaning.DEFECT,  # SCARD_F_WAITED_TOO_LONG
    0x80100008: Meaning.CARD_MUTE,  # SCARD_E_INSUFFICIENT_BUFFER: an answer longer than any card may give
    0x80100009: Meaning.NO_READER,  # SCARD_E_UNKNOWN_READER
    0x8010000A: Meaning.NOTHING_NEW,  # SCARD_E_TIMEOUT
    0x8010000B: Meaning.CARD_HELD,  # SCARD_E_SHARING_VIOLATION
    0x8010000C: Meaning.CARD_LEFT,  # SCARD_E_NO_SMARTCARD
    0x8010000D: Meaning.CARD_MUTE,  # SCARD_E_UNKNOWN_CARD
    0x8010000E: Meaning.DEFECT,  # SCARD_E_CANT_DISPOSE
    0x8010000F: Meaning.CARD_MUTE,  # SCARD_E_PROTO_MISMATCH
    0x80100010: Meaning.CARD_MUTE,  # SCARD_E_NOT_READY
    # pcscd says so to a transmit when the reader was pulled meanwhile (measured with 1.9.9).
    0x80100011: Meaning.NO_READER,  # SCARD_E_INVALID_VALUE
    0x80100012: Meaning.DEFECT,  # SCARD_E_SYSTEM_CANCELLED
    # What a wait returns when pcscd is killed or restarted under it.
    0x80100013: Meaning.NO_SERVICE,  # SCARD_F_COMM_ERROR
    0x80100014: Meaning.DEFECT,  # SCARD_F_UNKNOWN_ERROR
    0x80100015: Meaning.CARD_MUTE,  # SCARD_E_INVALID_ATR
    # Torn away in the middle of an exchange.
    0x80100016: Meaning.CARD_LEFT,  # SCARD_E_NOT_TRANSACTED
    0x80100017: Meaning.NO_READER,  # SCARD_E_READER_UNAVAILABLE
    0x80100018: Meaning.NO_SERVICE,  # SCARD_P_SHUTDOWN
    0x80100019: Meaning.UNSUPPORTED,  # SCARD_E_PCI_TOO_SMALL
    0x8010001A: Meaning.UNSUPPORTED,  # SCARD_E_READER_UNSUPPORTED
    0x8010001B: Meaning.DEFECT,  # SCARD_E_DUPLICATE_READER
    0x8010001C: Meaning.CARD_MUTE,  # SCARD_E_CARD_UNSUPPORTED
    0x8010001D: Meaning.NO_SERVICE,  # SCARD_E_NO_SERVICE
    0x8010001E: Meaning.NO_SERVICE,  # SCARD_E_SERVICE_STOPPED
    0x8010001F: Meaning.DEFECT,  # SCARD_E_UNEXPECTED, SCARD_E_UNSUPPORTED_FEATURE of pcsclite
    0x80100020: Meaning.DEFECT,  # SCARD_E_ICC_INSTALLATION
    0x80100021: Meaning.DEFECT,  # SCARD_E_ICC_CREATEORDER
    0x80100022: Meaning.UNSUPPORTED,  # SCARD_E_UNSUPPORTED_FEATURE of Windows
    0x80100023: Meaning.DEFECT,  # SCARD_E_DIR_NOT_FOUND
    0x80100024: Meaning.DEFECT,  # SCARD_E_FILE_NOT_FOUND
    0x80100025: Meaning.DEFECT,  # SCARD_E_NO_DIR
    0x80100026: Meaning.DEFECT,  # SCARD_E_NO_FILE
    0x80100027: Meaning.FORBIDDEN,  # SCARD_E_NO_ACCESS
    0x80100028: Meaning.DEFECT,  # SCARD_E_WRITE_TOO_MANY
    0x80100029: Meaning.DEFECT,  # SCARD_E_BAD_SEEK
    0x8010002A: Meaning.DEFECT,  # SCARD_E_INVALID_CHV
    0x8010002B: Meaning.UNSUPPORTED,  # SCARD_E_UNKNOWN_RES_MNG
    0x8010002C: Meaning.DEFECT,  # SCARD_E_NO_SUCH_CERTIFICATE
    0x8010002D: Meaning.DEFECT,  # SCARD_E_CERTIFICATE_UNAVAILABLE
    0x8010002E: Meaning.NO_READER,  # SCARD_E_NO_READERS_AVAILABLE
    0x8010002F: Meaning.CARD_LEFT,  # SCARD_E_COMM_DATA_LOST
    0x80100030: Meaning.DEFECT,  # SCARD_E_NO_KEY_CONTAINER
    0x80100031: Meaning.BUSY,  # SCARD_E_SERVER_TOO_BUSY
    0x80100065: Meaning.CARD_MUTE,  # SCARD_W_UNSUPPORTED_CARD
    0x80100066: Meaning.CARD_MUTE,  # SCARD_W_UNRESPONSIVE_CARD
    0x80100067: Meaning.CARD_MUTE,  # SCARD_W_UNPOWERED_CARD
    0x80100068: Meaning.CARD_RESET,  # SCARD_W_RESET_CARD
    0x80100069: Meaning.CARD_LEFT,  # SCARD_W_REMOVED_CARD
    # "Access denied": pcscd asked polkit, and polkit said no.
    0x8010006A: Meaning.FORBIDDEN,  # SCARD_W_SECURITY_VIOLATION
    0x8010006B: Meaning.DEFECT,  # SCARD_W_WRONG_CHV
    0x8010006C: Meaning.DEFECT,  # SCARD_W_CHV_BLOCKED
    0x8010006D: Meaning.DEFECT,  # SCARD_W_EOF
    0x8010006E: Meaning.NOTHING_NEW,  # SCARD_W_CANCELLED_BY_USER
    0x8010006F: Meaning.DEFECT,  # SCARD_W_CARD_NOT_AUTHENTICATED
}

_POLKIT = (
    "as root: echo 'polkit.addRule(function(action, subject) {{ "
    'if (action.id.indexOf("org.debian.pcsc-lite.") == 0 && subject.user == "{user}") return polkit.Result.YES; '
    "}});' > /etc/polkit-1/rules.d/50-tagsmith.rules"
)

_WORDS: dict[Meaning, tuple[type[ReaderError], str, str]] = {
    Meaning.NO_SERVICE: (
        ReaderMissing,
        "the smart card service (pcscd) is not running",
        "start it: `sudo systemctl start pcscd.socket` (not installed? `sudo apt install pcscd`)",
    ),
    Meaning.NO_READER: (
        ReaderMissing,
        "the reader is not there",
        "plug it in; `tagsmith readers` lists what is there",
    ),
    Meaning.FORBIDDEN: (ReaderForbidden, "this user may not use smart card readers", _POLKIT),
    Meaning.BUSY: (ReaderBusy, "the smart card service is overloaded", "close other programs that use smart cards"),
    Meaning.UNSUPPORTED: (
        ReaderUnsupported,
        "the reader or its driver cannot do this",
        "use another reader, or a newer driver: `sudo apt install --only-upgrade libccid`",
    ),
    Meaning.CARD_LEFT: (ReaderLost, "the key went away", "lay it on the reader again"),
    Meaning.CARD_MUTE: (ReaderLost, "the key does not answer", "lay it on the reader again, alone"),
    Meaning.CARD_HELD: (ReaderBusy, "another program holds the key on the reader", "close that program"),
    Meaning.CARD_RESET: (ReaderLost, "another program reset the key", "close that program"),
    Meaning.NOTHING_NEW: (ReaderLost, "the reader was interrupted", ""),
    Meaning.DEFECT: (
        ReaderLost,
        "the reader or its driver failed",
        "unplug the reader and plug it in again; if this stays: `sudo systemctl restart pcscd`",
    ),
}


class ScardError(Exception):
    """A PC/SC call that did not return success. Never leaves the backend: `failure` makes one of ours of it."""

    def __init__(self, code: int, call: str) -> None:
        self.code = code & 0xFFFFFFFF  # some builds return it as a negative number
        self.call = call
        super().__init__(f"{call}: 0x{self.code:08X}")

    @property
    def meaning(self) -> Meaning:
        """What it means; a code that nobody knows is a defect."""
        return meaning(self.code)


def meaning(code: int) -> Meaning:
    """What a return code means; a code that nobody knows is a defect."""
    return MEANINGS.get(code & 0xFFFFFFFF, Meaning.DEFECT)


def failure(error: ScardError, *, was_open: bool) -> ReaderError:
    """Our error for it. What is missing once it was open has been lost."""
    what = error.meaning
    if what is Meaning.FORBIDDEN and was_open and error.call != "SCardConnect":
        # pcscd asks for permission at SCardEstablishContext and SCardConnect only. To every other call libpcsclite
        # says the same when pcscd was killed so abruptly that the connection was reset (measured with 1.9.9).
        what = Meaning.NO_SERVICE
    kind, message, remedy = _WORDS[what]
    if was_open and kind is ReaderMissing:
        kind = ReaderLost
    if remedy is _POLKIT:
        remedy = _POLKIT.format(user=_user())
    if what in (Meaning.DEFECT, Meaning.UNSUPPORTED):
        message = f"{message} ({error})"
    return kind(message, remedy)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
