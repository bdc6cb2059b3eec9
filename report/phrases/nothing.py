"""The reasons why nothing is the best result so far, or recommended."""

from overnight.report.phrases.constraints import feasible_text
from overnight.report.phrases.fidelities import nothing_in_full
from overnight.report.story import Story


def why_nothing(story: Story) -> str:
    """Return why a campaign has no recommendation, as the beginning of a sentence."""
    if not story.best.observed:
        return f"nothing was {'observed' if any(story.spent.trials.values()) else 'tried yet'}"
    if story.feasibility is not None and (feasible := feasible_text(story.feasibility)):
        return feasible
    return _nothing_inside(story) or "there is no recommendation yet"


def why_no_best(story: Story) -> str:
    """Return why no result is the best one as measured; empty before any result, and if one may be the best.

    With contexts, it is the reason of each.
    """
    if story.contexts and not _nothing_inside(story):
        reasons = {each.called: why_no_best(each.story) for each in story.contexts}
        return "; ".join(f"{context}: {why}" for context, why in reasons.items() if why)
    if nothing := nothing_compared(story):
        return nothing
    if story.feasibility is not None and not story.feasibility.feasible:
        return feasible_text(story.feasibility)
    feasible = "" if story.feasibility is None else "feasible "
    return "" if story.experiment is None else f"no {feasible}arm has a result in a batch whose status quo has one"


def nothing_compared(story: Story) -> str:
    """Return why no result can be the best, whatever it is: the present space or the fidelity; else an empty text."""
    return _nothing_inside(story) or nothing_in_full(story.fidelities, story.best)


def _nothing_inside(story: Story) -> str:
    outside = story.best.observed and not story.best.inside
    return "no result lies in the present space" if outside else ""
