"""Different solutions as a table of the page."""

from typing import Any

from overnight.campaign import Campaign
from overnight.report.phrases.general import sentence
from overnight.report.phrases.solutions import (
    differs_text,
    feasible_text,
    fewer_text,
    measured_text,
    solutions_text,
    value_text,
)
from overnight.report.story.goal.solutions import DifferentSolutions, ShownSolution
from overnight.report.trial_facts import cell_text


def solutions_table(campaign: Campaign, solutions: DifferentSolutions) -> dict[str, Any]:
    """Return the words around the table, its headings, and a line for each solution with its configuration."""
    parameters = list(campaign.shown_parameters)
    lines = [_line(each, parameters) for each in solutions.found]
    return {
        "parameters": parameters,
        "limited": any(line["feasible"] for line in lines),
        "lines": lines,
        "unmeasured": not all(each.trials for each in solutions.found),
        "words": sentence(solutions_text(solutions)),
        "fewer": sentence(fewer_text(solutions)) if fewer_text(solutions) else "",
    }


def _line(solution: ShownSolution, parameters: list[str]) -> dict[str, Any]:
    return {
        "measured": measured_text(solution),
        "value": value_text(solution),
        "feasible": feasible_text(solution),
        "differs": differs_text(solution),
        "configuration": [cell_text(solution, name) for name in parameters],
    }
