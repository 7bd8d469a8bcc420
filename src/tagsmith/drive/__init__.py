"""The Drive API client: models, endpoints, and what became of each request. Knows HTTP, knows no journal.

    async with DriveClient(base_url, api_key) as drive:
        receipt = await drive.reserve(Reservation(uid="27b89043", visual_number="DE*8PS*CD0C00*2").body())

Everything it raises is one of `Refused`, `Unauthorised`, `NotProcessed` and `OutcomeUnknown`, or of their kinds.
"""

from tagsmith.drive.client import DriveClient
from tagsmith.drive.endpoints import ENDPOINTS, Endpoint
from tagsmith.drive.exchange import Exchange, Observer
from tagsmith.drive.models import ChargingKey, KeyChange, KeyKind, Receipt, Reservation, check_user_id
from tagsmith.drive.order_notes import Note, NoteState, OrderNotes
from tagsmith.drive.orders import Address, KeyOrder, Order, OrderState, PlacedOrder, Price
from tagsmith.drive.plug_and_charge import PlugAndChargeKey, PlugAndChargeRequest, pcid_hint
from tagsmith.drive.probing import NOBODY, probe
from tagsmith.drive.validity import Validity, validity

__all__ = [
    "ENDPOINTS",
    "NOBODY",
    "Address",
    "ChargingKey",
    "DriveClient",
    "Endpoint",
    "Exchange",
    "KeyChange",
    "KeyKind",
    "KeyOrder",
    "Note",
    "NoteState",
    "Observer",
    "Order",
    "OrderNotes",
    "OrderState",
    "PlacedOrder",
    "PlugAndChargeKey",
    "PlugAndChargeRequest",
    "Price",
    "Receipt",
    "Reservation",
    "Validity",
    "check_user_id",
    "pcid_hint",
    "probe",
    "validity",
]
