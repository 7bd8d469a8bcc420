"""Build the Debian package for the machine this runs on: one per suite and architecture.

usage: deb.py [--python FILE] [--build FOLDER] [--out FOLDER] [--version VERSION]

The package is a virtual environment below /opt/tagsmith on the suite's own Python, with byte code and all libraries
of the lock, and what a Debian machine needs around it. A tree is staged and packed with dpkg-deb; debhelper would have
to be told not to do most of what it does. This needs nothing but the standard library; `requirements/system deb` sees
to the programs.
"""

from __future__ import annotations

import argparse
import email
import gzip
import hashlib
import os
import re
import shutil
import subprocess
from email.utils import formatdate
from pathlib import Path

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent
HOME = "opt/tagsmith"
MAINTAINER = os.environ.get("DEBFULLNAME", "tagsmith"), os.environ.get("DEBEMAIL", "tagsmith@example.org")

UNITS = "usr/lib/systemd/system/"
FILES = {
    "systemd/tagsmith-station.service": UNITS,
    "systemd/tagsmith-kiosk@.service": UNITS,
    "systemd/tagsmith-courier.service": UNITS,
    "systemd/tagsmith-plugged.service": UNITS,
    "systemd/tagsmith-login@.service": UNITS,
    "systemd/tagsmith.target": UNITS,
    "systemd/pcscd.service.d/tagsmith.conf": UNITS + "pcscd.service.d/",
    "udev/93-tagsmith.rules": "usr/lib/udev/rules.d/",
    "udev/tagsmith-name": "usr/lib/udev/",
    "udev/modprobe.d/tagsmith.conf": "usr/lib/modprobe.d/",
    "packaging/tagsmith.sysusers": "usr/lib/sysusers.d/tagsmith.conf",
    "packaging/tagsmith.tmpfiles": "usr/lib/tmpfiles.d/tagsmith.conf",
    "packaging/50-tagsmith.rules": "usr/share/polkit-1/rules.d/",
    "packaging/tagsmith.toml": "etc/tagsmith/",
    "packaging/debian/lintian-overrides": "usr/share/lintian/overrides/tagsmith",
    "README.md": "usr/share/doc/tagsmith/",
    "hardware.md": "usr/share/doc/tagsmith/",
    **{f"docs/{page.name}": "usr/share/doc/tagsmith/docs/" for page in sorted((ROOT / "docs").glob("*.md"))},
    "docs/alerts.yml": "usr/share/doc/tagsmith/docs/",
    "docs/screen.png": "usr/share/doc/tagsmith/docs/",
}
"""File of the checkout → where it lies in the package; a folder ends in a slash."""

SCRIPT = f"""\
#!/{HOME}/bin/python3 -I
# -I: no variable, no folder and no package of a user's changes what runs.
from tagsmith.__main__ import main

main()
"""

COMPILING = ("setuptools", "swig")
"""What compiles the libraries that have no wheel. One of them says that it needs setuptools to run, and does not."""

UNUSED = (
    "**/tests",
    "**/test",
    "sqlalchemy/testing",
    "alembic/testing",
    "alembic/templates",
    "textual/demo",
    # Its page asks a font of somebody else's server; ours is another.
    "textual_serve/templates",
    "smartcard/wx",
    "smartcard/pyro",
    "barcode/fonts",
    # Where each came from on the machine that built it.
    "*.dist-info/direct_url.json",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.c",
    "**/*.h",
    "**/*.pyi",
)
"""What no station imports, below site-packages."""

DEPENDS = (
    "systemd | systemd-sysusers",
    "systemd | systemd-tmpfiles",
    "pcscd",
    "libccid",
    # Opened by name, so that no tool finds them.
    "libpcsclite1",
    "libusb-1.0-0",
    "udev",
)
RECOMMENDS = ("libacsccid1", "systemd-timesyncd | time-daemon")


def main() -> None:
    """Build it, and print where it is and how large."""
    parser = argparse.ArgumentParser(description="Build the Debian package for the machine this runs on.")
    parser.add_argument("--python", type=Path, default=Path("/usr/bin/python3"), help="the suite's own Python")
    parser.add_argument("--build", type=Path, default=ROOT / "build/deb", help="a folder to work in")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="where the package goes")
    parser.add_argument("--version", help="in place of tagsmith's")
    parser.add_argument("--compress", default="xz", help="how dpkg-deb packs it: xz, or gzip to be done sooner")
    given = parser.parse_args()
    os.umask(0o022)
    build = given.build.absolute()
    build.mkdir(parents=True, exist_ok=True)
    stage = build / "root"
    shutil.rmtree(stage, ignore_errors=True)
    wheels = built(build, given.python)
    environment(stage, given.python, build / "tools", wheels)
    (version,) = (wheel.name.split("-")[1] for wheel in wheels if wheel.name.startswith("tagsmith-"))
    version = given.version or version
    for source, target in FILES.items():
        place(ROOT / source, stage / (target + source.rpartition("/")[2] if target.endswith("/") else target))
    (stage / "usr/bin").mkdir(parents=True)
    (stage / "usr/bin/tagsmith").symlink_to(f"/{HOME}/bin/tagsmith")
    run(str(stage / HOME / "bin/python3"), "-B", str(HERE / "manual.py"), str(stage))
    documents(stage, version)
    control(stage, version, output("dpkg", "--print-architecture"), given.python)
    package = given.out / f"tagsmith_{version}_{output('dpkg', '--print-architecture')}.deb"
    run("dpkg-deb", "--root-owner-group", f"-Z{given.compress}", "--build", str(stage), str(package))
    print(f"{package}: {package.stat().st_size / 1e6:.1f} MB, installed {size_kib(stage) / 1000:.1f} MB")


def built(build: Path, python: Path) -> list[Path]:
    """The wheels of the lock and tagsmith's own, built with the suite's Python and the tools of the lock."""
    tools = build / "tools"
    if not (tools / "bin/pip").exists():
        run(str(python), "-m", "venv", "--clear", str(tools))
    (build / "tools.txt").write_text(pinned("build.txt") + pinned("test.txt", *COMPILING))
    pip = [str(tools / "bin/python"), "-m", "pip", "-qq", "--no-input", "--disable-pip-version-check"]
    locked = ("--no-deps", "--require-hashes")
    run(*pip, "install", *locked, "-r", str(build / "tools.txt"))
    wheels = build / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    (build / "libraries.txt").write_text(pinned("hardware.txt", but=COMPILING))
    # The compilers are the tools' own: they come first, and nothing is fetched beside the lock.
    path = {**os.environ, "PATH": f"{tools / 'bin'}:{os.environ['PATH']}"}
    make = [*pip, "wheel", "--no-build-isolation", "--wheel-dir", str(wheels)]
    run(*make, *locked, "-r", str(build / "libraries.txt"), env=path)
    run(*make, "--no-deps", "--no-index", str(ROOT), env=path)
    return sorted(wheels.glob("*.whl"))


def pinned(lock: str, *names: str, but: tuple[str, ...] = ()) -> str:
    """The entries of a lock with their hashes: all, or those of these names, or all but some."""
    entries = re.split(r"^(?=[a-z])", (ROOT / "requirements" / lock).read_text(), flags=re.MULTILINE)
    named = {entry.partition("==")[0]: entry for entry in entries}
    return "".join(entry for name, entry in named.items() if name not in but and (not names or name in names))


def environment(stage: Path, python: Path, tools: Path, wheels: list[Path]) -> None:
    """The virtual environment, as it will lie at its own place."""
    home = stage / HOME
    home.mkdir(parents=True)
    run(str(python), "-m", "venv", "--without-pip", "--symlinks", str(home))
    pip = [str(tools / "bin/python"), "-m", "pip", "--python", str(home / "bin/python3"), "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-input", "--no-deps", "--no-index", "--no-compile", *map(str, wheels))
    for script in (home / "bin").iterdir():
        if not re.fullmatch(r"python[0-9.]*", script.name):
            script.unlink()
    shutil.rmtree(home / "include")
    config = home / "pyvenv.cfg"
    config.write_text("".join(line for line in config.read_text().splitlines(True) if not line.startswith("command")))
    (home / "bin/tagsmith").write_text(SCRIPT)
    (home / "bin/tagsmith").chmod(0o755)
    (packages,) = home.glob("lib/python3*/site-packages")
    for pattern in UNUSED:
        for found in sorted(packages.glob(pattern)):
            if found.is_dir():
                shutil.rmtree(found)
            elif found.exists():
                found.unlink()
    libraries = [file for file in packages.rglob("*") if re.search(r"\.so(\.[0-9.]+)?$", file.name) and file.is_file()]
    run("strip", "--strip-unneeded", *map(str, libraries))
    for file in packages.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    # By its content and never by its time: nobody compiles anew at a start, or writes here.
    mode = ("--invalidation-mode", "unchecked-hash")
    run(str(python), "-m", "compileall", "-q", "-j", "0", *mode, "-s", str(stage), "-p", "/", str(home / "lib"))


def place(source: Path, path: Path) -> None:
    """Copy a file, with no right but the usual."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    path.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def documents(stage: Path, version: str) -> None:
    """Copyright, changelog and manual page, as Debian wants them."""
    folder = stage / "usr/share/doc/tagsmith"
    (folder / "copyright").write_text((HERE / "debian/copyright").read_text() + licences(stage))
    entry = f"tagsmith ({version}) stable; urgency=medium\n\n  * What changed: CHANGELOG.gz beside this file.\n"
    entry += f"\n -- {MAINTAINER[0]} <{MAINTAINER[1]}>  {formatdate(made_at(), localtime=False)}\n"
    compressed(folder / "changelog.gz", entry.encode())
    compressed(folder / "CHANGELOG.gz", (ROOT / "CHANGELOG.md").read_bytes())
    page = stage / "usr/share/man/man1/tagsmith.1"
    compressed(page.with_name("tagsmith.1.gz"), page.read_bytes())
    page.unlink()


def licences(stage: Path) -> str:
    """A paragraph for each library that is shipped, by what it says of itself."""
    text = ""
    for file in sorted((stage / HOME).glob("lib/python3*/site-packages/*.dist-info/METADATA")):
        about = email.message_from_string(file.read_text(encoding="utf-8"))
        if about["Name"] != "tagsmith":
            said = about["License-Expression"] or (about["License"] or "").partition("\n")[0]
            classes = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if "License ::" in line]
            text += f"\n - {about['Name']} {about['Version']}: {said or ', '.join(classes)}"
    return text + "\n"


def control(stage: Path, version: str, arch: str, python: Path) -> None:
    """What dpkg reads."""
    folder = stage / "DEBIAN"
    files = sorted(file for file in stage.rglob("*") if file.is_file() and not file.is_symlink())
    folder.mkdir()
    for script in ("postinst", "prerm", "postrm"):
        place(HERE / "debian" / script, folder / script)
    (folder / "conffiles").write_text("/etc/tagsmith/tagsmith.toml\n")
    sums = (f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(stage)}\n" for file in files)  # noqa: S324
    (folder / "md5sums").write_text("".join(sums))
    major, minor = map(int, output(str(python), "-c", "import sys; print(*sys.version_info[:2])").split())
    suited = f"python3 (>= {major}.{minor}~)", f"python3 (<< {major}.{minor + 1}~)"
    fields = {
        "Package": "tagsmith",
        "Version": version,
        "Architecture": arch,
        "Maintainer": f"{MAINTAINER[0]} <{MAINTAINER[1]}>",
        "Installed-Size": str(size_kib(stage)),
        "Section": "misc",
        "Priority": "optional",
        "Depends": ", ".join([*suited, *linked(stage), *DEPENDS]),
        "Recommends": ", ".join(RECOMMENDS),
        "Description": (HERE / "debian/description").read_text().rstrip(),
    }
    (folder / "control").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))


def linked(stage: Path) -> list[str]:
    """The packages of the libraries that ours are linked with, with the versions they need at least."""
    (stage.parent / "debian").mkdir(exist_ok=True)
    (stage.parent / "debian/control").write_text("Source: tagsmith\n\nPackage: tagsmith\nArchitecture: any\n")
    libraries = sorted(str(file) for file in (stage / HOME).rglob("*.so*") if file.is_file())
    own = sorted({str(Path(file).parent) for file in libraries if ".libs/" in file})
    said = output(
        *("dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0"),
        *(f"-l{folder}" for folder in own),
        *(f"-e{file}" for file in libraries),
        folder=stage.parent,
    )
    return [name for name in said.removeprefix("shlibs:Depends=").split(", ") if name]


def made_at() -> int:
    """The moment of the last change, so that the same sources make the same package."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    return int((ROOT / "CHANGELOG.md").stat().st_mtime)


def compressed(path: Path, content: bytes) -> None:
    """Write it with gzip, without a name or a time in it."""
    path.write_bytes(gzip.compress(content, 9, mtime=0))
    path.chmod(0o644)


def size_kib(stage: Path) -> int:
    """What dpkg calls the installed size: whole KiB for each file, one for anything else (deb-substvars(5))."""
    paths = [path for path in stage.rglob("*") if "DEBIAN" not in path.relative_to(stage).parts]
    return sum(-(-path.stat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1 for path in paths)


def run(*command: str, env: dict[str, str] | None = None) -> None:
    """Run a command; what it says is seen, and its failure is ours."""
    subprocess.run(command, check=True, env=env)


def output(*command: str, folder: Path | None = None) -> str:
    """What a command says."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder).stdout.strip()


if __name__ == "__main__":
    main()
