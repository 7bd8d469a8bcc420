"""The catalogue of sentences: gathers them from the sources, keeps the .po files whole, compiles the .mo files.

`python docs/catalogue.py` (or `make generated`) adds what the sources have and a .po lacks, with an empty translation
to fill in, drops what no source says any more, and compiles. No tools of gettext are needed.

Gathered are the texts in `_("…")`, `N_("…")`, `Sentence("…")` and `plural("…", "…", n)` anywhere, and the values of the
tables of words.py.
"""

from __future__ import annotations

import ast
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src" / "tagsmith"
LOCALES = SOURCES / "locales"
TABLES = SOURCES / "words.py"
_MARKS = {"_": 1, "N_": 1, "Sentence": 1, "plural": 2}
_FORMS = {"", "{title} {hint}", "{what} {holder}.", "{hint}."}
"""Sentences of nothing but values."""
_HEADER = "Content-Type: text/plain; charset=UTF-8\nLanguage: {language}\nPlural-Forms: nplurals=2; plural=(n != 1);\n"


def sentences() -> dict[str, str]:
    """Every sentence of the sources → the modules that have it."""
    found: dict[str, list[str]] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for text in [*_marked(tree), *(_in_tables(tree) if path == TABLES else ())]:
            if text not in _FORMS:
                found.setdefault(text, []).append(path.relative_to(SOURCES).as_posix())
    return {text: " ".join(dict.fromkeys(places)) for text, places in sorted(found.items())}


def _marked(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for argument in node.args[: _MARKS.get(name, 0)]:
            yield from _constants(argument)


def _in_tables(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            value = statement.value
            if isinstance(value, ast.Dict):
                for one in value.values:
                    yield from _constants(one)
            elif isinstance(value, ast.Constant | ast.Tuple):
                yield from _constants(value)


def _constants(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may come to: constants, those of a tuple, both sides of an `if`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Tuple):
        for one in node.elts:
            yield from _constants(one)
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def read_po(path: Path) -> dict[str, str]:
    """Sentence → translation, of a .po file as `write_po` writes it (or any tool: strings may run over lines)."""
    found: dict[str, str] = {}
    parts: dict[str, str] = {}
    current = ""
    for line in [*path.read_text(encoding="utf-8").splitlines(), 'msgid ""']:
        word, _, rest = line.partition(" ")
        if word == "msgid":
            if parts.get("msgid"):
                found[parts["msgid"]] = parts.get("msgstr", "")
            parts = {}
        if word in ("msgid", "msgstr"):
            current, parts[word] = word, ast.literal_eval(rest)
        elif line.startswith('"'):
            parts[current] += ast.literal_eval(line)
    return found


def write_po(path: Path, language: str, translations: dict[str, str]) -> None:
    """A .po file with every sentence of the sources; without a language it is the .pot."""
    blocks = [f'msgid ""\nmsgstr ""\n{_quoted_lines(_HEADER.format(language=language))}']
    blocks += [
        f"#: {places}\nmsgid {_quoted(text)}\nmsgstr {_quoted(translations.get(text, ''))}"
        for text, places in sentences().items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _quoted_lines(text: str) -> str:
    return "\n".join(_quoted(line) for line in text.splitlines(keepends=True))


def compiled(language: str, translations: dict[str, str]) -> bytes:
    """The .mo file: what gettext reads (GNU gettext manual, "The Format of GNU MO Files")."""
    pairs = {"": _HEADER.format(language=language), **{text: said for text, said in translations.items() if said}}
    ordered = sorted((text.encode(), said.encode()) for text, said in pairs.items())
    count = len(ordered)
    ids = b"".join(text + b"\0" for text, _ in ordered)
    said = b"".join(text + b"\0" for _, text in ordered)
    table, places = b"", 28 + 16 * count
    for column in (0, 1):
        for row in ordered:
            table += struct.pack("<II", len(row[column]), places)
            places += len(row[column]) + 1
    return struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 28 + 16 * count) + table + ids + said


def missing(language: str) -> list[str]:
    """The sentences that have no translation."""
    known = read_po(po(language))
    return [text for text in sentences() if not known.get(text)]


def po(language: str) -> Path:
    """The .po file of a language."""
    return LOCALES / language / "LC_MESSAGES" / "tagsmith.po"


def main() -> None:
    """Bring the catalogues up to date and say what lacks a translation."""
    write_po(LOCALES / "tagsmith.pot", "", {})
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/tagsmith.po")):
        language = path.parts[-3]
        write_po(path, language, read_po(path))
        path.with_suffix(".mo").write_bytes(compiled(language, read_po(path)))
        for text in missing(language):
            sys.stderr.write(f"{path.name} of {language}: not translated: {text}\n")


if __name__ == "__main__":
    main()
