"""Reservations, keys and requests as the sandbox keeps them: frozen values, and the API's way to write a key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tagsmith.sandbox import rules


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation as it was made; `uid` as it was written."""

    uid: str
    visual_number: str
    type: str
    valid_from: datetime
    valid_to: datetime
    created: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """An activated key of a user; a virtual one has no reference."""

    name: str
    key_id: str
    reference_id: str | None
    contract_id: str
    type: str
    valid_from: datetime
    valid_to: datetime
    created: datetime
    enabled: bool = True
    updated: datetime | None = None
    """When it was changed; None if it never was."""

    def as_json(self) -> dict[str, object]:
        """The object that activation and listing answer."""
        reference = {} if self.reference_id is None else {"referenceId": self.reference_id}
        return {
            "name": self.name,
            "enabled": self.enabled,
            "keyId": self.key_id,
            **reference,
            "contractId": self.contract_id,
            "type": self.type,
            "validFrom": rules.iso(self.valid_from),
            "validTo": rules.iso(self.valid_to),
            "created": rules.iso(self.created),
            "updated": rules.iso(self.updated or self.created),
        }


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request and its answer's status. `path` is raw, without a query; no header is kept, so no key.

    `fault` is what struck it to order; a `status` of 0 means that no answer was given then.
    """

    at: datetime
    method: str
    path: str
    status: int
    body: str = ""
    fault: str = ""
