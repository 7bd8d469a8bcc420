"""Write what is generated: docs/pairing.md, the reasons in docs/events.md, the devices in hardware.md."""

from __future__ import annotations

import ast
import enum
import inspect
from itertools import groupby
from pathlib import Path

from tagsmith.lines.known import DEVICES, Kind, KnownDevice
from tagsmith.model import Reason, ScanFault
from tagsmith.pairing import describe
from tagsmith.uid import UidReason
from tagsmith.visual_number import NumberReason

HERE = Path(__file__).parent
NOTES = {"ok", "four-byte-uid", "ten-byte-uid"}
"""Reasons that never refuse anything."""
DEVICES_START, DEVICES_END = "<!-- generated: devices -->\n", "<!-- /generated -->\n"
WITHOUT_A_LANE = {
    "unknown-lane": "A line named no lane of this station, or none where there are several.",
    "lane-first": "A scanner that is bound to no lane brought a number before a lane's barcode.",
    "two-lanes-chosen": "Two lanes' barcodes came from the keyboard before a number: perhaps of two scanners.",
    "other-lane": "The barcode of another lane came from a scanner that is bound to one.",
    "sign-on-first": "Nobody has signed on, and the settings require it.",
    "shift-first": "No shift runs, and the settings require one.",
    "shift-checks": "A check at the start of the shift is not passed yet.",
    "shift-ending": "The shift is being ended: its report must tell all of it.",
    "unknown-command": "A command's barcode that this station does not know.",
}
"""Reasons of the bench for scans that reach no lane."""
START, END = "<!-- reasons -->\n", "<!-- /reasons -->\n"


def meanings(kind: type[enum.Enum]) -> dict[str, str]:
    """Value → docstring of each member, read from the source."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            name = statement.targets[0]
            assert isinstance(name, ast.Name)
            found[str(kind[name.id].value)] = " ".join(str(after.value.value).split())
    return found


def reasons() -> str:
    """The table of reasons, pairing's first."""
    rows: dict[str, str] = {}
    for kind in (Reason, ScanFault, UidReason, NumberReason):
        rows |= {value: text for value, text in meanings(kind).items() if value not in NOTES}
    rows |= WITHOUT_A_LANE
    return "".join(f"| `{value}` | {text} |\n" for value, text in rows.items())


def events(page: str) -> str:
    """docs/events.md with its reasons brought up to date."""
    head, _, rest = page.partition(START)
    _, _, tail = rest.partition(END)
    return head + START + reasons() + END + tail


def devices() -> str:
    """The table of known devices; neighbours that differ in nothing but their ids share a row."""
    rows = ["| device | USB id | way in | driver | grabbed by | notes | source |\n", "|---|---|---|---|---|---|---|\n"]
    for _, group in groupby(DEVICES, lambda it: (it.name, it.kind, it.access, it.driver, it.module, it.note)):
        alike = list(group)
        one = alike[0]
        sources = dict.fromkeys(part.strip() for each in alike for part in each.source.split(";"))
        cells = (
            one.name,
            ", ".join(_usb_id(each) for each in alike),
            "none" if one.kind is Kind.LOW_FREQUENCY else ", ".join(one.access),
            one.driver and f"`{one.driver}`",
            one.module and f"`{one.module}`",
            one.note,
            ", ".join(sources),
        )
        rows.append(f"| {' | '.join(cells)} |\n")
    return "".join(rows)


def _usb_id(device: KnownDevice) -> str:
    return f"{device.vid:04x}:{'*' if device.pid is None else f'{device.pid:04x}'}"


def hardware(page: str) -> str:
    """hardware.md with its table of devices brought up to date."""
    head, _, rest = page.partition(DEVICES_START)
    _, _, tail = rest.partition(DEVICES_END)
    return head + DEVICES_START + "\n" + devices() + "\n" + DEVICES_END + tail


def main() -> None:
    """Write what is generated."""
    (HERE / "pairing.md").write_text(describe(), encoding="utf-8")
    for page, renewed in ((HERE / "events.md", events), (HERE.parent / "hardware.md", hardware)):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
