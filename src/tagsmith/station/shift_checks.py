"""The checks at the start of a shift. Each says in plain words what is well, or what is to be mended.

A network that fails does not stop a shift, since delivery waits for it; it is said all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tagsmith import disc, wall_clock
from tagsmith.drive import DriveClient, probe
from tagsmith.errors import ConfigError, DriveError, Unauthorised
from tagsmith.model import LaneView, Phase, ReaderState
from tagsmith.production import CheckView
from tagsmith.wall_clock import WallClock

GOLDEN, READERS, API, DISC, CLOCK = "golden-key", "readers", "api", "disc", "clock"


def golden(lanes: Sequence[LaneView]) -> CheckView:
    """Whether every lane has seen the golden key; for a station that has one."""
    awaiting = [lane.lane for lane in lanes if lane.phase is Phase.GOLDEN]
    if not lanes or awaiting:
        return CheckView(GOLDEN, None, f"tap the golden key on lane {', '.join(awaiting)}" if awaiting else "")
    return CheckView(GOLDEN, True, "read right on every lane")


def readers(lanes: Sequence[LaneView]) -> CheckView:
    """Whether every reader is ready."""
    missing = [lane for lane in lanes if lane.reader.state is not ReaderState.READY]
    if not missing:
        return CheckView(READERS, True if lanes else None, "all ready" if lanes else "")
    said = "; ".join(f"lane {lane.lane}: {lane.reader.message or lane.reader.state}" for lane in missing)
    return CheckView(READERS, False, said)


async def api(drive: DriveClient) -> CheckView:
    """Whether the API answers and takes the key."""
    try:
        await probe(drive)
    except Unauthorised as error:
        return CheckView(API, False, f"the API does not take the key: {error.message}")
    except (DriveError, ConfigError) as error:
        said = f"{error.message}: pairs are kept, and sent when it answers"
        return CheckView(API, True, said, warning=True)
    return CheckView(API, True, "answers and takes the key")


async def room(journal_url: str) -> CheckView:
    """Whether the journal's disc takes more."""
    folder = disc.folder_of(journal_url)
    if folder is None:
        return CheckView(DISC, True, "the journal is on a server")
    try:
        found = await asyncio.to_thread(disc.look, folder)
    except OSError as error:
        return CheckView(DISC, False, f"the disc with {folder} cannot be asked: {error.strerror or error}")
    if found.read_only:
        return CheckView(DISC, False, f"the disc with {folder} is mounted read-only: it may be failing")
    if not found.writable:
        return CheckView(DISC, False, f"{found.there} may not be written: see tagsmith doctor")
    if found.nearly_full:
        return CheckView(DISC, False, f"the disc is nearly full: {found}")
    return CheckView(DISC, True, str(found), warning=found.fills_up)


def clock(found: WallClock | None = None) -> CheckView:
    """Whether the clock can be right: a wrong one dates every record wrongly."""
    found = found or wall_clock.look()
    if found.impossible:
        return CheckView(CLOCK, False, f"the clock says {found.now:%Y-%m-%d}: it was never set")
    if found.synchronised is False:
        return CheckView(CLOCK, True, "not synchronised with a time server", warning=True)
    return CheckView(CLOCK, True, f"{found}")
