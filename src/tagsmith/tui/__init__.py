"""The glass: app, screens, widgets, one stylesheet. Holds no reader, no client, no thread of its own work.

Importing this costs nothing; Textual is loaded when the screen is run.
"""

from tagsmith.tui.port import ExtraKey, FieldStation, Station
from tagsmith.tui.run import check_terminal, run_form, run_screen

__all__ = ["ExtraKey", "FieldStation", "Station", "check_terminal", "run_form", "run_screen"]
