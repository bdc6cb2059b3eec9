"""Joint draws of a single metric, and averages of its utility over them."""

from torch import Tensor

from overnight.bo_core.acquisition import (
    AverageScore,
    JointDraws,
    OneObjective,
    Utility,
    best_in_each_draw,
)
from overnight.bo_core.surrogate import Posterior
from overnight.bo_core.surrogate.posterior import BorderedDraws

METRIC = "f"


def joint_draws(
    posterior: Posterior,
    points: Tensor,
    draws: int,
    more: int,
    seed: int | None,
    *,
    parked: int = 0,
    approval: float = 1.0,
) -> JointDraws:
    """Return draws of the metric; see `JointDraws`."""
    return JointDraws({METRIC: posterior}, points, draws, more, seed, parked=parked, approval=approval)


def average(draws: JointDraws, utility: Utility) -> AverageScore:
    """Return the average of a utility of the metric over the draws."""
    return AverageScore(draws, OneObjective(METRIC, utility))


def drawn(draws: JointDraws) -> BorderedDraws:
    """Return the draws of the metric alone."""
    found = draws.metrics[METRIC]
    assert isinstance(found, BorderedDraws)
    return found


def best(draws: JointDraws) -> Tensor:
    """Return the best value of the metric in each draw."""
    return best_in_each_draw(draws.drawn.values[METRIC], draws.drawn.eligible)
