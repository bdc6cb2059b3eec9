"""A campaign of a ledger is opened to look at, from Python and in notebooks."""

import html
import json
import math
import re
import shutil
import sys

import IPython.display
import pytest
from notebooks import CellOutput

from overnight import AskTell, minimize, open_campaign
from overnight.campaign.errors import InvalidDefinition, LedgerError

HOSTILE = "</script><b onclick='x'>"
SPACE = {"x": (0, 1), HOSTILE: (0, 1), "mode": ["fast", "slow"]}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    place = tmp_path_factory.mktemp("ledger")
    minimize(lambda p: (p["x"] - 0.3) ** 2 + (p["mode"] == "slow"), SPACE, trials=9, ledger=str(place), name="bowl")
    return place


@pytest.fixture(scope="module")
def opened(ledger):
    return open_campaign(ledger / "bowl")


def shown(drawings):
    """Return the page in the frame of a notebook."""
    [page] = re.findall(r"srcdoc='(.*?)' sandbox", drawings._repr_html_(), flags=re.DOTALL)
    return html.unescape(page)


def test_a_folder_of_one_campaign_its_own_folder_and_its_file_are_the_same_campaign(ledger, opened, tmp_path):
    source = f"name: bowl\nledger: {ledger}\nminimize: value\nparameters:\n  x: {{kind: float, low: 0, high: 1}}\n"
    (tmp_path / "campaign.yaml").write_text(source + "budget: {trials: 9}\n")
    for place in (ledger, str(ledger / "bowl"), tmp_path / "campaign.yaml"):
        assert open_campaign(place).history.defined == opened.history.defined


def test_it_has_the_recommendation_the_trials_and_the_story(opened):
    recorded = opened.history.recommendation.recommendation
    assert opened.best == recorded
    table = opened.trials()
    assert list(table.index) == list(range(1, 10))
    assert list(table["x"]) == [trial.point["x"] for _, trial in sorted(opened.history.trials.items())]
    assert table["value"].min() == opened.story.best.measured.measurement.mean
    assert str(opened).startswith("bowl: ")
    assert "best so far" in opened._repr_html_()


def test_each_kind_of_picture_is_drawn_or_named_as_missing(opened):
    drawn = {name: getattr(opened, name)() for name in dir(opened) if name.startswith("plot_")}
    there = {name.removeprefix("plot_") for name, drawings in drawn.items() if len(drawings)}
    assert there >= {"course", "slices", "importance", "contour", "left_out", "timeline"}
    assert there.isdisjoint({"front", "arms", "limits"})
    assert drawn["plot_front"]._repr_html_() == "<p>This campaign has no picture of front so far.</p>"


def test_drawings_are_figures_of_plotly(opened):
    slices = opened.plot_slices()
    assert len(slices) == len(slices.names) == len(slices[:]) == 3
    assert slices[0]["data"]
    assert "layout" in slices[-1]
    json.dumps(slices[:])


def test_a_notebook_needs_no_network_and_no_name_becomes_html(opened):
    page = shown(opened.plot_slices())
    assert HOSTILE not in page.replace("\\u003c", "")
    assert not re.search(r"<(script|link|img)[^>]*(src|href)", page)
    assert page.count("<div class='chart' id=") == 3
    assert "'" not in opened.plot_slices()._repr_html_().removeprefix("<iframe srcdoc='").split("' sandbox")[0]


def test_drawings_and_the_report_can_be_written(opened, tmp_path):
    assert "Plotly.newPlot" in opened.plot_course().write_html(tmp_path / "course.html").read_text()
    assert "bowl" in opened.report(tmp_path / "report.html").read_text()


def test_it_sees_the_events_that_others_append(tmp_path):
    source = {"name": "growing", "minimize": "loss", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}}
    loop = AskTell(source | {"budget": {"trials": 5}, "ledger": str(tmp_path)})
    loop.tell(loop.ask(), 3.0)
    seen = open_campaign(tmp_path)
    assert (len(seen.trials()), seen.best and seen.best.trial) == (1, 1)
    loop.tell(loop.ask(), 1.0)
    assert (len(seen.trials()), seen.best and seen.best.trial) == (2, 2)


def test_a_watched_cell_is_replaced_when_the_ledger_grows_and_ends_with_the_campaign(tmp_path, monkeypatch):
    source = {"name": "growing", "minimize": "loss", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}}
    loop = AskTell(source | {"budget": {"trials": 2}, "ledger": str(tmp_path)})
    loop.tell(loop.ask(), 3.0)

    class Growing(CellOutput):
        def display(self, value, *, display_id):
            cell = super().display(value, display_id=display_id)
            loop.tell(loop.ask(), 1.0)
            return cell

    output = Growing()
    monkeypatch.setattr(IPython.display, "display", output.display)
    open_campaign(tmp_path).watch(every=0)
    [shown] = output.parts
    assert "2 observed" in shown


@pytest.mark.parametrize(
    ("method", "module", "package"), [("watch", "IPython.display", "ipython"), ("trials", "pandas", "pandas")]
)
def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(
    opened, monkeypatch, method, module, package
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"not installed: pip install {package}$"):
        getattr(opened, method)()


@pytest.mark.parametrize("place", ["nowhere", "ledger/nobody"])
def test_a_place_without_a_campaign_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LedgerError, match=f"{place}: expected one campaign, found none"):
        open_campaign(place)


def test_one_of_several_campaigns_must_be_named(tmp_path):
    for name in ("a", "b"):
        minimize(lambda params: params["x"], {"x": (0, 1)}, trials=1, ledger=str(tmp_path), name=name)
    with pytest.raises(LedgerError, match="expected one campaign, found a, b"):
        open_campaign(tmp_path)


def test_a_file_with_mistakes_is_refused(tmp_path):
    (tmp_path / "campaign.yaml").write_text("name: bowl\n")
    with pytest.raises(InvalidDefinition):
        open_campaign(tmp_path / "campaign.yaml")


@pytest.mark.parametrize("trials", [0, 2])
def test_a_ledger_that_was_deleted_since_is_not_shown_from_memory(tmp_path, trials):
    def search(count):
        minimize(lambda p: p["x"], {"x": (0, 1)}, trials=count, ledger=str(tmp_path), name="gone")

    search(4)
    opened = open_campaign(tmp_path / "gone")
    assert len(opened.trials()) == 4
    shutil.rmtree(tmp_path / "gone")
    if trials:
        search(trials)
    with pytest.raises(LedgerError, match="moved or deleted"):
        opened.trials()


def test_another_ledger_of_as_many_segments_is_not_taken_for_the_one_that_was_opened(tmp_path):
    minimize(lambda p: p["x"], {"x": (0, 1)}, trials=2, ledger=str(tmp_path), name="one")
    opened = open_campaign(tmp_path / "one")
    assert len(opened.trials()) == 2
    shutil.rmtree(tmp_path / "one")
    minimize(lambda p: -p["x"], {"x": (0, 1)}, trials=2, ledger=str(tmp_path), name="one")
    with pytest.raises(LedgerError, match="found other segments in their place"):
        opened.trials()


def test_a_range_longer_than_the_largest_number_has_a_report(tmp_path):
    space = {"x": (-1e308, 1e308), "y": (0, 1)}
    minimize(lambda p: math.atan(p["x"] / 1e307) + p["y"], space, trials=8, ledger=tmp_path)
    opened = open_campaign(tmp_path)
    assert len(opened.plot_contour()) == 1
    assert opened.report(tmp_path / "report.html").stat().st_size > 0
