"""A field of a form that a person opens. By itself, because Textual's input is slow to load."""

from __future__ import annotations

from textual.widgets import Input


class TextField(Input, inherit_bindings=True):
    """One line of text. A masked one shows dots."""

    def __init__(self, id: str, placeholder: str, limit: int, *, masked: bool = False) -> None:
        super().__init__(
            id=id, placeholder=placeholder, compact=True, select_on_focus=False, max_length=limit, password=masked
        )
        self.cursor_blink = False
