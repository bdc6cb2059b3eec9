"""A recommendation: the configuration believed to be best, with its uncertainty."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.history.provenance import Prediction, Stack
from overnight.campaign.parameters import Value
from overnight.campaign.space import Point
from overnight.campaign.values.harmless import harmless
from overnight.campaign.values.printed import Printed, point_lines, point_words
from overnight.campaign.values.read_only import GivesItsPoint, ReadOnly, ReadOnlyDict


class OfFront(GivesItsPoint, Printed, BaseModel):
    """A measured point that is believed to be on the front; `trial` is the first one there.

    `predicted` is the belief about each modelled metric there. `probability` is the probability that no other observed
    point which is feasible dominates it, and that it is feasible itself; None without a model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int
    point: Point
    predicted: ReadOnly[dict[str, Prediction]]
    probability: float | None = None

    def __str__(self) -> str:
        chance = "" if self.probability is None else f", on the front with probability {self.probability:.3f}"
        return f"trial {self.trial}: {_metrics_words(self.predicted)}, at {point_words(self.point)}{chance}"


class Solution(GivesItsPoint, Printed, BaseModel):
    """One of several different configurations that are nearly as good as the best.

    `trial` is the first one there, None if the point was not measured. `predicted` is the belief about each modelled
    metric there, and `probability_feasible` the probability of meeting all constraints. `differs_by` is the
    largest difference of a parameter from the most similar other solution, as a fraction of its range; None for a
    single solution.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int | None
    point: Point
    predicted: ReadOnly[dict[str, Prediction]]
    differs_by: float | None = None
    probability_feasible: float | None = None

    def __str__(self) -> str:
        where = "not measured" if self.trial is None else f"trial {self.trial}"
        return f"{where}: {_metrics_words(self.predicted)}, at {point_words(self.point)}"


class FoundSolutions(Printed, BaseModel):
    """The solutions that were `found` of the `asked` ones; the first is the recommended point.

    They are at least `apart`, and their means at most `within` worse than that of the first, in the metric's own unit;
    `within_inferred` is whether the campaign left that open. If there are fewer than asked, `next_loss` is by how much
    the best other point that differs enough is worse; None if no point differs enough and is feasible. With
    `measured_only`, points that were not measured did not count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked: int
    apart: float
    within: float
    within_inferred: bool
    found: tuple[Solution, ...]
    next_loss: float | None = None
    measured_only: bool = False

    def __str__(self) -> str:
        lines = [f"{len(self.found)} of {self.asked} different solutions", *(f"  {each}" for each in self.found)]
        return "\n".join(lines)


class OfContext(BaseModel):
    """The recommendation of one context, by its `given` values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: ReadOnly[dict[str, Value]]
    recommendation: "Recommendation"


class Recommendation(GivesItsPoint, Printed, BaseModel):
    """The point that is believed to be best, never the luckiest noisy value; it may be one that was not measured.

    `trial` is None if the point was not measured. `best_measured` is the trial that is believed to be the best of those
    that were: the same one, or the alternative for people who rely on measured points only. `predicted` is the model's
    belief about the true value of each modelled metric there, in the metric's own unit. `baseline` is the same at the
    baseline, and empty if that was not observed. `objective` is the metric that decided; `mean`, `sd`, `baseline_mean`
    and `baseline_sd` are its numbers. `probability_best` is the probability that this point is the best of itself and
    all observed points. `suspects` are the trials whose results look like glitches and do not count, with the belief
    about the objective at their points. `without_model` is the reason why no model could be computed. In that case the
    point is the one with the best measurement, `sd` is its standard error if that is known, and every point is equally
    likely to be best.

    With constraints, `constraints` holds the probability that the point's true values meet each of them, by its text,
    and `probability_feasible` that they meet all. If no point reaches the probability that the campaign demands,
    `feasible_at_least`, the point is the one that comes closest to it.

    With several objectives, `front` holds the measured points that no other one is believed to beat, those that are
    better in the first objective first, and `worst` the reference of hypervolumes, in each metric's own unit. If no
    point is feasible enough, only those count that come closest. The recommended point is one of the front: the best in
    the first objective of those that meet the constraints and the campaign's `prefer` with the demanded probability,
    `preferred` is then True. If none does, it is the one that comes closest, and `preferred` is False. `preferences`
    holds the probability that the point meets each part of `prefer`, by its text. Without `prefer`, `preferred` is None
    and the point is the one that by itself dominates the largest hypervolume. `probability_best` is the probability
    that the point is on the front, and `probability_better_than_baseline` that it is better in every objective.

    `solutions` are those of a campaign that asks for several.

    In a campaign with contexts, `contexts` holds the recommendation of each context that has a result, in the order of
    the file; `in_context` returns one of them. The other fields are those of the first.

    Ledgers hold recommendations, so a field that is added needs a default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int | None
    point: Point
    best_measured: int
    objective: str
    predicted: ReadOnly[dict[str, Prediction]]
    baseline: ReadOnly[dict[str, Prediction]] = Field(default_factory=ReadOnlyDict)
    probability_best: float
    probability_better_than_baseline: float | None = None
    suspects: ReadOnly[dict[int, Prediction]] = Field(default_factory=ReadOnlyDict)
    without_model: str | None = None
    constraints: ReadOnly[dict[str, float]] = Field(default_factory=ReadOnlyDict)
    probability_feasible: float | None = None
    feasible_at_least: float | None = None
    front: tuple[OfFront, ...] = ()
    worst: ReadOnly[dict[str, float]] = Field(default_factory=ReadOnlyDict)
    preferred: bool | None = None
    preferences: ReadOnly[dict[str, float]] = Field(default_factory=ReadOnlyDict)
    solutions: FoundSolutions | None = None
    # Not dumped without contexts, so that the records of other campaigns stay as they are.
    contexts: Annotated[tuple[OfContext, ...], Field(exclude_if=lambda value: not value)] = ()

    def in_context(self, given: Mapping[str, Value] | None = None, **also: Value) -> "Recommendation | None":
        """Return the recommendation of a context, as in `in_context(workload="oltp")`; None if it has no result yet."""
        values = {**(given or {}), **also}
        return next((each.recommendation for each in self.contexts if each.given == values), None)

    def __str__(self) -> str:
        where = f"trial {self.trial}"
        if self.trial is None:
            where = f"a point that was not measured (the best measured is trial {self.best_measured})"
        lines = [f"recommended: {where}", *point_lines(self.point), _metrics_words(self.predicted)]
        if self.without_model is not None:
            lines.append(f"without a model: {harmless(self.without_model)}")
        else:
            best = f"on the front (of {len(self.front)} points)" if self.front else "the best of all observed points"
            lines.append(f"{best} with probability {self.probability_best:.3f}")
        if self.probability_feasible is not None:
            lines.append(f"meets all constraints with probability {self.probability_feasible:.3f}")
        return "\n".join([*lines, *([] if self.solutions is None else [str(self.solutions)])])

    @property
    def feasible_enough(self) -> bool | None:
        """Return whether the point is feasible with the probability that the campaign demands.

        True without constraints, and None if the probability is unknown for lack of a model.
        """
        if self.feasible_at_least is None:
            return True
        if self.probability_feasible is None:
            return None
        return self.probability_feasible >= self.feasible_at_least

    @property
    def tightest(self) -> str | None:
        """Return the constraint that is the least likely to be met, None without constraints."""
        return min(self.constraints, key=lambda text: self.constraints[text], default=None)

    @property
    def mean(self) -> float:
        """Return the mean of the objective."""
        return self.predicted[self.objective].mean

    @property
    def sd(self) -> float | None:
        """Return the standard deviation of the objective's mean, None if it is unknown."""
        return self.predicted[self.objective].sd

    @property
    def baseline_mean(self) -> float | None:
        """Return the mean of the objective at the baseline, None if that was not observed."""
        return self.baseline[self.objective].mean if self.baseline else None

    @property
    def baseline_sd(self) -> float | None:
        """Return the standard deviation of the objective's mean at the baseline, None if that was not observed."""
        return self.baseline[self.objective].sd if self.baseline else None


class Computed(BaseModel):
    """A recommendation, and the stack that computed it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recommendation: Recommendation
    stack: Stack


def _metrics_words(predicted: Mapping[str, Prediction]) -> str:
    return ", ".join(f"{harmless(metric)} {found}" for metric, found in predicted.items())
