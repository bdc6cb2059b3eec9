"""The facts about the source of a report."""

from datetime import UTC

from overnight.campaign import History
from overnight.report.numbers import duration, moment
from overnight.report.phrases.general import made_text
from overnight.report.story import Story


def facts_of(history: History, story: Story) -> dict[str, str]:
    """Return the source of the report, and everything needed to make it again."""
    assert history.defined is not None
    stories = [each.story for each in story.contexts] or [story]
    made, found = story.proposals, next((each.best.recommended for each in stories if each.best.recommended), None)
    facts = {
        "Ledger": story.ledger,
        "Campaign": f"{history.defined.uid}, defined {moment(history.defined.time, UTC)}",
        "Events that count": f"{story.events:,}",
        "Recommendation": None if found is None else made_text(found),
        "Seed": str(history.definition.seed),
        "Time at work": duration(history.active_seconds),
        "Proposed with": ", ".join(made.libraries),
        "Commit": ", ".join(made.commits),
        "A proposal took": None if made.median_seconds is None else f"{duration(made.median_seconds)} (median)",
        "This report": f"made {moment(story.now, UTC)}",
    }
    return {name: fact for name, fact in facts.items() if fact}
