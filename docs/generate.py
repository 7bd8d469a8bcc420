"""Write what is generated: docs/pairing.md, the reasons in docs/events.md; from the table of known devices its page in
hardware.md, the udev rules and the list of kernel modules."""

from __future__ import annotations

import ast
import enum
import inspect
from itertools import groupby
from pathlib import Path

from tagsmith.lines.known import DEVICES, GROUP, NFC_MODULES, Access, Kind, KnownDevice, Role
from tagsmith.model import Reason, ScanFault
from tagsmith.pairing import describe
from tagsmith.uid import UidReason
from tagsmith.visual_number import NumberReason

HERE = Path(__file__).parent
NOTES = {"ok", "four-byte-uid", "ten-byte-uid", "put-aside"}
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
OF_BATCHES = {
    "not-in-batch": "The manifest of the batch under way has no such number.",
    "other-batch": "The number stands in the manifest of another open batch, which is named.",
    "number-used": "The number was made in this batch already.",
    "number-skipped": "The number was skipped; why is told.",
    "number-held": "Another lane has this number.",
    "not-expected": "Another number comes next.",
    "batch-complete": "As many keys are made as are wanted.",
    "batch-held": "The last keys are on other lanes.",
    "batch-changing": "Another batch is being read.",
    "check-tap-first": "A number came in a check before its key was tapped.",
    "nothing-to-decide": "The barcode of a choice came that the lane does not offer.",
}
"""Reasons that a batch has."""
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
    rows |= WITHOUT_A_LANE | OF_BATCHES
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


RULES_HEAD = f"""\
# Readers and scanners that tagsmith knows: who may open them, and what they are called. `make generated` writes this
# from src/tagsmith/lines/known.py. What is wanted beside it goes into /etc/udev/rules.d/94-tagsmith-local.rules.
#
# Each gets the group {GROUP} and, below /dev, a link by the place where it is plugged in: tagsmith-reader-… or
# tagsmith-scanner-…. A reader that is plugged in starts what is enabled of tagsmith.

ACTION=="remove", GOTO="tagsmith_end"
"""

RULES_TAIL = f"""
LABEL="tagsmith_known"
ENV{{.TAGSMITH}}!="?*", GOTO="tagsmith_end"
# ModemManager would send it a modem's commands, and brltty take its bridge for a Braille display's.
ENV{{ID_MM_DEVICE_IGNORE}}="1", ENV{{BRLTTY_BRAILLE_DRIVER}}="", ENV{{SYSTEMD_WANTS}}=""
ENV{{.TAGSMITH}}=="device", GOTO="tagsmith_end"
GROUP="{GROUP}", MODE="0660"
ENV{{ID_PATH}}=="?*", PROGRAM=="tagsmith-name $env{{ID_PATH}}", SYMLINK+="tagsmith-$env{{.TAGSMITH}}-%c"
ENV{{.TAGSMITH}}=="{Role.READER}", TAG+="systemd", ENV{{SYSTEMD_WANTS}}="tagsmith-plugged.service"

LABEL="tagsmith_end"
"""

NODES = (
    ("usb", "", 'ENV{DEVTYPE}=="usb_device"', (Access.PCSC, Access.NFCPY), "what pcscd and nfcpy open"),
    (
        "tty",
        "S",
        "",
        (Access.SERIAL,),
        "serial ports; on one of a bridge a reader may hang",
    ),
    # A device may have more than one node for input: only the one that types whole lines is meant.
    ("input", "S", 'KERNEL=="event*", ENV{ID_INPUT_KEYBOARD}=="1"', (Access.KEYBOARD,), "what types"),
)
"""For each kind of node: its subsystem, whose attributes hold the ids (its own, or a parent's), what else it must be,
the ways in which it is opened, and the words for it."""


def rules() -> str:
    """udev/93-tagsmith.rules."""
    text = RULES_HEAD
    for subsystem, whose, more, ways, words in NODES:
        text += f'\n# {words[0].upper()}{words[1:]}\nSUBSYSTEM!="{subsystem}", GOTO="tagsmith_not_{subsystem}"\n'
        for condition in more.split(", ") if more else ():
            text += f'{condition.replace("==", "!=")}, GOTO="tagsmith_end"\n'
        for name, vid, pids, role in _rows(subsystem, ways):
            product = f'ATTR{whose}{{idProduct}}=="{pids}", ' if pids else ""
            text += f'# {name}\nATTR{whose}{{idVendor}}=="{vid}", {product}ENV{{.TAGSMITH}}="{role}"\n'
        text += f'GOTO="tagsmith_known"\nLABEL="tagsmith_not_{subsystem}"\n'
    return text + '\nGOTO="tagsmith_end"\n' + RULES_TAIL


def _rows(subsystem: str, ways: tuple[Access, ...]) -> list[tuple[str, str, str, str]]:
    """Name, vendor, products (as a pattern; empty for all) and role, devices of one name together.

    A USB device that is used by another node of it is a mere `device`: nobody opens it, and nobody else should.
    """
    rows: dict[tuple[str, str, str], list[str]] = {}
    for device in DEVICES:
        role = device.role(*ways)
        word = str(role) if role else "device" if subsystem == "usb" and device.role(*Access) else ""
        if word:
            pids = rows.setdefault((device.name, f"{device.vid:04x}", word), [])
            pids += [] if device.pid is None else [f"{device.pid:04x}"]
    return [(name, vid, "|".join(pids), word) for (name, vid, word), pids in rows.items()]


def modules() -> str:
    """udev/modprobe.d/tagsmith.conf."""
    return (
        "# Linux's own NFC drivers take a reader before pcscd and nfcpy get it. `make generated` writes this from\n"
        "# src/tagsmith/lines/known.py. Not `blacklist`: another module that needs one of these would load it then.\n"
        + "".join(f"install {name} /bin/false\n" for name in NFC_MODULES)
    )


def main() -> None:
    """Write what is generated."""
    (HERE.parent / "udev" / "93-tagsmith.rules").write_text(rules(), encoding="utf-8")
    (HERE.parent / "udev" / "modprobe.d" / "tagsmith.conf").write_text(modules(), encoding="utf-8")
    (HERE / "pairing.md").write_text(describe(), encoding="utf-8")
    for page, renewed in ((HERE / "events.md", events), (HERE.parent / "hardware.md", hardware)):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
