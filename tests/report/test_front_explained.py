"""The explanation of a trial of a campaign with several objectives."""

from typing import Any

import pytest
from front_stories import ROWS, several
from told_stories import POINT, Story

from overnight.campaign import History
from overnight.campaign.history.events import TrialProposed
from overnight.campaign.history.provenance import Asked, Chosen, FittedModel, MadeBy, Models, Prediction, Provenance
from overnight.report.explanation import explanation, front_sentence

FEATURES = {"rate": slice(0, 1), "depth": slice(1, 2)}


def explained(result: dict[str, float] | None = None, **chosen: Any) -> str:
    """Return the explanation of a sixth trial that a model proposed."""
    story = several()
    then = story.history
    scales = {"kb": (-1.0, 3.0), "vmaf": (3.0, 0.0)}
    made = Provenance(
        made_by=MadeBy(seed=1),
        predicted={"kb": Prediction(mean=250, sd=10, low=230, high=270), "vmaf": Prediction(mean=95, sd=2)},
        chosen=Chosen(acquisition="log_expected_hypervolume", **chosen),
        models=Models(
            metrics={
                name: FittedModel(hyperparameters={"log_length_scales": found, "log_noise_variance": (-3.0,)})
                for name, found in scales.items()
            }
        ),
        asked=Asked(events_seen=len(story.events)),
    )
    story.proposed(6, 20, POINT, "model")
    assert isinstance(story.events[-1], TrialProposed)
    story.events[-1] = story.events[-1].model_copy(update={"provenance": made})
    if result is not None:
        story.started(6, 20).observed(6, 21, result["kb"], vmaf=result["vmaf"])
    return "\n".join(explanation(then, story.history.trials[6], FEATURES))


def test_what_was_known_are_the_results_on_the_front():
    assert "It knew 5 results, 3 of them on the front as measured, and 0 failures." in explained()


def test_every_objective_is_predicted_and_the_gain_is_one_in_hypervolume():
    said = explained(expected_gain=12.6, worst={"kb": 400.0, "vmaf": 78.3})
    assert "It expected kb 250 ± 10, with 90 % between 230 and 270." in said
    assert "It expected vmaf 95.0 ± 2.0." in said
    assert "It expected a new point to enlarge the dominated hypervolume by 13, on average." in said
    assert "Hypervolumes were counted from kb 400 and vmaf 78.3 (vmaf inferred from the front)." in said
    assert "improve on the best" not in said
    assert "It explores" not in said


def test_what_mattered_is_listed_for_each_objective():
    said = explained()
    assert "Parameters that mattered to kb, by length scale in widths of the range: rate (0.37)." in said
    assert "Parameters that hardly mattered to kb: depth." in said
    assert "Parameters that mattered to vmaf, by length scale in widths of the range: depth (1)." in said


def test_the_result_of_every_objective_is_compared_with_what_was_expected():
    said = explained({"kb": 270.0, "vmaf": 94.0})
    assert "It turned out to be kb 270 after 1m, 1.6 standard deviations above what was expected." in said
    assert "It turned out to be vmaf 94, 0.5 standard deviations below what was expected." in said


@pytest.mark.parametrize(
    ("trial", "says"),
    [
        (1, "It is not on the front as measured: trials 3–4 are better."),
        (3, "It is on the front as measured, which holds 3 configurations."),
        (5, "It is not on the front as measured: trials 2–4 are better."),
    ],
)
def test_a_result_is_on_the_front_or_other_trials_are_better(trial: int, says: str):
    history = several().history
    assert front_sentence(history, history.trials[trial]) == says


def test_a_result_that_is_missing_or_infeasible_or_of_one_objective_has_no_word_of_a_front():
    def sentence(history: History, trial: int) -> str | None:
        return front_sentence(history, history.trials[trial])

    assert sentence(several([*ROWS, {}]).history, 6) is None
    assert sentence(several(constraints=["kb <= 250"]).history, 4) is None
    assert sentence(Story().tried(1, 0, 1.0).history, 1) is None
