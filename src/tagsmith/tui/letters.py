"""Block letters of five by five cells, for words and numbers that are read from across the room. Pure.

A letter is made of full cells only: the one glyph every console font has, and the only one that leaves no hairlines.
"""

from __future__ import annotations

from functools import cache

HEIGHT = 5
"""Cells of a letter's height before it is enlarged."""
_GAP = 1

_SHAPES = """
A .###. #...# ##### #...# #...#
B ####. #...# ####. #...# ####.
C .#### #.... #.... #.... .####
D ####. #...# #...# #...# ####.
E ##### #.... ####. #.... #####
F ##### #.... ####. #.... #....
G .#### #.... #..## #...# .####
H #...# #...# ##### #...# #...#
I ### .#. .#. .#. ###
J ..### ...#. ...#. #..#. .##..
K #...# #..#. ###.. #..#. #...#
L #.... #.... #.... #.... #####
M #...# ##.## #.#.# #...# #...#
N #...# ##..# #.#.# #..## #...#
O .###. #...# #...# #...# .###.
P ####. #...# ####. #.... #....
Q .###. #...# #.#.# #..#. .##.#
R ####. #...# ####. #..#. #...#
S .#### #.... .###. ....# ####.
T ##### ..#.. ..#.. ..#.. ..#..
U #...# #...# #...# #...# .###.
V #...# #...# #...# .#.#. ..#..
W #...# #...# #.#.# ##.## #...#
X #...# .#.#. ..#.. .#.#. #...#
Y #...# .#.#. ..#.. ..#.. ..#..
Z ##### ...#. ..#.. .#... #####
? .###. #...# ..##. ..... ..#..
! # # # . #
0 .###. #..## #.#.# ##..# .###.
1 ..#.. .##.. ..#.. ..#.. .###.
2 ####. ....# .###. #.... #####
3 ####. ....# .###. ....# ####.
4 #..#. #..#. ##### ...#. ...#.
5 ##### #.... ####. ....# ####.
6 .###. #.... ####. #...# .###.
7 ##### ....# ...#. ..#.. ..#..
8 .###. #...# .###. #...# .###.
9 .###. #...# .#### ....# .###.
- ... ... ### ... ...
* ..#.. #.#.# .###. #.#.# ..#..
/ ....# ...#. ..#.. .#... #....
. . . . . #
: . # . # .
_ .... .... .... .... ####
"""


def _read(shapes: str) -> dict[str, tuple[str, ...]]:
    rows = (line.split() for line in shapes.split("\n") if line)
    return {letter: tuple(cells) for letter, *cells in rows}


_LETTERS = _read(_SHAPES)
_LETTERS[" "] = ("..",) * HEIGHT


def known(word: str) -> bool:
    """Whether every letter of the word has a shape."""
    return all(letter in _LETTERS for letter in word)


@cache
def word_rows(word: str) -> tuple[str, ...]:
    """The five rows of a word: `#` for a full cell, `.` for an empty one. Letters without a shape become `?`."""
    shapes = [_LETTERS.get(letter, _LETTERS["?"]) for letter in word]
    return tuple(("." * _GAP).join(shape[row] for shape in shapes) for row in range(HEIGHT))


def word_width(word: str) -> int:
    """Cells of the word's width before it is enlarged."""
    return len(word_rows(word)[0])
