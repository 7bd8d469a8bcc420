"""Runs in a bare system where the package is installed: `setup` from a file of answers, then the service that it means,
as its unit says it, against a sandbox; a scanner that is a serial server brings numbers. Ends with one JSON line.

No systemd runs there: what it would do (the user, the folder, NOTIFY_SOCKET, the watchdog) is done here.
"""

import grp
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
HOME = Path("/root/answers")
UNIT = Path("/usr/lib/systemd/system/tagsmith-station.service")
ANSWERS = """
[setup]
mode = "headless"
key_from = "line-3.key"
key_store = "file"

[station]
name = "line-3"

[api]
url = "{api}"

[courier]
hold_s = 0

[[reader]]
spec = "sim:/etc/tagsmith/scenario.toml"
lane = "A"

[[scanner]]
spec = "serial:socket://127.0.0.1:{port}"
lane = "A"
"""
SCENARIO = '[[step]]\npause_s = 1\n[[step]]\nput = "04a1b2c3d4e580"\n'


def main() -> None:
    """Set up, run, tell."""
    listener = socket.create_server(("127.0.0.1", 0))
    sandbox = subprocess.Popen(
        ["tagsmith", "sandbox", "--port", "0", "--key", "line-3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert sandbox.stdout is not None
    said = ""
    while not (found := re.search(r"http://127\.0\.0\.1:\d+", said)):
        said += sandbox.stdout.readline()
    pcscd = subprocess.Popen(["/usr/sbin/pcscd", "--foreground"])

    HOME.mkdir()
    (HOME / "line-3.key").write_text("line-3\n")
    (HOME / "line-3.key").chmod(0o600)
    (HOME / "answers.toml").write_text(ANSWERS.format(api=found[0], port=listener.getsockname()[1]))
    Path("/etc/tagsmith/scenario.toml").write_text(SCENARIO)
    done = run("tagsmith", "setup", "--from", str(HOME / "answers.toml"))
    findings = json.loads(run("tagsmith", "doctor", "--json", user="tagsmith")["said"])["findings"]

    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind("/run/notify")
    manager.settimeout(PATIENCE_S)
    Path("/run/notify").chmod(0o666)
    (command,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    station = subprocess.Popen(
        command.split(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd="/var/lib/tagsmith",
        umask=0o077,
        env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000"},
        **of("tagsmith"),
    )
    told = manager.recv(65536).decode().split("\n")
    # Each doctor looked whether the scanner is there, and went away; the last to come is the station.
    listener.settimeout(1)
    try:
        while True:
            scanner, _ = listener.accept()
    except TimeoutError:
        pass
    number, deadline = 0, time.monotonic() + PATIENCE_S
    while status()["pairs"].get("reserved") != 1 and time.monotonic() < deadline:
        # What comes before the tap, or in the first moment after the port was opened, is refused; then the next.
        number += 1
        scanner.sendall(b"TEST-%04d\r" % number)
        time.sleep(1)
    ended = status()
    station.send_signal(signal.SIGTERM)
    code = station.wait(PATIENCE_S)
    sandbox.kill()
    pcscd.kill()
    print(json.dumps({"setup": done, "doctor": findings, "told": told, "status": ended, "code": code}))


def of(user: str) -> dict[str, Any]:
    """What makes a process this user's, with all its groups."""
    entry = pwd.getpwnam(user)
    more = [group.gr_gid for group in grp.getgrall() if user in group.gr_mem]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": more}


def run(*command: str, user: str = "root") -> dict[str, Any]:
    """How a command ended."""
    env = {"PATH": os.environ["PATH"], "HOME": pwd.getpwnam(user).pw_dir}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", env=env, **of(user)
    )
    return {"code": done.returncode, "said": done.stdout, "errors": done.stderr}


def status() -> dict[str, Any]:
    """`tagsmith status`, as the station's user."""
    done = run("tagsmith", "status", "--json", user="tagsmith")
    assert done["said"], done
    found: dict[str, Any] = json.loads(done["said"])
    return found


main()
