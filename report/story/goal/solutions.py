"""The different solutions of a recommendation."""

from overnight.campaign import History, Point
from overnight.campaign.history.trial import Observation
from overnight.campaign.recommendation import FoundSolutions, Recommendation, Solution
from overnight.report.story.goal.best import believed_at, holding
from overnight.report.story.goal.exactness import is_exact
from overnight.report.story.section import Known, Section


class ShownSolution(Section):
    """A solution with the `trials` that measured it, if any, and the belief about its true value.

    `sd` is absent if measurements are exact. `differs_by` is the largest difference of a parameter from the most
    similar other solution, as a fraction of its range.
    """

    trials: tuple[int, ...]
    point: Point
    mean: float
    sd: Known
    differs_by: Known
    probability_feasible: Known


class DifferentSolutions(Section):
    """The solutions that were found of the `asked` ones, the recommended one first.

    They differ by at least `apart`, and are worse than the first by at most `within`, which is `within_inferred` if the
    campaign leaves it open. If there are fewer than asked, `next_loss` is by how much the best other configuration that
    differs enough is worse; it is absent if there is none. With `measured_only`, only measured ones count. The first is
    `feasible_enough`, or unknown to be.
    """

    asked: int
    apart: float
    within: float
    within_inferred: bool
    found: tuple[ShownSolution, ...]
    next_loss: Known
    measured_only: bool
    feasible_enough: bool | None


def solutions_of(history: History, computed: Recommendation | None) -> DifferentSolutions | None:
    """Return the solutions of the recommendation that holds; None if it has no others than the recommended one."""
    found = holding(history, computed)
    if found is None or found.solutions is None:
        return None
    exact = is_exact(history, found.objective)
    several: FoundSolutions = found.solutions
    return DifferentSolutions(
        found=tuple(_shown(history, found.objective, each, exact=exact) for each in several.found),
        feasible_enough=found.feasible_enough,
        **several.model_dump(exclude={"found"}),
    )


def _shown(history: History, metric: str, of: Solution, *, exact: bool) -> ShownSolution:
    belief = of.predicted[metric]
    mean, sd = believed_at(history, of.point, belief.mean, belief.sd, exact=exact)
    there = (trial for trial in history.trials.values() if trial.point == of.point)
    return ShownSolution(
        trials=tuple(sorted(trial.id for trial in there if isinstance(trial.outcome, Observation))),
        point=of.point,
        mean=mean,
        sd=sd,
        differs_by=of.differs_by,
        probability_feasible=of.probability_feasible,
    )
