import pytest
from told_campaigns import NOON, campaign_of, cube, defined, history_of, proposed, some_points
from told_fidelities import cheap, run

from overnight.bo_core.insight.insight import insight_of
from overnight.bo_core.proposer import BayesianProposer, SobolProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.history.events import Event, TrialObserved
from overnight.campaign.insight import Insight

SETTINGS = BayesianProposer(device="cpu")


def learnt(campaign: Campaign, history: History) -> Insight:
    found = insight_of(campaign, history, recommend(campaign, history, SETTINGS), SETTINGS)
    assert found is not None
    return found


def test_with_a_fidelity_all_beliefs_are_about_full_fidelity() -> None:
    campaign = cheap(cost=12.0)
    history = run(campaign)
    [of] = learnt(campaign, history).metrics
    assert {each.parameter for each in of.slices} == {"x0", "x1"}
    means = [mean for each in of.slices for mean in each.mean if mean is not None]
    # At the lowest fidelity, every loss is above 2.
    assert min(means) < 0.5
    assert of.left_out is None or all(
        history.trials[each.trial].point.get("epochs", 81) == 81 for each in of.left_out.results
    )


def test_with_a_target_slices_are_of_the_distance_and_predictions_of_the_metric() -> None:
    campaign = target_campaign()
    points = some_points(campaign, 15)
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(points, 1):
        metrics = {"gain": Measurement(mean=float(point["x0"]))}
        events.append(proposed(i, point))
        events.append(TrialObserved(time=NOON, actor="test", trial=i, attempt=1, metrics=metrics))
    [of] = learnt(campaign, History.from_events(events)).metrics
    [each] = of.slices
    for value, mean in zip(each.values, each.mean, strict=True):
        assert mean == pytest.approx(abs(float(value) - 0.4), abs=0.05)
    assert of.left_out is not None
    assert of.left_out.metric == "gain"
    for result in of.left_out.results:
        assert result.measured == pytest.approx(float(points[result.trial - 1]["x0"]))
        assert result.predicted == pytest.approx(result.measured, abs=0.1)


def target_campaign() -> Campaign:
    definition = {"name": "told", "parameters": cube(1), "budget": {"trials": 100}}
    return Campaign.model_validate(definition | {"target": {"metric": "gain", "value": 0.4}})


def test_several_objectives_have_an_insight_each() -> None:
    definition = {"name": "told", "parameters": cube(2), "budget": {"trials": 100}}
    campaign = Campaign.model_validate(definition | {"objectives": [{"minimize": "a"}, {"maximize": "b"}]})
    points = some_points(campaign, 20)
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(points, 1):
        metrics = {"a": Measurement(mean=float(point["x0"])), "b": Measurement(mean=float(point["x1"]))}
        events.append(proposed(i, point))
        events.append(TrialObserved(time=NOON, actor="test", trial=i, attempt=1, metrics=metrics))
    one, other = learnt(campaign, History.from_events(events)).metrics
    assert (one.metric, other.metric) == ("a", "b")
    assert (one.slices[0].parameter, other.slices[0].parameter) == ("x0", "x1")
    for of in (one, other):
        mean = of.slices[0].mean
        assert (mean[0], mean[-1]) == pytest.approx((0.0, 1.0), abs=0.1)


def test_a_proposer_without_a_model_has_that_of_the_default_settings() -> None:
    campaign = campaign_of(cube(2))
    points = some_points(campaign, 12)
    history = history_of(campaign, points, [float(p["x0"]) for p in points])
    found = recommend(campaign, history, SobolProposer())
    assert found is not None
    assert insight_of(campaign, history, found, SobolProposer()) is not None


def test_before_the_fifth_result_there_is_no_insight() -> None:
    campaign = campaign_of(cube(2))
    points = some_points(campaign, 5)
    few, enough = (history_of(campaign, points[:n], [float(n) for n in range(n)]) for n in (4, 5))
    assert insight_of(campaign, few, recommend(campaign, few, SETTINGS), SETTINGS) is None
    [of] = learnt(campaign, enough).metrics
    assert len(of.slices) == 2


def test_with_very_many_results_no_model_is_fitted_for_a_page() -> None:
    campaign = campaign_of(cube(2))
    points = some_points(campaign, 2001)
    few, many = (history_of(campaign, points[:n], [float(n) for n in range(n)]) for n in (5, 2001))
    assert insight_of(campaign, many, recommend(campaign, few, SETTINGS), SETTINGS) is None
