"""Describe which points a campaign that has trials would try next, for `overnight check`."""

from overnight.bo_core import BayesianProposer, CustomProposer
from overnight.campaign import Campaign, History, Point
from overnight.campaign.definition import lies_in
from overnight.campaign.standing.confirming import LEAST_OBSERVED, confirming
from overnight.flows.controller.finished import is_over
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.session.opening import effective_definition
from overnight.report.phrases.general import counted


def next_points(file: CampaignFile, history: History) -> tuple[str, str]:
    """Return a line on the points that come next, given a history with trials."""
    if is_over(history, file.campaign, file.settings()):
        return "next points", "none, because the campaign has finished"
    campaign = effective_definition(history, file.campaign)
    tried = [trial.point for trial in history.trials.values()]
    asked = list[Point]()
    for point in campaign.first_points:
        if point not in tried and point not in asked:
            asked.append(point)
    parts = [f"{len(asked)} from the file"] if asked else []
    return "next points", ", ".join([*parts, *_others(file, campaign, history, len(asked))])


def _others(file: CampaignFile, campaign: Campaign, history: History, asked: int) -> list[str]:
    """Return the points after those that the file asks for."""
    proposer = file.proposer
    if isinstance(proposer, CustomProposer):
        return ["the proposer's own"]
    if not isinstance(proposer, BayesianProposer):
        return ["Sobol points"]
    if campaign.is_ab_test:
        return ["the model's"]
    inside = sum(bool(trial.measured) and lies_in(campaign, trial.point) for trial in history.trials.values())
    if inside < LEAST_OBSERVED:
        of_all = f"now {inside} of {counted(history.trials.observed, 'result')}"
        return [f"Sobol points until {LEAST_OBSERVED} results lie in the space ({of_all})", "then the model's"]
    if confirming(campaign, history).begun:
        return ["confirming trials of the best point"]
    initial = proposer.initial_points(len(campaign.parameters.tuned()), campaign.budget.trials)
    left = initial - len(history.trials) - asked
    return [counted(left, "Sobol point"), "then the model's"] if left > 0 else ["the model's"]
