"""Whether journal and server agree after whatever went wrong between them: each pair accounted for, nothing made up."""

from __future__ import annotations

import json

from support.wire_server import WireServer
from tagsmith.journal import Journal
from tagsmith.model import Leg, LegState, State

PERHAPS = (LegState.DONE, LegState.UNKNOWN, LegState.SENDING)
"""How a leg may stand that the server has carried out."""


def account(journal: Journal, server: WireServer) -> dict[State, int]:
    """Hold the journal against what stands at the server; the number of entries in each state."""
    assert server.conflicts == []
    assert set(server.committed.values()) <= {1}
    bodies = _bodies(server)
    counts: dict[State, int] = {}
    at_server = set(server.committed)
    for record in journal.records():
        entry = record.entry
        pair = (entry.uid_api, entry.visual_number)
        counts[record.state] = counts.get(record.state, 0) + 1
        if record.reservation.state is LegState.DONE:
            assert pair in at_server, f"{entry.id} is falsely reserved"
        if record.activation.state is LegState.DONE:
            assert server.active[entry.visual_number] == entry.user_id
        if pair in at_server:
            assert record.reservation.state in PERHAPS, f"{entry.id} is lost: {record.reservation}"
        if entry.visual_number in server.active:
            assert record.activation.state in PERHAPS, f"the activation of {entry.id} is lost: {record.activation}"
        for leg in (record.reservation, record.activation):
            assert leg.state is not LegState.UNKNOWN or _has_evidence(leg), f"{entry.id} is unknown, nobody says why"
        assert len(bodies.get(entry.visual_number, ())) <= 1, f"{entry.id} was sent in two forms"
        at_server.discard(pair)
    assert not at_server, "the server holds what the journal does not know"
    verification = journal.verify()
    assert verification.ok, verification.problems
    return counts


def _has_evidence(leg: Leg) -> bool:
    """Whether an unknown leg tells a person what is known of it, unless it is only on its way to be asked again."""
    return leg.attempts > 0 and leg.attempt_id is not None and (leg.repeat or leg.message != "")


def _bodies(server: WireServer) -> dict[str, set[bytes]]:
    """Every form in which each number's reservation came."""
    found: dict[str, set[bytes]] = {}
    for request in server.requests:
        if request.body:
            found.setdefault(json.loads(request.body)["visualNumber"], set()).add(request.body)
    return found
