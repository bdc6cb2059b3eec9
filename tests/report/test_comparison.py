"""Campaigns next to each other, and which recommendation is better."""

import math
import sys
from itertools import count
from statistics import NormalDist

import numpy as np
import pytest
from recommendations import recommendation
from standing import story_about
from told_stories import POINT, Story, campaign_of

from overnight.report.phrases.comparison import rows_of
from overnight.report.story.comparison import Comparison, compared

NUMBERS = count()


def told(mean, sd, goal="minimize", recommended=True, without_model=None, **changes):
    other = {"minimize": None, goal: "loss"} if goal != "minimize" else {}
    story = Story(campaign_of(**other, **changes)).tried(1, 0, 1.0).tried(2, 1, mean)
    values = {"trial": 2, "point": POINT, "mean": mean, "sd": sd, "probability_best": 0.9}
    found = recommendation(**values, without_model=without_model) if recommended else None
    # As real campaigns, they have different identities.
    return story_about(story.history, recommendation=found).model_copy(update={"uid": f"{next(NUMBERS)}"})


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_the_better_one_comes_first_with_the_probability_of_two_independent_beliefs(goal):
    one, other = told(0.3, 0.2, goal), told(0.7, 0.5, goal)
    [pair] = compared(["a", "b"], [one, other]).pairs
    assert (pair.campaign, pair.than) == (("a", "b") if goal == "minimize" else ("b", "a"))
    assert pair.difference == pytest.approx(0.4)
    drawn = np.random.default_rng(0).normal([0.3, 0.7], [0.2, 0.5], size=(200_000, 2))
    share = np.mean(drawn[:, 0] < drawn[:, 1])
    assert pair.probability == pytest.approx(share, abs=0.005)
    assert pair.probability == pytest.approx(NormalDist().cdf(0.4 / math.hypot(0.2, 0.5)))
    assert str(pair).endswith("by 0.40 ± 0.54 in loss, with probability 77 %")


def test_every_pair_of_several_campaigns_is_compared():
    pairs = compared(["a", "b", "c"], [told(0.3, 0.1), told(0.2, 0.1), told(0.4, 0.1)]).pairs
    assert {(pair.campaign, pair.than) for pair in pairs} == {("b", "a"), ("a", "c"), ("b", "c")}


def test_a_campaign_is_not_compared_with_itself():
    one, other = told(0.3, 0.1), told(0.2, 0.1)
    found = compared(["a", "a again"], [one, one])
    assert (found.pairs, found.apart) == ((), "this is one campaign, named several times")
    pairs = compared(["a", "a again", "b"], [one, one, other]).pairs
    assert {(pair.campaign, pair.than) for pair in pairs} == {("b", "a"), ("b", "a again")}


@pytest.mark.parametrize(("means", "likely"), [((0.2, 0.3), 1.0), ((0.2, 0.2), 0.5)])
def test_exact_values_differ_or_do_not(means, likely):
    [pair] = compared(["a", "b"], [told(mean, 0.0, noise="none") for mean in means]).pairs
    assert pair.probability == likely


def test_the_difference_of_vast_values_is_the_largest_number():
    [pair] = compared(["a", "b"], [told(-1.7e308, 1.0), told(1.7e308, 1.0)]).pairs
    assert (pair.difference, pair.probability) == (sys.float_info.max, 1.0)
    assert "better than b by 1.7" in str(pair)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (told(0.2, 0.1, "maximize"), "the campaigns have different objectives"),
        (told(0.2, 0.1, recommended=False), "fewer than two campaigns recommend a feasible configuration"),
        (
            told(0.2, None, without_model="it failed"),
            "a recommendation is a measurement whose standard error is unknown, because there was no model",
        ),
    ],
    ids=["other objective", "no recommendation", "no model"],
)
def test_what_cannot_be_compared_is_not_and_says_why(other, why):
    found = compared(["a", "b"], [told(0.3, 0.1), other])
    assert (found.pairs, found.apart) == ((), why)


def test_a_row_holds_a_fact_of_each_campaign_and_empty_rows_are_left_out():
    stories = [told(0.3, 0.1), told(0.2, 0.1, recommended=False)]
    narrow = {"rate": {"kind": "float", "low": 0.1, "high": 1.0}}
    rows = rows_of(stories, [campaign_of(), campaign_of(parameters=narrow, baseline=None)])
    facts = {row[0]: row[1:] for row in rows}
    assert facts["recommended"] == ["0.30 ± 0.10 (trial 2)", ""]
    assert facts["best measured"] == ["0.3 (trial 2)", "0.2 (trial 2)"]
    assert facts["rate"] == ["0.01", ""]
    assert "spent" not in facts


def test_the_json_of_a_comparison_can_be_read_again():
    found = compared(["a", "b"], [told(0.3, 0.1), told(0.7, 0.5)])
    assert Comparison.model_validate_json(found.model_dump_json()) == found
