"""Phrases about different solutions: how many were found, why there are no more, and each of them."""

from collections.abc import Iterator

from overnight.report.numbers import number, probability, share_text, with_uncertainty
from overnight.report.phrases.general import trials_text
from overnight.report.story.goal.solutions import DifferentSolutions, ShownSolution
from overnight.report.trial_facts import point_text


def solutions_text(solutions: DifferentSolutions) -> str:
    """Return how many solutions were found, how different they are, and how good."""
    count, asked = len(solutions.found), solutions.asked
    of = "" if count == asked else f" of {asked}"
    inferred = ", a tenth of the distance to the median" if solutions.within_inferred else ""
    return (
        f"{count}{of} different solutions: each differs from the others by at least {share_text(solutions.apart)} of "
        f"the range of a parameter, and is at most {number(solutions.within)} worse than the first{inferred}"
    )


def fewer_text(solutions: DifferentSolutions) -> str:
    """Return why there are no more solutions; empty if there are as many as asked."""
    measured = "measured " if solutions.measured_only else ""
    if len(solutions.found) == solutions.asked:
        return ""
    if solutions.feasible_enough is False:
        return "no other solution, because not even the first is feasible enough"
    if solutions.next_loss is None:
        limited = any(each.probability_feasible is not None for each in solutions.found)
        enough = "differs enough and is feasible enough" if limited else "differs enough"
        return f"no other {measured}configuration that {enough} was found"
    return (
        f"the best other {measured}configuration that differs enough is worse by {number(solutions.next_loss)}, which "
        "is too much"
    )


def measured_text(solution: ShownSolution) -> str:
    """Return the trials that measured a solution, if any."""
    return trials_text(solution.trials) if solution.trials else "not measured"


def value_text(solution: ShownSolution) -> str:
    """Return the value of a solution."""
    return with_uncertainty(solution.mean, solution.sd)


def feasible_text(solution: ShownSolution) -> str:
    """Return how probably a solution meets the constraints; empty if that is unknown."""
    return "" if solution.probability_feasible is None else probability(solution.probability_feasible)


def differs_text(solution: ShownSolution) -> str:
    """Return by how much a solution differs from the most similar other one; empty if there is no other."""
    return "" if solution.differs_by is None else share_text(solution.differs_by)


def solution_lines(solutions: DifferentSolutions, metric: str) -> Iterator[str]:
    """Yield the solutions as lines of a terminal, and why there are no more."""
    yield solutions_text(solutions)
    for place, each in enumerate(solutions.found, 1):
        parts = [f"{metric} {value_text(each)}"]
        parts += [f"feasible: {text}" for text in (feasible_text(each),) if text]
        parts += [f"differs by {text}" for text in (differs_text(each),) if text]
        yield f"  {place} ({measured_text(each)}): {', '.join(parts)}; {point_text(each, each.point)}"
    if fewer := fewer_text(solutions):
        yield f"  {fewer}"
