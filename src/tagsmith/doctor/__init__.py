"""The doctor: what is plugged in, who may open it, what is in the way, and the line to type that mends it.

It changes nothing on the machine, in the journal and at the API (a journal of an older tagsmith is brought up to date,
as by every command that opens it). It opens the configured readers for an instant, as a station would, unless somebody
holds them. It never shows the API key.

    examine     the whole examination, and the table of checks
    finding     what is said
    system      the machine, as far as checks touch it
    patient     the machine with its settings, and which nodes they lead to
    kernel, smartcards, devices, uart, configured, machine, records, api: the checks
"""

from __future__ import annotations

from tagsmith.doctor.examine import CHECKS, Check, examine
from tagsmith.doctor.finding import Finding, Section, Verdict
from tagsmith.doctor.system import Ran, System

__all__ = ["CHECKS", "Check", "Finding", "Ran", "Section", "System", "Verdict", "examine"]
