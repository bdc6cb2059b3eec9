"""Revisions of a running campaign: the keys that may change, and the end of waiting trials outside the new space."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from overnight.campaign import Campaign, History
from overnight.campaign.changes import differences
from overnight.campaign.definition import lies_in
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import CampaignDefined, CampaignRevised, TrialAbandoned
from overnight.flows.people.revised_past import refuse_baseline_out_of_reach, refuse_unknown_past


def revise(
    history: History, who: str, why: str, now: datetime, campaign: Campaign, settings: dict[str, Any]
) -> Sequence[CampaignRevised | TrialAbandoned]:
    """Return a revision that holds from the next proposal on, and the end of each waiting trial outside its space.

    Trials outside the new space that are running may finish. A finished campaign continues if the new definition
    leaves it something to do. Raises Refused if the definition makes it another campaign, changes the evaluator or the
    proposer, or changes nothing.
    """
    latest, name = history.revised or history.defined, campaign.name
    assert latest is not None
    _refuse_another(latest.definition, campaign)
    refuse_unknown_past(history, campaign)
    refuse_baseline_out_of_reach(campaign)
    if settings != latest.settings:
        parts = " and ".join(f"`{key}`" for key in settings if settings[key] != latest.settings.get(key))
        raise Refused(
            f"Campaign `{name}`: a revision cannot change {parts}. Nothing was written. A running controller keeps the "
            "evaluator and the proposer that it started with: drain it and run the campaign again, or undo the change."
            + _about_time_limit(latest, campaign, settings)
        )
    if campaign == latest.definition:
        raise Refused(
            f"Campaign `{name}`: the definition has not changed, so there is nothing to revise. Nothing was written."
        )
    revision = 1 if history.revised is None else history.revised.revision + 1
    revised = CampaignRevised(
        time=now, actor=who, revision=revision, definition=campaign, settings=settings, why=why or None
    )
    reason = f"it lies outside of the space of revision {revision}" + (f": {why}" if why else "")
    # As points of the new parameters.
    trials = history.extended([revised]).trials
    waiting = [trial for trial in trials.open if trial.open_attempt is None]
    outside = [trial.id for trial in waiting if not lies_in(campaign, trial.point)]
    return [revised, *(TrialAbandoned(time=now, actor=who, trial=number, why=reason) for number in outside)]


def _about_time_limit(latest: CampaignDefined | CampaignRevised, campaign: Campaign, settings: dict[str, Any]) -> str:
    """Return that a time limit follows from the window, if it alone has changed together with it; else nothing."""
    before, after = ({**each.get("evaluator", {})} for each in (latest.settings, settings))
    was, now = before.pop("time_limit", None), after.pop("time_limit", None)
    if was is None or before != after or latest.definition.window == campaign.window:
        return ""
    return (
        f" Only the evaluator's time limit has changed, from {was} to {now}, because it is half of the `window` if the "
        "file sets none: write the old one as `time_limit` under `evaluator`."
    )


def _refuse_another(old: Campaign, new: Campaign) -> None:
    changes = differences(old, new, on_request=True)
    if changes:
        listed = "\n".join(changes)
        raise Refused(
            f"Campaign `{old.name}` cannot be revised in this way:\n{listed}\nThat would be another campaign. Nothing "
            "was written: undo it, or give this campaign another `name`. `overnight revise --help` lists the keys that "
            f"may change.{_about_objectives(old, new)}{_about_parameters(old, new)}"
        )


def _about_objectives(old: Campaign, new: Campaign) -> str:
    """Return how to search for something else; empty if the objectives are the same."""
    named = [[(each.metric, each.direction) for each in campaign.goal.objectives] for campaign in (old, new)]
    if named[0] == named[1]:
        return ""
    return (
        " Another objective makes another campaign, which can begin with the trials of this one: `overnight export "
        "trials.csv`, change the `name` and the objective, and `overnight import trials.csv`. A metric that must only "
        "stay within limits can be added under `constraints`."
    )


def _about_parameters(old: Campaign, new: Campaign) -> str:
    """Return what to do instead of dropping parameters; empty if none was dropped."""
    dropped = [name for name in old.parameters.root if name not in new.parameters.root]
    if not dropped:
        return ""
    names, first = " and ".join(f"`{name}`" for name in dropped), dropped[0]
    return (
        f" Instead of dropping {names}, keep it in the file and write the value that it has from now on: under `fix`, "
        f"if the model shall learn from trials with other values, or as `{first}: {{kind: fixed, value: …}}`, if "
        "trials with other values shall not count."
    )
