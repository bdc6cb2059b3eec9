"""The dashboard in a real browser: it updates by itself, keeps the focus, breaks no rule of its policy."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import MISSING, PROGRAM, Page, chromium
from dashboards import TOKEN, append, dashboard
from read_ledgers import events_of
from told_stories import HOSTILE, Story, campaign_of

from overnight.campaign.history.events import TrialApproved
from overnight.storage import open_ledger

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _without_problems(page: Page) -> None:
    # An earlier test ends its dashboard while the page still follows it.
    page.open("about:blank")
    page.problems.clear()


def test_a_page_follows_the_ledger_without_being_loaded_again(page: Page, tmp_path: Path):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).parked(2, 3, HOSTILE).events)
    with dashboard(tmp_path, every=0.2) as served:
        page.open(f"{served.address}/campaigns/rates")
        page.until("document.querySelectorAll('.js-plotly-plot').length > 0")
        # Those further down are drawn when a reader comes near them.
        page.until("document.getElementById('timeline') !== null")
        page.value("document.getElementById('timeline').scrollIntoView()")
        page.until("document.getElementById('timeline').classList.contains('js-plotly-plot')")
        page.value("scrollTo(0, 0)")
        page.value("window.untouched = true; document.getElementById('act-reject-2').focus()")
        append(tmp_path, "rates", Story().tried(3, 5, 0.0625).events[2:])
        page.until("document.body.innerText.includes('0.0625')")
        assert page.value("window.untouched")
        # The chart that shows the new trial is the same element.
        page.until("document.getElementById('course').data.some(each => each.y?.length === 2)")
        append(tmp_path, "rates", Story().parked(4, 7, "it is near").events[2:])
        page.until("document.getElementById('act-reject-4') !== null")
        assert page.value("document.activeElement.id") == "act-reject-2"
        assert HOSTILE in page.text()
        # A click on a point opens its trial.
        page.value("document.getElementById('course').emit('plotly_click', {points: [{hovertext: 'trial 3 (sobol)'}]})")
        page.until("location.pathname === '/campaigns/rates/trials/3' && document.body.innerText.includes('Trial 3')")
        for address in ("/trials", "/audit"):
            page.open(f"{served.address}/campaigns/rates{address}")
            page.until("document.querySelector('section') !== null")
    assert page.problems == []


def test_how_a_campaign_stands_does_not_wait_for_its_charts(page: Page, tmp_path: Path):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).events)
    with dashboard(tmp_path, every=0.1) as served:
        page.open(f"{served.address}/campaigns/rates")
        page.until("document.querySelectorAll('.js-plotly-plot').length > 0")
        asked = "performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/parts/%s'))[0]"
        shown, charts = asked % "summary", asked % "pictures"
        assert page.value(f"{charts}.startTime >= {shown}.responseEnd")


def test_a_hidden_page_fetches_nothing_and_catches_up_when_it_is_seen(page: Page, tmp_path: Path):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).events)
    with dashboard(tmp_path, every=0.1) as served:
        page.open(f"{served.address}/campaigns/rates")
        page.until("document.body.innerText.includes('trial 1')")
        # A window without a screen is never hidden, so the page is told that it is.
        hide = "Object.defineProperty(document, 'hidden', {configurable: true, value: %s});"
        page.value(hide % "true" + "document.dispatchEvent(new Event('visibilitychange'))")
        page.until("parts.every((part) => !part.busy)")
        page.value("performance.clearResourceTimings()")
        append(tmp_path, "rates", Story().tried(2, 3, 0.125).events[2:])
        page.value("parts.forEach((part) => part.refresh())")
        assert page.value("feed") is None
        assert page.value("performance.getEntriesByType('resource').length") == 0
        page.value(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
        page.until("document.body.innerText.includes('0.125')")


def test_the_printed_address_logs_in_and_the_token_leaves_the_address(page: Page, tmp_path: Path):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).events)
    with dashboard(tmp_path) as served:
        page.open(f"{served.address}/#token={TOKEN}")
        page.until("document.getElementById('logout') !== null && document.readyState === 'complete'")
        assert page.value("location.href") == f"{served.address}/"
        assert page.value("document.cookie") == ""
        page.click("#logout")
        page.until("document.getElementById('logout') === null && document.readyState === 'complete'")
        page.open(f"{served.address}/login")
        page.value("document.querySelector('[name=token]').focus()")
        page.write("wrong")
        page.press("Enter")
        page.until("document.body.innerText.includes('This is not the token')")


def test_a_trial_is_approved_with_the_keyboard_and_the_name_is_remembered(page: Page, tmp_path: Path):
    append(tmp_path, "rates", Story().parked(1, 1, "it is far").parked(2, 2, "it is near").events)
    with dashboard(tmp_path, every=0.2) as served:
        page.open(f"{served.address}/campaigns/rates")
        # A reader who has not logged in does so first, and comes back.
        page.click("#act-approve-1")
        page.until("location.pathname === '/login' && document.readyState === 'complete'")
        page.value("document.querySelector('[name=token]').focus()")
        page.write(TOKEN)
        page.press("Enter")
        page.until("location.pathname === '/campaigns/rates' && document.getElementById('act-approve-1') !== null")
        page.value("document.getElementById('act-approve-1').focus()")
        page.press("Enter")
        page.until("document.activeElement.name === 'who'")
        page.write("Ada")
        page.press("Tab")
        page.write("it is cheap <b>")
        page.press("Tab")
        page.press("Enter")
        page.until("document.body.innerText.includes('Trial 1 is approved')")
        page.until("document.getElementById('act-approve-1') === null")
        event = asyncio.run(events_of(open_ledger(str(tmp_path), "rates", Path())))[-1]
        assert isinstance(event, TrialApproved)
        assert event.actor.startswith("Ada (dashboard of ")
        assert event.why == "it is cheap <b>"
        page.click("#act-reject-2")
        page.until("document.activeElement.name === 'why'")
        assert page.value("document.activeElement.form.elements.who.value") == "Ada"
        page.press("Escape")
        page.until("document.activeElement.id === 'act-reject-2'")
        page.open(f"{served.address}/campaigns/rates/audit")
        page.until("document.body.innerText.includes('it is cheap <b>')")
    assert page.problems == []


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1024, True), (390, False), (390, True)])
def test_no_view_is_wider_than_its_window(page: Page, tmp_path: Path, width: int, dark: bool):
    name = "a_very_long_name_of_a_parameter_" * 6
    campaign = campaign_of(
        parameters={name: {"kind": "float", "low": 0, "high": 1}}, baseline=None, description="d" * 300
    )
    story = Story(campaign).proposed(1, 1, {name: 0.5}).started(1, 1).failed(1, 2, message="x" * 500)
    append(tmp_path, "l" * 100, story.tried(2, 4, 0.5, point={name: 0.25}).events)
    with dashboard(tmp_path) as served:
        page.size(width, dark=dark)
        for address in ("/", *(f"/campaigns/{'l' * 100}{each}" for each in ("", "/trials", "/trials/1", "/audit"))):
            page.open(f"{served.address}{address}")
            page.until("document.querySelector('main section') !== null")
            assert page.value("document.documentElement.scrollWidth <= innerWidth"), address
