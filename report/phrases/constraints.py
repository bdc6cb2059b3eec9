"""Phrases about constraints: the trials that meet them, and the belief about the recommended point."""

from collections.abc import Iterator

from overnight.report.numbers import interval, measured, number, probability, with_uncertainty
from overnight.report.phrases.general import counted
from overnight.report.story.goal.feasibility import Belief, Feasibility, Limit, RecommendedFeasibility


def feasible_text(feasibility: Feasibility) -> str:
    """Return how many results meet all constraints, or why nothing can be judged; empty before any result."""
    if feasibility.unjudged is not None:
        return f"nothing can be judged yet: {feasibility.unjudged}"
    if not feasibility.observed:
        return ""
    observed = counted(feasibility.observed, "observed trial")
    if feasibility.feasible:
        return f"feasible as measured: {feasibility.feasible} of {observed}"
    none = f"none of {observed} is feasible as measured"
    least = next((limit for limit in feasibility.limits if limit.constraint == feasibility.least_met), None)
    return none if least is None else f"{none}; {least.constraint} is met least often (by {least.met or 'none'})"


def limit_lines(feasibility: Feasibility) -> Iterator[str]:
    """Yield each constraint with its present limits and the number of trials that meet it."""
    for limit in feasibility.limits:
        now = f" ({relative_text(limit)})" if limit.relative else ""
        counts = f": {_counts(limit, feasibility.observed)}" if feasibility.observed else ""
        yield f"{limit.constraint}{now}{counts}"


def limit_is_unknown(limit: Limit) -> bool:
    """Return whether a limit is relative to a metric that was not measured at the baseline."""
    return limit.relative and limit.baseline is None


def relative_text(limit: Limit) -> str:
    """Return the present numbers of a limit that is relative to the baseline."""
    return f"now {_limits_text(limit)}"


def baseline_text(feasibility: Feasibility) -> str:
    """Return the constraints that the baseline does not meet, with its values; empty if it meets all or is unknown."""
    unmet = [limit for limit in feasibility.limits if limit.baseline_meets is False]
    named = " and ".join(f"{limit.constraint} (measured {number(limit.baseline or 0.0)})" for limit in unmet)
    return f"the baseline does not meet {named}" if named else ""


def reached_text(found: RecommendedFeasibility) -> str:
    """Return the probability that the recommended point is feasible, and the tight constraint if it is too small."""
    if found.probability is None:
        return _measured_only(found)
    demanded, reached = f"{100 * found.demanded:g} %", probability(found.probability)
    if found.reached:
        return f"feasible with a probability of {reached} (at least {demanded} is demanded)"
    almost = "almost " if reached == probability(found.demanded) else ""
    no_point = f"no point was found that is feasible with the demanded probability of {demanded}"
    return f"{no_point}: the closest one reaches {almost}{reached}{_tight(found)}"


def belief_lines(found: RecommendedFeasibility) -> Iterator[str]:
    """Yield the belief about each constraint at the recommended point."""
    for belief in found.beliefs:
        if belief.mean is not None:
            met = "" if belief.probability is None else f", met with a probability of {probability(belief.probability)}"
            yield f"{belief.constraint}: {believed_text(belief)}{_between(belief)}{met}"


def contradictions(found: RecommendedFeasibility) -> Iterator[str]:
    """Yield each constraint that the recommended point's measurement and the belief about it judge differently."""
    for belief in found.beliefs:
        if belief.measurement is None or None in (belief.measured_meets, belief.believed_meets):
            continue
        value = f"trial {found.trial} measured {belief.metric} {measured(belief.measurement)}"
        if belief.believed_meets and not belief.measured_meets:
            yield (
                f"{value}, which does not meet {belief.constraint}, but its true value is believed to meet it "
                f"({believed_text(belief)}): one measurement is noisy, and the model weighs it with all others"
            )
        elif belief.measured_meets and not belief.believed_meets:
            yield (
                f"{value}, which meets {belief.constraint}, but its true value is believed not to meet it "
                f"({believed_text(belief)}): the measurement was probably lucky"
            )


def believed_text(belief: Belief) -> str:
    """Return the expected value of a constraint's metric at the recommended point; empty if it is unknown."""
    return "" if belief.mean is None else with_uncertainty(belief.mean, belief.sd)


def interval_text(belief: Belief) -> str:
    """Return the interval that holds the value with a probability of 90 %; empty if it is unknown."""
    if belief.low is None or belief.high is None:
        return ""
    return " to ".join(interval(belief.low, belief.high, belief.mean))


def _counts(limit: Limit, observed: int) -> str:
    """Return how many of the observed trials meet a constraint, and how many did not measure its metric."""
    if limit_is_unknown(limit):
        return "not judged"
    missing = f", not measured by {limit.missing}" if limit.missing else ""
    return f"met by {limit.met} of {observed}{missing}"


def _limits_text(limit: Limit) -> str:
    """Return the present limits as numbers."""
    if limit_is_unknown(limit):
        return "unknown"
    low, high = (None if end is None else number(end) for end in (limit.at_least, limit.at_most))
    if low is not None and high is not None:
        return f"between {low} and {high}"
    return f"at most {high}" if low is None else f"at least {low}"


def _between(belief: Belief) -> str:
    interval = interval_text(belief)
    return f", 90 %: {interval}" if interval else ""


def _tight(found: RecommendedFeasibility) -> str:
    if found.tightest is None:
        return ""
    reached = next((belief.probability for belief in found.beliefs if belief.constraint == found.tightest), None)
    return f"; the tight constraint is {found.tightest}" + ("" if reached is None else f" ({probability(reached)})")


def _measured_only(found: RecommendedFeasibility) -> str:
    """Return whether a point is feasible as measured, for lack of a probability."""
    if found.reached is None:
        return "it is unknown whether it is feasible"
    if found.reached:
        return "feasible as measured, with an unknown probability"
    return f"no trial is feasible as measured: this one comes closest and does not meet {' and '.join(found.unmet)}"
