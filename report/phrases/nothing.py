"""The reason why nothing is recommended."""

from overnight.report.phrases.constraints import feasible_text
from overnight.report.story import Story


def why_nothing(story: Story) -> str:
    """Return why a campaign has no recommendation, as the beginning of a sentence."""
    if not story.best.observed:
        return f"nothing was {'observed' if any(story.spent.trials.values()) else 'tried yet'}"
    if story.feasibility is not None and (feasible := feasible_text(story.feasibility)):
        return feasible
    if story.revisions.outside:
        return "no result lies in the present space"
    return "there is no recommendation yet"
