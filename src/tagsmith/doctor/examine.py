"""The whole examination: every check in turn, none of which can stop the others."""

from __future__ import annotations

import logging
import shlex
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagsmith.config import Api, Settings, load, resolve_api
from tagsmith.doctor import api, configured, devices, kernel, machine, power, records, smartcards, uart
from tagsmith.doctor.finding import Finding, Verdict, bad, lines_of, warn
from tagsmith.doctor.patient import Patient
from tagsmith.doctor.system import System
from tagsmith.errors import ConfigError, TagsmithError

_log = logging.getLogger(__name__)

SETTINGS = "settings"
API_SETTINGS = "api-settings"


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `name` stands in its finding when it fails itself, or takes longer than `patience_s`."""

    name: str
    ask: Callable[[Patient], list[Finding]]
    patience_s: float = 30.0


CHECKS: tuple[Check, ...] = (
    Check(kernel.CHECK, kernel.modules),
    Check(smartcards.CHECK, smartcards.service),
    Check(devices.PLUGGED, devices.plugged),
    Check(devices.PERMISSION, devices.permissions),
    Check(devices.KEYBOARD, devices.keyboards),
    Check(devices.FREQUENCY, devices.low_frequency),
    Check(uart.CHECK, uart.uart),
    Check(configured.READER, configured.readers, 60.0),
    Check(configured.SCANNER, configured.scanners, 60.0),
    Check(machine.CLOCK, machine.clock),
    Check(machine.DISC, machine.disc),
    Check(power.POWER, power.supply),
    Check(power.WATCHDOG, power.watchdog),
    Check(power.ROOT, power.root),
    Check(records.JOURNAL, records.journal, 600.0),
    Check(records.ORDER, records.order, 60.0),
    Check(api.CHECK, api.api),
)
"""Every check, in the order in which it is asked."""


def examine(
    system: System | None = None, config: Path | None = None, *, checks: Sequence[Check] = CHECKS
) -> list[Finding]:
    """What there is to say about this machine and its settings, the worst first; never raises.

    Opens configured readers and scanners for an instant, and asks the API one question that changes nothing.
    """
    system = system or System()
    findings, settings, chosen = _settings(config)
    patient = Patient(system, settings, chosen)
    for check in checks:
        findings += _ask(check, patient)
    return sorted(findings, key=lambda finding: list(Verdict).index(finding.verdict))


def _settings(config: Path | None) -> tuple[list[Finding], Settings | None, Api | None]:
    """The settings and the API they name, as far as they are right."""
    try:
        settings = load(config)
    except ConfigError as error:
        return [bad(SETTINGS, error.message, lines_of(error.remedy) or _by_hand(error))], None, None
    try:
        return [], settings, resolve_api(settings)
    except ConfigError as error:
        return [bad(API_SETTINGS, error.message, _of_api(settings, error))], settings, None


def _by_hand(error: ConfigError) -> str:
    """What to do about settings whose complaint says no more than what is wrong."""
    if "same lane" in error.message:
        return '# write into each [[reader]] a name of its own: lane = "A" in the first, lane = "B" in the second'
    return "# correct it there: docs/settings.md says what may stand"


def _of_api(settings: Settings, error: ConfigError) -> str:
    """What to type or to write where the settings name no API, or no key that can be used."""
    given = settings.api
    if given.environment is None and given.url is None:
        return (
            "export TAGSMITH_API__ENVIRONMENT=sandbox\n"
            '# or in the settings, below [api]: environment = "sandbox" (or "stage", or "production")'
        )
    if error.remedy:
        return lines_of(error.remedy)
    if given.key_file is not None and given.key_file.expanduser().is_file():
        file = shlex.quote(str(given.key_file.expanduser()))
        return f"cat > {file}\n# now paste the key, press Enter, then Ctrl-D"
    return '# write into the settings, below [api], the file that holds the key: key_file = "/path/of/the/key"'


def _ask(check: Check, patient: Patient) -> list[Finding]:
    """A check's findings. On a thread of its own: a driver that hangs must not take the examination with it."""
    answer: list[list[Finding]] = []

    def work() -> None:
        try:
            answer.append(check.ask(patient))
        except TagsmithError as error:
            answer.append([_unchecked(check, error.message)])
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in one check, the others have their say
            _log.info("the check %s failed", check.name, exc_info=error)
            said = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            answer.append([_unchecked(check, said)])

    thread = threading.Thread(target=work, name=f"doctor {check.name}", daemon=True)
    thread.start()
    thread.join(check.patience_s)
    return answer[0] if answer else [_unchecked(check, f"no answer within {check.patience_s:g} s")]


def _unchecked(check: Check, why: str) -> Finding:
    return warn(check.name, f"could not be checked: {why}", "tagsmith -v doctor")
