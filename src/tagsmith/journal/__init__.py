"""The durable record: every pair, what was sent for it, and a chain of events that accounts for every change.

Green means on the disc: what `append` has returned for survives crash, power cut and full disc. Never talks to the
API, and never decides when something is sent.

    journal     the doors: threads and engines
    changes     what may be done to an entry, each in one transaction
    calibrating the proofs of the byte order, and what was made in another one
    legs        what may become of a delivery: the table
    reading     the questions
    writing     transactions, and the event for every change
    chain       how events are hashed
    verifying   whether rows and events tell one story
    rows        between a row and a Record
    schema      the tables; migrations/ lays them down, migrating runs that
    database    which database a URL names
    store       what is needed of a database, and how it becomes a journal; sqlite and postgresql fill it
    faults      foreign errors, one table
    lock        which process delivers; advisory says so on PostgreSQL
    producing   the doors for batches, checks, rejected keys and shifts
    batches     how a batch is made, gets its manifest, loses a line, is closed
    shifts      shifts, and the keys that were put aside
    reporting   what a shift or a batch came to
    export      CSV and JSON lines
"""

from __future__ import annotations

from tagsmith.journal.batches import Clash, require_empty
from tagsmith.journal.journal import Journal
from tagsmith.journal.lock import CourierLock
from tagsmith.journal.reading import Change
from tagsmith.journal.verifying import Verification

__all__ = ["Change", "Clash", "CourierLock", "Journal", "Verification", "require_empty"]
