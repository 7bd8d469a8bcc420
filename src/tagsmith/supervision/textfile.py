"""A small file for another program that reads it at any time: whole, or as it was before."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Put a file with this text in the place of whatever is there.

    It is not synced: what it says is old after a power cut anyway, and each sync wears an SD card.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    half = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text.encode())
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise
