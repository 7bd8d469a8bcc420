"""What a technician's form is made of: the user and their keys, what is wished, and how far each new key got.

Frozen values; nothing is decided here beyond what derives from a record.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tagsmith.model import LegState, Notice, Record, State
from tagsmith.uid import Uid

NO_SUCH = 404
"""The API's answer where the user, or the key, is not there."""


class UserStand(enum.StrEnum):
    """What is known of the user on the form."""

    NONE = "none"
    """No user is given."""
    ASKING = "asking"
    """The API is being asked."""
    KNOWN = "known"
    """The API knows them; their keys are there."""
    UNKNOWN = "unknown"
    """The API does not know them."""
    UNREACHABLE = "unreachable"
    """The API cannot be reached or does not answer: nobody can say. It is asked again by itself."""
    FAILED = "failed"
    """It cannot be asked: the id is none, or the API turned the request away."""


@dataclass(frozen=True, slots=True)
class UserKey:
    """A key that a user has, as the API shows it. `can_be_lost`: it has a chip, so it can be replaced."""

    key_id: str
    contract_id: str
    number: str
    name: str
    enabled: bool
    can_be_lost: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person confirmed on the form: this key with this number for this user, under this name (may be empty)."""

    uid: Uid
    number: str
    user: str
    name: str = ""


class Reached(enum.StrEnum):
    """How far an enrolment got."""

    SAVED = "saved"
    """On the disc; reservation and activation are sent as soon as the API can be reached."""
    RESERVED = "reserved"
    """The API holds the pair; the activation is still to be sent or answered."""
    ACTIVE = "active"
    """The API has activated this very key for the user: it works."""
    NO_USER = "no-user"
    """Reserved; the API does not know the user (or no such reservation): another user may be named."""
    REFUSED = "refused"
    """The API said no, to the reservation or to the activation; a person must look."""
    IN_DOUBT = "in-doubt"
    """Sent, and what became of it is not known."""
    GONE = "gone"
    """Taken back, or declared worthless."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One key that was enrolled on the form, as the journal has it now."""

    record: Record
    name: str = ""
    """The name it is to get once it is active."""
    named: bool = False
    """It has that name."""
    trouble: str = ""
    """Why it does not have it yet."""

    @property
    def reached(self) -> Reached:
        """How far it got."""
        return reached(self.record)

    @property
    def is_open(self) -> bool:
        """Whether something is left to be done, by the station or by a person."""
        return self.reached not in (Reached.ACTIVE, Reached.GONE) or (
            self.reached is Reached.ACTIVE and bool(self.name) and not self.named
        )


def reached(record: Record) -> Reached:
    """How far a record with a user got."""
    if record.mark is not None:
        return Reached.GONE
    if record.state is State.ACTIVE:
        return Reached.ACTIVE
    activation = record.activation
    if record.reservation.state is LegState.DONE:
        if activation.state is LegState.REFUSED:
            return Reached.NO_USER if activation.status == NO_SUCH else Reached.REFUSED
        doubt = activation.state is LegState.UNKNOWN and not activation.repeat
        return Reached.IN_DOUBT if doubt else Reached.RESERVED
    if record.reservation.state is LegState.REFUSED:
        return Reached.REFUSED
    return Reached.IN_DOUBT if record.reservation.state is LegState.UNKNOWN else Reached.SAVED


@dataclass(frozen=True, slots=True)
class FormView:
    """All that the form shows beside the lane. `keys` are those of `user`, without virtual ones."""

    user: str = ""
    stand: UserStand = UserStand.NONE
    keys: tuple[UserKey, ...] = ()
    message: str = ""
    """What the API, or we, have to say about the user."""
    enrolments: tuple[Enrolment, ...] = ()
    """Newest first: those of this run, and those of earlier ones that are not done."""
    said: Notice | None = None
    """What became of the last thing that was asked for."""

    @property
    def last(self) -> Enrolment | None:
        """The enrolment that is shown."""
        return self.enrolments[0] if self.enrolments else None

    @property
    def strays(self) -> tuple[Enrolment, ...]:
        """Reserved keys whose user the API does not know, newest first."""
        return tuple(one for one in self.enrolments if one.reached is Reached.NO_USER)
