"""Printed objects are short, and its `repr` still is complete."""

import re
from typing import Any

import pytest
from front_stories import front_believed, several
from recommendations import recommendation
from told_stories import POINT, Story, campaign_of

from overnight.campaign import History, Measurement, Point, Proposal
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import FoundSolutions, Solution
from overnight.campaign.values.printed import uncertain_words
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.run import CampaignResult

WIDE: Point = {f"parameter_{i}": i / 7 for i in range(30)}


def wide() -> Story:
    parameters = {name: {"kind": "float", "low": 0, "high": 9} for name in WIDE}
    return Story(campaign_of(parameters=parameters, baseline=None))


def test_a_trial_is_one_line_with_its_result_and_its_first_values():
    story = Story().tried(1, 0, mean=0.25, point=POINT)
    assert str(story.history.trials[1]) == "trial 1 (observed): loss 0.25, at rate=0.01, depth=2, mode=fast, cache=true"
    story = wide().proposed(1, 0, WIDE)
    text = str(story.history.trials[1])
    assert text.startswith("trial 1 (waiting): parameter_0=0, parameter_1=0.14286, ")
    assert text.endswith(", … (24 more)")


def test_a_failed_trial_has_the_first_line_of_its_message_without_control_characters():
    story = Story().proposed(1, 0).started(1, 0).failed(1, 1, message="ValueError: \x1b[2J no\nat line 3" + 400 * "x")
    text = str(story.history.trials[1])
    assert text.startswith("trial 1 (failed, ValueError: \\x1b[2J no): rate=")
    long = Story().proposed(1, 0).started(1, 0).failed(1, 1, message="x" * 5000)
    assert len(str(long.history.trials[1])) < 250


def test_a_proposal_says_what_is_expected_there():
    story = Story().proposed(1, 0, POINT, "model", predicted=0.5)
    text = str(story.history.trials[1].proposal)
    assert text.startswith("proposal (model): rate=0.01, depth=2, mode=fast, cache=true; expected: loss 0.5")
    assert str(Proposal(point=POINT, generator="manual")).endswith("cache=true")


def test_a_history_counts_its_trials_and_names_the_best():
    story = Story().tried(1, 0, mean=2.0).tried(2, 1, mean=1.0).proposed(3, 2).started(3, 2).failed(3, 3)
    first, best = str(story.history).splitlines()
    assert first == "history of campaign rates: 3 trials (2 observed, 1 failed)"
    assert best.startswith("best as measured: trial 2 (observed): loss 1, at rate=")
    assert str(Story().history) == "history of campaign rates: 0 trials"
    assert str(History()) == "history of no campaign yet"
    assert str(several().history).splitlines()[1] == "on the front as measured: 3 trials"


def believed(**changes: Any) -> str:
    found = {"trial": 2, "point": WIDE, "mean": 2.0, "sd": 0.1, "probability_best": 0.5}
    return str(recommendation(**(found | changes)))


def test_a_recommendation_has_every_value_on_a_line_of_its_own():
    lines = believed().splitlines()
    assert lines[0] == "recommended: trial 2"
    assert lines[1:31] == [f"  {name} = {value:.5g}" for name, value in WIDE.items() if isinstance(value, float)]
    assert lines[31].endswith("2 ± 0.1")
    assert lines[32] == "the best of all observed points with probability 0.500"


def test_a_recommendation_says_what_it_rests_on():
    assert "not measured (the best measured is trial 7)" in believed(trial=None, best_measured=7)
    assert "without a model: no \\x1b" in believed(without_model="no \x1b")
    assert "meets all constraints with probability 0.980" in believed(probability_feasible=0.98)
    front = front_believed(several(), 3)
    assert "on the front (of 3 points) with probability" in str(front)
    assert str(front.front[0]).startswith("trial ")


def test_solutions_are_a_line_each():
    each = Solution(trial=None, point=POINT, predicted={"loss": Prediction(mean=1.0, sd=0.25)})
    lines = str(FoundSolutions(asked=3, apart=0.2, within=0.1, within_inferred=True, found=(each, each))).splitlines()
    assert lines[0] == "2 of 3 different solutions"
    assert lines[1] == "  not measured: loss 1 ± 0.25, at rate=0.01, depth=2, mode=fast, cache=true"


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.5, None, "0.5"),
        (1 / 3, 0.0, "0.33333"),
        (2.999711, 4.1e-5, "2.999711 ± 4.1e-05"),
        (1657.4, 23.0, "1657.4 ± 23"),
        (0.0, 0.1, "0 ± 0.1"),
        (1.0, float("inf"), "1 ± inf"),
        (-1e300, 1e-300, "-1e+300 ± 1e-300"),
    ],
)
def test_a_mean_has_the_digits_that_its_uncertainty_makes_meaningful(mean: float, sd: float | None, text: str):
    assert uncertain_words(mean, sd) == text


def test_a_measurement_is_its_mean_and_error():
    assert str(Measurement(mean=0.25)) == "0.25"
    assert str(Measurement(mean=0.25, sem=0.01, n=40)) == "0.25 ± 0.01 (n = 40)"


def test_the_repr_is_complete_and_makes_the_same_object():
    measured = Measurement(mean=0.25, sem=0.01, n=40)
    assert eval(repr(measured), {"Measurement": Measurement}) == measured
    story = Story().tried(1, 0, mean=2.0, point=POINT)
    for value in (story.history.trials[1], story.history.trials[1].proposal):
        assert "cache" in repr(value)
        assert repr(value) != str(value)


def test_a_notebook_shows_the_same_text_and_no_markup_of_others():
    story = Story().proposed(1, 0).started(1, 0).failed(1, 1, message="<b>no</b>")
    shown = story.history.trials[1]._repr_html_()
    [element, text] = re.findall(r"^<(pre [^>]*)>(.*)</pre>$", shown)[0]
    assert "white-space: pre-wrap" in element, "a long line would leave the page"
    assert text.startswith("trial 1 (failed, &lt;b&gt;no&lt;/b&gt;)")


def test_the_result_of_a_campaign_is_its_history_and_its_recommendation():
    story = Story().tried(1, 0, mean=2.0)
    found = recommendation(trial=1, point=POINT, mean=2.0, sd=0.1, probability_best=1.0)
    text = str(CampaignResult(story.history, found))
    assert text == f"{story.history}\n{found}"
    assert str(CampaignResult(story.history, None)) == str(story.history)


def test_a_loop_names_its_campaign_and_its_ledger_without_reading_them():
    definition = {"name": "bread", "parameters": {"x": {"kind": "bool"}}, "minimize": "y", "budget": {"trials": 2}}
    assert repr(AskTell(definition)) == "<AskTell: campaign 'bread', ledger './ledger'>"
