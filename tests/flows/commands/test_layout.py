"""A table is readable on a terminal of any width, and shows every cell."""

import io
import random
import re

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from overnight.flows.commands.read.layout import Sheet


def printed(sheet: Sheet, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    if sheet.fits(width):
        console.print(sheet.grid(width))
    else:
        for line in sheet.blocks(console):
            console.print(line, soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def sheet_of(cells: list[list[str]], folded: set[int]) -> Sheet:
    return Sheet(cells[0], [[Text(cell) for cell in row] for row in cells[1:]], folded)


@pytest.mark.parametrize("seed", range(20))
def test_no_cell_is_lost_and_no_line_is_wider_than_the_terminal(seed: int):
    draw = random.Random(seed)
    columns, rows, width = draw.randint(1, 40), draw.randint(1, 5), draw.choice([30, 80, 132, 400])
    words = ["rate", "0.4751071836799383", "−1,027", "界限", "a_rather_long_name_of_one_word", "x" * 90]

    def cell(place: int) -> str:
        found = " ".join(draw.choice(words) for _ in range(draw.choice([1, 1, 12])))
        return f"{found}#{place}"

    cells = [[f"c{i}" for i in range(columns)]]
    cells += [[cell(100 * row + column) for column in range(columns)] for row in range(1, rows + 1)]
    sheet = sheet_of(cells, {i for i in range(columns) if draw.random() < 0.5})
    text = printed(sheet, width)
    in_grid = sheet.fits(width)
    lines = text.splitlines()
    assert all(cell_len(line) <= width for line in (lines if in_grid else lines[:-1]))
    if in_grid:
        return
    values = re.sub(r"\s", "", text)
    for row in cells[1:]:
        for value in row:
            assert value.replace(" ", "") in values


def test_a_grid_that_fits_shows_whole_numbers_and_words():
    sheet = sheet_of([["trial", "loss", "why"], ["1", "7.5354505479335785", "it took too long " * 3]], {2})
    for width in (50, 60, 80, 200):
        assert sheet.fits(width)
        text = printed(sheet, width)
        assert "7.5354505479335785" in text
        assert text.count("long") == 3
        assert max(map(len, text.splitlines())) <= width


def test_a_text_that_would_take_many_short_lines_is_below_its_row_instead():
    sheet = sheet_of([["trial", "point"], ["1", "rate=0.1  " * 60]], {1})
    assert not sheet.fits(80)
    assert sheet.fits(200)


def test_blocks_name_every_column_of_every_row():
    sheet = sheet_of([["trial", *(f"p{i}" for i in range(30))], *([str(n)] * 31 for n in (1, 2, 3))], set())
    lines = printed(sheet, 80).splitlines()
    assert [line.split()[2] for line in lines if line.startswith("──")] == ["1", "2", "3"]
    assert [line.split() for line in lines[2:32]] == [[f"p{i}", "1"] for i in range(30)]
    assert lines[-1] == "3 rows, each as a block: a table of them needs 179 characters, and the terminal has 80."


def test_without_rows_the_columns_are_named():
    sheet = sheet_of([[f"parameter_{i}" for i in range(30)]], set())
    [line] = printed(sheet, 80).splitlines()
    assert line.startswith("0 rows with the columns parameter_0, parameter_1, ")
    assert printed(sheet_of([["trial", "loss"]], set()), 80).count("┃") == 3


def test_escape_sequences_in_names_of_columns_are_shown():
    assert "\\x1b" in printed(sheet_of([["\x1b[2J" + "n" * 90], ["1"]], set()), 80)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_no_character_is_lost_on_the_narrowest_terminals(width: int):
    cells = [["名前", "n"], ["界限 0.25", "−1,027 界"], ["x" * 9, ""]]
    text = printed(sheet_of(cells, {0, 1}), width)
    for character in "名前界限0.25−1,7x":
        assert text.count(character) >= sum(value.count(character) for row in cells[1:] for value in row)
        assert character in text
