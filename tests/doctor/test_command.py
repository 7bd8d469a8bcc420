"""`tagsmith doctor` as a process: three faults of this machine, told apart, each with its remedy."""

from __future__ import annotations

import json
import os
import pty
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.machine import write
from support.pcscd import Pcscd, Plan
from support.wire_server import WireServer

KEY = "k3y-of-the-t3st"
NOBODY = 65534
_HOLD = "import os, sys; held = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('held', flush=True); input()"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="tagsmith-doctor-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server() -> Iterator[WireServer]:
    """An API that takes the key."""
    with WireServer(key=KEY) as server:
        yield server


def doctor(
    folder: Path, url: str, reader: str, *arguments: str, user: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What the command says of a station with this reader; as another user where one is given."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    if user is not None:
        os.chown(home, user, user)
    config = write(
        folder / "tagsmith.toml",
        f'[api]\nurl = "{url}"\n[journal]\nurl = "sqlite:///{home}/journal.sqlite"\n[[reader]]\nspec = "{reader}"\n',
    )
    as_user = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
    variables = {"TAGSMITH_API__KEY": KEY, "HOME": str(home), **environment}
    return subprocess.run(
        [*as_user, sys.executable, "-m", "tagsmith", "doctor", "--config", str(config), *arguments],
        env={**{name: value for name, value in os.environ.items() if not name.startswith("XDG_")}, **variables},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=folder,
    )


def bad(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The bad findings of a run with --json, by their check."""
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    found = {finding["check"]: finding for finding in answer["findings"] if finding["verdict"] == "bad"}
    assert answer["ok"] is not bool(found)
    assert done.returncode == (1 if found else 0)
    return found


@pytest.mark.pcsc
def test_pcscd_stopped(folder: Path, server: WireServer) -> None:
    """First answer: the service, and the line that starts it. With pcscd running the same station is well."""
    with Pcscd((Plan("Doctor PICC"),), folder) as daemon:
        environment = {"PCSCLITE_CSOCK_NAME": str(daemon.socket_path)}
        assert bad(doctor(folder, server.url, "pcsc:", "--json", **environment)) == {}
        daemon.kill()
        found = bad(doctor(folder, server.url, "pcsc:", "--json", **environment))
    assert set(found) == {"pcscd", "reader"}
    assert found["pcscd"]["what"] == "pcscd is not running"
    assert found["pcscd"]["section"] == "hardware.md#pcsc"
    assert {one["remedy"] for one in found.values()} == {"sudo systemctl enable --now pcscd.socket"}


def test_a_device_held_by_another_process(folder: Path, server: WireServer) -> None:
    """Second answer: who holds it, and the line that ends that."""
    master, slave = pty.openpty()
    node = os.ttyname(slave)
    command = [sys.executable, "-c", _HOLD, node]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        os.close(slave)
        found = bad(doctor(folder, server.url, f"serial:{node}?frame=hex-line&length=7", "--json"))
        child.kill()
    os.close(master)
    assert set(found) == {"reader"}
    assert f"is busy: held by process {child.pid} (python" in found["reader"]["what"]
    assert found["reader"]["remedy"] == f"sudo kill {child.pid}"
    assert found["reader"]["section"] == "hardware.md#busy"


def test_a_node_of_root_alone_and_a_normal_user(folder: Path, server: WireServer) -> None:
    """Third answer: permission, and the udev rule with its group. As root the doctor runs as nobody; else the node is
    one that this very user may not open."""
    node = folder / "ttyUSB0"
    if os.geteuid() == 0:
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(188, 0))
        done = doctor(folder, server.url, f"serial:{node}?frame=hex-line&length=7", "--json", user=NOBODY)
    else:
        node.touch(0o000)
        done = doctor(folder, server.url, f"serial:{node}?frame=hex-line&length=7", "--json")
    found = bad(done)
    assert set(found) == {"reader"}
    assert "is forbidden: " in found["reader"]["what"]
    assert found["reader"]["what"].endswith(f"may not open {node}")
    rule = 'SUBSYSTEM=="tty", KERNEL=="ttyUSB[0-9]*", GROUP="dialout", MODE="0660"'
    first, reload, trigger, *group = found["reader"]["remedy"].splitlines()
    assert first == f"echo '{rule}' | sudo tee -a /etc/udev/rules.d/94-tagsmith-local.rules"
    assert (reload, trigger) == ("sudo udevadm control --reload", f"sudo udevadm trigger --name-match={node}")
    assert all("dialout" in line or line.startswith("#") for line in group)


def test_for_people_the_worst_is_first_and_remedies_stand_below(folder: Path, server: WireServer) -> None:
    """One line each; what to type is indented; the key appears nowhere."""
    done = doctor(folder, server.url, f"serial:{folder}/ttyUSB9?frame=hex-line&length=7")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"BAD      reader: serial:{folder}/ttyUSB9?frame=hex-line&length=7 is absent: ")
    assert lines[1].startswith("           ")
    heads = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert heads == sorted(heads, key=["BAD", "WARN", "OK", "SKIPPED"].index)
    assert f"OK       api: {server.url} (sandbox) answers and takes the key" in lines
    assert KEY not in done.stdout + done.stderr


def test_a_sound_station_is_zero(folder: Path, server: WireServer) -> None:
    """Warnings are not bad: an unconfirmed order at the sandbox. Nothing was made on the way."""
    done = doctor(folder, server.url, "sim:")
    assert done.returncode == 0, done.stdout
    assert "WARN     byte-order: " in done.stdout
    assert list((folder / "home").iterdir()) == []


def test_settings_that_cannot_be_read(folder: Path) -> None:
    """A finding like any other, and no traceback."""
    done = doctor(folder, "http://127.0.0.1:9", "pscs:", "--json", TAGSMITH_UID__ORDR="wire")
    assert "did you mean" in bad(done)["settings"]["remedy"]
    assert "Traceback" not in done.stderr


def test_a_settings_file_that_cannot_be_read(folder: Path) -> None:
    """Findings, too, also for a program that reads them: the machine is examined all the same."""
    refused = write(folder / "refused.toml", "")
    refused.chmod(0)
    for config in (refused, folder):
        done = examined(folder, config)
        found = bad(done)["settings"]
        assert found["what"].startswith(f"the configuration file {config} cannot be read: ")
        assert found["remedy"] == f"ls -l {config}"
        assert {"clock", "reader"} <= {finding["check"] for finding in json.loads(done.stdout)["findings"]}


def examined(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    """The command with this settings file, as nobody if we are root, whom nothing is refused."""
    as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"] * (os.geteuid() == 0)
    return subprocess.run(
        [*as_user, sys.executable, "-m", "tagsmith", "doctor", "--json", "--config", str(config)],
        env={**{name: value for name, value in os.environ.items() if not name.startswith("XDG_")}, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=folder,
    )
