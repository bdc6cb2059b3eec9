"""Refuse a revision that does not fit the trials so far: unknown past values, limits relative to nothing."""

from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign, History
from overnight.campaign.definition import lies_in
from overnight.campaign.errors import Refused
from overnight.campaign.history.past_values import PastValues
from overnight.campaign.parameters import Parameter
from overnight.campaign.space import unknown_values
from overnight.campaign.values.spelling import yaml_text


def refuse_unknown_past(history: History, campaign: Campaign) -> None:
    """Raise Refused if a definition adds a parameter to trials without the value that it had in them."""
    space, added = campaign.space, PastValues.of(campaign, (*history.superseded, history.definition)).added
    if not added:
        return
    lacking = [unknown_values(space, trial.proposal.point) for trial in history.trials.values()]
    names = [name for name in space.root if name in added and any(name in of_trial for of_trial in lacking)]
    if not names:
        return
    name, count = names[0], sum(names[0] in of_trial for of_trial in lacking)
    example = f"`{name}: {{kind: {space.root[name].kind}, …, was: {_example(space.root[name])}}}`"
    others = f" The same holds for {', '.join(f'`{other}`' for other in names[1:])}." if names[1:] else ""
    raise Refused(
        f"Campaign `{campaign.name}`: parameters.{name}.was: expected the value that `{name}` had in the {count} "
        f"trials from before it was added, found none. Nothing was written: add it, such as {example}.{others}"
    )


def refuse_baseline_out_of_reach(campaign: Campaign) -> None:
    """Raise Refused if limits are relative to a baseline of which the model of the present space can know nothing."""
    for given in campaign.contexts:
        refuse_baseline_out_of_reach(campaign.within(given))
    point, relative = campaign.status_quo, [each for each in campaign.constraints if each.relative]
    if point is None or not relative or lies_in(campaign, point) or Encoding(campaign.space).reaches_far(point):
        return
    raise Refused(
        f"Campaign `{campaign.name}`: baseline: expected a point of which the model of the new space can know the "
        f"metrics, because `{relative[0]}` is relative to it, found one with a choice or a constant that the space no "
        "longer has. Nothing was written: write the limit as a number, or keep the choice and exclude it by "
        "`parameter_constraints`."
    )


def _example(parameter: Parameter) -> str:
    """Return an example of a past value."""
    if parameter.listed:
        return yaml_text(parameter.listed[0])
    return "…" if parameter.bounds is None else yaml_text(parameter.bounds[0])
