"""A definition with other bounds of a parameter, as a person enters them."""

from collections.abc import Mapping

from pydantic import ValidationError

from overnight.campaign import Campaign
from overnight.campaign.errors import InvalidDefinition, Refused
from overnight.flows.dashboard.changes import check_space, refusal
from overnight.flows.definition.translated_errors import translate


def bounded(campaign: Campaign) -> dict[str, tuple[float, float]]:
    """Return the parameters whose bounds can be revised, with their bounds."""
    parameters = campaign.parameters.root
    return {name: each.bounds for name, each in parameters.items() if each.is_tuned and each.bounds is not None}


def with_bounds(campaign: Campaign, name: str, bounds: Mapping[str, str]) -> Campaign:
    """Return the campaign with other values for `low` and `high` of a parameter; an empty text changes nothing.

    Raises Refused if there is no such parameter, or if no campaign has these bounds.
    """
    known = bounded(campaign)
    if name not in known:
        raise Refused(
            f"Expected a parameter with bounds, one of {', '.join(known)}, got `{name}`. Nothing was written."
        )
    read = campaign.parameters.root[name].spelled
    data = campaign.model_dump(mode="json")
    data["parameters"][name] |= {key: read(text) for key in ("low", "high") if (text := bounds.get(key))}
    try:
        revised = Campaign.model_validate(data)
        check_space(revised)
    except ValidationError as problem:
        raise refusal(map(str, translate(problem, Campaign, inlined=""))) from None
    except InvalidDefinition as problem:
        raise refusal(problem.problems) from None
    return revised
