"""Campaigns of every kind have all pages: several objectives, constraints, contexts and A/B tests."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from dashboards import append, dashboard, shown
from front_stories import several
from limited_stories import limited
from told_arms import ToldArms, measured
from told_stories import Story, campaign_of

from overnight import minimize
from overnight.campaign import Point
from overnight.campaign.history.events import Event

BASELINE: Point = {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False}


def of_contexts() -> Sequence[Event]:
    story = Story(campaign_of(context={"site": ["north", "south"]}, baseline=BASELINE))
    story.tried(1, 0, 2.0, point={"site": "north", **BASELINE}, generator="baseline")
    return story.tried(2, 2, 200.0, point={"site": "south", **BASELINE}).events


def of_arms() -> Sequence[Event]:
    told = ToldArms()
    before, after = told.batch((0, 0.5), (1, 0.5))
    told.observe({before: {"clicks": measured(1.0)}, after: {"clicks": measured(2.0)}})
    return told.events


def of_front() -> Sequence[Event]:
    return several().events


def of_constraints() -> Sequence[Event]:
    return limited([{"loss": 1.0}, {"loss": 0.5}]).events


@pytest.mark.parametrize("told", [of_contexts, of_arms, of_front, of_constraints])
def test_each_part_of_each_kind_is_shown(tmp_path: Path, told):
    append(tmp_path, "kind", told())
    with dashboard(tmp_path) as served:
        for part in ("summary", "pictures", "trials", "trials/1", "trials/2", "audit"):
            html = shown(served, f"/campaigns/kind/parts/{part}")
            assert 'id="problem"' not in html
        page = served.client.get("/campaigns/kind/trials").text
        orders = re.findall("<option>(.*?)</option>", page)
        assert len(orders) > 3
        for order in orders:
            assert "/trials/2" in shown(served, f"/campaigns/kind/parts/trials?order={order}&descending=false")
        figures = served.client.get("/campaigns/kind/parts/pictures").json()["figures"]
        assert figures
        with served.logged_in() as client:
            for form in ("pause", "suggest", "revise", "change", "abandon?trial=1"):
                assert client.get(f"/campaigns/kind/forms/{form}").status_code == 200


def test_once_a_recommendation_is_recorded_the_pictures_show_what_the_model_has_learnt(tmp_path: Path):
    minimize(lambda params: (params["x"] - 0.3) ** 2, {"x": (0, 1)}, trials=6, ledger=str(tmp_path), name="learnt")
    with dashboard(tmp_path) as served:
        figures = served.client.get("/campaigns/learnt/parts/pictures").json()["figures"]
    assert {"slice-0-0", "left-out-0"} <= set(figures)
