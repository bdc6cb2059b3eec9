"""What a campaign file may ask for under `proposer:`, with defaults that most files leave alone."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator

from overnight.bo_core.custom_proposer import CustomProposer

Acquisition = Literal[
    "log_noisy_expected_improvement",
    "log_probability_of_improvement",
    "upper_confidence_bound",
    "thompson_sampling",
    "simple_regret",
]
# Those whose scores are logarithms of what a point may gain, so that a cost can divide it.
GAINS: tuple[Acquisition, ...] = ("log_noisy_expected_improvement", "log_probability_of_improvement")
TailTreatment = Literal["auto", "compressed", "plain"]
FeasibilityTreatment = Literal["model", "ignore"]
HopelessTreatment = Literal["avoid", "ignore"]
PendingTreatment = Literal["joint", "ignore", "liar_min", "liar_mean", "liar_max", "believer"]


class BayesianProposer(BaseModel):
    """A Gaussian process and noisy expected improvement, after a Sobol start.

    `initial` counts the first points that are not the model's, baseline, `start_with` and imported results
    included; the default grows with the number of parameters and leaves the model two thirds of the budget.

    `prior` is the prior of the hyperparameters: firm, or as loose as BoTorch's. `hyperparameters` decides whether
    beliefs use the likeliest ones (`map`) or average over several sets (`average`); `auto` searches with the likeliest
    and averages the final beliefs while there are few observations (docs/decisions/0005-several-sets.md). `warping` of
    the inputs is learnt if leaving out observations one by one shows that it pays (`auto`). `replication` decides where
    the model may measure a promising point again, if that is worth more than a new one; `auto` allows it in finite
    spaces, since in others a new point close by is as informative (docs/decisions/0008-repetition.md). `extra_noise`
    infers noise on top of the reported standard errors. `repeats` decides whether repeated measurements that always
    agree are learnt to be exact. `tails` treats outcomes that are far worse than the better half suggests: they are
    drawn together whenever there are any (`compressed`), never (`plain`), or over the width that makes the measurements
    likeliest, possibly not at all (`auto`, docs/decisions/0021-tails.md). If there are such outcomes, a second model of
    all outcomes as they are may find a point hopeless; `hopeless` decides whether the search then avoids it. `starts`
    is the number of cold starts of a fit, in addition to one at the last proposal's hyperparameters; with 0 there is
    one only without a last proposal.

    `exploration` is how many standard deviations the upper confidence bound lies above the mean; other acquisitions do
    not look at it. `pending` other than `joint` is a baseline to measure against, see `pending.py`. `feasibility` says
    whether scores are weighted by the probability that a point gives a result, once one has failed by its own fault
    (docs/decisions/0012-feasibility.md). `cost_aware` divides what a point may gain by what it is expected to cost
    (docs/how-to/costs.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bayesian"] = "bayesian"
    initial: Annotated[int, Field(ge=1)] | None = None
    acquisition: Acquisition = "log_noisy_expected_improvement"
    exploration: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.0
    kernel: Literal["matern52", "rbf"] = "matern52"
    prior: Literal["firm", "loose"] = "firm"
    hyperparameters: Literal["auto", "map", "average"] = "auto"
    warping: Literal["auto", "always", "never"] = "auto"
    replication: Literal["auto", "always", "never"] = "auto"
    extra_noise: bool = False
    repeats: Literal["learn", "ignore"] = "learn"
    tails: TailTreatment = "auto"
    hopeless: HopelessTreatment = "avoid"
    starts: Annotated[int, Field(ge=0, le=100)] = 3
    pending: PendingTreatment = "joint"
    feasibility: FeasibilityTreatment = "model"
    cost_aware: bool = False
    draws: Annotated[int, Field(ge=16, le=16_384)] = 128
    restarts: Annotated[int, Field(ge=1, le=200)] = 10
    raw_points: Annotated[int, Field(ge=16, le=65_536)] = 512
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @field_validator("cost_aware")
    @classmethod
    def _costs_divide_a_gain(cls, asked: bool, info: ValidationInfo) -> bool:
        acquisition = info.data.get("acquisition", GAINS[0])
        if asked and acquisition not in GAINS:
            others = " or ".join(f"`acquisition: {name}`" for name in GAINS)
            raise ValueError(
                f"expected false beside `acquisition: {acquisition}`, whose scores are no gain that a cost could "
                f"divide, or {others}, got true"
            )
        return asked

    def initial_points(self, parameters: int, trials: int) -> int:
        """Return how many points come before the model's first."""
        if self.initial is not None:
            return self.initial
        return max(min(2 * parameters, trials // 3), min(4, trials))


class SobolProposer(BaseModel):
    """Points that fill the space evenly and never look at a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sobol"] = "sobol"


AnyProposer = Annotated[BayesianProposer | CustomProposer | SobolProposer, Field(discriminator="kind")]

_any_proposer: TypeAdapter[AnyProposer] = TypeAdapter(AnyProposer)
# Every setting is recorded, defaults included: for one that is missing, as it was not there yet, this was done.
_BEFORE_IT_EXISTED = {"feasibility": "ignore", "repeats": "ignore", "tails": "compressed", "hopeless": "ignore"}


def recorded_proposer(settings: Mapping[str, Any]) -> AnyProposer:
    """Return the proposer that a ledger's settings describe, also where an earlier version wrote them."""
    earlier = _BEFORE_IT_EXISTED if settings.get("kind") == "bayesian" else {}
    return _any_proposer.validate_python({**earlier, **settings})
