"""The tree of errors: everything tagsmith raises on purpose.

Every error carries a `message` (what happened, in plain words) and a `remedy` (what to do or type; may be empty).
Foreign exceptions (pyscard, SQLAlchemy, httpx, operating system) are mapped to these, in one table per room, and
never travel further.

    TagsmithError
    ├── ConfigError              a setting is wrong, missing or unknown
    ├── UidError                 text or bytes that are no UID
    ├── NumberError              a number that breaks a rule no policy can relax
    ├── DeviceError              a serial port or input device, whatever it is used for:
    │   ├── DeviceMissing        it is not there
    │   ├── DeviceForbidden      it is there, but this user may not open it
    │   ├── DeviceBusy           somebody else holds it
    │   ├── DeviceLost           it was open and went away
    │   └── DeviceUnsupported    it is of another kind, or its library is not installed
    ├── ReaderError
    │   ├── ReaderMissing        it is not there (unplugged, not found, no driver)
    │   ├── ReaderForbidden      it is there, but this user may not open it
    │   ├── ReaderBusy           somebody else holds it
    │   ├── ReaderLost           it was open and went away, or its service did
    │   └── ReaderUnsupported    it cannot do what is asked, or its library is not installed
    ├── ScannerError             a scanner that cannot be opened or went away
    ├── ManifestError            a file of numbers that cannot be read, or that is not good as a whole
    ├── JournalError
    │   ├── JournalFull          no room on the disc
    │   ├── JournalReadOnly      the file or its folder cannot be written
    │   ├── JournalCorrupt       the file is damaged, or is no journal
    │   ├── JournalNewer         written by a newer tagsmith
    │   ├── JournalUnavailable   it cannot be opened, is locked or did not answer; trying again may help
    │   ├── DuplicateUid         the key is already paired (carries the record)
    │   ├── DuplicateNumber      the number is already used (carries the record)
    │   ├── IllegalTransition    a change that the entry's state does not allow
    │   ├── Replaced             another process delivers now
    │   └── BatchError           a batch that cannot be made, found or changed so
    ├── DriveError               one outcome of a request each:
    │   ├── Refused              the API understood and said no; where the endpoint documents it, one of
    │   │   ├── InvalidRequest   400: something in the request is not as the API wants it
    │   │   ├── NotFound         404: no such user, key, receipt or price
    │   │   └── Conflict         409: the key or the contract is in use already
    │   ├── Unauthorised         401 or 403: the key, or what it may do
    │   ├── NotProcessed         proved not done: never connected, or 429
    │   │   ├── ClockWrong       TLS was refused for a time that only a wrong clock shows
    │   │   └── OrderedTooSoon   a user's last order of a key is not five minutes old
    │   └── OutcomeUnknown       sent, and then no answer that can be trusted
    │       └── ApiFailed        500, documented for every endpoint
    └── StationError             the station cannot start or go on
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagsmith.lines.nodes import Holder
    from tagsmith.model import Record


class TagsmithError(Exception):
    """Base of all: `message` says what happened, `remedy` what to do about it (may be empty)."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class ConfigError(TagsmithError):
    """A setting is wrong, missing or unknown."""


class UidError(TagsmithError):
    """Text or bytes that cannot be a UID."""


class NumberError(TagsmithError):
    """A visual number that breaks a rule no policy can relax."""


class DeviceError(TagsmithError):
    """A serial port or an input device failed; the remedy is in a worker's words. Readers and scanners translate it."""


class DeviceMissing(DeviceError):
    """The device is not there."""


class DeviceForbidden(DeviceError):
    """The device is there, but this user may not open it."""


class DeviceBusy(DeviceError):
    """Somebody else holds the device; `holders` are the processes, as far as they are known."""

    def __init__(self, message: str, remedy: str = "", *, holders: tuple[Holder, ...] = ()) -> None:
        super().__init__(message, remedy)
        self.holders = holders


class DeviceLost(DeviceError):
    """The device was open and went away."""


class DeviceUnsupported(DeviceError):
    """The device is of another kind, or this installation cannot use it."""


class ReaderError(TagsmithError):
    """A reader failed; the remedy is in a worker's words."""


class ReaderMissing(ReaderError):
    """The reader is not there."""


class ReaderForbidden(ReaderError):
    """The reader is there, but may not be opened."""


class ReaderBusy(ReaderError):
    """Somebody else holds the reader; `holders` are the processes, as far as they are known."""

    def __init__(self, message: str, remedy: str = "", *, holders: tuple[Holder, ...] = ()) -> None:
        super().__init__(message, remedy)
        self.holders = holders


class ReaderLost(ReaderError):
    """The reader was open and went away."""


class ReaderUnsupported(ReaderError):
    """The reader, or this installation, cannot do what is asked."""


class ScannerError(TagsmithError):
    """A scanner cannot be opened or went away."""


class ManifestError(TagsmithError):
    """A file of numbers cannot be read, or is not good as a whole; nothing was imported."""


class JournalError(TagsmithError):
    """The journal could not do it; nothing was recorded unless `perhaps` is true.

    `perhaps` is set where a commit may have happened though its answer was lost: the same entry must then be
    appended again (append is idempotent by id), never dropped.
    """

    def __init__(self, message: str, remedy: str = "", *, perhaps: bool = False) -> None:
        super().__init__(message, remedy)
        self.perhaps = perhaps


class JournalFull(JournalError):
    """No room left on the disc."""


class JournalReadOnly(JournalError):
    """The journal cannot be written."""


class JournalCorrupt(JournalError):
    """The journal is damaged, or the file is no journal."""


class JournalNewer(JournalError):
    """The journal was written by a newer tagsmith."""


class JournalUnavailable(JournalError):
    """The journal cannot be opened, is locked or did not answer."""


class DuplicateUid(JournalError):
    """The key is already paired for this target; `record` says when, where and with what."""

    def __init__(self, message: str, record: Record) -> None:
        super().__init__(message)
        self.record = record


class DuplicateNumber(JournalError):
    """The number is already used for this target; `record` says when, where and with which key."""

    def __init__(self, message: str, record: Record) -> None:
        super().__init__(message)
        self.record = record


class IllegalTransition(JournalError):
    """The entry's state does not allow this change; nothing was changed."""


class Replaced(JournalError):
    """Another process has taken delivery over since: nothing was recorded, and nothing may be sent."""


class BatchError(JournalError):
    """A batch cannot be made or changed like this, or there is none; nothing was changed."""


class DriveError(TagsmithError):
    """A request to the Drive API did not end in its documented success.

    `status` is the HTTP status where one came, `text` the answer's own words (shortened, never the API key).
    """

    def __init__(self, message: str, remedy: str = "", *, status: int | None = None, text: str = "") -> None:
        super().__init__(message, remedy)
        self.status = status
        self.text = text


class Refused(DriveError):
    """The API understood the request and said no (400, 404, 409, other 4xx)."""


class InvalidRequest(Refused):
    """400 where it is documented: something in the request is not as the API wants it."""


class NotFound(Refused):
    """404 where it is documented: no such user, key, receipt or price; which of them it often does not tell."""


class Conflict(Refused):
    """409 where it is documented: the key or the contract is in use already."""


class Unauthorised(DriveError):
    """401 or 403: the key is wrong or may not do this; a 403 may also be a gateway or a wrong path."""


class NotProcessed(DriveError):
    """Proved not processed: never connected, or 429. `retry_after_s` is what the API asked for, if it did."""

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        status: int | None = None,
        text: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, remedy, status=status, text=text)
        self.retry_after_s = retry_after_s


class ClockWrong(NotProcessed):
    """TLS was refused for a time that this machine's clock shows, and that clock is not to be trusted."""


class OrderedTooSoon(NotProcessed):
    """One order of a key per user in five minutes. With a status the API said so, without one it was never asked.

    An API that answers 429 to an order may also mean its limit for all requests.
    """


class OutcomeUnknown(DriveError):
    """Sent, then a timeout, a cut, a 5xx, or an answer that cannot be trusted: perhaps done, perhaps not."""


class ApiFailed(OutcomeUnknown):
    """500 where it is documented: the API failed. A request that changes something was perhaps carried out."""


class StationError(TagsmithError):
    """The station cannot start or go on."""
