"""The constraints as a table, with the belief about the recommended configuration."""

from typing import Any

from overnight.report.numbers import measured, number, probability
from overnight.report.phrases.constraints import believed_text, interval_text, limit_is_unknown, relative_text
from overnight.report.story.goal.feasibility import Belief, Feasibility


def constraints_table(feasibility: Feasibility | None) -> list[dict[str, Any]]:
    """Return a line for each constraint, with the belief about the recommended configuration."""
    if feasibility is None:
        return []
    found = feasibility.recommended
    beliefs = [None] * len(feasibility.limits) if found is None else found.beliefs
    return [
        {
            "constraint": limit.constraint,
            "limits": relative_text(limit) if limit.relative else "",
            "met": "not judged" if limit_is_unknown(limit) else f"{limit.met} of {feasibility.observed}",
            "missing": limit.missing,
            "baseline": "" if limit.baseline is None else number(limit.baseline),
            "broken": limit.baseline_meets is False,
            **_belief(belief),
        }
        for limit, belief in zip(feasibility.limits, beliefs, strict=True)
    ]


def _belief(belief: Belief | None) -> dict[str, Any]:
    """Return the cells about the recommended configuration, which are empty if nothing is recommended."""
    if belief is None:
        return {"believed": "", "interval": "", "probability": "", "measured": "", "unmet": False}
    return {
        "believed": believed_text(belief),
        "interval": interval_text(belief),
        "probability": "" if belief.probability is None else probability(belief.probability),
        "measured": "" if belief.measurement is None else measured(belief.measurement),
        "unmet": belief.measured_meets is False,
    }
