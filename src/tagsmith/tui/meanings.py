"""What a refusal means and why it is made: for the help, where there is room for more than a title and a hint. Pure.

The titles and hints are in `words`; here stands what a person wants to know who reads them for the third time.
"""

from __future__ import annotations

from tagsmith.i18n import N_
from tagsmith.model import Reason, ScanFault
from tagsmith.uid import UidReason
from tagsmith.visual_number import NumberReason

_WHOSE = N_("Which number belongs to which key is no longer certain, and a wrong pair bills the wrong driver.")
_SETTING = N_("It comes from the keyboard setting of the scanner or of this computer, not from the label.")
_NO_KEY = N_("Chargers read keys of one family; this chip is of another, or hides its number. It can never work.")
_PART = N_("A part of a chip's number could be another key's whole number, so nothing is guessed.")
_LABEL = N_("A label that is dirty, or a second code beside it; scan this key's label alone, from close by.")
_GOLDEN = N_("The golden key is known exactly, so it shows whether this reader gives the bytes of a chip in order.")
_DECIDE = N_("The station has seen that numbers and keys may be shifted against each other. A person must look first.")
_SIGNED = N_("Records say who made each pair, so nobody pairs before somebody has signed on and the checks are passed.")

MEANINGS: dict[str, str] = {
    Reason.NO_TAG: N_("Here the key comes first. A number alone could be of any key, so it is not kept."),
    Reason.NO_NUMBER: N_("Here the number comes first. A key alone could get any number, so it is not kept."),
    Reason.STALE_SCAN: N_("It was scanned for what lay there before. Joined to this key it would be a wrong pair."),
    Reason.STALE_TAP: N_("It was laid there for what came before. Joined to this number it would be a wrong pair."),
    Reason.TAG_CHANGED: _WHOSE,
    Reason.NUMBER_CHANGED: _WHOSE,
    Reason.TWO_TAGS: N_(
        "The reader hears two chips, also one in a pocket, a phone case or a badge, and cannot choose."
    ),
    Reason.READER_LOST: N_("Nobody can say what was laid on the reader while it was away."),
    Reason.TAG_REMOVED: N_("The settings want the key to stay on the reader until its number has come."),
    Reason.OTHER_TAG: N_("Two keys were mixed up between the first tap and the second, or two lie close together."),
    Reason.DUPLICATE_UID: N_("The journal has a pair of this very chip. A key has one number for ever."),
    Reason.DUPLICATE_NUMBER: N_(
        "The journal has another key with this number: printed twice, or scanned from another key."
    ),
    Reason.TIMEOUT: N_("A half pair is not kept for long: what is scanned much later is mostly of another key."),
    Reason.CANCELLED: N_("Somebody has cleared the lane. Nothing was saved of what waited."),
    Reason.PUT_ASIDE: N_("A key that somebody has put aside is counted with its reason, and gets no number."),
    Reason.BATCH_CLOSED: N_("Nothing more is made of a batch that somebody has closed, here or at another station."),
    Reason.NOT_SAVED: N_("The disc or the server did not take the pair. It is kept on the screen until it is saved."),
    Reason.BUSY: N_("Only one pair of a lane is saved at a time, so that none is lost or exchanged."),
    Reason.TWO_LANES: N_(
        "Two readers stand so close that both hear one key: move them apart, or somebody is very fast."
    ),
    Reason.NOT_FOR_PAIRING: N_("It is in the settings as a key of the station's own; a driver must never get it."),
    Reason.NUMBER_IS_UID: N_(
        "A second reader types what it reads as if it was a scanner. Somebody should switch that off."
    ),
    Reason.UNREADABLE: N_("Something is there that does not answer: two keys at once, metal below, or a broken chip."),
    Reason.STALLED: N_("For a moment the computer did nothing. In which order tap and scan came, nobody knows."),
    Reason.CONFIRM_STALE: N_("What was confirmed is not what lies there now, so it was not saved."),
    Reason.KEY_AWAY: N_("On the form a key stays on the reader until its pair is confirmed."),
    Reason.LANE_STOPPED: _DECIDE,
    Reason.GOLDEN_AWAITED: _GOLDEN,
    Reason.GOLDEN_REVERSED: _GOLDEN,
    Reason.GOLDEN_MISMATCH: _GOLDEN,
    ScanFault.DIRTY: _LABEL,
    ScanFault.OVERFLOW: _LABEL,
    ScanFault.PARTIAL: _LABEL,
    UidReason.RANDOM: N_(
        "Phones, passports and bank cards invent a number at each tap. Such a one can be nobody's key."
    ),
    UidReason.CASCADE_TAG: _PART,
    UidReason.INCOMPLETE: _PART,
    UidReason.RESERVED: N_("No maker may give this number to a chip; a copy of some kind."),
    UidReason.NOT_UNIQUE: N_("Makers use numbers of this kind more than once: another driver may hold the same."),
    UidReason.ORDER_SUSPECT: N_(
        "Read from the other end it would be a usual number: the reader's byte order is set wrong."
    ),
    UidReason.BLANK: N_("Its number was never written. Many such chips look the same."),
    UidReason.DEMONSTRATION: N_("Writable chips are sold with this number. Many such chips look the same."),
    UidReason.EIGHT_BYTES: _NO_KEY,
    UidReason.LOW_FREQUENCY: _NO_KEY,
    UidReason.LENGTH: _NO_KEY,
    UidReason.TYPE_B: _NO_KEY,
    UidReason.PHONE: _NO_KEY,
    NumberReason.EMPTY: _LABEL,
    NumberReason.TOO_LONG: _LABEL,
    NumberReason.CONTROL_CHARACTER: _LABEL,
    NumberReason.INVISIBLE_CHARACTER: _LABEL,
    NumberReason.PATTERN: N_(
        "The settings, or the batch, say what numbers look like here, and this one looks otherwise."
    ),
    NumberReason.CHECK_DIGIT: N_(
        "The last character is counted from the others. It does not fit: misread, or misprinted."
    ),
    NumberReason.LAYOUT: _SETTING,
    NumberReason.CAPS_LOCK: _SETTING,
    NumberReason.DOUBLED: N_("The scanner fired twice before its line ended."),
    "unknown-lane": N_("With several lanes each number must say which one it is for."),
    "lane-first": N_("One scanner serves several lanes: the barcode of a lane says for which one the number is."),
    "two-lanes-chosen": N_("For which of the two the number is, is not to be guessed."),
    "other-lane": N_("Each scanner is bound to one lane in the settings, so that numbers do not change lanes."),
    "unknown-command": N_("The sheet of barcodes is older than this program, or was printed for other lanes."),
    "undo-refused": N_("What was sent is final at the API. A person there must take it back."),
    "sign-on-first": _SIGNED,
    "shift-first": _SIGNED,
    "shift-checks": _SIGNED,
    "one-card-shift": N_(
        "A number of the neighbour came: a card is missing or was laid aside, and all after it are shifted."
    ),
    "other-number-for-key": N_("The manifest says which number this chip has. Chip, label or manifest is wrong."),
    "check-failed": N_("A sample did not match, so the keys since the last good sample may be wrong, too."),
    "many-rejects": N_("So many bad keys in a row are no chance: the box, the reader or the batch is wrong."),
}
"""By the reason word of a notice or of a stop."""
