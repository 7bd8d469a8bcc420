"""What the commands share that ask the Drive API by themselves: one request, and questions before what is for good."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tagsmith.cli.output import printable
from tagsmith.errors import OutcomeUnknown, TagsmithError

if TYPE_CHECKING:
    from datetime import datetime

    from tagsmith.config import Api, Settings
    from tagsmith.drive import DriveClient

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


def user_option(command: _F) -> _F:
    """`--user ID`, as every command has it that concerns one user."""
    return click.option("--user", "user_id", metavar="ID", required=True, help="The user's id at the API.")(command)


def yes_option(command: _F) -> _F:
    """`--yes`, as every command has it that asks before it does something for good."""
    return click.option("--yes", is_flag=True, help="Do not ask; for programs.")(command)


def ask_api(
    settings: Settings, api: Api, request: Callable[[DriveClient], Awaitable[_T]], *, if_unknown: str = ""
) -> _T:
    """The answer to one request, sent once. `if_unknown` is what a person should do where nobody knows whether it was
    carried out, and the error itself has no better word.

    Raises:
        DriveError: what became of it, if that is no success.
        ConfigError: the proxy or the certificates of the settings cannot be used.
    """
    import asyncio

    from tagsmith.drive import DriveClient

    async def ask() -> _T:
        async with DriveClient(
            api.url,
            api.key.get_secret_value(),
            timeout_s=settings.api.timeout_s,
            concurrency=1,
            proxy=api.proxy,
            ca_file=api.ca_file,
        ) as drive:
            try:
                return await request(drive)
            except OutcomeUnknown as error:
                error.remedy = error.remedy or if_unknown
                raise

    return asyncio.run(ask())


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone; returns if it is to be done.

    Raises:
        TagsmithError: it is not to be done, or there is nobody to ask and no --yes.
    """
    if yes:
        return
    if not somebody_is_there():
        raise TagsmithError("this cannot be undone, and there is no terminal to ask at", "say --yes if it is meant")
    if not agrees(question):
        raise TagsmithError("nothing was done")


def somebody_is_there() -> bool:
    """Whether a question would be seen and could be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agrees(question: str) -> bool:
    """Ask a person; only a clear yes is one. The question goes to standard error, so that output stays clean."""
    return click.confirm(printable(question), default=False, err=True)


def where(api: Api) -> str:
    """The API in words, for a question."""
    return f"{api.environment}, {api.url}"


def shown(moment: datetime | None) -> str:
    """A moment as people read it, in local time."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M")
