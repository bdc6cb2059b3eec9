"""axe-core finds no serious barrier on the dashboard or the report, and the keyboard alone reaches everything."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from awkward_campaigns import AWKWARD, named, write_awkward
from axe import MISSING as NO_AXE
from axe import SCRIPT, barriers
from chromium import MISSING, PROGRAM, Page, chromium
from dashboards import TOKEN, Served, append, dashboard
from read_ledgers import events_of
from standing import story_about

from overnight.campaign import History
from overnight.campaign.history.events import TrialApproved
from overnight.report.html import render_report
from overnight.storage import open_ledger

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]
needs_axe = pytest.mark.skipif(SCRIPT is None, reason=NO_AXE)
SHOWN = "document.querySelector('main section') !== null && parts.every((part) => part.next > 0 && !part.busy)"
DRAWN = """[...document.querySelectorAll('.chart')].every((place) =>
  place.getBoundingClientRect().top > innerHeight || place.classList.contains('js-plotly-plot'))"""
CAMPAIGNS = ("paused-with-questions", "learnt", "long-names", "arms-with-looks", "front-of-three", "nothing-yet")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("ledger")
    write_awkward(place, CAMPAIGNS)
    with dashboard(place, every=0.2) as running:
        yield running


@pytest.fixture(autouse=True)
def _without_problems(page: Page) -> None:
    page.open("about:blank")
    page.problems.clear()


def drawn(page: Page, width: int, *, dark: bool) -> list[str]:
    """Return the barriers of the page that is open, as it looks in this size and in these colours."""
    page.size(width, dark=dark)
    page.until(f"{SHOWN} && {DRAWN}")
    return barriers(page)


@needs_axe
def test_no_view_of_the_dashboard_has_a_barrier(page: Page, served: Served):
    views = ["/", "/login", *(f"/campaigns/{name}" for name in CAMPAIGNS)]
    views += [f"/campaigns/{CAMPAIGNS[0]}{view}" for view in ("/trials", "/trials/1", "/trials/3", "/audit")]
    views += [f"/campaigns/long-names{view}" for view in ("/trials", "/trials/5", "/trials/99")]
    for view in views:
        page.open(f"{served.address}{view}")
        for width, dark in ((1440, False), (390, True)):
            assert drawn(page, width, dark=dark) == [], (view, width)
        assert page.problems == [], view


def test_every_picture_is_drawn_in_both_colours_without_breaking_the_pages_policy(page: Page, served: Served):
    page.size(1440)
    page.open(f"{served.address}/campaigns/learnt")
    page.until("document.getElementById('contour-0') !== null")
    page.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.value("document.getElementById('pair-0-0') !== null")
    for i in range(page.value("document.querySelectorAll('.chart').length")):
        page.value(f"document.querySelectorAll('.chart')[{i}].scrollIntoView()")
        page.until(f"document.querySelectorAll('.chart')[{i}].classList.contains('js-plotly-plot')")
        for dark in (True, False):
            page.size(1440, dark=dark)
            page.until(DRAWN)
    assert page.problems == []


@needs_axe
def test_no_form_has_a_barrier(page: Page, served: Served):
    page.open(f"{served.address}/#token={TOKEN}")
    page.until("document.getElementById('logout') !== null && document.readyState === 'complete'")
    base = f"{served.address}/campaigns/{CAMPAIGNS[0]}"
    for view in ("", "/trials/6"):
        page.open(f"{base}{view}")
        assert drawn(page, 390, dark=False) == [], view
        for i in range(page.value("document.querySelectorAll('[data-act]').length")):
            page.value(f"document.querySelectorAll('[data-act]')[{i}].click()")
            page.until("document.getElementById('ask').open")
            assert barriers(page) == [], i
            assert page.value("document.documentElement.scrollWidth <= innerWidth")
            page.press("Escape")
            page.until("!document.getElementById('ask').open")


@needs_axe
def test_no_report_has_a_barrier(page: Page, tmp_path: Path):
    for name in ("limits", "long-names", "right-to-left", "front-of-three"):
        history = History.from_events(named(AWKWARD[name](), name))
        file = tmp_path / f"{name}.html"
        file.write_text(render_report(history, story_about(history)), encoding="utf-8")
        page.open(file.as_uri())
        page.until("document.querySelector('.chart') === null || document.querySelector('.js-plotly-plot') !== null")
        for width, dark in ((1024, True), (390, False)):
            page.size(width, dark=dark)
            assert barriers(page) == [], (name, width)


def test_every_button_is_reached_with_the_keyboard_in_the_order_of_the_page_and_is_seen(page: Page, served: Served):
    page.size(1440)
    page.open(f"{served.address}/#token={TOKEN}")
    page.until("document.getElementById('logout') !== null && document.readyState === 'complete'")
    page.open(f"{served.address}/campaigns/{CAMPAIGNS[0]}")
    page.until(f"{SHOWN} && {DRAWN}")
    controls = "[...document.querySelectorAll('a[href], button:not(:disabled), summary')]"
    wanted = page.value(f"{controls}.filter((each) => each.checkVisibility()).length")
    found = []
    for _ in range(wanted + 20):
        page.press("Tab")
        place = page.value(f"{controls}.indexOf(document.activeElement)")
        if found and place == found[0]:
            break
        if place < 0:
            continue
        found.append(place)
        # The skip link is far to the left until it has the focus.
        assert page.value("document.activeElement.getBoundingClientRect().left >= 0")
        assert page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert found == sorted(found)
    assert len(found) == wanted


def test_a_trial_is_approved_without_a_mouse(page: Page, tmp_path: Path):
    append(tmp_path, "kept", named(AWKWARD["paused-with-questions"](), "kept"))
    with dashboard(tmp_path, every=0.2) as served:
        page.open(f"{served.address}/#token={TOKEN}")
        page.until("document.getElementById('logout') !== null && document.readyState === 'complete'")
        page.open(f"{served.address}/campaigns/kept")
        page.until(f"{SHOWN} && document.getElementById('act-approve-3') !== null")
        for _ in range(40):
            page.press("Tab")
            if page.value("document.activeElement.id") == "act-approve-3":
                break
        page.press("Enter")
        page.until("document.activeElement.name === 'who'")
        page.value("document.activeElement.value = ''")
        page.write("Ada")
        page.press("Tab")
        page.write("it is cheap")
        page.press("Tab")
        assert page.value("document.activeElement.type") == "submit"
        page.press("Enter")
        page.until("document.body.innerText.includes('Trial 3 is approved')")
        event = asyncio.run(events_of(open_ledger(str(tmp_path), "kept", Path())))[-1]
        assert isinstance(event, TrialApproved)
        assert event.trial == 3
