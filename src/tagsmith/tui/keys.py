"""The keys of the screen: which action each one does, what it is called, and what it is for.

Actions are known by their ids, which are the names of the app's `action_…` methods and of the settings under `[keys]`.
Which keys are allowed and that none is taken twice is judged where settings are read; whatever comes here holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagsmith.i18n import N_, _
from tagsmith.tui.text import Safe

DEFAULTS: dict[str, str] = {
    "help": "f1",
    "undo": "f2",
    "batches": "f3",
    "pairs": "f4",
    "retry": "f5",
    "work": "f6",
    "reject": "f7",
    "log": "f8",
    "acknowledge": "f9",
    "leave": "f10",
    "choices": "f11",
    "shift": "f12",
    "readers": "ctrl+r",
    "settings": "ctrl+t",
    "palette": "ctrl+p",
    "find": "ctrl+f",
    "clear": "escape",
}
"""The actions of the operator's screen, each with its key where nobody set another."""

FORM_ONLY: dict[str, str] = {"do_it": "f4", "replace": "f6"}
"""The technician's form has these in place of `pairs` and `work`."""

LABELS: dict[str, str] = {
    "help": N_("help"),
    "undo": N_("undo last"),
    "batches": N_("batches"),
    "pairs": N_("pairs"),
    "retry": N_("SAVE AGAIN"),
    "work": N_("work list"),
    "reject": N_("reject"),
    "log": N_("log"),
    "acknowledge": N_("ALARM SEEN"),
    "leave": N_("quit"),
    "choices": N_("DECIDE"),
    "shift": N_("shift"),
    "readers": N_("readers"),
    "settings": N_("settings"),
    "palette": N_("commands"),
    "find": N_("find"),
    "clear": N_("clear"),
}
"""What stands beside a key in the row of keys."""

MEANINGS: dict[str, str] = {
    "help": N_("this help"),
    "undo": N_("take the last pair back, while it was not sent (it is held for some seconds)"),
    "batches": N_("the batches: choose one, make one, close one"),
    "pairs": N_("the last pairs, to take back one that was not sent"),
    "retry": N_("save again what could not be saved"),
    "work": N_("the work list: what a person has to settle"),
    "reject": N_("put a key aside, and say why"),
    "log": N_("the log of this run"),
    "acknowledge": N_("I have seen the alarm"),
    "leave": N_("quit"),
    "choices": N_("decide how a lane that has stopped goes on"),
    "shift": N_("sign on and off; start and end of the shift, and its report"),
    "readers": N_("the readers and scanners, and what is wrong with them"),
    "settings": N_("all settings, and where each comes from"),
    "palette": N_("the supervisor's commands"),
    "clear": N_("clear: forget the number being typed and the key or number that waits"),
}
"""What the help says of a key."""


_changed: Mapping[str, str] = {}


def hold(changed: Mapping[str, str]) -> None:
    """From now on these keys hold in this process, by action; the usual ones for actions that are not among them.

    As with the language there is one screen in a process, and whatever it says names the keys that hold.
    """
    global _changed
    _changed = dict(changed)


def key(action: str) -> str:
    """The key of an action, as Textual names it."""
    return _changed.get(action) or DEFAULTS.get(action) or FORM_ONLY[action]


def name(action: str) -> Safe:
    """The key of an action, as a person reads it: F2, Ctrl+R, Esc."""
    return key_name(key(action))


def key_name(key: str) -> Safe:
    """A key of Textual's, as a person reads it. Those beyond F12 are Shift with one of the twelve, on every console."""
    if key[:1] == "f" and key[1:].isdigit() and int(key[1:]) > 12:
        return Safe(f"Shift+F{int(key[1:]) - 12}")
    return Safe("Esc" if key == "escape" else "+".join(part.capitalize() for part in key.split("+")))


def labelled_key(action: str, label: str = "") -> tuple[str, str]:
    """Key and label of an action, or another label."""
    return name(action), label or _(LABELS[action])


def labelled(*actions: str) -> list[tuple[str, str]]:
    """Key and label of these actions, for a row of keys."""
    return [(name(action), _(LABELS[action])) for action in actions]


def named(text: str, **values: str) -> str:
    """A sentence with its placeholders filled: ids of actions with their keys, others with these values."""
    return text.format(**{action: name(action) for action in (*DEFAULTS, *FORM_ONLY)}, **values)


def back(names: Sequence[str]) -> str:
    """Which keys go back."""
    return _("{keys}: back").format(keys=_(" or ").join(names))
