"""`tagsmith commands`: the list, and the printed page, whose bars are read back by a decoder of the test's own."""

from __future__ import annotations

import itertools
import json
import os
import stat
import threading
import xml.etree.ElementTree as ElementTree
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tagsmith.cli.commands import commands
from tagsmith.errors import TagsmithError
from tagsmith.scanners import recognise

SVG = "{http://www.w3.org/2000/svg}"
FIXED = ["TAGSMITHUNDO", "TAGSMITHCLEAR", "TAGSMITHRETRY", "TAGSMITHVERIFY", "TAGSMITHACK"]
SHIFTS = ["TAGSMITHSIGNOFF", "TAGSMITHSHIFTSTART", "TAGSMITHSHIFTEND"]
REJECTS = [f"TAGSMITHREJ{why}" for why in ("PRINT", "DEAD", "WRONG", "DOUBLE", "OTHER")]
UNLOCK = "TAGSMITHUNLOCK"
STOPS = ["TAGSMITHSKIP", "TAGSMITHRECHECK", "TAGSMITHRUNUNDO", "TAGSMITHAGAIN", "TAGSMITHASIDE"]

# The bar and space widths of the values 0 to 105 (ISO/IEC 15417, table 1), and the stop character.
WIDTHS = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122
123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323
131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131
213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122
141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112
124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141
411131 211412 211214 211232
""".split()
STOP = "2331112"
START_A, START_B = 103, 104


def decoded(widths: str) -> str:
    """The text of a Code 128 symbol in code set A or B, from its bars and spaces; its check character must be right."""
    assert widths[-7:] == STOP
    assert (len(widths) - 7) % 6 == 0
    values = [WIDTHS.index(widths[at : at + 6]) for at in range(0, len(widths) - 7, 6)]
    start, *data, check = values
    assert start in (START_A, START_B)
    assert (start + sum(place * value for place, value in enumerate(data, 1))) % 103 == check
    assert all(value < 64 or (start == START_B and value < 95) for value in data)
    return "".join(chr(value + 32) for value in data)


class Symbol:
    """One barcode of the page: the words with it, its bars as (left, width) in mm, and its top and height."""

    def __init__(self, group: ElementTree.Element) -> None:
        texts = group.findall(f"{SVG}text")
        self.words = [text.text or "" for text in texts]
        self.sizes = [float(text.attrib["font-size"]) for text in texts]
        self.places = [(float(text.attrib["x"]), float(text.attrib["y"])) for text in texts]
        rects = [{name: float(value) for name, value in rect.items()} for rect in group.iter(f"{SVG}rect")]
        self.bars = sorted((rect["x"], rect["width"]) for rect in rects)
        ((self.top, self.height),) = {(rect["y"], rect["height"]) for rect in rects}
        self.left, self.right = self.bars[0][0], sum(self.bars[-1])
        self.module = min(width for _, width in self.bars)

    def text(self) -> str:
        """What a scanner reads."""
        edges = [edge for left, width in self.bars for edge in (left, left + width)]
        sizes = [(after - before) / self.module for before, after in itertools.pairwise(edges)]
        assert all(abs(size - round(size)) < 0.01 for size in sizes)
        return decoded("".join(str(round(size)) for size in sizes))


def settings_file(folder: Path, *lanes: str) -> Path:
    """A settings file with these lanes."""
    path = folder / "lanes.toml"
    readers = "".join(f'[[reader]]\nspec = "sim:{lane}"\nlane = "{lane}"\n' for lane in lanes)
    path.write_text(f'[station]\nname = "Hall <3>"\n{readers}', encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], catch_exceptions=False)


def sheet(folder: Path, *lanes: str) -> list[Symbol]:
    """The symbols of the page for these lanes, after what holds for every page was checked."""
    path = folder / "sheet.svg"
    done = run("--sheet", path, "--config", settings_file(folder, *lanes))
    assert done.exit_code == 0, done.output
    root = ElementTree.fromstring(path.read_bytes())
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("210mm", "297mm", "0 0 210 297")
    return [Symbol(group) for group in root.findall(f"{SVG}g")]


EIGHT = ("A", "B", "left", "right", "north-1", "gate 7", "Y", "\u4e00")
PAGES = [(), ("left", "right"), ("1", "2", "3"), ("ABCDEFGHIJKLMNOP", "B"), EIGHT]
FULL = [*PAGES, *(tuple(f"lane {n}" for n in range(count)) for count in (9, 12, 24))]


@pytest.mark.parametrize("lanes", FULL, ids=len)
def test_the_bars_read_back(tmp_path: Path, lanes: tuple[str, ...]) -> None:
    """Every symbol, read bar by bar, is the text printed below it, and a command of these very lanes, lanes first."""
    symbols = sheet(tmp_path, *lanes)
    texts = [symbol.text() for symbol in symbols]
    assert texts[-5:] == FIXED
    assert len(texts) == 5 + (len(lanes) or 1)
    for symbol, text in zip(symbols, texts, strict=True):
        assert symbol.words[-1] == text
    chosen = [command.lane for text in texts[:-5] if (command := recognise(text, lanes or ["1"])) is not None]
    assert chosen == list(lanes or ["1"])
    for symbol, lane in zip(symbols, chosen, strict=False):
        assert symbol.words[0] in (f"LANE {lane}", lane)
    assert [symbol.words[0] for symbol in symbols[-5:]] == ["UNDO", "CLEAR", "RETRY", "VERIFY", "ACK"]
    assert symbols[-1].words[1] == "The alarm was seen"


@pytest.mark.parametrize("lanes", FULL, ids=len)
def test_scanners_can_read_them(tmp_path: Path, lanes: tuple[str, ...]) -> None:
    """Modules of 0.33 mm or more, ten of them white on each side, bars of 7 mm or more, all on the page, no overlap."""
    symbols = sheet(tmp_path, *lanes)
    for symbol in symbols:
        quiet = 10 * symbol.module - 0.001
        assert 0.33 <= symbol.module <= 0.6
        assert symbol.height >= 7
        assert symbol.left - quiet >= 12
        assert symbol.right + quiet <= 198
        assert symbol.top + symbol.height + 6 <= 290
        for other in symbols:
            if other is not symbol and abs(other.top - symbol.top) < symbol.height + 6:
                assert other.top == symbol.top
                assert other.left - quiet >= symbol.right + quiet or symbol.left - quiet >= other.right + quiet


@pytest.mark.parametrize("lanes", [(), ("left", "right"), EIGHT, tuple("ABCDEFGHI")], ids=len)
def test_people_can_read_it_from_afar(tmp_path: Path, lanes: tuple[str, ...]) -> None:
    """A word with capitals of 8 mm (0.7 of the font's size), a sentence of 4 mm, beside the bars; a full page."""
    symbols = sheet(tmp_path, *lanes)
    columns = 2 if len(lanes) > 8 else 1
    for symbol in symbols:
        word, sentence, _ = symbol.places
        assert symbol.sizes[0] * 0.7 >= 8
        assert symbol.sizes[1] >= 4
        assert sentence[1] - word[1] >= symbol.sizes[0] * 0.2 + symbol.sizes[1] * 0.7
        if columns == 1:
            assert word[0] == sentence[0] >= symbol.right + 10 * symbol.module
            assert symbol.top + 8 <= word[1] < sentence[1] <= symbol.top + symbol.height + 4
        else:
            assert word[1] >= symbol.top + symbol.height + 2.4 + symbol.sizes[0] * 0.7
    assert 255 <= max(symbol.places[1][1] for symbol in symbols) <= 285
    assert len({symbol.places[0][0] for symbol in symbols}) == columns


def test_a_long_lane_stands_on_the_page(tmp_path: Path) -> None:
    """As large as it fits, whatever letters it has; nothing of it is left out."""
    for name, em in ("W" * 64, 1.1), ("\u4e00" * 64, 1.0), ("ABCDEFGHIJKLMNOP", 0.75):
        first = sheet(tmp_path, name, "2")[0]
        assert first.words[0] == name
        assert first.places[0][0] + first.sizes[0] * len(name) * em <= 198


def test_lanes_and_commands_stand_apart_under_station_and_date(tmp_path: Path) -> None:
    """Two headings, each above its codes; on top whose sheet it is, and of which day."""
    before = datetime.now().astimezone().date()
    symbols = sheet(tmp_path, "left", "right")
    after = datetime.now().astimezone().date()
    root = ElementTree.fromstring((tmp_path / "sheet.svg").read_bytes())
    texts = {text.text: float(text.attrib["y"]) for text in root.findall(f"{SVG}text")}
    assert texts["Hall <3>"] < 26
    assert {before.isoformat(), after.isoformat()} & set(texts)
    assert texts["Lanes"] < symbols[0].top
    assert symbols[1].top + symbols[1].height < texts["Commands"] < symbols[2].top


def test_the_lanes_of_a_run_with_readers(tmp_path: Path) -> None:
    """--reader, repeatable, as `run` has it: those readers' lanes, and none of the settings'."""
    config = settings_file(tmp_path, "left", "right", "third")
    listed = json.loads(run("--json", "--reader", "pcsc:A", "--reader", "pcsc:B", "--config", config).stdout)
    assert [one["lane"] for one in listed if one["lane"]] == ["1", "2"]
    with pytest.raises(TagsmithError):
        run("--reader", "pcsc:A", "--reader", "pcsc:A")


def test_nothing_foreign_is_on_the_page(tmp_path: Path) -> None:
    """No font, picture, script or address but the name space; black on white, whatever the viewer's colours."""
    path = tmp_path / "sheet.svg"
    run("--sheet", path, "--config", settings_file(tmp_path, "<b>&", "2"))
    text = path.read_text(encoding="utf-8")
    assert text.count("http") == 1
    assert "&lt;b&gt;&amp;" in text
    root = ElementTree.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "g", "rect", "text"}
    assert {element.get("font-family") for element in root.iter()} == {None, "sans-serif"}
    assert {element.get("fill") for element in root.iter()} == {None, "#000", "#fff"}


def test_too_many_lanes_for_a_page(tmp_path: Path) -> None:
    """Rather no sheet than one that scanners cannot read."""
    config = settings_file(tmp_path, *(f"lane {n}" for n in range(25)))
    with pytest.raises(TagsmithError, match="do not fit"):
        run("--sheet", tmp_path / "sheet.svg", "--config", config)
    assert not (tmp_path / "sheet.svg").exists()


def test_the_orders_for_shifts_have_a_page_of_their_own(tmp_path: Path) -> None:
    """They read back, wide enough for cheap scanners; both pages can be written at once."""
    path = tmp_path / "shifts.svg"
    done = run("--shift-sheet", path, "--sheet", tmp_path / "lanes.svg", "--config", settings_file(tmp_path, *EIGHT))
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == ["13", "3"]
    symbols = [Symbol(group) for group in ElementTree.fromstring(path.read_bytes()).findall(f"{SVG}g")]
    assert [symbol.text() for symbol in symbols] == SHIFTS
    assert [symbol.words[0] for symbol in symbols] == ["SIGN-OFF", "SHIFT-START", "SHIFT-END"]
    for symbol in symbols:
        assert symbol.module >= 0.33
        assert symbol.places[0][0] >= symbol.right + 10 * symbol.module


def test_the_reasons_for_rejects_have_a_page_of_their_own(tmp_path: Path) -> None:
    """They read back, wide enough for cheap scanners."""
    path = tmp_path / "rejects.svg"
    done = run("--reject-sheet", path, "--config", settings_file(tmp_path, *EIGHT))
    assert done.exit_code == 0
    root = ElementTree.fromstring(path.read_bytes())
    symbols = [Symbol(group) for group in root.findall(f"{SVG}g")]
    assert [symbol.text() for symbol in symbols] == REJECTS
    assert symbols[0].words[:2] == ["REJECT-PRINT", "Put this key aside: damaged print"]
    texts = {text.text: float(text.attrib["y"]) for text in root.findall(f"{SVG}text")}
    assert texts["Put aside"] < symbols[0].top
    for symbol in symbols:
        assert symbol.module >= 0.33
        assert symbol.sizes[0] * 0.7 >= 6
        assert symbol.places[0][0] >= symbol.right + 10 * symbol.module


def test_what_decides_in_a_stop_has_a_page_of_its_own(tmp_path: Path) -> None:
    """It reads back: nobody stops in the middle of a run to look for these among lanes."""
    path = tmp_path / "stops.svg"
    assert run("--stop-sheet", path, "--config", settings_file(tmp_path, *EIGHT)).exit_code == 0
    symbols = [Symbol(group) for group in ElementTree.fromstring(path.read_bytes()).findall(f"{SVG}g")]
    assert {symbol.text() for symbol in symbols} == {*STOPS, UNLOCK}
    words = {symbol.words[0] for symbol in symbols}
    assert words == {"SKIP", "RECHECK", "UNDO-RUN", "AGAIN", "ASIDE", "UNLOCK"}


def test_the_list(tmp_path: Path) -> None:
    """For people a table, for programs JSON: text, command, lane and meaning."""
    config = settings_file(tmp_path, "left", "right")
    table = run("--config", config).output.splitlines()
    assert [line.split()[0] for line in table[1:]] == [
        *FIXED,
        *SHIFTS,
        *REJECTS,
        UNLOCK,
        *STOPS,
        "TAGSMITHLANELEFT",
        "TAGSMITHLANERIGHT",
    ]
    listed = json.loads(run("--json", "--config", config).stdout)
    assert [one["text"] for one in listed] == [line.split()[0] for line in table[1:]]
    assert listed[-1] == {
        "text": "TAGSMITHLANERIGHT",
        "command": "lane",
        "lane": "right",
        "meaning": "the next number is for lane right",
    }


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """An old sheet is replaced, with the usual rights, and nothing else is left in the folder; a failure says where."""
    path = tmp_path / "sheet.svg"
    path.write_text("old")
    with path.open(encoding="utf-8") as old:
        assert run("--sheet", path).exit_code == 0
        assert old.read() == "old"  # replaced, not overwritten: whoever reads meanwhile has the one or the other
    assert path.read_text(encoding="utf-8").startswith("<?xml")
    assert list(tmp_path.iterdir()) == [path]
    mask = os.umask(0o022)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    with pytest.raises(TagsmithError, match=r"nowhere/sheet\.svg cannot be written"):
        run("--sheet", tmp_path / "nowhere" / "sheet.svg")


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    """A link's target is written, and what is no file (a pipe, a device) is not replaced by one."""
    target, link, pipe = tmp_path / "target.svg", tmp_path / "link.svg", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    assert run("--sheet", link).exit_code == 0
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8").startswith("<?xml")
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    assert run("--sheet", pipe).exit_code == 0
    reader.join(20)
    assert read == [target.read_text(encoding="utf-8")]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_the_half_written_file_is_nobody_else_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name cannot be known before, and where something has it all the same that is left alone, links too."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    opened: list[str] = []
    true_open = os.open

    def trapped(path: Path, flags: int, mode: int) -> int:
        assert path.parent == tmp_path
        opened.append(path.name)
        if len(opened) == 2:
            path.symlink_to(victim)
        return true_open(path, flags, mode)

    monkeypatch.setattr("tagsmith.cli.commands.os.open", trapped)
    sheet_file = tmp_path / "sheet.svg"
    assert run("--sheet", sheet_file).exit_code == 0
    sheet_file.unlink()
    with pytest.raises(TagsmithError, match="cannot be written"):
        run("--sheet", sheet_file)
    assert not sheet_file.exists()
    assert victim.read_text() == "mine"
    assert opened[0] != opened[1]
    assert str(os.getpid()) not in opened
    assert (tmp_path / opened[1]).is_symlink()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet that cannot be put in its place is taken away again, and the old one stays."""
    path = tmp_path / "sheet.svg"
    path.write_text("old")

    def full(half: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(TagsmithError, match="No space left"):
        run("--sheet", path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"
