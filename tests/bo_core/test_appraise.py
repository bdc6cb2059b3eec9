import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

import pytest
import torch
from provenances import altered, value_at
from told_campaigns import (
    AVERAGED,
    MIXED,
    MODEL,
    bowl,
    campaign_of,
    cube,
    defined,
    failed,
    observed,
    proposed,
    provenance_of,
    some_points,
    told,
)

from overnight.bo_core.appraisal.appraise import Appraisal, Figure, appraise
from overnight.bo_core.appraisal.recorded import Contradicted, NotRecorded
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import on_this_machine
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, PendingTreatment
from overnight.bo_core.settings.acquisitions import ACQUISITIONS
from overnight.campaign import Campaign, History, Point, Proposal
from overnight.campaign.errors import InvalidPoint
from overnight.campaign.history.events import Event

FINITE: dict[str, dict[str, Any]] = {
    "a": {"kind": "int", "low": 1, "high": 5},
    "m": {"kind": "categorical", "choices": ["p", "q", "r"]},
}


def life(campaign: Campaign, count: int, noise: float = 0.02, loss: Callable[[Point], float] = bowl) -> History:
    """Return a history of `count` observations, a failure and two pending trials."""
    noisy = random.Random(3)
    points = some_points(campaign, count + 3)
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(points, start=1):
        events.append(proposed(i, point))
        if i <= count:
            events.append(observed(i, loss(point) + noise * noisy.gauss(0, 1)))
    return History.from_events([*events, failed(count + 1)])


def finite_loss(point: Point) -> float:
    return 0.1 * (float(point["a"]) - 3.0) ** 2 + {"p": 0.0, "q": 0.2, "r": 0.4}[str(point["m"])]


def appraised(
    campaign: Campaign, history: History, proposer: BayesianProposer, batch: Sequence[Proposal]
) -> list[Appraisal]:
    of_model = [proposal for proposal in batch if proposal.generator == "model"]
    others = [proposal.point for proposal in batch if proposal.generator != "model"]
    encoding = Encoding(campaign.space)
    return appraise(Asked(campaign, history, proposer, encoding, others, len(of_model)), of_model)


def changed(proposal: Proposal, changes: Mapping[str, Any] | None = None, point: Point | None = None) -> Proposal:
    return Proposal(
        point=point or proposal.point,
        generator=proposal.generator,
        provenance=altered(provenance_of(proposal), changes or {}),
    )


def situations() -> Iterator[Any]:
    """Yield campaigns, their numbers of observations, and proposers."""
    for acquisition in ACQUISITIONS:
        proposer = MODEL.model_copy(update={"acquisition": acquisition})
        yield pytest.param(campaign_of(cube(2)), 12, proposer, id=acquisition)
        yield pytest.param(campaign_of(MIXED), 15, proposer, id=f"{acquisition}-mixed")
        averaged = AVERAGED.model_copy(update={"acquisition": acquisition})
        yield pytest.param(campaign_of(cube(2)), 10, averaged, id=f"{acquisition}-averaged")
    for pending in get_args(PendingTreatment):
        yield pytest.param(campaign_of(cube(2)), 10, MODEL.model_copy(update={"pending": pending}), id=pending)
    for warping in ("auto", "always"):
        proposer = AVERAGED.model_copy(update={"warping": warping})
        yield pytest.param(campaign_of(cube(2)), 34, proposer, id=f"{warping}-warped")
    warm = MODEL.model_copy(update={"starts": 0})
    yield pytest.param(campaign_of(cube(2)), 10, warm, id="no cold starts")
    yield pytest.param(campaign_of(cube(2), start_with=[{"x0": 0.1, "x1": 0.9}]), 10, MODEL, id="start_with")


@pytest.mark.slow
@pytest.mark.parametrize(("campaign", "count", "proposer"), list(situations()))
def test_every_point_of_a_batch_is_thought_of_here_as_it_was_when_it_was_proposed(
    campaign: Campaign, count: int, proposer: BayesianProposer
) -> None:
    history = life(campaign, count)
    batch = propose(campaign, history, proposer, 3)
    found = appraised(campaign, history, proposer, batch)
    assert len(found) == sum(proposal.generator == "model" for proposal in batch)
    for each in found:
        assert each.apart < 1e-9
        assert abs(each.ahead) < 1e-9
        assert each.objections == []


@pytest.mark.parametrize(
    ("space", "count", "noise", "hyperparameters"),
    [
        (FINITE, 9, 0.6, "map"),
        (FINITE, 9, 0.6, "average"),
        (cube(2), 20, 0.2, "map"),
        (cube(2), 20, 0.6, "average"),
    ],
)
def test_repetitions_are_appraised_by_what_they_gain(
    space: dict[str, Any], count: int, noise: float, hyperparameters: str
) -> None:
    proposer = MODEL.model_copy(update={"replication": "always", "hyperparameters": hyperparameters})
    campaign = campaign_of(space)
    history = life(campaign, count, noise, finite_loss if space is FINITE else bowl)
    batch = propose(campaign, history, proposer, 3)
    [*_, again] = [proposal for proposal in batch if provenance_of(proposal).chosen.acquisition == "replication"]
    assert provenance_of(again).chosen.instead_of is not None
    for each in appraised(campaign, history, proposer, batch):
        assert each.apart < 1e-9
        assert each.ahead < 1e-9
    never = next(t.point for t in history.trials.values() if t.pending)
    with pytest.raises(Contradicted, match="expected a repetition of a point that could be best"):
        appraised(campaign, history, proposer, [changed(p, point=never) if p is again else p for p in batch])


def test_a_later_proposal_whose_fit_began_at_an_earlier_ones_is_appraised_as_well() -> None:
    campaign, history = campaign_of(cube(2)), life(campaign_of(cube(2)), 33)
    for _ in range(2):
        batch = propose(campaign, history, MODEL, 2)
        assert all(each.apart < 1e-9 for each in appraised(campaign, history, MODEL, batch))
        first = history.next_trial
        history = history.extended(
            event
            for i, p in enumerate(batch, start=first)
            for event in (proposed(i, p.point, "model", p.provenance), observed(i, bowl(p.point)))
        )


@pytest.mark.slow
def test_other_threads_agree() -> None:
    campaign = campaign_of(cube(3))
    history = told(campaign, 505)
    proposer = MODEL.model_copy(update={"starts": 1, "warping": "never"})
    torch.set_num_threads(2)
    batch = propose(campaign, history, proposer, 2)
    torch.set_num_threads(1)
    assert provenance_of(batch[0]).stack.threads == 2
    assert [each.objections for each in appraised(campaign, history, proposer, batch)] == [[], []]


@pytest.fixture(scope="module")
def asked() -> tuple[Campaign, History, list[Proposal]]:
    campaign = campaign_of(cube(2))
    history = life(campaign, 12)
    with torch.inference_mode():
        return campaign, history, propose(campaign, history, MODEL, 2)


@pytest.mark.parametrize("name", ["predicted.loss.mean", "predicted.loss.sd", "chosen.value"])
def test_a_number_that_is_wrong_in_its_fourth_digit_is_named_with_both_values(asked, name: str) -> None:
    campaign, history, [first, second] = asked
    wrong = value_at(provenance_of(second), name) * (1.0 + 1e-4)
    good, bad = appraised(campaign, history, MODEL, [first, changed(second, {name: wrong})])
    assert good.objections == []
    [objection] = bad.objections
    right = next(figure.here for figure in bad.figures if figure.name == name)
    assert objection == f"{name} is recorded as {wrong!r}, here {right!r}"


def test_a_point_beside_the_best_is_told_though_its_own_score_is_right(asked) -> None:
    campaign, history, [first, _] = asked
    elsewhere = changed(first, point={"x0": 0.9, "x1": 0.9})
    [found] = appraised(campaign, history, MODEL, [elsewhere])
    there = {figure.name: figure.here for figure in found.figures}
    [found] = appraised(campaign, history, MODEL, [changed(elsewhere, there)])
    assert found.apart == 0.0
    assert found.ahead > 0.1
    [objection] = found.objections
    assert objection == f"a point scores {found.ahead:.3g} more than the recorded one, {found.better}"
    assert found.better["x0"] == pytest.approx(first.point["x0"], abs=0.02)


def test_the_first_point_of_a_batch_decides_what_the_second_is_worth(asked) -> None:
    campaign, history, [first, second] = asked
    moved = changed(first, point={"x0": second.point["x0"], "x1": float(second.point["x1"]) + 0.01})
    _, found = appraised(campaign, history, MODEL, [moved, second])
    assert any("chosen.value" in objection for objection in found.objections)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"chosen.acquisition": "simple_regret"}, Contradicted),
        ({"chosen.acquisition": "replication"}, Contradicted),
        ({"models.metrics.loss.hyperparameters": {"log_noise_variance": (0.1,)}}, Contradicted),
        ({"models.metrics": {}}, NotRecorded),
        ({"predicted": {}}, NotRecorded),
        ({"predicted.loss.sd": None}, NotRecorded),
        ({"models.metrics.loss.jitter": None, "chosen.jitter": 1e-6}, NotRecorded),
        ({"models.metrics.loss.jitter": None, "chosen.jitter": None}, NotRecorded),
    ],
)
def test_what_cannot_be_or_is_not_known_is_told_apart(asked, change: dict[str, Any], expected: type[Exception]) -> None:
    campaign, history, [first, _] = asked
    with pytest.raises(expected):
        appraised(campaign, history, MODEL, [changed(first, change)])


def test_a_point_outside_of_the_space_is_refused(asked) -> None:
    campaign, history, [first, _] = asked
    with pytest.raises(InvalidPoint):
        appraised(campaign, history, MODEL, [changed(first, point={"x0": 3.0, "x1": 0.1})])


def test_points_that_were_tried_and_batches_of_two_models_cannot_be(asked) -> None:
    campaign, history, [first, second] = asked
    with pytest.raises(Contradicted, match="expected a new point"):
        appraised(campaign, history, MODEL, [changed(first, point=history.trials[1].point)])
    other = {name: tuple(x + 0.1 for x in values) for name, values in _hyperparameters(second).items()}
    with pytest.raises(Contradicted, match="same hyperparameters in the whole batch"):
        appraised(campaign, history, MODEL, [first, changed(second, {"models.metrics.loss.hyperparameters": other})])


def _hyperparameters(proposal: Proposal) -> dict[str, tuple[float, ...]]:
    return provenance_of(proposal).models.metrics["loss"].hyperparameters


def test_where_only_the_larger_jitter_was_recorded_the_least_there_is_suffices(asked) -> None:
    campaign, history, batch = asked
    old = [changed(p, {"models.metrics.loss.jitter": None}) for p in batch]
    assert provenance_of(batch[0]).chosen.jitter == 1e-8
    assert [each.objections for each in appraised(campaign, history, MODEL, old)] == [[], []]


def test_a_gpu_that_is_missing_here_is_no_reason_not_to_appraise(asked) -> None:
    campaign, history, batch = asked
    on_a_gpu = MODEL.model_copy(update={"device": "cuda"})
    if torch.cuda.is_available():
        assert on_this_machine(on_a_gpu) == on_a_gpu
    assert all(each.objections == [] for each in appraised(campaign, history, on_a_gpu, batch))


def test_where_points_lie_close_and_results_were_exact_rounding_is_allowed_for_but_no_more() -> None:
    def loss(point: Point) -> float:
        return math.sin(7.0 * float(point["x0"])) + 0.5 * float(point["x0"])

    campaign, proposer = (
        campaign_of(cube(1)),
        MODEL.model_copy(update={"acquisition": "log_probability_of_improvement"}),
    )
    history = History.from_events([defined(campaign)])
    for trial in range(1, 18):
        [last] = propose(campaign, history, proposer, 1)
        before = history
        event = proposed(trial, last.point, last.generator, last.provenance)
        history = history.extended([event, observed(trial, loss(last.point), 0.0)])
    [found] = appraised(campaign, before, proposer, [last])
    assert found.objections == []
    of_mean, of_sd, _ = found.figures
    assert of_sd.rounding > 1e-6 > of_mean.rounding
    assert 1e-6 < of_sd.rounding < 1e-2
    [told_apart] = appraised(campaign, before, proposer, [changed(last, {"predicted.loss.sd": of_sd.here * 1.01})])
    assert len(told_apart.objections) == 1


def test_figures_agree_to_a_millionth_of_their_size_or_unit_or_as_rounding_lets_tell() -> None:
    assert Figure("f", 1.0, 1.0 + 9e-7, 0.0, 0.0).agrees
    assert not Figure("f", 1.0, 1.0 + 2e-6, 0.0, 0.0).agrees
    assert Figure("f", 1e-9, 2e-7, 1.0, 0.0).agrees
    assert Figure("f", 1.0, 1.0 + 5e-5, 0.0, 1e-5).agrees
    assert not Figure("f", 1.0, 1.01, 0.0, math.inf).agrees
    assert not Figure("f", math.nan, 1.0, 1.0, 0.0).agrees
    assert not Figure("f", 0.0, 1e-9, 0.0, 0.0).agrees
