"""The report in a real browser: no width of a window cuts it or makes it scroll sideways."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from awkward_campaigns import AWKWARD
from chromium import MISSING, PROGRAM, Page, chromium
from recommendations import recommendation
from standing import story_about
from told_stories import POINT, Story

from overnight.campaign import History
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
