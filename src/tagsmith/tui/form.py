"""What the technician's form says: one word, what happened, what the next press of its key (F4) would do. Pure.

Whatever that key does was shown here before: `offered` is asked by the screen for both, the sentence and the deed.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from tagsmith.enrolment import Enrolment, FormView, Reached, UserKey, UserStand, Wish
from tagsmith.i18n import _, plural
from tagsmith.model import Delivery, DeliveryView, LaneView, Notice, Phase, ReaderState, StationView
from tagsmith.tui import keys
from tagsmith.tui.face import Face, Tone, faces, uid_lines
from tagsmith.tui.text import EMPTY, Safe, joined, printable
from tagsmith.tui.typeset import Ink, Row, Run, fitted, padded, row
from tagsmith.tui.widgets import Shown


class Question(enum.Enum):
    """What the form asks before it goes on."""

    NONE = enum.auto()
    """Nothing: it is filled in."""
    DISABLE = enum.auto()
    """Whether a lost key is to be disabled."""
    LEAVE = enum.auto()
    """Whether to leave though something is not done."""


@dataclass(frozen=True, slots=True)
class FormShown(Shown):
    """All that the form shows at one moment; `typed_user` and `typed_name` are what stands in its fields."""

    form: FormView = field(default_factory=FormView)
    typed_user: str = ""
    typed_name: str = ""
    question: Question = Question.NONE
    lost: UserKey | None = None
    """The key that is to be replaced."""
    seen: Notice | None = None
    """What was said and has been put away with Esc."""


@dataclass(frozen=True, slots=True)
class Correcting:
    """A reserved key is to be activated for the user on the form."""

    entry: str
    user: str


@dataclass(frozen=True, slots=True)
class Disabling:
    """A lost key is to be disabled."""

    user: str
    key_id: str


Offer = Wish | Correcting | Disabling


def offered(shown: FormShown) -> Offer | None:
    """What the key does now; None where it does nothing."""
    form, lane = shown.form, _lane(shown.view)
    if shown.question is Question.DISABLE and shown.lost is not None:
        return Disabling(form.user, shown.lost.key_id)
    if shown.question is not Question.NONE or lane is None or _is_urgent(shown, lane) or not _user_stands(shown):
        return None
    if lane.phase is Phase.CONFIRMING and lane.uid is not None:
        return Wish(lane.uid, lane.number, form.user, shown.typed_name.strip())
    told = _told(shown, lane)
    if told is not None and told.reached is Reached.NO_USER:
        return Correcting(told.record.entry.id, form.user)
    return None


def form_face(shown: FormShown) -> Face:
    """The word, what happened, and what to do now. Told first is what makes everything else worthless."""
    view, form = shown.view, shown.form
    lane = _lane(view)
    if shown.question is Question.LEAVE:
        return leave_face(shown)
    if shown.question is Question.DISABLE and shown.lost is not None:
        return _disable_face(form.user, shown.lost)
    base = faces(view, settled=shown.settled, alarm_seen=shown.alarm_seen)[0][1]
    if lane is None or _is_urgent(shown, lane):
        return base
    match lane.phase:
        case Phase.CONFIRMING:
            return _confirm_face(shown, lane)
        case Phase.TAG_WAITS if lane.notice is None:
            return Face(
                (_("SCAN"),),
                Tone.HALF,
                Safe(_("The key is read.")),
                Safe(_("Scan its number, or type it in Number and press Enter.")),
                details=(uid_lines(lane.uid, view.order),) if lane.uid else (),
            )
        case Phase.READY | Phase.PAIRED:
            return _idle_face(shown, base)
        case _:
            return base


def _is_urgent(shown: FormShown, lane: LaneView) -> bool:
    """Whether the station as a whole, an alarm, or the reader comes before everything else."""
    delivery = shown.view.delivery
    if shown.view.fatal or (delivery.alarm and delivery.alarm != shown.alarm_seen):
        return True
    return lane.reader.state is not ReaderState.READY and lane.phase not in (Phase.COMMITTING, Phase.NOT_SAVED)


def _lane(view: StationView) -> LaneView | None:
    return view.lanes[0] if view.lanes else None


def _user_stands(shown: FormShown) -> bool:
    """Whether the user on the form is one for whom something can be done: looked up as typed, or offline."""
    form = shown.form
    settled = form.stand in (UserStand.KNOWN, UserStand.UNREACHABLE)
    return bool(form.user) and settled and shown.typed_user.strip() == form.user


def _told(shown: FormShown, lane: LaneView) -> Enrolment | None:
    """The enrolment that is told of while nothing waits: the last one; if that is done, one that waits for a person."""
    if lane.phase not in (Phase.READY, Phase.PAIRED) or lane.notice is not None or _said(shown) is not None:
        return None
    last, strays = shown.form.last, shown.form.strays
    return strays[0] if strays and (last is None or not last.is_open) else last


def _offline(shown: FormShown) -> bool:
    """Whether the API cannot be reached now, as far as anybody knows."""
    delivery = shown.view.delivery
    return shown.form.stand is UserStand.UNREACHABLE or (
        delivery.delivery is Delivery.ACTIVE and bool(delivery.message)
    )


# --- the questions ------------------------------------------------------------------------------------------------


def _disable_face(user: str, lost: UserKey) -> Face:
    return Face(
        (_("DISABLE?"),),
        Tone.HALF,
        printable(_("Disable {key} of {user} at once?").format(key=lost.number or lost.key_id, user=user)),
        Safe(keys.named(_("{do_it} disables it; then tap the new key. {clear} goes back."))),
    )


def leave_face(shown: FormShown) -> Face:
    """The question before leaving."""
    title = unsent(shown.view.delivery, shown.form) or _("A key is half enrolled and would be lost.")
    return Face((_("LEAVE?"),), Tone.ERROR, printable(title), Safe(keys.named(_("{leave} leaves. {clear} goes back."))))


def unsent(delivery: DeliveryView, form: FormView) -> str:
    """What is saved and not sent yet, and who sends it; empty where nothing is."""
    said = []
    if delivery.waiting:
        left = plural(
            "{count} key is saved and not sent yet: the next `tagsmith run` or `tagsmith courier` sends it.",
            "{count} keys are saved and not sent yet: the next `tagsmith run` or `tagsmith courier` sends them.",
            delivery.waiting,
        )
        said.append(left.format(count=delivery.waiting))
    if unnamed := [one.record.entry.visual_number for one in form.enrolments if one.name and not one.named]:
        said.append(_("Not named yet, see `tagsmith keys rename`: {numbers}.").format(numbers=", ".join(unnamed)))
    return " ".join(said)


# --- a pair that waits for a person's word ------------------------------------------------------------------------


def _confirm_face(shown: FormShown, lane: LaneView) -> Face:
    form = shown.form
    details: tuple[tuple[Safe, ...], ...] = (uid_lines(lane.uid, shown.view.order),) if lane.uid else ()
    warnings = tuple(printable(f"! {warning}") for warning in lane.warnings)
    if not _user_stands(shown):
        title, hint = _user_wanted(shown)
        tone = Tone.ERROR if form.stand in (UserStand.UNKNOWN, UserStand.FAILED) else Tone.HALF
        return Face((_("WHO?"),), tone, title, hint, details, warnings)
    name = shown.typed_name.strip()
    asked = _("{number} with {uid} for {user}, named {name}?") if name else _("{number} with {uid} for {user}?")
    question = printable(asked.format(number=lane.number, uid=_uid(lane), user=form.user, name=name))
    # What the key does stands there as long as it does it; why it was not done the last time, below.
    if (why := lane.notice or _said(shown)) is not None and not why.good:
        said = joined([printable(why.title), printable(why.hint)], " ")
        return Face((_("SURE?"),), Tone.ERROR, question, said, details, warnings)
    deed = _("{do_it} reserves and activates it: final.")
    if shown.view.delivery.delivery is not Delivery.ACTIVE:
        deed = _("{do_it} saves it; it is sent later.")
    elif _offline(shown):
        deed = _("{do_it} saves it, to be sent when online.")
    return Face((_("SURE?"),), Tone.HALF, question, Safe(keys.named(deed)), details, warnings)


def _uid(lane: LaneView) -> str:
    return lane.uid.wire if lane.uid else ""


def _user_wanted(shown: FormShown) -> tuple[Safe, Safe]:
    """Why the user on the form is none for whom something can be done, and what to do."""
    form = shown.form
    if shown.typed_user.strip() != form.user or not form.user:
        return Safe(_("Whom is it for?")), Safe(_("Write the user id in User and press Enter."))
    match form.stand:
        case UserStand.UNKNOWN:
            title = _("The API does not know the user {user}.").format(user=form.user)
            return printable(title), Safe(_("Correct it, press Enter."))
        case UserStand.FAILED:
            return printable(form.message), Safe(_("Correct the user, press Enter."))
        case _:
            return Safe(_("The API is being asked about the user.")), Safe(_("Wait a moment."))


# --- nothing waits ------------------------------------------------------------------------------------------------


def _said(shown: FormShown) -> Notice | None:
    said = shown.form.said
    return None if said is None or said == shown.seen else said


def _idle_face(shown: FormShown, base: Face) -> Face:
    lane = _lane(shown.view)
    assert lane is not None
    if lane.notice is not None:
        return base  # of the reader or a scan: newer than what is told of the last key
    if said := _said(shown):
        word, tone = (_("OK"), Tone.PAIRED) if said.good else (_("STOP"), Tone.ERROR)
        return Face((word,), tone, printable(said.title), printable(said.hint))
    one = _told(shown, lane)
    if one is None:
        return base
    return _enrolment_face(shown, one)


def _enrolment_face(shown: FormShown, one: Enrolment) -> Face:
    record = one.record
    number, user = record.entry.visual_number, record.entry.user_id or ""
    message = record.activation.message or record.reservation.message
    said = {
        "number": number,
        "user": user,
        "contract": record.contract_id or "-",
        "to": shown.form.user,
        "do_it": keys.name("do_it"),
    }
    word, tone = _("STOP"), Tone.ERROR
    match one.reached:
        case Reached.SAVED:
            word, tone, title, hint = _("SAVED"), Tone.PAIRED, _("{number} is saved."), _("It is being reserved.")
            if shown.view.delivery.delivery is not Delivery.ACTIVE:
                hint = _("Reserved and activated for {user} when it can be sent.")
            elif _offline(shown):
                hint = _("Reserved and activated for {user} when the network is back.")
        case Reached.RESERVED:
            word, tone, title = _("RESERVED"), Tone.PAIRED, _("{number} is reserved.")
            hint = _("It is being activated for {user}.")
            if shown.view.delivery.delivery is not Delivery.ACTIVE:
                hint = _("Activated for {user} when it can be sent.")
            elif _offline(shown):
                hint = _("Activated for {user} when the network is back.")
        case Reached.ACTIVE:
            word, tone, title = _("WORKS"), Tone.PAIRED, _("Contract {contract}")
            hint = _("{number} works for {user}. Tap the next key.")
        case Reached.NO_USER:
            word, title = _("WHO?"), _("{number} is reserved, but the API does not know the user {user}.")
            hint = (
                _("{do_it}: activate it for {to}.")
                if _user_stands(shown)
                else _("Correct the user above, press Enter.")
            )
        case Reached.GONE:
            word, tone, title, hint = _("TAP"), Tone.READY, _("{number} was taken back."), _("Tap a key on the reader.")
        case _:
            title, hint = f"{{number}}: {_braced(message)}", _("Put it aside, then: tagsmith journal show {number}")
    named = _named(one)
    details = ((named,),) if named and one.reached is Reached.ACTIVE else ()
    return Face((word,), tone, printable(title.format(**said)), printable(hint.format(**said)), details)


def _braced(text: str) -> str:
    """Foreign text as it may stand in a sentence that is still to be filled in."""
    return text.replace("{", "{{").replace("}", "}}")


def _named(one: Enrolment) -> Safe:
    if not one.name:
        return EMPTY
    if one.named:
        return printable(_("named {name}").format(name=one.name))
    return printable(_("not named yet: {why}").format(why=one.trouble) if one.trouble else _("is being named"))


# --- the lines ----------------------------------------------------------------------------------------------------


def user_row(shown: FormShown, width: int) -> Row:
    """What is known of the user."""
    form = shown.form
    if shown.typed_user.strip() != form.user:
        return row(fitted(Safe(_("press Enter to look this user up")), width), Ink.DIM)
    match form.stand:
        case UserStand.NONE:
            return row(fitted(Safe(_("write the user id, press Enter")), width), Ink.DIM)
        case UserStand.ASKING:
            return row(fitted(Safe(_("the API is being asked")), width), Ink.DIM)
        case UserStand.KNOWN:
            count = len(form.keys)
            keys = plural("known, has {count} key", "known, has {count} keys", count).format(count=count)
            return row(fitted(Safe(keys if count else _("known, has no key")), width))
        case UserStand.UNKNOWN:
            return row(fitted(Safe(_("NOT KNOWN to the API")), width), Ink.REVERSE)
        case UserStand.UNREACHABLE:
            text = _("OFFLINE: cannot be looked up")
            return row(fitted(Safe(text), width), Ink.REVERSE)
        case UserStand.FAILED:
            return row(fitted(printable(form.message), width), Ink.REVERSE)


def key_rows(keys: Sequence[UserKey], chosen: int | None, width: int, height: int) -> list[Row]:
    """The user's keys, as many as fit round the chosen one."""
    if height <= 0:
        return []
    first = 0 if chosen is None else max(0, min(chosen - height + 1, len(keys) - height))
    rows: list[Row] = []
    for index, key in enumerate(keys[first : first + height], first):
        mark = ">" if index == chosen else " "
        state = _("works") if key.enabled else _("off")
        text = joined(map(printable, (key.number or key.key_id, key.contract_id, key.name)))
        line = f"{mark} {padded(state, 6)}{text}"
        rows.append(row(fitted(line, width), Ink.REVERSE if index == chosen else Ink.PLAIN))
    if len(keys) > first + height:
        more = f"+{len(keys) - first - height}"
        last = rows[-1][0]
        rows[-1] = ((padded(last[0], width - len(more) - 1), last[1]), (Safe(f" {more}"), Ink.DIM))
    return rows


def chip_row(shown: FormShown, width: int) -> Row:
    """The key on the reader."""
    lane = _lane(shown.view)
    waits = lane is not None and lane.uid is not None and lane.phase not in (Phase.PAIRED, Phase.REFUSED, Phase.READY)
    if lane is None or not waits:
        return row(fitted(Safe(_("tap it on the reader")), width), Ink.DIM)
    assert lane.uid is not None
    return row(fitted(Safe(lane.uid.wire), width), Ink.BOLD)


_STEPS = (Reached.SAVED, Reached.RESERVED, Reached.ACTIVE)


def steps_row(shown: FormShown, width: int) -> Row:
    """How far the last key got, step by step."""
    last, lane = shown.form.last, _lane(shown.view)
    waiting = shown.view.delivery.waiting
    left = Safe(" " + _("not sent yet: {count}").format(count=waiting)) if waiting else EMPTY
    if last is None or (lane is not None and lane.phase in (Phase.CONFIRMING, Phase.COMMITTING)):
        return row(fitted(left, width), Ink.BOLD) if left else ()
    done = _done(last)
    runs: list[Run] = []
    for step, name in zip(_STEPS, (_("saved"), _("reserved"), _("active")), strict=True):
        mark = "x" if step in done else " "
        runs.append((Safe(f" [{mark}] {name}"), Ink.BOLD if step in done else Ink.DIM))
    used = sum(len(text) for text, _ink in runs)
    if used + len(left) <= width:
        runs.append((left, Ink.BOLD))
    return tuple(runs)


def _done(one: Enrolment) -> tuple[Reached, ...]:
    match one.reached:
        case Reached.SAVED:
            return _STEPS[:1]
        case Reached.RESERVED | Reached.NO_USER:
            return _STEPS[:2]
        case Reached.ACTIVE:
            return _STEPS
        case Reached.GONE:
            return ()
        case _:
            return _STEPS[:2] if one.record.delivered_at is not None else _STEPS[:1]


def keys_row(shown: FormShown, width: int) -> Row:
    """The function keys that matter now, the most important first; as many as fit."""
    runs: list[Run] = []
    used = 0
    for key, label in _keys(shown):
        cells = len(key) + len(label) + 4
        if used + cells > width:
            break
        runs += [(Safe(f" {key} "), Ink.REVERSE), (Safe(f" {label} "), Ink.PLAIN)]
        used += cells
    return tuple(runs)


def _keys(shown: FormShown) -> list[tuple[str, str]]:
    offer = offered(shown)
    found = [(keys.name("replace"), _("replace")), *keys.labelled("clear", "leave", "help"), ("Tab", _("next"))]
    if shown.question is not Question.NONE:
        found = [(keys.name("clear"), _("back")), *keys.labelled("leave")]
    match offer:
        case Wish():
            found.insert(0, (keys.name("do_it"), _("ENROLL")))
        case Correcting():
            found.insert(0, (keys.name("do_it"), _("ACTIVATE")))
        case Disabling():
            found.insert(0, (keys.name("do_it"), _("DISABLE")))
    lane = _lane(shown.view)
    if lane is not None and lane.phase is Phase.NOT_SAVED:
        found = keys.labelled("retry") + found
    alarm = shown.view.delivery.alarm
    if alarm and alarm != shown.alarm_seen:
        found = keys.labelled("acknowledge") + found
    return found
