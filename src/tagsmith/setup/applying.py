"""Settings and key to the disc: durably, whole or not at all; what was there before is kept."""

from __future__ import annotations

import contextlib
import difflib
import os
import pwd
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tagsmith.config import SYSTEM_FILE, user_file
from tagsmith.errors import ConfigError
from tagsmith.setup.answers import KEY_NAME, SYSTEM_JOURNAL, Answers, KeyStore

SERVICE_USER: Final = "tagsmith"
"""Who the services run as, where they are installed."""
CREDENTIAL: Final = Path("/etc/credstore/tagsmith.api-key")
"""Where systemd looks for the credential that the units ask for."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things go. `system`: the settings are the machine's."""

    settings: Path
    key_file: Path
    credential: Path
    system: bool
    image: bool

    def key(self, store: KeyStore) -> Path:
        """Where the key goes."""
        return self.key_file if store is KeyStore.FILE else self.credential


def places(root: Path | None, *, config: Path | None = None, uid: int | None = None) -> Places:
    """Where things go: below an image's root; else the machine's places for root, and a user's own for others.

    Raises:
        ConfigError: there is no place for this user's settings.
    """
    uid = os.geteuid() if uid is None else uid
    image = root is not None
    under = root or Path("/")
    system = image or uid == 0
    settings = config or (under / SYSTEM_FILE.relative_to("/") if system else user_file())
    if settings is None:
        raise ConfigError("this user has no home for settings", "name the file with --config, or run it as root")
    return Places(settings, settings.with_name(KEY_NAME), under / CREDENTIAL.relative_to("/"), system, image)


def difference(path: Path, text: str) -> str:
    """What the new settings change; empty where nothing."""
    try:
        before = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        before = ""
    lines = difflib.unified_diff(before.splitlines(), text.splitlines(), str(path), "new", lineterm="", n=2)
    return "\n".join(lines)


def put_settings(path: Path, text: str) -> Path | None:
    """Write the settings; a file that is there already is kept beside it as .bak, which is given.

    Raises:
        ConfigError: it cannot be written; what was there is as it was.
    """
    kept, mode = None, 0o644
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            mode = path.stat().st_mode & 0o777
            kept = path.with_name(f"{path.name}.bak")
            shutil.copy2(path, kept)
        _put(path, text, mode)
    except OSError as error:
        raise _unwritable(path, error) from None
    return kept


def put_key(answers: Answers, where: Places) -> Path | None:
    """Write the key to its place, for its owner alone; None where none was given. It is shown nowhere.

    Raises:
        ConfigError: it cannot be written.
    """
    if answers.key is None:
        return None
    path = where.key(answers.key_store)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755 if answers.key_store is KeyStore.FILE else 0o700)
        _put(path, f"{answers.key.get_secret_value()}\n", 0o600)
        if answers.key_store is KeyStore.FILE and where.system and not where.image and os.geteuid() == 0:
            _give(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    return path


def give_journal(url: str) -> None:
    """Hand what root has made of a journal to the user of the services, who could not write to it otherwise.

    Does nothing for other users, where there is no such user, and for a journal that is in no file.
    """
    scheme, _, name = url.partition(":///")
    if os.geteuid() != 0 or not scheme.startswith("sqlite") or not name:
        return
    journal = Path(name)
    theirs = [journal.parent] if url == SYSTEM_JOURNAL else []
    with contextlib.suppress(OSError):
        for path in [*theirs, *sorted(journal.parent.glob(f"{journal.name}*"))]:
            if path.lstat().st_uid == 0 and not path.is_symlink():
                _give(path)


def _give(path: Path) -> None:
    """Hand a file to the user of the services, where there is one."""
    try:
        user = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return
    os.chown(path, user.pw_uid, user.pw_gid)


def _put(path: Path, text: str, mode: int) -> None:
    """Put a file in the place of what is there, on the disc before it is seen."""
    half = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode & 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path} cannot be written: {error.strerror}", f"sudo tagsmith setup, or see: ls -ld {path.parent}"
    )
