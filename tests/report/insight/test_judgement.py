import pytest
from insights import left_out_of
from scipy.stats import binom

from overnight.campaign.insight import LeftOut, LeftOutResult
from overnight.report.phrases.insight import advice_text, calibration_text, judgement_text
from overnight.report.story.insight.judgement import Judgement, judgement_of


def judged(errors: list[float], **more: float) -> Judgement:
    found = judgement_of(left_out_of(errors, **more))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("explained", "noise", "words"),
    [
        (0.83, 0.1, "loss is predictable: 83 % of the differences between unseen results are explained"),
        (0.3, 0.6, "loss is predictable in part: 30 % of the differences between unseen results are explained"),
        (0.02, 0.9, "Noise explains most differences between the results of loss"),
        (-0.2, 0.3, "loss is not predictable from the parameters so far"),
    ],
)
def test_a_model_is_judged_by_the_share_that_it_explains_and_by_the_noise(
    explained: float, noise: float, words: str
) -> None:
    assert judgement_text(judged([0.0] * 20, explained=explained, noise=noise)) == words


def test_few_results_judge_nothing() -> None:
    assert judgement_text(judged([0.0] * 9, explained=0.9)) == "Too few results to judge the model of loss"
    assert judgement_of(None) is None


def test_only_a_model_that_predicts_badly_comes_with_advice() -> None:
    assert advice_text(judged([0.0] * 20, explained=0.6)) == ""
    assert advice_text(judged([0.0] * 20, explained=0.0, noise=0.8)).startswith("80 % of the variance")
    assert advice_text(judged([0.0] * 20, explained=0.0, noise=1.0)).startswith("Nearly all of the variance")
    assert "short" in advice_text(judged([0.0] * 20, explained=0.0, noise=0.1))


@pytest.mark.parametrize("count", [10, 40, 200])
def test_intervals_are_too_narrow_if_a_binomial_test_says_so(count: int) -> None:
    for outside in range(count // 2):
        errors = [5.0] * outside + [0.0] * (count - outside)
        expected = binom.cdf(count - outside, count, 0.9) < 0.01
        assert judged(errors).too_certain == expected


def test_a_model_that_is_too_certain_is_named() -> None:
    text = calibration_text(judged([5.0] * 12 + [0.0] * 8))
    assert text == (
        "8 of 20 results lie in their intervals, which promise to hold 90 %: the model is too certain, so distrust all "
        "of its intervals"
    )
    assert "distrust" not in calibration_text(judged([5.0] * 2 + [0.0] * 18))


def test_results_that_are_all_equal_are_not_called_noise() -> None:
    equal = [LeftOutResult(trial=i, measured=3.0, predicted=3.0, low=3.0, high=3.0) for i in range(1, 21)]
    judgement = judgement_of(LeftOut(metric="loss", results=tuple(equal), explained=0.0, noise=1.0))
    assert judgement is not None
    assert judgement_text(judgement) == "All 20 results of loss are equal"
    assert advice_text(judgement).startswith("The evaluator may ignore the parameters")
