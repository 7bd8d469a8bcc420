"""Delivery: what to send, when to try again, when to stop.

Takes entries from the journal and sends them to the API they were made for, each attempt recorded before it leaves
and each outcome written back. Knows journal and drive, and nothing of readers, lanes or screens.

    policy    what follows from one outcome (pure)
    gate      whether the API is to be spoken to just now (pure)
    caution   whether refusals in a row are a reason to stop asking (pure)
    limiter   so many requests a minute and a day (pure)
    api_clock what the API's answers tell of its clock (pure)
    holds     the undo window (pure)
    ledger    the journal, with patience for its failures
    sender    one request: recorded, sent, judged, written back
    board     what is shown
    resolving what settles a reservation in doubt, when a person asks
    courier   the loop that puts them together
"""

from tagsmith.courier.api_clock import ApiClock
from tagsmith.courier.courier import Courier, Pending
from tagsmith.courier.policy import first_body
from tagsmith.courier.resolving import Finding, in_doubt
from tagsmith.courier.resolving import by_activation as prove
from tagsmith.courier.resolving import by_keys as seek

__all__ = ["ApiClock", "Courier", "Finding", "Pending", "first_body", "in_doubt", "prove", "seek"]
