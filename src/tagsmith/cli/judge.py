"""`tagsmith uid` and `tagsmith visual-number`: the two judges, by hand."""

from __future__ import annotations

from pathlib import Path

import click

from tagsmith.cli.output import (
    config_option,
    json_option,
    order_in_force,
    print_fields,
    settings_from,
    wants_json,
    write_json,
)


def _show(fields: dict[str, object], as_json: bool) -> None:
    if wants_json(as_json):
        write_json(fields)
    else:
        print_fields(fields)


@click.command()
@click.argument("hex_text", metavar="HEX")
@json_option
@config_option
def uid(hex_text: str, as_json: bool, config: Path | None) -> None:
    """Judge a UID, given as hex in wire order (uid0 first), and show it in both orders.

    `:`, `-` and blanks between the digits are allowed. `api` is what the Drive API would get.
    """
    from tagsmith.uid import Uid, judge

    value = Uid.from_hex(hex_text)
    settings = settings_from(config)
    verdict = judge(value, allow_eight_bytes=settings.uid.allow_eight_bytes)
    fields: dict[str, object] = {
        "wire": value.wire,
        "reversed": value.reversed,
        "api": value.for_api(order_in_force(settings)),
        "verdict": str(verdict.decision),
        "reason": str(verdict.reason),
    }
    _show(fields, as_json)


@click.command("visual-number")
@click.argument("text", metavar="TEXT")
@json_option
@config_option
def visual_number(text: str, as_json: bool, config: Path | None) -> None:
    """Check a printed number: its format, its check digit, and what may have mangled it."""
    from tagsmith.visual_number import Check, CheckPolicy, Format, Rules, judge

    settings = settings_from(config)
    verdict = judge(text, Rules(CheckPolicy(settings.number.check_digit), settings.number.pattern))
    number = verdict.number
    fields: dict[str, object] = {
        "text": number.text if number else text,
        "format": str(number.format if number else Format.OTHER),
        "check": str(number.check if number else Check.ABSENT),
        "expected": number.expected if number else None,
        "emi3": number.emi3 if number else None,
        "verdict": str(verdict.decision),
        "reason": str(verdict.reason),
        "hint": verdict.hint,
    }
    _show(fields, as_json)
