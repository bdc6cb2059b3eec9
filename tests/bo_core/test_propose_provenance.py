import math

import pytest
import torch
from surrogate_cases import waves
from told_campaigns import AVERAGED, MODEL, add, campaign_of, cube, defined, history_of, proposed, provenance_of, told

from overnight.bo_core.propose import propose
from overnight.bo_core.surrogate import Hyperparameters, Prior, fit
from overnight.bo_core.surrogate.hyperparameters import Record
from overnight.campaign import History, Point
from overnight.campaign.history.provenance import FittedModel, MadeBy, Models, Provenance


def test_a_search_uses_the_likeliest_hyperparameters_unless_it_is_told_to_average() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 10)
    [default], [likeliest], [averaged] = (
        propose(campaign, history, MODEL.model_copy(update={"hyperparameters": setting}), 1)
        for setting in ("auto", "map", "average")
    )
    assert default == likeliest
    assert default != averaged


def test_every_point_of_a_batch_says_which_model_and_seed_it_came_from() -> None:
    campaign = campaign_of(cube(3))
    first, second = (provenance_of(p) for p in propose(campaign, told(campaign, 10, pending=2), AVERAGED, 2))
    assert (first.made_by, first.models) == (second.made_by, second.models)
    model = first.models.metrics["loss"]
    # Eight sets of three length scales and a noise variance.
    assert {name: len(values) for name, values in model.hyperparameters.items()} == {
        "log_length_scales": 24,
        "log_noise_variance": 8,
    }
    assert set(model.starts) == {f"{name}, 10 observations" for name in ("middle of the prior", "draw 1", "draw 2")}
    assert first.chosen.acquisition == "log_noisy_expected_improvement"
    assert (first.knew.observed, first.knew.pending) == (10, (11, 12))
    assert (first.stack.device, first.stack.threads) == ("cpu", 1)
    assert {"torch", "gpytorch", "numpy", "cpu", "blas"} <= set(first.stack.libraries)
    assert first.stack.libraries["cpu"] == torch.backends.cpu.get_cpu_capability()


def test_each_proposal_has_a_seed_of_its_own() -> None:
    campaign, other = campaign_of(cube(2)), campaign_of(cube(2), seed=1)
    history = told(campaign, 6)
    [first] = propose(campaign, history, MODEL, 1)
    [next_one] = propose(campaign, add(history, [first]), MODEL, 1)
    [elsewhere] = propose(other, history, MODEL, 1)
    assert len({provenance_of(p).made_by.seed for p in (first, next_one, elsewhere)}) == 3


def test_the_prediction_is_in_the_metrics_own_unit() -> None:
    campaign = campaign_of(cube(2))
    [proposal] = propose(campaign, told(campaign, 20, noise=0.0), MODEL, 1)
    provenance = provenance_of(proposal)
    predicted = provenance.predicted["loss"]
    assert predicted.sd is not None
    exact = sum((float(x) - 0.3) ** 2 for x in proposal.point.values())
    assert abs(predicted.mean - exact) < 0.05
    assert 0.0 < predicted.sd < 0.1


def test_hyperparameters_are_written_to_the_last_bit_as_a_warm_start_needs_them() -> None:
    campaign = campaign_of(cube(2))
    [proposal] = propose(campaign, told(campaign, 10), MODEL, 1)
    written = proposal.model_dump_json()
    assert type(proposal).model_validate_json(written) == proposal


def before(record: Record | None) -> Provenance:
    """Return the provenance of an earlier proposal."""
    models = {} if record is None else {"loss": FittedModel(hyperparameters=record)}
    return Provenance(made_by=MadeBy(seed=0), models=Models(metrics=models))


def test_what_the_last_proposal_recorded_is_where_the_next_fit_starts() -> None:
    data = waves(0)
    points: list[Point] = [{"x0": a, "x1": b} for a, b in data.X.tolist()]
    better = fit(data, "matern52", Prior(2), torch.Generator().manual_seed(2))
    recorded = Hyperparameters(torch.from_numpy(better.theta)[None], 2, "matern52", better.jitter).as_record()

    def length_scales_after(seed: int, record: Record | None) -> tuple[float, ...]:
        campaign = campaign_of(cube(2), seed=seed)
        last = proposed(9, {"x0": 0.5, "x1": 0.5}, "model", before(record))
        history = history_of(campaign, points, (-data.y).tolist()).extended([last])
        [proposal] = propose(campaign, history, MODEL, 1)
        return (provenance_of(proposal).models.metrics["loss"].hyperparameters)["log_length_scales"]

    expected = pytest.approx(better.theta[:2].tolist(), abs=0.05)
    # With some seeds, a cold start misses the explanation of highest density.
    missing = [seed for seed in range(12) if length_scales_after(seed, None) != expected]
    assert missing
    assert all(length_scales_after(seed, recorded) == expected for seed in missing)


def test_a_sobol_point_says_from_which_seed_it_came() -> None:
    campaign = campaign_of(cube(2), seed=5)
    [proposal] = propose(campaign, History.from_events([defined(campaign)]), MODEL, 1)
    provenance = provenance_of(proposal)
    assert provenance.models.metrics == {}
    assert provenance.chosen.value is None
    assert math.isfinite(provenance.made_by.seed)
    assert provenance.stack.libraries["torch"] == torch.__version__
    # It is the same with any number of threads and on any device.
    assert (provenance.stack.threads, provenance.stack.device) == (None, None)
