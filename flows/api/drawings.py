"""Charts of a campaign that notebooks show, each of them also as plain JSON for plotly."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from markupsafe import Markup

from overnight.report.page.drawings import page_of_charts

_FRAME = Markup(
    "<iframe srcdoc='{page}' sandbox='allow-scripts' loading='lazy' style='width: 100%; height: {height}px; border: 0'>"
    "</iframe>"
)


class Drawings(Sequence[dict[str, Any]]):
    """Some charts of a campaign; each item is a figure with `data` and `layout`, as plotly takes it.

    A notebook shows all of them, without a network. `names` are the places of the charts in the report.
    """

    def __init__(self, what: str, figures: Mapping[str, str]) -> None:
        self.what, self._figures = what, dict(figures)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the places of the charts in the report."""
        return (*self._figures,)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Return a figure, or several."""
        chosen = [*self._figures.values()][index]
        return json.loads(chosen) if isinstance(chosen, str) else [json.loads(each) for each in chosen]

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        return f"<Drawings of {self.what}: {', '.join(self._figures) or 'none'}>"

    def _repr_html_(self) -> str:
        if not self._figures:
            return str(Markup("<p>This campaign has no picture of {} so far.</p>").format(self.what))
        page, height = page_of_charts(self._figures)
        return str(_FRAME.format(page=str(page), height=height))

    def write_html(self, file: str | Path) -> Path:
        """Write the charts as one HTML file that needs no network, and return its path."""
        path = Path(file)
        path.write_text(str(page_of_charts(self._figures)[0]), encoding="utf-8")
        return path
