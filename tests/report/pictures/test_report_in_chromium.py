"""The report in a real browser: no width of a window cuts it or makes it scroll sideways."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from awkward_campaigns import AWKWARD
from chromium import MISSING, PROGRAM, Page, chromium
from insights import insight_at
from recommendations import recommendation
from standing import story_about
from told_stories import POINT, Story

from overnight.campaign import History
from overnight.campaign.insight import Contour
from overnight.campaign.recommendation import Recommendation
from overnight.report.html import render_report

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def look(page: Page, history: History, folder: Path, width: int, found: Recommendation | None = None) -> None:
    file = folder / "report.html"
    file.write_text(render_report(history, story_about(history, recommendation=found)), encoding="utf-8")
    page.size(width)
    page.open(file.as_uri())


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", ["long-names", "right-to-left", "only-failures"])
def test_no_report_is_wider_than_its_window(page: Page, tmp_path: Path, name: str, width: int):
    look(page, History.from_events(AWKWARD[name]()), tmp_path, width)
    assert page.value("document.documentElement.scrollWidth") <= width


def test_a_point_names_its_trial_and_the_value_of_the_parameter(page: Page, tmp_path: Path):
    story = Story().tried(1, 1, 0.5, point=POINT | {"mode": "slow"}).tried(2, 3, 0.25, point=POINT | {"mode": "fast"})
    look(page, story.history, tmp_path, 1440)
    page.until("document.querySelectorAll('.js-plotly-plot').length > 3")
    page.value("Plotly.Fx.hover(document.getElementById('parameter-2'), [{curveNumber: 0, pointNumber: 1}])")
    lines = "[...document.querySelectorAll('#parameter-2 .hovertext text tspan.line')].map((each) => each.textContent)"
    page.until(f"{lines}.length > 0")
    assert page.value(lines) == ["trial 2 (sobol)", "loss 0.25", "mode = fast"]


def test_a_picture_in_closed_details_fills_its_place_once_they_are_opened(page: Page, tmp_path: Path):
    cells: dict[str, Any] = {"at_across": (0.1, 0.2), "at_up": (1, 9), "mean": ((2.0, 1.0), (3.0, 2.0))}
    contour = Contour(across="rate", up="depth", **cells)
    story, found = (
        Story().tried(1, 1, 0.5),
        recommendation(trial=1, mean=0.5, sd=0.1, point=POINT, probability_best=0.5),
    )
    insight = insight_at(story.campaign, POINT, [], contour=contour, pairs=(contour,))
    about = story_about(story.history, recommendation=found, insight=insight)
    file = tmp_path / "report.html"
    file.write_text(render_report(story.history, about), encoding="utf-8")
    page.size(1440)
    page.open(file.as_uri())
    page.until("document.getElementById('pair-0-0').classList.contains('js-plotly-plot')")
    page.value("document.getElementById('pair-0-0').closest('details').querySelector('summary').click()")
    widths = "[document.getElementById('pair-0-0'), document.querySelector('#pair-0-0 .main-svg')]"
    widths += ".map((each) => each.clientWidth)"
    page.until(f"(([place, drawn]) => place > 0 && drawn === place)({widths})")
    place, drawn = page.value(widths)
    assert 0 < place == drawn


def test_a_phone_shows_the_whole_recommended_configuration_beside_the_baseline(page: Page, tmp_path: Path):
    found = recommendation(trial=2, mean=0.25, sd=0.1, point=POINT, probability_best=0.5)
    look(page, Story().tried(1, 1, 0.5).tried(2, 3, 0.25).history, tmp_path, 390, found)
    table = "document.querySelector('.configuration').parentElement"
    assert page.value(f"[...{table}.querySelectorAll('th')].map((each) => each.innerText)") == [
        "parameter",
        "recommended",
        "baseline",
        "change",
    ]
    assert page.value(f"{table}.scrollWidth <= {table}.clientWidth")
