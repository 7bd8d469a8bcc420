"""The Debian package: built here, judged, and installed in a bare system of this suite."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clean_root import CleanRoot

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
MAX_INSTALLED_KB = 120_000
JOURNAL = "/var/lib/tagsmith/journal.sqlite"
OLDEST = ROOT / "tests" / "journal" / "fixtures" / "0001.db"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, as `make deb` makes it, and with the tree it was made of."""
    folder = tmp_path_factory.mktemp("deb")
    subprocess.run(
        [
            *("/usr/bin/python3", str(ROOT / "packaging/deb.py"), "--compress", "gzip"),
            *("--build", str(folder / "work"), "--out", str(folder)),
        ],
        check=True,
        timeout=500,
    )
    return folder


@pytest.fixture(scope="module")
def package(build: Path) -> Path:
    """The package."""
    (found,) = build.glob("tagsmith_*.deb")
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanRoot]:
    """A bare system that knows which packages there are."""
    with CleanRoot(tmp_path_factory.mktemp("bare")) as root:
        root.run("apt-get", "update", "-qq")
        yield root


@pytest.fixture
def fresh(tmp_path: Path, package: Path) -> Iterator[CleanRoot]:
    """A bare system where nothing was done but to install the package."""
    with CleanRoot(tmp_path) as root:
        root.run("apt-get", "update", "-qq")
        root.bring(package, "tagsmith.deb")
        root.run("apt-get", "install", "-qq", "--no-install-recommends", "/tagsmith.deb")
        yield root


def newer(package: Path) -> Path:
    """The same package with a higher version."""
    tree = package.parent / "newer"
    subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 99.0", control.read_text(), flags=re.MULTILINE))
    made = package.with_name("tagsmith_99.0.deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), str(made)], check=True)
    return made


def units(root: CleanRoot) -> list[str]:
    """The unit files of the package."""
    return root.run("sh", "-c", "ls /usr/lib/systemd/system/tagsmith*").split()


def schema(file: Path) -> str:
    """The version of a journal's tables."""
    with contextlib.closing(sqlite3.connect(file)) as journal:
        (version,) = journal.execute("select version_num from journal_version").fetchone()
    return str(version)


def test_it_is_small_and_finds_nothing_of_the_machine_that_built_it(build: Path, package: Path) -> None:
    """At most 120 MB installed; byte code for every module; no path of the build in any file but libraries' own."""
    said = subprocess.run(["dpkg-deb", "-f", str(package)], check=True, capture_output=True, text=True).stdout
    fields = dict(re.findall(r"^([A-Z][\w-]+): (.*)$", said, re.MULTILINE))
    assert int(fields["Installed-Size"]) * 1.024 < MAX_INSTALLED_KB
    assert {"pcscd", "libccid", "libusb-1.0-0", "udev"} <= set(fields["Depends"].split(", "))
    tree = build / "work" / "root"
    modules = [file for file in (tree / "opt").rglob("*.py") if "mako" not in file.parts]
    without = [file for file in modules if not list((file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"))]
    assert len(modules) > 1000
    assert without == []
    telling = [file for file in tree.rglob("*") if file.is_file() and str(build).encode() in file.read_bytes()]
    assert telling == []


def test_lintian_has_nothing_to_say(package: Path) -> None:
    """No error and no warning, beside those that are answered in the overrides."""
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", str(package)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_it_is_installed_renewed_and_taken_away(bare: CleanRoot, package: Path) -> None:
    """One command on a bare system, and a station can run. An upgrade keeps settings and journal, and brings an old
    journal up to date; what is left in the end is the journal."""
    bare.bring(package, "tagsmith.deb")
    bare.run("apt-get", "install", "-qq", "--no-install-recommends", "/tagsmith.deb")
    assert "tagsmith, version" in bare.run("tagsmith", "--version")
    judged = json.loads(bare.run("tagsmith", "doctor", "--json", TAGSMITH_API__ENVIRONMENT="sandbox", code=1))
    verdicts = {one["check"]: one["verdict"] for one in judged["findings"]}
    # Here there is neither a reader nor a running pcscd nor a sandbox; all else is well.
    assert {name for name, verdict in verdicts.items() if verdict == "bad"} == {"pcscd", "reader", "api"}
    assert "20 paired, 20 reserved, 0 left, 0 lost" in bare.run("tagsmith", "demo", "--auto", "20")
    assert bare.run("systemd-analyze", "verify", "--man=no", *units(bare)) == ""
    assert bare.run("stat", "-c", "%U:%G %a", "/var/lib/tagsmith").split() == ["tagsmith:tagsmith", "750"]
    assert set(bare.run("id", "-Gn", "tagsmith").split()) == {"tagsmith", "dialout"}
    assert "tagsmith" in bare.run(
        "bash", "-c", ". /usr/share/bash-completion/completions/tagsmith; complete -p tagsmith"
    )

    settings = "/etc/tagsmith/tagsmith.toml"
    bare.run("sh", "-c", f"printf '[station]\\nname = \"line-9\"\\n' >>{settings}")
    bare.bring(OLDEST, JOURNAL)
    bare.run("chown", "tagsmith:tagsmith", JOURNAL)
    before = bare.run("sha256sum", settings)
    bare.bring(newer(package), "newer.deb")
    bare.run("apt-get", "install", "-qq", "--no-install-recommends", "/newer.deb")
    assert bare.run("sha256sum", settings) == before
    assert schema(bare.path / JOURNAL[1:]) > schema(OLDEST)
    assert "sound" in bare.run("runuser", "-u", "tagsmith", "--", "tagsmith", "journal", "verify")

    journal = bare.run("sha256sum", JOURNAL)
    bare.run("apt-get", "remove", "-qq", "tagsmith")
    assert bare.run("sh", "-c", f"ls -d /opt/tagsmith /usr/bin/tagsmith {settings} 2>/dev/null || true").split() == [
        settings
    ]
    bare.run("apt-get", "purge", "-qq", "tagsmith")
    # The demo's journal is in /tmp by its own choice.
    left = bare.run("find", "/", "-xdev", "-iname", "*tagsmith*", "-not", "-path", "/tmp/*")
    assert set(left.split()) == {"/tagsmith.deb", "/var/lib/tagsmith"}
    assert bare.run("sha256sum", JOURNAL) == journal


def test_answers_from_a_file_make_a_station(fresh: CleanRoot) -> None:
    """`setup --from` writes all, says what is left without a systemd, and the doctor of the services' user has no
    complaint; what the unit starts then becomes ready, pairs and delivers."""
    guest = "guest_station.py"
    fresh.bring(Path(__file__).with_name(guest), guest)
    told = json.loads(fresh.run("python3", f"/{guest}").splitlines()[-1])
    assert told["setup"]["code"] == 3, told["setup"]
    assert "sudo systemctl enable --now tagsmith-station.service" in told["setup"]["said"]
    verdicts = {one["check"]: one["verdict"] for one in told["doctor"]}
    assert {check for check, verdict in verdicts.items() if verdict not in ("ok", "skipped")} <= {"clock", "byte-order"}
    assert {"scanner", "disc", "journal", "api", "permission"} <= {
        c for c, verdict in verdicts.items() if verdict == "ok"
    }
    assert told["told"][0] == "READY=1"
    assert told["status"]["pairs"]["reserved"] == 1
    assert told["status"]["last_pair"]["uid"] == "04a1b2c3d4e580"
    assert (told["status"]["attention"], told["code"]) == ([], 0)
    assert fresh.run("stat", "-c", "%U %a", "/etc/tagsmith/api-key").split() == ["tagsmith", "600"]
