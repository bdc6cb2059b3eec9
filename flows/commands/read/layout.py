"""Tables of any width on a terminal: a grid if it fits, or else a block of lines for each row."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.campaign.values.harmless import harmless

# A cell that is folded has lines of at least this width, unless all of its words are shorter, and few of them.
_NARROWEST, _MOST_LINES = 20, 6
# A column has a space on both sides and a border behind it.
_FRAME = 3
_BETWEEN = 2
# The widest characters, such as those of Chinese, take two columns; a line without room for one would lose it.
_WIDE = 2


@dataclass(frozen=True)
class Sheet:
    """A table before it is laid out: its cells, the columns that may be folded, and those that align to the right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Text]]
    folded: Container[int]
    right: Container[int] = ()

    def fits(self, width: int) -> bool:
        """Return whether a grid is readable on a terminal of this width."""
        return self._width <= width

    def grid(self, width: int) -> Table:
        """Return a grid that fits; columns that may be folded share the width that the others leave."""
        table = Table(header_style="bold", padding=(0, 1))
        needs, spare = self._needs, width - self._width
        for i, heading in enumerate(self.headings):
            more = min(spare, self._widest(i) - needs[i])
            justify: Literal["left", "right"] = "right" if i in self.right else "left"
            table.add_column(Text(harmless(heading)), justify=justify, overflow="fold", width=needs[i] + more)
            spare -= more
        for row in self.rows:
            table.add_row(*row)
        return table

    def lines(self) -> Text:
        """Return aligned lines without frames and folds, for thousands of rows: a grid of so many takes seconds."""
        cells = [[Text(harmless(heading)) for heading in self.headings], *self.rows]
        widths, text = [self._widest(i) for i in range(len(self.headings) - 1)], Text()
        for row in cells:
            for i, (cell, width) in enumerate(zip(row, widths, strict=False)):
                room = " " * (width - cell_len(cell.plain))
                text.append(f"{room}{cell.plain}  " if i in self.right else f"{cell.plain}{room}  ")
            text.append(f"{row[-1].plain}\n")
        text.rstrip()
        return text

    def blocks(self, console: Console) -> Iterator[Text]:
        """Yield for each row a ruled line and a line for each of its columns, and finally why there is no grid."""
        headings = [Text(harmless(heading), style="bold") for heading in self.headings]
        names = min(max(cell_len(heading.plain) for heading in headings), max(console.width // 2, _WIDE))
        room = max(console.width - names - _BETWEEN, _WIDE)
        for number, row in enumerate(self.rows, start=1):
            yield Text(f"── row {number} ".ljust(min(console.width, names + _BETWEEN + _NARROWEST), "─"), style="dim")
            for heading, cell in zip(headings, row, strict=True):
                yield from _beside(console, heading, names, cell, room)
        yield from self._why(console.width)

    def _why(self, width: int) -> Iterator[Text]:
        """Yield why the rows are blocks; without rows, the columns as well."""
        if not self.rows:
            yield Text(f"0 rows with the columns {', '.join(map(harmless, self.headings))}")
            return
        rows = "1 row, as a block" if len(self.rows) == 1 else f"{len(self.rows)} rows, each as a block"
        yield Text(f"{rows}: a table of them needs {self._width} characters, and the terminal has {width}.")

    @property
    def _width(self) -> int:
        """Return the least width with which a grid is readable."""
        return sum(self._needs) + _FRAME * len(self.headings) + 1

    @cached_property
    def _needs(self) -> list[int]:
        """Return the least width with which each column is readable."""
        return [self._folded(i) if i in self.folded else self._widest(i) for i in range(len(self.headings))]

    def _texts(self, column: int) -> Iterator[str]:
        yield harmless(self.headings[column])
        yield from (row[column].plain for row in self.rows)

    def _widest(self, column: int) -> int:
        return max(cell_len(line) for text in self._texts(column) for line in text.split("\n"))

    def _folded(self, column: int) -> int:
        longest = max(cell_len(text) for text in self._texts(column))
        word = max((cell_len(word) for text in self._texts(column) for word in text.split()), default=0)
        return min(max(min(word, _NARROWEST), -(-longest // _MOST_LINES)), self._widest(column))


def _beside(console: Console, heading: Text, names: int, cell: Text, room: int) -> Iterator[Text]:
    """Yield the lines of a heading and a cell beside each other, each folded if it is too long."""
    left, right = _folded_lines(console, heading, names), _folded_lines(console, cell, room)
    for i in range(max(len(left), len(right))):
        name, value = (lines[i] if i < len(lines) else Text() for lines in (left, right))
        gap = " " * (names + _BETWEEN - cell_len(name.plain)) if value.plain else ""
        yield Text.assemble(name, gap, value)


def _folded_lines(console: Console, text: Text, width: int) -> list[Text]:
    if "\n" not in text.plain and cell_len(text.plain) <= width:
        return [text]
    lines = [*text.wrap(console, width, overflow="fold")]
    for line in lines:
        line.rstrip()
    return lines
