"""Event → sentence: what plain mode writes, for serial consoles, screen readers and logs. Pure.

One sentence per event, on one line, whatever came in from outside. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tagsmith import words
from tagsmith.i18n import N_, Sentence, clock_time, spoken
from tagsmith.model import Event, ReaderState, State


def sentence(event: Event, at: datetime) -> str:
    """The event as one line without its end: local time, lane, what happened. `at` is when it happened."""
    fields = event.fields
    lane = fields.get("lane")
    where = [spoken(Sentence("lane {lane}", lane=lane))] if lane else []
    return one_line(", ".join([clock_time(at), *where]) + f": {spoken(_said(event.event, fields))}")


def one_line(text: str) -> str:
    """The text with everything that could end a line or move a cursor written as `<0A>`."""
    return "".join(char if char.isprintable() else f"<{ord(char):02X}>" for char in text)


def _said(name: str, fields: Mapping[str, object]) -> str:
    match name:
        case "ready":
            return _and_more(Sentence("Ready, station {station}, API {target}.", **_some(fields)), fields)
        case "reader":
            state = words.READERS[ReaderState(str(fields["state"]))]
            return _and_more(Sentence("The reader {reader} is {state}.", reader=fields["reader"], state=state), fields)
        case "scanner":
            state = words.READERS[ReaderState(str(fields["state"]))]
            return _and_more(
                Sentence("The scanner {scanner} is {state}.", scanner=fields["scanner"], state=state), fields
            )
        case "golden":
            return N_("The golden key was read right.")
        case "undone" | "put-aside" | "stopped":
            return _text(fields.get("message"))
        case "unlocked":
            who = _text(fields.get("supervisor"))
            return Sentence("Goes on: {who} has let it.", who=who) if who else words.title("unlocked")
        case "command":
            return Sentence("Command {command}.", command=fields.get("command", ""))
        case "tapped" if fields.get("badge"):
            return N_("A badge was tapped.")
        case "removed" if fields.get("badge"):
            return N_("The badge was taken away.")
        case "tapped":
            return _with_warnings(Sentence("Key {uid_api} tapped.", uid_api=fields.get("uid_api", "")), fields)
        case "removed":
            return Sentence("Key {uid_api} taken away.", uid_api=fields.get("uid_api", ""))
        case "paired":
            pair = {"number": fields["visual_number"], "uid_api": fields["uid_api"]}
            return _with_warnings(Sentence("PAIRED: {number} with {uid_api}, saved.", **pair), fields)
        case "rejected":
            return _rejected(fields)
        case "stopped":
            return Sentence("STOP: {message}", message=_text(fields.get("message")))
        case "answered":
            return Sentence("Decided: {choice}.", choice=words.choice(str(fields.get("choice", ""))))
        case "batch-chosen" if fields.get("batch"):
            return Sentence("Batch {batch} is chosen.", batch=fields["batch"])
        case "batch-chosen":
            return N_("No batch is chosen.")
        case "batch-closed":
            return Sentence("Batch {batch} is closed now.", batch=fields.get("batch", ""))
        case "line-skipped" | "check-asked" | "run-undone":
            return _text(fields.get("message"))
        case "check-passed":
            return N_("Checked: all is right.")
        case "delivered":
            state = words.STATES[State(str(fields["state"]))]
            said = Sentence("{number} is {state} at the API.", number=fields.get("visual_number", ""), state=state)
            return _and_more(said, fields)
        case _:
            # An event that is newer than this table is told as it stands.
            return _and_more(Sentence("Event {name}.", name=name), fields)


def _some(fields: Mapping[str, object]) -> dict[str, object]:
    return {"station": fields.get("station", ""), "target": fields.get("target", "")}


def _rejected(fields: Mapping[str, object]) -> str:
    message, number, uid = _text(fields.get("message")), fields.get("visual_number"), fields.get("uid_api")
    if number and uid:
        return Sentence("STOP: {message} Number {number}, key {uid_api}.", message=message, number=number, uid_api=uid)
    if number:
        return Sentence("STOP: {message} Number {number}.", message=message, number=number)
    if uid:
        return Sentence("STOP: {message} Key {uid_api}.", message=message, uid_api=uid)
    return Sentence("STOP: {message}", message=message)


def _and_more(said: str, fields: Mapping[str, object]) -> str:
    """With what the event has to say beside it, and what to do."""
    for name in ("message", "remedy"):
        if more := _text(fields.get(name)):
            more = more if more[-1] in ".!?" else Sentence("{hint}.", hint=more)
            said = Sentence("{title} {hint}", title=said, hint=more)
    return said


def _with_warnings(said: str, fields: Mapping[str, object]) -> str:
    warnings = fields.get("warnings")
    for reason in warnings if isinstance(warnings, list | tuple) else ():
        said = Sentence("{title} {hint}", title=said, hint=words.title(str(reason)))
    return said


def _text(value: object) -> str:
    """A field's text as it is, so that a sentence with values stays one; empty for none."""
    return value if isinstance(value, str) else ""
