"""The whole front as a table of the page."""

from typing import Any

from overnight.campaign import Campaign
from overnight.report.numbers import measured, probability
from overnight.report.phrases.front import interval_text, reference_text, value_text, volume_text
from overnight.report.story.goal.front import Front, FrontPoint, Value
from overnight.report.trial_facts import cell_text


def front_table(campaign: Campaign, front: Front) -> dict[str, Any]:
    """Return the headings of the front's table, and a line for each point with its values and its configuration."""
    chosen, parameters = front.recommended and front.recommended.trial, list(campaign.shown_parameters)
    return {
        "objectives": [str(objective) for objective in front.objectives],
        "parameters": parameters,
        "believed": front.believed,
        "known": any(point.probability is not None for point in front.points),
        "lines": [_line(point, parameters) | {"recommended": point.trial == chosen} for point in front.points],
        "reference": reference_text(front) if front.worst else "",
        "volume": volume_text(front),
        "given": len(front.inferred) < len(front.objectives),
    }


def _line(point: FrontPoint, parameters: list[str]) -> dict[str, Any]:
    return {
        "trial": point.trial,
        "values": [_value(value) for value in point.values],
        "probability": "" if point.probability is None else probability(point.probability),
        "configuration": [cell_text(point, name) for name in parameters],
    }


def _value(value: Value) -> dict[str, str]:
    differs = value.measurement is not None and value.measurement.mean != value.mean
    return {
        "text": value_text(value),
        "interval": interval_text(value),
        "measured": measured(value.measurement) if differs and value.measurement is not None else "",
    }
