"""A bare Debian in a folder, of this machine's suite, and commands that are alone in it: as root, or by a sudo that
does not ask."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
from pathlib import Path
from typing import Self

SUITE = platform.freedesktop_os_release()["VERSION_CODENAME"] if Path("/etc/os-release").exists() else ""
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tagsmith-tests"
"""Where a bare system is kept, packed, from one run to the next."""

_CHROOT = """
for folder in proc sys dev; do mount --rbind /$folder {root}/$folder; done
mount -t tmpfs tmpfs {root}/run
exec chroot {root} /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive {more} {command}
"""


def as_root(*command: str, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run a command as root, without input."""
    sudo = () if os.geteuid() == 0 else ("sudo", "-n")
    return subprocess.run(
        [*sudo, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def alone(script: str, *, code: int = 0, timeout_s: float = 300.0) -> str:
    """Run a shell script as root with mounts and processes of its own, which end with it; what it says."""
    own = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child")
    done = as_root(*own, "sh", "-e", "-c", script, timeout_s=timeout_s)
    assert done.returncode == code, f"{done.returncode}: {done.stdout[-5000:]}"
    return done.stdout


class CleanRoot:
    """One bare system below `folder`, which is taken away at the end."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "root"

    def __enter__(self) -> Self:
        archive = CACHE / f"{SUITE}-{platform.machine()}.tar"
        if not archive.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            made = f"{archive}.{os.getpid()}"
            work = f"{self.path}.work"
            pack = f"tar --numeric-owner -C {work} -cf {made} ."
            alone(f"debootstrap --variant=minbase {SUITE} {work}; {pack}; rm -rf {work}", timeout_s=600)
            Path(made).replace(archive)
        alone(f"mkdir -p {self.path} && tar --numeric-owner -C {self.path} -xpf {archive}")
        return self

    def __exit__(self, *_: object) -> None:
        as_root("rm", "-rf", "--one-file-system", str(self.path))

    def run(self, *command: str, code: int = 0, timeout_s: float = 300.0, **environment: str) -> str:
        """Run a command in it, which must end with that code; what it says."""
        more = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        script = _CHROOT.format(root=shlex.quote(str(self.path)), command=shlex.join(command), more=more)
        return alone(script, code=code, timeout_s=timeout_s)

    def bring(self, file: Path, to: str) -> None:
        """Copy a file into it, root's."""
        done = as_root("install", "-D", "-m", "644", str(file), str(self.path / to.lstrip("/")))
        assert done.returncode == 0, done.stdout
