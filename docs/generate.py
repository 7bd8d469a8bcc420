"""Write the generated parts of the documentation: docs/pairing.md, and the reasons in docs/events.md."""

from __future__ import annotations

import ast
import enum
import inspect
from pathlib import Path

from tagsmith.model import Reason, ScanFault
from tagsmith.pairing import describe
from tagsmith.uid import UidReason
from tagsmith.visual_number import NumberReason

HERE = Path(__file__).parent
NOTES = {"ok", "four-byte-uid", "ten-byte-uid"}
"""Reasons that never refuse anything."""
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
    rows["unknown-lane"] = "A number named no lane of this station, or none where there are several."
    return "".join(f"| `{value}` | {text} |\n" for value, text in rows.items())


def events(page: str) -> str:
    """docs/events.md with its reasons brought up to date."""
    head, _, rest = page.partition(START)
    _, _, tail = rest.partition(END)
    return head + START + reasons() + END + tail


def main() -> None:
    """Write what is generated."""
    (HERE / "pairing.md").write_text(describe(), encoding="utf-8")
    page = HERE / "events.md"
    page.write_text(events(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
