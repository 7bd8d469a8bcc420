"""The journal: whether it is sound, and whether it holds the proof of the byte order. It makes no journal."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Iterator

from tagsmith.config import Api, Settings
from tagsmith.doctor.finding import Finding, Section, bad, lines_of, ok, skipped, warn
from tagsmith.doctor.patient import Patient
from tagsmith.errors import JournalError
from tagsmith.journal import Journal
from tagsmith.model import Calibration
from tagsmith.readers.proof import not_compared
from tagsmith.uid import settle_order

JOURNAL = "journal"
ORDER = "byte-order"

_CALIBRATE = "tagsmith calibrate --user ID"


def journal(patient: Patient) -> list[Finding]:
    """Whether the journal can be opened and tells one story."""
    settings = patient.settings
    if settings is None:
        return [skipped(JOURNAL, "without settings no journal is known")]
    try:
        if not Journal.exists(settings.journal.url):
            return [ok(JOURNAL, "there is no journal yet; the first start makes it")]
        with _open(settings) as opened:
            result = opened.verify()
            place, path = opened.place, opened.path
    except JournalError as error:
        return [_unusable(error)]
    if result.ok:
        return [ok(JOURNAL, f"{place} is sound: {result.entries} entries, {result.events} events")]
    more = f", and {len(result.problems) - 1} more" if len(result.problems) > 1 else ""
    keep = f": cp -a {path}* /a/safe/place/" if path else " of the database: pg_dump"
    return [
        bad(
            JOURNAL,
            f"{place} is not sound: {result.problems[0]}{more}",
            f"tagsmith journal verify\n# stop the station, and keep a copy{keep}",
        )
    ]


def order(patient: Patient) -> list[Finding]:
    """Whether the byte order of UIDs is proved for the API in force, or a person answers for it."""
    settings, api = patient.settings, patient.api
    if settings is None or api is None:
        return [skipped(ORDER, "without an API there is no byte order to confirm", Section.BYTE_ORDER)]
    try:
        calibrations = _calibrations(settings, api)
    except JournalError as error:
        return [bad(ORDER, f"whether it is confirmed cannot be read: {error.message}", *_hand(error))]
    record = calibrations[-1] if calibrations else None
    found = settle_order(settings.uid.order, record.order if record is not None else None)
    if found.conflict:
        lines = f"# take `order` out of [uid] in the settings; or prove it again:\n{_CALIBRATE}"
        return [bad(ORDER, f"{found.conflict}: nothing is sent", lines, Section.BYTE_ORDER)]
    if record is not None and found.confirmed:
        how = f"calibrated by {record.by} on {record.at:%Y-%m-%d} with {record.reader}"
        proved = ok(ORDER, f"{api.target} gets UIDs {found.order}: {how}", Section.BYTE_ORDER)
        specs = [reader.spec for reader in settings.reader]
        return [proved, *(_not_compared(api, spec) for spec in not_compared(specs, found.order, calibrations))]
    if settings.uid.confirmed:
        what = (
            f"{api.target} gets UIDs {found.order}: a person answers for it (uid.confirmed), no calibration proves it"
        )
        return [warn(ORDER, what, _CALIBRATE, Section.BYTE_ORDER)]
    what = f"that {api.target} gets UIDs {found.order} was never confirmed"
    if api.production:
        return [bad(ORDER, f"{what}: nothing is sent to production", _CALIBRATE, Section.BYTE_ORDER)]
    return [warn(ORDER, what, _CALIBRATE, Section.BYTE_ORDER)]


def _not_compared(api: Api, spec: str) -> Finding:
    """A reader whose own order may be set wrong: it would make wrong UIDs of good keys."""
    judge = bad if api.production else warn
    lines = f"tagsmith calibrate --user ID --reader {shlex.quote(spec)}"
    return judge(ORDER, f"{spec} was never compared with a key that works", lines, Section.BYTE_ORDER)


def _calibrations(settings: Settings, api: Api) -> list[Calibration]:
    if not Journal.exists(settings.journal.url):
        return []
    with _open(settings) as opened:
        return asyncio.run(opened.calibrations(api.target))


@contextlib.contextmanager
def _open(settings: Settings) -> Iterator[Journal]:
    opened = Journal.open(settings.journal.url, station=settings.station.name)
    try:
        yield opened
    finally:
        opened.close()


def _unusable(error: JournalError) -> Finding:
    return bad(JOURNAL, error.message, *_hand(error))


def _hand(error: JournalError) -> tuple[str]:
    return (lines_of(error.remedy) or "tagsmith journal verify",)
