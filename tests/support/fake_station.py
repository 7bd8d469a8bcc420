"""A station that does nothing: it shows the view it is given and remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tagsmith.errors import TagsmithError
from tagsmith.model import (
    Delivery,
    DeliveryView,
    LaneView,
    Notice,
    PairView,
    Phase,
    ReaderInfo,
    ReaderState,
    ReaderStatus,
    Scan,
    State,
    StationView,
)
from tagsmith.production import Batch, ManifestLine, RejectCause
from tagsmith.uid import ByteOrder, Uid

UID = Uid.from_hex("04a1b2c3d4e5f6")
READER = ReaderInfo("ACS ACR1252 Dual Reader", "pcsc:ACS ACR1252", sees_two=False, sees_removal=True, sees_sak=False)
READY = ReaderStatus("pcsc:ACS ACR1252", ReaderState.READY, "ready", info=READER)
NOW = datetime(2026, 5, 4, 14, 3, 22, tzinfo=UTC)


def lane(phase: Phase = Phase.READY, **changes: object) -> LaneView:
    """One lane with a reader that is ready."""
    expects = {Phase.TAG_WAITS: "number", Phase.NUMBER_WAITS: "tag", Phase.VERIFYING: "verify"}.get(phase, "tag")
    made = LaneView("1", phase, READY, expects=expects)
    return replace(made, **changes)  # type: ignore[arg-type]


def pair(number: str, state: State = State.RESERVED, uid: str = "4390b827", **changes: object) -> PairView:
    """One of the last pairs."""
    made = PairView(number, "1", Uid.from_hex(uid), number, state, NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


def view(*lanes: LaneView, **changes: object) -> StationView:
    """A station that sends."""
    made = StationView(
        station="packing-3",
        target="http://127.0.0.1:8787/drive",
        environment="sandbox",
        order=ByteOrder.REVERSED,
        lanes=lanes or (lane(),),
        delivery=DeliveryView(Delivery.ACTIVE, waiting=3, reserved=9),
        pairs=(pair("DE*8PS*CD0C00*2", State.HELD), pair("DE*8PS*CD0C01*0")),
        paired=12,
        per_hour=84,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


STOP = Notice("duplicate-number", "This number is already used.", "Put the key aside and call somebody.")


class FakeStation:
    """Records every call as a tuple of its name and what it was given."""

    def __init__(self, first: StationView | None = None, *, failure: TagsmithError | None = None) -> None:
        self.shown = first or view()
        self.calls: list[tuple[object, ...]] = []
        self.wake: Callable[[], None] | None = None
        self._failure = failure

    @property
    def scans(self) -> list[Scan]:
        """The scans it was given."""
        return [call[1] for call in self.calls if isinstance(call[1] if len(call) > 1 else None, Scan)]  # type: ignore[misc]

    def show(self, shown: StationView) -> None:
        """Have a new view and say so."""
        self.shown = shown
        if self.wake is not None:
            self.wake()

    def start(self, wake: Callable[[], None]) -> None:
        self.calls.append(("start",))
        if self._failure is not None:
            raise self._failure
        self.wake = wake

    def view(self) -> StationView:
        return self.shown

    def scan(self, scan: Scan, lane: str | None = None) -> None:
        self.calls.append(("scan", scan))

    def undo(self, lane: str | None = None) -> None:
        self.calls.append(("undo", lane) if lane is not None else ("undo",))

    def clear(self, lane: str | None = None) -> None:
        self.calls.append(("clear", lane) if lane is not None else ("clear",))

    def retry(self, lane: str | None = None) -> None:
        self.calls.append(("retry", lane) if lane is not None else ("retry",))

    def acknowledge(self) -> None:
        self.calls.append(("acknowledge",))

    def undo_entry(self, entry: str) -> None:
        self.calls.append(("undo_entry", entry))

    def reject(self, lane: str | None, cause: RejectCause, note: str = "") -> None:
        self.calls.append(("reject", lane, cause, note))

    def answer(self, lane: str, choice: str, secret: str = "") -> None:
        self.calls.append(("answer", lane, choice, secret))

    def choose_batch(self, batch_id: str | None) -> None:
        self.calls.append(("choose_batch", batch_id))

    def create_batch(self, batch: Batch, lines: Sequence[ManifestLine] = ()) -> None:
        self.calls.append(("create_batch", batch, tuple(lines)))

    def close_batch(self) -> None:
        self.calls.append(("close_batch",))

    def skip_expected(self, why: str) -> None:
        self.calls.append(("skip_expected", why))

    def sign_on(self, text: str) -> None:
        self.calls.append(("sign_on", text))

    def sign_off(self) -> None:
        self.calls.append(("sign_off",))

    def start_shift(self) -> None:
        self.calls.append(("start_shift",))

    def end_shift(self) -> None:
        self.calls.append(("end_shift",))

    def stop(self, timeout_s: float) -> None:
        self.calls.append(("stop",))
