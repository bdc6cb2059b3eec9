"""The settings under `proposer:` in a campaign file, with defaults that suit most campaigns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core.core_schema import CoreSchema, literal_schema

from overnight.bo_core.custom_proposer import CustomProposer
from overnight.bo_core.settings.acquisitions import ACQUISITIONS, DEFAULT, GAINS
from overnight.bo_core.settings.surrogates import AnySurrogate, ExactSurrogate
from overnight.campaign import Campaign
from overnight.campaign.values.numbers import WHOLE, Real, Truth

TailTreatment = Literal["auto", "compressed", "plain"]
FeasibilityTreatment = Literal["model", "ignore"]
HopelessTreatment = Literal["avoid", "ignore"]
OutlierTreatment = Literal["believe", "doubt"]
OutsideTreatment = Literal["learn", "ignore"]
FitEffort = Literal["quick", "thorough"]
CategoryDistance = Literal["one_hot", "hamming"]
PendingTreatment = Literal["joint", "ignore", "liar_min", "liar_mean", "liar_max", "believer"]

# With fewer observations, one set of hyperparameters is overconfident, and averaging costs little.
_AVERAGED_BELOW = 100
# The sets that proposals and the recommendation are averaged over. With more, the recommendation is better calibrated.
_SETS_OF_PROPOSALS, _SETS_OF_RECOMMENDATIONS = 8, 32


# Settings of the built-in surrogate that another one lacks, and settings that only the built-in one supports.
_OF_EXACT = ("kernel", "prior", "hyperparameters", "warping", "extra_noise", "starts", "pending", "device")
# Folders belong to one machine and are not recorded.
FOLDERS: Mapping[str, bool | set[str]] = {"folder": True, "surrogate": {"folder"}}


@dataclass(frozen=True)
class _OneOf:
    """A text that is one of these names, refused like any other literal."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: type[str], handler: GetCoreSchemaHandler) -> CoreSchema:
        return literal_schema(list(self.names))


class BayesianProposer(BaseModel):
    """A Gaussian process and noisy expected improvement, after a Sobol start.

    - `initial` is the number of points before the model's first, including the baseline, `start_with` and imported
      results. The default grows with the number of parameters and leaves the model two thirds of the budget.
    - `exploration` is how many standard deviations the upper confidence bound lies above the mean; other acquisitions
      ignore it.
    - `surrogate` is the built-in Gaussian process or a gpytorch model of the campaign's own (docs/how-to/own-model.md).
      The settings of the built-in process do not apply to the latter.
    - `prior` is the prior of the hyperparameters: firm, or as loose as BoTorch's.
    - `hyperparameters` decides whether beliefs use the likeliest ones (`map`) or average over several sets (`average`).
      `auto` searches with the likeliest, and averages the final beliefs while there are few observations
      (docs/decisions/0005-several-sets.md).
    - `warping` of the inputs is learnt always, never, or if leaving out observations one by one shows that it pays
      (`auto`).
    - `replication` decides whether the model may measure a promising point again if that is worth more than a new one.
      `auto` allows it in finite spaces only, since elsewhere a new point close by is as informative
      (docs/decisions/0008-repetition.md).
    - `extra_noise` infers noise on top of the reported standard errors.
    - `repeats` decides whether repeated measurements that always agree are evidence that results are exact.
    - `tails` decides how outcomes far worse than the better half suggests are treated. They are drawn together whenever
      there are any (`compressed`), never (`plain`), or over the width that makes the measurements likeliest, possibly
      not at all (`auto`, docs/decisions/0021-tails.md).
    - `hopeless` decides whether the search avoids points that a second model finds hopeless. That model sees all
      outcomes as they are, and is asked only if some are far worse.
    - `outliers` decides whether results are doubted that the model, given all others, cannot believe. If one of them
      looks too good, its point is measured again. Nothing is doubted with several objectives, in an A/B test, or by a
      gpytorch model (docs/decisions/0035-glitches.md).
    - `outside` decides whether the model learns from trials that lie outside the space since a revision, by at most one
      range. Such points are never chosen or recommended. An A/B test ignores them, and so does a gpytorch model, which
      knows the unit cube only (docs/how-to/while-it-runs.md).
    - `categories` decides how far apart two choices of an unordered parameter are: each choice has an indicator with a
      length scale of its own (`one_hot`), or the parameter has one length scale on a Hamming distance (`hamming`,
      docs/decisions/0034-categories-count-once.md).
    - `starts` is the number of cold starts of a fit, in addition to one at the last proposal's hyperparameters; with 0,
      there is a cold start only without a last proposal.
    - `fits` decides how 512 and more observations are fitted: with few computations on all of them, and again only when
      their number has grown by a twentieth (`quick`), or with many and at each proposal (`thorough`). Fewer
      observations, and those of spaces with categories, are always fitted thoroughly
      (docs/decisions/0036-many-observations.md).
    - `pending` decides how outstanding trials are treated; all but `joint` are for comparison
      (bo_core/choice/pending.py).
    - `feasibility` decides whether scores are weighted by the probability that a point gives a result, once one has
      failed by its own fault (docs/decisions/0012-feasibility.md).
    - `cost_aware` divides a point's expected gain by its expected cost (docs/how-to/costs.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bayesian"] = "bayesian"
    initial: Annotated[int, Field(ge=1), WHOLE] | None = None
    acquisition: Annotated[str, _OneOf(tuple(ACQUISITIONS))] = DEFAULT
    exploration: Annotated[Real, Field(ge=0, allow_inf_nan=False)] = 2.0
    surrogate: AnySurrogate = ExactSurrogate()
    kernel: Literal["matern52", "rbf"] = "matern52"
    prior: Literal["firm", "loose"] = "firm"
    hyperparameters: Literal["auto", "map", "average"] = "auto"
    warping: Literal["auto", "always", "never"] = "auto"
    replication: Literal["auto", "always", "never"] = "auto"
    extra_noise: Truth = False
    repeats: Literal["learn", "ignore"] = "learn"
    tails: TailTreatment = "auto"
    hopeless: HopelessTreatment = "avoid"
    outliers: OutlierTreatment = "doubt"
    outside: OutsideTreatment = "learn"
    categories: CategoryDistance = "hamming"
    starts: Annotated[int, Field(ge=0, le=100), WHOLE] = 3
    fits: FitEffort = "quick"
    pending: PendingTreatment = "joint"
    feasibility: FeasibilityTreatment = "model"
    cost_aware: Truth = False
    draws: Annotated[int, Field(ge=16, le=16_384), WHOLE] = 128
    restarts: Annotated[int, Field(ge=1, le=200), WHOLE] = 10
    raw_points: Annotated[int, Field(ge=16, le=65_536), WHOLE] = 512
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @field_validator("cost_aware")
    @classmethod
    def _costs_divide_a_gain(cls, asked: bool, info: ValidationInfo) -> bool:
        acquisition = info.data.get("acquisition", DEFAULT)
        if asked and acquisition not in GAINS:
            others = " or ".join(f"`acquisition: {name}`" for name in GAINS)
            raise ValueError(
                f"expected false with `acquisition: {acquisition}`, whose scores are not gains that a cost can divide, "
                f"or {others}, got true"
            )
        return asked

    @model_validator(mode="after")
    def _settings_of_another_surrogate(self) -> "BayesianProposer":
        if isinstance(self.surrogate, ExactSurrogate):
            return self
        fields, others = BayesianProposer.model_fields, [name for name in _OF_EXACT if not self._is_usual(name)]
        if others:
            usual = " and ".join(f"`{name}: {fields[name].default}`" for name in others)
            raise ValueError(
                f"expected {usual} with a gpytorch surrogate, to which the setting does not apply, got "
                f"{' and '.join(f'`{name}: {getattr(self, name)}`' for name in others)}"
            )
        if self.acquisition == "thompson_sampling":
            raise ValueError("expected another acquisition with a gpytorch surrogate, got `thompson_sampling`")
        return self

    def _is_usual(self, name: str) -> bool:
        allowed = {"hyperparameters": ("auto", "map"), "pending": ("joint", "ignore"), "device": ("auto", "cpu")}
        return getattr(self, name) in allowed.get(name, (BayesianProposer.model_fields[name].default,))

    def in_folder(self, folder: Path) -> "BayesianProposer":
        """Return a copy that looks for the module of its surrogate, if it has one, relative to this folder."""
        if isinstance(self.surrogate, ExactSurrogate):
            return self
        return self.model_copy(update={"surrogate": self.surrogate.in_folder(folder)})

    @property
    def doubts(self) -> bool:
        """Return whether results may be doubted; a model of the campaign's own decides alone."""
        return self.outliers == "doubt" and isinstance(self.surrogate, ExactSurrogate)

    def doubts_in(self, campaign: Campaign) -> bool:
        """Return whether results of this campaign may be doubted.

        They are not with several objectives, nor in an A/B test, whose results are means over many units, nor with
        fidelities, of which the low ones may be far off.
        """
        return self.doubts and not (campaign.goal.has_front or campaign.is_ab_test or campaign.fidelity is not None)

    def learns_outside_in(self, campaign: Campaign) -> bool:
        """Return whether trials outside of the space teach the model something.

        They do not in an A/B test, which compares arms that may still be tried, nor with a model of the campaign's own.
        """
        return self.outside == "learn" and isinstance(self.surrogate, ExactSurrogate) and not campaign.is_ab_test

    def initial_points(self, parameters: int, trials: int) -> int:
        """Return how many points come before the model's first."""
        if self.initial is not None:
            return self.initial
        return max(min(2 * parameters, trials // 3), min(4, trials))

    def averages_beliefs(self, observed: int) -> bool:
        """Return whether the belief about the best point is averaged over several sets of hyperparameters."""
        return observed < _AVERAGED_BELOW if self.hyperparameters == "auto" else self.hyperparameters == "average"

    @property
    def sets_of_proposals(self) -> int:
        """Return the number of sets of hyperparameters that proposals are averaged over."""
        return _SETS_OF_PROPOSALS if self.hyperparameters == "average" else 1

    def sets_of_recommendation(self, observed: int) -> int:
        """Return the number of sets of hyperparameters that the belief about the best point is averaged over."""
        return _SETS_OF_RECOMMENDATIONS if self.averages_beliefs(observed) else 1


class SobolProposer(BaseModel):
    """Points that fill the space evenly and take no account of results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sobol"] = "sobol"

    def in_folder(self, folder: Path) -> "SobolProposer":
        """Return the proposer unchanged: it has no module."""
        del folder
        return self


AnyProposer = Annotated[BayesianProposer | CustomProposer | SobolProposer, Field(discriminator="kind")]

# The settings of a recommendation if the proposer has no model. It checks no suspects, so none are doubted. It learns
# from no trials outside the space, because older versions did not, and no setting is recorded.
WITHOUT_MODEL = BayesianProposer(outliers="believe", outside="ignore")

_any_proposer: TypeAdapter[AnyProposer] = TypeAdapter(AnyProposer)
# Every setting is recorded, defaults included. A setting missing from an older record had this behaviour.
_BEFORE_IT_EXISTED = {
    "feasibility": "ignore",
    "repeats": "ignore",
    "tails": "compressed",
    "hopeless": "ignore",
    "outliers": "believe",
    "outside": "ignore",
    "categories": "one_hot",
    "fits": "thorough",
}


def settings_of(proposer: AnyProposer) -> dict[str, Any]:
    """Return the settings of a proposer as a ledger records them, without folders of this machine."""
    return proposer.model_dump(mode="json", exclude=FOLDERS)


def recorded_proposer(settings: Mapping[str, Any]) -> AnyProposer:
    """Return the proposer that a ledger's settings describe, including settings that an older version wrote."""
    earlier = _BEFORE_IT_EXISTED if settings.get("kind") == "bayesian" else {}
    return _any_proposer.validate_python({**earlier, **settings})
