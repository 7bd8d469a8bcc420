"""Plug&Charge keys: a vehicle's provisioning certificate identifier (PCID) and its contract. No HTTP in here."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from tagsmith.drive.models import ApiModel, FromApi, same_id
from tagsmith.errors import Refused

_PCID = re.compile(r"[A-Za-z0-9]{17,18}")
_CONTRACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9*-]{0,63}")


def check_pcid(text: str) -> str:
    """The PCID in upper case, if it is one: 17 or 18 ASCII letters and digits. No check digit is enforced.

    Source: the API's description, for length and alphabet.

    Raises:
        Refused: without a status: no request with it is ever sent.
    """
    if not _PCID.fullmatch(text):
        raise Refused(f"{text[:80]!r} is no PCID", "a PCID has 17 or 18 letters and digits, such as WDBRF61J21F123456")
    return text.upper()


def pcid_hint(pcid: str) -> str:
    """What is odd about a PCID; empty where nothing is.

    Its first 17 characters are usually the vehicle's identification number, and that has no I, O or Q (ISO 3779).
    """
    odd = sorted(set(pcid.upper()[:17]) & set("IOQ"))
    if not odd:
        return ""
    return f"the PCID has {' and '.join(odd)}, which vehicle identification numbers lack: 1 or 0 misread?"


class PlugAndChargeRequest(ApiModel):
    """A vehicle to be known by its contract; without a contract id the API makes one."""

    pcid: str
    contract_id: str | None = None

    def body(self) -> str:
        """The JSON text to send, the PCID in upper case.

        Raises:
            Refused: without a status, because it was never sent: no PCID, or a contract id that cannot be one. Its
                check character is the API's to judge.
        """
        if self.contract_id is not None and not _CONTRACT.fullmatch(self.contract_id):
            raise Refused(
                f"{self.contract_id[:80]!r} is no contract id",
                "write it as in the contract, such as DE-8PS-C0AD21B13-Q",
            )
        checked = self.model_copy(update={"pcid": check_pcid(self.pcid)})
        return checked.model_dump_json(by_alias=True, exclude_none=True)

    def is_for(self, key: PlugAndChargeKey) -> bool:
        """Whether this key is the one that was asked for; separators and case do not count."""
        return same_id(self.pcid, key.pcid) and (self.contract_id is None or same_id(self.contract_id, key.contract_id))


class PlugAndChargeKey(FromApi):
    """A Plug&Charge key as the API shows it when it was made; its key id is its contract id."""

    contract_id: Annotated[str, Field(min_length=1)]
    pcid: Annotated[str, Field(min_length=1)]
    key_id: Annotated[str, Field(min_length=1)]


def parse_plug_and_charge(data: bytes) -> PlugAndChargeKey:
    """A Plug&Charge key from an answer's body.

    Raises:
        ValueError: it is none.
    """
    return PlugAndChargeKey.model_validate_json(data)
