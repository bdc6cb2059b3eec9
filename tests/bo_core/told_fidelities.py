"""Campaigns with a fidelity, as they would run."""

import math
import random
from collections.abc import Callable
from typing import Any

from told_campaigns import NOON, QUICK, attempt, campaign_of, cube, defined

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.campaign import Campaign, History, Point, Proposal
from overnight.campaign.fidelity import Fidelity
from overnight.campaign.history.events import TrialObserved, TrialProposed
from overnight.campaign.standing.declared_costs import to_resume
from overnight.campaign.standing.fidelity_costs import FidelityCosts
from overnight.campaign.standing.spending import why_spent

EPOCHS = {"epochs": {"low": 1, "high": 81, "scale": "log", "overhead": 0.02}}


def cheap(cost: float | None = 8.0, trials: int = 200, **more: Any) -> Campaign:
    """Return a campaign of two parameters whose trials may be cheap, with a budget in full evaluations."""
    more = {"fidelity": EPOCHS, **more}
    parameters = more.pop("parameters", cube(2))
    return campaign_of(parameters, budget={"trials": trials, "cost": cost}, **more)


def fidelity_of(campaign: Campaign) -> Fidelity:
    """Return the fidelity of a campaign that has one."""
    assert campaign.fidelity is not None
    return campaign.fidelity


def loss(point: Point) -> float:
    """Return a bowl at 0.3 that lies higher, and a little elsewhere, the lower the fidelity is."""
    short = 1.0 - math.log(float(point["epochs"])) / math.log(81.0)
    numbers = [float(x) for name, x in point.items() if name != "epochs" and isinstance(x, float)]
    return sum((x - 0.3 - 0.05 * short) ** 2 for x in numbers) + 2.0 * short


def misleading(point: Point) -> float:
    """Return a loss whose minimum is elsewhere at all but the full fidelity, among scatter."""
    short = 1.0 - math.log(float(point["epochs"])) / math.log(81.0)
    x = float(point["x0"])
    scatter = random.Random(str(sorted(point.items()))).gauss(0.0, 1.0)
    return (x - 0.2) ** 2 + short * (2.0 * math.cos(9.0 * x) + scatter)


def observed_at(history: History, proposal: Proposal, value: float, cost: float) -> History:
    """Return the history with one more trial that was proposed and measured."""
    number = history.next_trial
    event = TrialProposed(
        time=NOON,
        actor="test",
        trial=number,
        point=proposal.point,
        generator=proposal.generator,
        provenance=proposal.provenance,
    )
    ended = {"time": NOON, "actor": "test", "trial": number, "attempt": 1, "metrics": {"loss": {"mean": value}}}
    started = attempt(number).model_copy(update={"resumed": to_resume(history, proposal.point)})
    return history.extended([event, started, TrialObserved.model_validate({**ended, "cost": cost})])


def run(
    campaign: Campaign, of: Callable[[Point], float] = loss, proposer: BayesianProposer = QUICK, most: int = 200
) -> History:
    """Return the history of a campaign after its whole budget, or so many trials; each costs what is declared."""
    history, fidelity = History.from_events([defined(campaign)]), fidelity_of(campaign)
    while history.trials.last < most and why_spent(history.trials.values(), campaign.budget) is None:
        [proposal] = propose(campaign, history, proposer, 1)
        costs = FidelityCosts.of(fidelity, history)
        history = observed_at(history, proposal, of(proposal.point), fidelity.cost(proposal.point, costs.ended))
    return history
