"""A campaign's own gpytorch model proposes, recommends, is recorded and replays like the built-in one."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from own_models import NOISE, SCALES
from surrogate_cases import central_differences, uniform
from told_campaigns import (
    MODEL,
    NOON,
    bowl,
    campaign_of,
    cube,
    defined,
    distance,
    history_of,
    observed_by,
    proposed,
    provenance_of,
    some_points,
    told,
)

from overnight.bo_core.acquisition import AverageScore, JointDraws, OneObjective
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.appraisal.recorded import Contradicted
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.gpytorch_models.belief import GpytorchBelief
from overnight.bo_core.gpytorch_models.check import check
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.surrogate import Hyperparameters, Posterior
from overnight.campaign import History, Measurement, Proposal
from overnight.campaign.errors import CannotPropose, InvalidDefinition
from overnight.campaign.history.events import Event, TrialObserved

HERE = Path(__file__).parent
SPACE = campaign_of(cube(3))


def own(function: str, folder: Path = HERE, module: str = "own_models") -> GpytorchSurrogate:
    return GpytorchSurrogate(kind="gpytorch", model=f"{module}:{function}", folder=folder)


def asking(function: str, **more: object) -> BayesianProposer:
    return MODEL.model_copy(update={"surrogate": own(function), **more})


def both_beliefs(n: int = 25) -> tuple[Posterior, GpytorchBelief]:
    """Return the beliefs of both surrogates with the same kernel, hyperparameters and observations."""
    observed = observed_by(SPACE, told(SPACE, n).model_view())
    model = Model.of(observed, asking("like_the_built_in"), torch.Generator())
    assert isinstance(model.posterior, GpytorchBelief)
    theta = torch.tensor([[*SCALES, NOISE]], dtype=torch.float64).log()
    return Posterior.of(model.data, Hyperparameters(theta, 3, "matern52", 0.0)), model.posterior


def test_the_posterior_is_that_of_the_built_in_surrogate_with_the_same_hyperparameters() -> None:
    expected, found = both_beliefs()
    X = uniform(30, 3, 5)
    for here, there in zip(found.joint(X), expected.joint(X), strict=True):
        torch.testing.assert_close(here, there, rtol=0.0, atol=1e-6)
    for here, there in zip(found.marginal(X), expected.marginal(X), strict=True):
        torch.testing.assert_close(here, there, rtol=0.0, atol=1e-6)
    data = Model.of(
        observed_by(SPACE, told(SPACE, 25).model_view()), asking("like_the_built_in"), torch.Generator()
    ).data
    torch.testing.assert_close(found.replicate_noise(data), expected.replicate_noise(data))


def test_draws_of_it_are_those_of_the_built_in_surrogate_also_after_a_choice() -> None:
    averages = []
    for belief in both_beliefs():
        draws = JointDraws({"loss": belief}, uniform(6, 3, 1), 64, more=2, seed=3)
        for x in uniform(2, 3, 2):
            draws.add(x)
        averages.append(AverageScore(draws, OneObjective("loss", LogExpectedImprovement())))
    expected, found = averages
    X = uniform(600, 3, 4)
    torch.testing.assert_close(found.value(X).exp(), expected.value(X).exp(), rtol=1e-4, atol=1e-7)
    highest = X[expected.value(X).argsort(descending=True)[:5]]
    value, gradient = found.value_and_gradient(highest)
    torch.testing.assert_close(value, found.value(highest))
    torch.testing.assert_close(gradient, central_differences(found.value, highest, 1e-5), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, expected.value_and_gradient(highest)[1], rtol=1e-3, atol=1e-3)


class SameBounds(Posterior):
    """The built-in posterior with the other surrogate's bounds, so that both draw equally many random numbers."""

    def bounds_at_data(self, deviations: float) -> tuple[torch.Tensor, torch.Tensor]:
        mean, covariance = self.joint(self.Z[0] / self.scaling.inverse_scales[0] + self.scaling.center)
        sd = covariance.diagonal(dim1=1, dim2=2).sqrt()
        return mean - deviations * sd, mean + deviations * sd


def test_a_batch_is_that_of_the_built_in_surrogate_with_the_same_hyperparameters(monkeypatch) -> None:
    history, asked = told(SPACE, 20, pending=3), {"restarts": 10, "raw_points": 512, "draws": 128}
    found = propose(SPACE, history, asking("like_the_built_in", **asked), 2)
    theta = torch.tensor([[*SCALES, NOISE]], dtype=torch.float64).log()

    def fixed(observed, proposer, *rest, **more) -> Model:
        model = Model.of(observed, proposer, *rest, **more)
        return replace(model, posterior=SameBounds.of(model.data, Hyperparameters(theta, 3, "matern52", 0.0)))

    class Fixed:
        of = staticmethod(fixed)

    monkeypatch.setattr("overnight.bo_core.model_proposals.Model", Fixed)
    # Neither model uses the generator: without cold starts, the built-in fit draws no random numbers.
    expected = propose(SPACE, history, MODEL.model_copy(update={"starts": 1, "warping": "never", **asked}), 2)
    for mine, its in zip(found, expected, strict=True):
        assert distance(mine.point, its.point) < 1e-3


@pytest.mark.parametrize("function", ["plain", "with_noise", "fitted_elsewhere"])
@pytest.mark.parametrize("acquisition", ["log_noisy_expected_improvement", "upper_confidence_bound"])
def test_the_same_history_gives_the_same_points_and_says_which_code_they_came_from(function, acquisition) -> None:
    history, proposer = told(SPACE, 12, pending=2), asking(function, acquisition=acquisition)
    proposals = propose(SPACE, history, proposer, 2)
    assert proposals == propose(SPACE, history, proposer, 2)
    assert {p.generator for p in proposals} == {"model"}
    model = provenance_of(proposals[0]).models.metrics["loss"]
    code = model.code
    assert code is not None
    assert code.function == f"own_models:{function}"
    assert re.fullmatch("[0-9a-f]{64}", code.source)
    assert model.hyperparameters


def test_the_hyperparameters_are_at_a_maximum_of_gpytorchs_own_likelihood() -> None:
    observed = observed_by(SPACE, told(SPACE, 25).model_view())
    model = Model.of(observed, asking("plain"), torch.Generator())
    [end] = model.starts
    assert end.ending == "converged"
    assert isinstance(model.posterior, GpytorchBelief)
    start = float(model.posterior.model.covar_module.base_kernel.lengthscale[0, 0])
    assert start != pytest.approx(0.6931, abs=1e-3), "where gpytorch begins"


def test_standard_errors_are_handed_to_a_function_that_asks_for_noise() -> None:
    points = some_points(SPACE, 12)
    history = history_of(SPACE, points, [p["x0"] for p in points], [0.01] * 12)
    observed = observed_by(SPACE, history.model_view())
    model = Model.of(observed, asking("with_noise"), torch.Generator())
    assert isinstance(model.posterior, GpytorchBelief)
    fixed = model.posterior.model.likelihood.noise
    torch.testing.assert_close(fixed, observed.outcomes.variance)
    torch.testing.assert_close(model.posterior.replicate_noise(model.data)[0], model.data.known)


def test_it_is_recommended_from() -> None:
    found = recommend(SPACE, told(SPACE, 15), asking("plain"))
    assert found is not None
    assert found.without_model is None
    assert distance(found.point, {f"x{i}": 0.3 for i in range(3)}) < 0.5


def test_it_chooses_the_points_of_confirming_trials() -> None:
    campaign = campaign_of(cube(3), budget={"trials": 20}, confirm=5)
    [proposal] = propose(campaign, told(campaign, 15), asking("plain"), 4)
    assert proposal.generator == "confirming"
    found = recommend(campaign, told(campaign, 15), asking("plain"))
    assert found is not None
    assert distance(proposal.point, found.point) < 0.01


def test_each_of_several_objectives_has_a_model_of_its_own() -> None:
    campaign = campaign_of(cube(3), minimize=None, objectives=[{"minimize": "loss"}, {"maximize": "speed"}])
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(some_points(campaign, 10), start=1):
        metrics = {"loss": Measurement(mean=bowl(point)), "speed": Measurement(mean=float(point["x0"]))}
        seen = TrialObserved(time=NOON, actor="test", trial=i, attempt=1, metrics=metrics)
        events += [proposed(i, point), seen]
    history, proposer = History.from_events(events), asking("plain")
    batch = propose(campaign, history, proposer, 2)
    for proposal in batch:
        models = provenance_of(proposal).models.metrics
        assert [model.code.function for model in models.values() if model.code is not None] == ["own_models:plain"] * 2
    asked = Asked(campaign, history, proposer, Encoding(campaign.space), [], 2)
    assert [objection for each in appraise(asked, batch) for objection in each.objections] == []


def appraisal(history: History, proposer: BayesianProposer, made: list[Proposal]) -> list[str]:
    asked = Asked(SPACE, history, proposer, Encoding(SPACE.space), [], len(made))
    return [objection for each in appraise(asked, made) for objection in each.objections]


def test_what_was_recorded_is_recalled_without_a_fit_and_has_nothing_against_its_own_proposals() -> None:
    history, proposer = told(SPACE, 12, pending=2), asking("plain")
    made = propose(SPACE, history, proposer, 2)
    assert appraisal(history, proposer, made) == []
    with pytest.raises(Contradicted, match="a model whose state has"):
        appraisal(history, asking("fitted_elsewhere"), made)


@pytest.mark.parametrize(
    ("function", "found"),
    [
        ("no_model", "expected a gpytorch `ExactGP` .* from `own_models:no_model`, found int"),
        ("raising", "found that it raised KeyError: 'no such column', .*own_models.py"),
        ("without_kernel", "found that `WithoutKernel` raised"),
        ("flat", "expected a posterior that autograd can differentiate .* from `own_models:flat`"),
        ("not_a_function", "expected a function `not_a_function` in `own_models`, found .*`plain`"),
        ("missing", "expected a function `missing`"),
        ("leaving", "found that it raised SystemExit: 3"),
        ("leaving_later", "a posterior at features of shape .*found that `Leaving` raised SystemExit: 4"),
        ("without_data", "a model that gpytorch can fit from .*, found `Plain` without training data"),
        ("untrainable", "found that `Untrainable` raised ValueError: never"),
        (
            "with_extra_state",
            "a `state_dict` of real tensors from .*, found that `WithExtraState` has other .*_extra_state",
        ),
        ("wordless", "found that it raised Wordless: an exception without a readable text"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused_in_one_sentence(function: str, found: str) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        check(own(function), SPACE)
    text = str(refused.value)
    assert re.search(f"`proposer.surrogate.model`: .*{found}", text), text
    assert "\n" not in text.strip()


@pytest.mark.parametrize("function", ["plain", "with_noise", "fitted_elsewhere"])
def test_a_function_that_can_be_used_passes_the_check(function: str) -> None:
    check(own(function), SPACE)
    assert propose(SPACE, told(SPACE, 10), asking(function), 1)


def test_threads_that_a_function_asks_for_are_not_left_to_others() -> None:
    here = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        check(own("sets_threads"), SPACE)
        assert torch.get_num_threads() == 4
        observed = observed_by(SPACE, told(SPACE, 10).model_view())
        belief = Model.of(observed, asking("sets_threads"), torch.Generator()).posterior
        belief.averaged(observed.X)
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(here)


def test_a_function_that_fails_later_ends_the_campaign_with_what_it_raised() -> None:
    with pytest.raises(CannotPropose, match=r"raised KeyError.* Correct it and run the campaign again"):
        propose(SPACE, told(SPACE, 10), asking("raising"), 1)


def test_a_report_recommends_the_best_measurement_if_the_function_fails() -> None:
    found = recommend(SPACE, told(SPACE, 10), asking("raising"))
    assert found is not None
    assert "KeyError" in (found.without_model or "")


@pytest.mark.parametrize(
    "other", [{"kernel": "rbf"}, {"warping": "always"}, {"pending": "believer"}, {"acquisition": "thompson_sampling"}]
)
def test_settings_of_the_built_in_surrogate_are_refused_beside_another(other: dict[str, str]) -> None:
    [name] = other
    with pytest.raises(ValueError, match=rf"gpytorch surrogate.*{name if name != 'acquisition' else 'thompson'}"):
        BayesianProposer.model_validate({"surrogate": {"kind": "gpytorch", "model": "a:b"}, **other})
