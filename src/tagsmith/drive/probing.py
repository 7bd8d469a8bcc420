"""A harmless question that tells whether the API answers and takes the key."""

from __future__ import annotations

from tagsmith.drive.client import DriveClient
from tagsmith.errors import DriveError

NOBODY = "tagsmith-doctor"
"""A user id of the API's form that no user has: ids are given out by the API, and are UUIDs."""


async def probe(client: DriveClient) -> None:
    """Ask for the keys of nobody: that there are none, or no such user, is the good answer.

    Raises:
        DriveError: it does not answer, does not take the key, or answers strangely.
    """
    try:
        await client.list_keys(NOBODY)
    except DriveError as error:
        if error.status != 404:
            raise
