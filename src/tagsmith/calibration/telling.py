"""What a calibration says to people, in plain words. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tagsmith.calibration.judgement import Finding
from tagsmith.calibration.keys import KnownKey
from tagsmith.model import Calibration
from tagsmith.uid import ByteOrder, Uid, UidReason, judge

ORDERS = {
    ByteOrder.REVERSED: "reversed order (the chip's last byte first)",
    ByteOrder.WIRE: "wire order (uid0 first, as the chip sends it)",
}


def both_ways(uid: Uid) -> str:
    """A UID in both orders, each by its name."""
    return f"{uid.wire} (back to front {uid.reversed})"


def ask_for(reader: str, keys: Sequence[KnownKey], *, timeout_s: float) -> str:
    """The request to lay a key on a reader."""
    within = f"within {timeout_s:g} s"
    if len(keys) == 1:
        return f"Lay {_named(keys[0])} on {reader}, {within}."
    return f"Lay the one of these keys that is known to work at a charger on {reader}, {within}."


def once_more(reader: str, *, timeout_s: float) -> str:
    """The request to lay the same key on again, because nothing that came was a UID by the reader's options."""
    return (
        f"Nothing came from {reader} that is a UID by its options. It is listened to by others now: lay the same key"
        f" on it again, within {timeout_s:g} s."
    )


def unreadable(reader: str) -> str:
    """Something came that cannot be understood."""
    return f"What {reader} sends is no UID, neither in hex nor in decimal; the log says what came."


def proved(finding: Finding, uid: Uid, key: KnownKey) -> str:
    """What a key that was recognised proves."""
    known = f"{_named(key, 'The')} is {both_ways(uid)} on this reader, and the API knows it as {key.key_id}"
    match finding:
        case Finding.WIRE | Finding.REVERSED:
            assert finding.order is not None
            return f"{known}: it gets UIDs in {ORDERS[finding.order]}."
        case Finding.PALINDROME:
            return f"{known}: the same both ways, so it proves nothing about the order. Use another key."
        case Finding.SUSPECT:
            return (
                f"{known}. But no chip has a UID that begins so: this reader seems to give UIDs back to front, and"
                " must not decide for the whole station. Use another reader."
            )
        case Finding.TRUNCATED:
            return (
                f"The reader gives {uid.wire}, a part of {key.key_id} ({_named(key)}) only: it cuts UIDs. Set it to"
                " whole UIDs, or use another reader."
            )
        case Finding.DECIMAL:
            return (
                f"The reader gives {uid.wire}: that is {key.key_id} ({_named(key)}) as a decimal number. Set the reader"
                " to hex, or calibrate it as the text reader it is."
            )
        case _:
            return foreign(uid, (key,))


def foreign(uid: Uid, keys: Sequence[KnownKey]) -> str:
    """Why a card proves nothing that is none of the keys asked for."""
    wanted = ", ".join(f"{key.key_id} ({_named(key)})" for key in keys)
    why = ""
    if judge(uid).reason in (UidReason.RANDOM, UidReason.PHONE):
        why = " It is a phone or a card that changes its UID at every tap."
    return f"The card on the reader is {both_ways(uid)}; in neither order is it {wanted}: another card.{why}"


def mirrored(uid: Uid) -> str:
    """Why a card proves nothing that fits two keys."""
    return (
        f"The card on the reader is {both_ways(uid)}, and the user has a key with each of the two ids: nobody can say"
        " which one works. Use another key, or disable the one that does not work."
    )


def agrees(uid: Uid, key: KnownKey) -> str:
    """A text reader that is set right."""
    return f"The reader gives {_named(key)} as it is: {both_ways(uid)}. It is set right."


def set_otherwise(uid: Uid, chip: Uid, key: KnownKey, spec: str) -> str:
    """A text reader that needs other options."""
    return f'The reader gives {_named(key)} as {uid.wire}, its chip has {chip.wire}. Write: spec = "{spec}"'


def cut(uid: Uid, chip: Uid, key: KnownKey) -> str:
    """A text reader that gives a part of the UID."""
    return (
        f"The reader gives {uid.wire} for {_named(key)}, whose chip has {chip.wire}: it cuts UIDs, and no option of"
        " ours can put back what is missing. Set the reader itself to whole UIDs, or use another one."
    )


def not_tapped(reader: str, timeout_s: float, trouble: str) -> str:
    """Nothing came in time."""
    why = f": {trouble}" if trouble else "."
    return f"No key was laid on {reader} within {timeout_s:g} s{why}"


def no_second(reader: str) -> str:
    """The second key, which would have made the proof stronger, did not come."""
    return f"No second key was laid on {reader}: the first one stands alone."


def not_compared(spec: str) -> str:
    """That a reader whose order is a setting was never seen to agree, as it is set now."""
    return (
        f"NOT COMPARED: {spec}. Its byte order is a setting, and no calibration has found it right: lay a key on it,"
        " too, or its pairs may never work."
    )


def turned(former: Calibration, order: ByteOrder) -> str:
    """That the new order is not the recorded one."""
    return (
        f"This turns the order: so far it was {former.order}, found {former.at.astimezone():%Y-%m-%d %H:%M} by"
        f" {former.by} with key {former.key_id} on {former.reader}. Now it is {order}."
    )


def recorded(calibration: Calibration) -> str:
    """What was recorded."""
    return (
        f"Recorded: {calibration.target} gets UIDs in {ORDERS[calibration.order]}; key {calibration.key_id} of user"
        f" {calibration.user_id} on {calibration.reader}, by {calibration.by}."
    )


def only_four(uids: Iterable[Uid]) -> str:
    """What short keys leave open; empty where a longer one leaves nothing open."""
    if any(len(uid.data) != 4 for uid in uids):
        return ""
    return (
        "A 4-byte UID does not show whether the reader itself turns it. A 7-byte key would: calibrate with one too,"
        " if the user has one."
    )


def conflict(reason: str, order: ByteOrder, place: str) -> str:
    """That settings and record contradict each other, and the exact line to write."""
    if place.isupper():
        line = f"set {place}={order}, or unset it"
    else:
        line = f'write order = "{order}" under [uid] in {place or "the settings"}, or take that line out'
    return f"CONFLICT: {reason}. Nothing is sent until they agree: {line}."


def others_sent(count: int) -> str:
    """That entries were sent in an order that is wrong, and what to do about them."""
    return (
        f"{count} already sent in the other order: these keys work at no charger, and a reservation cannot be taken"
        " back. Put them aside and enrol new keys in their place:"
    )


def others_waiting(count: int) -> str:
    """That entries wait to be sent in an order that is wrong, and what to do about them."""
    return (
        f"{count} not sent yet were made in the other order, and are kept back: undo them (void where one was tried),"
        " and pair these keys again:"
    )


def _named(key: KnownKey, article: str = "the") -> str:
    return f"{article} {len(key.data)}-byte key {key.label}"
