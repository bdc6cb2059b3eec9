"""The recommended configuration as a table, next to the baseline."""

from typing import Any

from overnight.campaign import Campaign
from overnight.report.finding import change_of
from overnight.report.story.goal.best import Best
from overnight.report.trial_facts import cell, cell_text


def configuration_table(campaign: Campaign, best: Best) -> list[dict[str, Any]]:
    """Return a line for each active parameter, with its recommended value and the baseline's."""
    found, lines = best.recommended, list[dict[str, Any]]()
    if found is None:
        return lines
    for name, parameter in campaign.parameters.items():
        line = {"name": name, "unit": parameter.unit, "description": parameter.description}
        line |= {"recommended": cell_text(found, name), "baseline": "", "changed": False, "change": ""}
        if best.baseline is not None:
            before, after = cell(best.baseline, name), cell(found, name)
            line["baseline"], line["changed"] = cell_text(best.baseline, name), before != after
            line["change"] = change_of(before, after, logarithmic=parameter.is_logarithmic)
        if line["recommended"] or line["baseline"]:
            lines.append(line)
    return lines
