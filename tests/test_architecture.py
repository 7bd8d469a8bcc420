"""The project as a whole: what is imported when, and papers that must agree with the code."""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import tagsmith

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

HEAVY = (
    "alembic",
    "asyncio",
    "httpx",
    "pydantic",
    "pydantic_settings",
    "rich",
    "smartcard",
    "sqlalchemy",
    "ssl",
    "starlette",
    "textual",
    "uvicorn",
)
"""What a command that asks nothing of it must not load; any of these costs more than the command."""


def modules_after(*arguments: str) -> tuple[str, set[str]]:
    """Standard output of `tagsmith ARGUMENTS`, and the top-level modules that were loaded when it ended."""
    program = (
        "import json, runpy, sys\n"
        "try:\n    runpy.run_module('tagsmith', run_name='__main__')\n"
        "finally:\n    print('\\0' + json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=50
    )
    output, _, modules = done.stdout.rpartition("\0")
    return output, set(json.loads(modules))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("run", "--help"),
        ("demo", "--help"),
        ("journal", "--help"),
        ("uid", "--help"),
        ("orders", "place", "--help"),
    ],
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Help and version come at once: no screen, client, database, server, driver or event loop is loaded for them."""
    output, modules = modules_after(*arguments)
    assert output.strip()
    assert not modules.intersection(HEAVY)


@pytest.mark.parametrize("arguments", [("uid", "04a1b2c3d4e5f6"), ("visual-number", "DE-8PS-C0CD0C002-B")])
def test_the_judges_load_settings_and_nothing_more(arguments: tuple[str, ...]) -> None:
    """A UID or a number is judged by the settings in force, without screen, client, database, server or driver."""
    output, modules = modules_after(*arguments)
    assert output.strip()
    assert not modules.intersection(
        {"alembic", "httpx", "rich", "smartcard", "sqlalchemy", "starlette", "textual", "uvicorn"}
    )


def test_a_station_without_a_screen_loads_none() -> None:
    """What draws and what speaks to PostgreSQL is loaded where it is used; a start is long enough without."""
    program = "import json, sys, tagsmith.station; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50)
    unwanted = {"alembic", "pygments", "rich", "sqlalchemy.dialects.postgresql", "textual", "uvicorn"}
    assert not unwanted.intersection(json.loads(done.stdout))


def test_the_version_is_one() -> None:
    """The package, its installed metadata and the newest entry of the changelog name the same version."""
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == tagsmith.__version__ == metadata.version("tagsmith")


def test_everything_is_installed() -> None:
    """The installed package holds every file of the source, stylesheet, migrations and type marker included."""
    source, installed = ROOT / "src" / "tagsmith", Path(tagsmith.__file__).parent
    wanted = {
        path.relative_to(source) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(wanted) > 20
    assert {path for path in wanted if not (installed / path).is_file()} == set()
    different = {path for path in wanted if (installed / path).read_bytes() != (source / path).read_bytes()}
    assert different == set(), "the installed package is not this source: build it again"


def test_the_picture_is_the_contract() -> None:
    """docs/architecture.md draws the same import layers that import-linter enforces."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    layers = next(
        contract["layers"] for contract in PROJECT["tool"]["importlinter"]["contracts"] if "layers" in contract
    )
    assert "```\n" + "\n".join(layers) + "\n```\n" in page


def test_every_room_is_drawn() -> None:
    """docs/architecture.md names every room there is, and none that is not."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^  ([a-z0-9_]+)(?:\.py|/) ", page, re.MULTILINE))
    rooms = {path.stem for path in (ROOT / "src" / "tagsmith").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert drawn == {room for room in rooms if not room.startswith("__")}


def requirements() -> Iterator[str]:
    """The name of every direct dependency, of tagsmith itself and of its tests."""
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values(), PROJECT["dependency-groups"]["dev"]]
    for line in itertools.chain.from_iterable(groups):
        name = re.split(r"[^A-Za-z0-9_.-]", line)[0]
        if name != "tagsmith":
            yield name


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md gives a reason for each direct dependency and each system package, and for nothing else."""
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    packages, system = page.split("## System packages")
    assert set(re.findall(r"^\| ([a-z-]+) \| .{10,}", packages, re.MULTILINE)) == set(requirements())
    listed = {
        name
        for line in re.findall(r"^\| ([a-z0-9., -]+) \| (?:demo|test|long|deb)", system, re.MULTILINE)
        for name in line.split(", ")
    }
    script = (ROOT / "requirements" / "system").read_text(encoding="utf-8")
    installed = {name for names in re.findall(r'packages="(.+?)"', script) for name in names.split()}
    assert listed == installed


def test_the_lock_is_pinned_hashed_and_names_no_index() -> None:
    """Every line of the lock is one exact version with hashes; every direct dependency is in it."""
    locked: set[str] = set()
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        for entry in text.replace("\\\n", " ").splitlines():
            assert re.fullmatch(r"[a-z0-9_.-]+==[^ ;]+( ; [^-]+)?( +--hash=sha256:[0-9a-f]{64})+ *", entry), (
                path.name,
                entry[:60],
            )
            locked.add(entry.split("==")[0])
    assert set(requirements()) <= locked


def test_one_version_of_each_package() -> None:
    """The locks for running, for PC/SC, for building and for testing agree on every version they share."""
    seen: dict[str, str] = {}
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        for name, version in re.findall(r"^([a-z0-9_.-]+)==([^ ;]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert seen.setdefault(name, version) == version, name


def texts() -> Iterator[Path]:
    """Every file of the project that people wrote."""
    for folder in (".ci", "benchmarks", "docs", "packaging", "requirements", "src", "systemd", "tests", "udev"):
        for path in sorted((ROOT / folder).rglob("*")):
            if (
                path.is_file()
                and "__pycache__" not in path.parts
                and path.suffix not in {".sqlite", ".png", ".svg", ".gz"}
            ):
                yield path
    yield from (
        ROOT / name for name in ("README.md", "CHANGELOG.md", "hardware.md", "Makefile", "pyproject.toml", ".gitignore")
    )


# Written so that this file does not hold what it looks for.
FORBIDDEN = re.compile(
    "|".join(
        (
            r"\bTO" r"DO\b",
            r"\bFIX" r"ME\b",
            r"\bX" r"XX\b",
            r"raise NotImplemented" r"Error",
            r"\bpy" r"pi\.org",
            r"python" r"hosted",
            r"deb\.deb" r"ian\.org",
            r"/wo" r"rk/",
            r"\.\./sha" r"red",
            r"\bissue #?\d",
        )
    )
)


def test_nothing_unfinished_and_nothing_foreign() -> None:
    """No placeholder, no package index, no path of a developer's machine stands in any file of the project."""
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in texts()
        for match in FORBIDDEN.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_every_module_says_what_it_owns() -> None:
    """Each module of the package opens with a docstring."""
    silent = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "src").rglob("*.py"))
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_test_says_what_it_pins_and_none_is_skipped() -> None:
    """Each test has a docstring; none is skipped or expected to fail."""
    silent, evaded = [], []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                if not ast.get_docstring(node):
                    silent.append(place)
            elif isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "xfail", "importorskip"}:
                evaded.append(place)
    assert silent == []
    assert evaded == []


def test_every_member_of_an_enum_is_explained() -> None:
    """Each member of each enum of the package is followed by its meaning."""
    bare = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)):
                continue
            for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
                explained = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if isinstance(statement, ast.Assign) and not explained:
                    bare.append(f"{path.relative_to(ROOT)}:{statement.lineno}")
    assert bare == []
