"""A notebook that tunes a function, and a stand-in for marimo, which runs its cells and shows their values."""

import ast
import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CELLS = (
    "import overnight\n"
    "found = overnight.minimize(lambda p: (p['x'] - 0.3) ** 2, {'x': (0, 1)}, trials=9, ledger='ledger', name='bowl')\n"
    "found",
    "campaign = overnight.open_campaign('ledger/bowl')\ncampaign",
    "campaign.plot_slices()",
    "campaign.trials().head(3)",
    "campaign.watch()",
)


class CellOutput:
    """The output of a cell; stands for `IPython.display.display`, which marimo replaces in this way."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def display(self, value: Any, *, display_id: bool) -> "CellOutput":
        """Show one more value, and return a handle that can replace it."""
        assert display_id
        self.parts.append(as_marimo_shows(value))
        return self

    def update(self, value: Any) -> None:
        """Show this value instead of the whole output."""
        self.parts = [as_marimo_shows(value)]


def as_marimo_shows(value: Any) -> str:
    """Return the output for a value: marimo prefers its own protocols to those of Jupyter."""
    if hasattr(value, "_display_"):
        return as_marimo_shows(value._display_())
    if hasattr(value, "_mime_"):
        return value._mime_()[1]
    return value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)


def run_like_marimo(cells: Sequence[str], output: CellOutput) -> list[str]:
    """Run cells in another thread, within a running event loop, and return the output of each."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _run(cells, output)).result()


async def _run(cells: Sequence[str], output: CellOutput) -> list[str]:
    names, shown = dict[str, Any](), list[str]()
    for cell in cells:
        output.parts = []
        *statements, last = ast.parse(cell).body
        assert isinstance(last, ast.Expr)
        exec(compile(ast.Module(statements, []), "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        shown.append("".join(output.parts) if value is None else as_marimo_shows(value))
    return shown
