"""The Drive API: reachable, and the key accepted.

It asks for the keys of a user that cannot exist: one GET, which changes nothing there. It never shows the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from tagsmith.config import Api, Environment
from tagsmith.doctor.finding import Finding, bad, ok, skipped, warn
from tagsmith.doctor.patient import Patient
from tagsmith.drive import DriveClient, probe
from tagsmith.errors import ClockWrong, ConfigError, DriveError, NotProcessed, OutcomeUnknown, Unauthorised
from tagsmith.wall_clock import SET_IT, WallClock

CHECK = "api"
TIMEOUT_S = 10.0


def api(patient: Patient) -> list[Finding]:
    """Whether the API answers, and takes the key."""
    found = patient.api
    if found is None:
        return [skipped(CHECK, "no Drive API is set that could be asked")]
    try:
        asyncio.run(_ask(found, patient.system.clock))
    except DriveError as error:
        return [_judge(found, error)]
    except ConfigError as error:
        return [bad(CHECK, error.message, error.remedy if error.remedy.startswith("ls ") else f"# {error.remedy}")]
    return [_accepted(found)]


async def _ask(found: Api, wall_clock: Callable[[], WallClock]) -> None:
    async with DriveClient(
        found.url,
        found.key.get_secret_value(),
        timeout_s=TIMEOUT_S,
        proxy=found.proxy,
        ca_file=found.ca_file,
        wall_clock=wall_clock,
    ) as client:
        await probe(client)


def _accepted(found: Api) -> Finding:
    return ok(CHECK, f"{found.url} ({found.environment}) answers and takes the key")


def _judge(found: Api, error: DriveError) -> Finding:
    where = f"{found.url} ({found.environment})"
    if isinstance(error, Unauthorised):
        what = f"{where} does not take the key: {error.message}"
        return bad(CHECK, what, "# put the right key into [api] key_file, or into TAGSMITH_API__KEY")
    if error.status == 429:
        return warn(CHECK, f"{where} asks to wait", "# try again in a minute")
    if isinstance(error, NotProcessed):
        return _unreachable(found, error)
    if isinstance(error, OutcomeUnknown):
        return bad(
            CHECK, f"{where} does not answer as it should: {error.message}", f"curl -sv {found.url} -o /dev/null"
        )
    return warn(CHECK, f"{where} takes the key, but answers strangely: {error.message}", "# ask its operator")


def _unreachable(found: Api, error: NotProcessed) -> Finding:
    where = f"{found.url} ({found.environment})"
    if isinstance(error, ClockWrong):
        return bad(CHECK, f"{where} cannot be trusted: {error.message}", SET_IT)
    if found.environment is Environment.SANDBOX and (line := _sandbox(found.url)):
        return bad(CHECK, f"nobody answers at {where}: {error.message}", line)
    return bad(CHECK, f"{where} cannot be reached: {error.message}", f"curl -sv {found.url} -o /dev/null")


def _sandbox(url: str) -> str:
    """The line that starts our sandbox at this URL; empty where it does not serve: on 127.0.0.1 only, without TLS."""
    parts = urlsplit(url)
    ours = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost") and not parts.path
    return f"tagsmith sandbox --port {parts.port or 80}" if ours else ""
