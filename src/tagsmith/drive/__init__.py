"""The Drive API client: models, endpoints, and what became of each request. Knows HTTP, knows no journal.

    async with DriveClient(base_url, api_key) as drive:
        receipt = await drive.reserve(Reservation(uid="27b89043", visual_number="DE*8PS*CD0C00*2").body())

Everything it raises is one of `Refused`, `Unauthorised`, `NotProcessed` and `OutcomeUnknown`.
"""

from tagsmith.drive.client import DriveClient
from tagsmith.drive.models import ChargingKey, KeyKind, Receipt, Reservation, check_user_id

__all__ = ["ChargingKey", "DriveClient", "KeyKind", "Receipt", "Reservation", "check_user_id"]
