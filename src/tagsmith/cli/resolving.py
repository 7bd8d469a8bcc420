"""`tagsmith journal resolve`: what became of entries of which nobody knows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.api import confirm, where, yes_option
from tagsmith.cli.opening import account, meant, open_journal
from tagsmith.cli.output import config_option, printable, settings_from

if TYPE_CHECKING:
    from tagsmith.config import Api, Settings
    from tagsmith.courier import Finding
    from tagsmith.journal import Journal
    from tagsmith.model import Record

STILL_OPEN = 3
"""Exit code: entries are left of which nobody knows."""


@click.command()
@click.argument("entry", required=False)
@click.option("--by-activation", is_flag=True, help="Activate it for its user: that proves it, and cannot be undone.")
@click.option("--user", "user_id", metavar="ID", help="The user to look at, or to activate it for.")
@click.option("--reserved", "word", flag_value="reserved", help="Your word: the API holds the pair.")
@click.option("--not-reserved", "word", flag_value="not-reserved", help="Your word: it does not; it is sent again.")
@click.option("--reason", help="How you know, for the record; with --reserved and --not-reserved.")
@yes_option
@config_option
def resolve(
    entry: str | None,
    by_activation: bool,
    user_id: str | None,
    word: str | None,
    reason: str | None,
    yes: bool,
    config: Path | None,
) -> None:
    """Find out what became of reservations and activations in doubt. Exit code 3 when some are left.

    Without ENTRY all of them are looked for among their users' keys, which changes nothing at the API. With ENTRY (as
    for show) that one is, or it is settled by its activation, or by your word: a wrong word makes a dead key or bills
    the wrong driver.
    """
    import asyncio

    from tagsmith.config import resolve_api

    if entry is None and (by_activation or user_id or word):
        raise click.UsageError("name the ENTRY that is meant")
    if word is not None and by_activation:
        raise click.UsageError("settle it by your word or by its activation, not both")
    if (word is None) is not (reason is None):
        raise click.UsageError("--reserved and --not-reserved want a --reason, and nothing else does")
    settings = settings_from(config)
    api = resolve_api(settings)
    with open_journal(config) as journal:
        if word is not None and entry is not None:
            _by_word(journal, meant(journal, entry), word, str(reason))
            return
        chosen = [meant(journal, entry)] if entry is not None else _doubts(journal, api)
        if by_activation:
            user = user_id or chosen[0].entry.user_id
            confirm(f"Activate {chosen[0].entry.visual_number} for user {user} ({where(api)})?", yes=yes)
        findings = asyncio.run(_find(journal, settings, api, chosen, user_id, by_activation=by_activation))
    for finding in findings:
        one = finding.record.entry
        state = "ALARM" if finding.alarm else str(finding.record.state)
        click.echo(f"{state}: {one.visual_number} with {one.uid.wire}: {printable(finding.words)}")
    if not findings:
        click.echo("nothing is in doubt", err=True)
    sys.exit(0 if all(finding.settled for finding in findings) else STILL_OPEN)


def _doubts(journal: Journal, api: Api) -> list[Record]:
    from tagsmith.courier import in_doubt

    return [record for record in journal.records(target=api.target) if record.mark is None and in_doubt(record)]


def _by_word(journal: Journal, record: Record, word: str, reason: str) -> None:
    import asyncio

    from tagsmith.errors import TagsmithError
    from tagsmith.model import LegName, LegState, Settlement

    leg = record.reservation
    if leg.state is not LegState.UNKNOWN:
        raise TagsmithError(
            f"the reservation of this entry is {leg.state}: there is no doubt to settle by a word",
            "an activation in doubt is settled by its user's keys: leave the word out",
        )
    state = LegState.DONE if word == "reserved" else LegState.QUEUED
    settlement = Settlement(state, message=f"{word} by the word of {account()}: {reason}")
    resolved = asyncio.run(journal.resolve(record.entry.id, LegName.RESERVATION, settlement, attempt_id=leg.attempt_id))
    click.echo(f"{resolved.state}: {resolved.entry.visual_number} with {resolved.entry.uid.wire}")


async def _find(
    journal: Journal,
    settings: Settings,
    api: Api,
    chosen: list[Record],
    user_id: str | None,
    *,
    by_activation: bool,
) -> list[Finding]:
    """Look for each, or activate the one."""
    from tagsmith.courier import Finding, prove, seek
    from tagsmith.courier.resolving import keys_of
    from tagsmith.drive import ChargingKey, DriveClient
    from tagsmith.errors import TagsmithError
    from tagsmith.model import Correction

    seen: dict[str, list[ChargingKey]] = {}
    findings = []
    async with DriveClient(
        api.url,
        api.key.get_secret_value(),
        timeout_s=settings.api.timeout_s,
        concurrency=1,
        proxy=api.proxy,
        ca_file=api.ca_file,
    ) as drive:
        for record in chosen:
            if by_activation:
                if user_id is not None and user_id != record.entry.user_id:
                    record = await journal.correct(record.entry.id, Correction(user_id=user_id))
                if record.entry.user_id is None:
                    raise TagsmithError("this entry has no user to activate it for", "say --user ID")
                findings.append(await prove(journal, drive, record))
                continue
            user = user_id or record.entry.user_id
            if user is None:
                advice = "it has no user: say --user ID, or settle it with --by-activation or by your word"
                findings.append(Finding(record, advice))
                continue
            if user not in seen:
                seen[user] = await keys_of(drive, user)
            findings.append(await seek(journal, record, user, seen[user]))
    return findings
