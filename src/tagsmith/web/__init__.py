"""The screen in a browser: one page, one session, nobody without the address.

Holds no station; starts the command that does.
"""

from tagsmith.web.gate import Gate
from tagsmith.web.serving import serve

__all__ = ["Gate", "serve"]
