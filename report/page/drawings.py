"""Charts of the report by themselves, as a page of their own for a notebook."""

import json
from collections.abc import Mapping

from markupsafe import Markup

from overnight.report.page.packed import packed_figures, packed_plotly
from overnight.report.page.template import file_of_page

_PAGE = Markup(
    "<!doctype html><meta charset='utf-8'><meta name='color-scheme' content='light dark'>"
    "<style>body {{ margin: 0 }}</style>{places}<script type='text/plain' id='plotly'>{plotly}</script>"
    "<script type='text/plain' id='figures'>{figures}</script><script>{draw}drawCharts();</script>"
)
_GAP = 16


def page_of_charts(figures: Mapping[str, str]) -> tuple[Markup, int]:
    """Return charts, given as the JSON of a page by their places, as an HTML page, and the height that it needs."""
    places = Markup("").join(Markup("<div class='chart' id='{}'></div>").format(place) for place in figures)
    page = _PAGE.format(
        places=places,
        plotly=packed_plotly(),
        draw=Markup(file_of_page("draw-charts.js")),  # noqa: S704
        figures=packed_figures(figures),
    )
    return page, sum(json.loads(figure)["layout"]["height"] + _GAP for figure in figures.values())
