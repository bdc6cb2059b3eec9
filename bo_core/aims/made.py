"""Make the aim of a campaign given the models of a batch."""

from torch import Tensor

from overnight.bo_core.aims.aim import Aim
from overnight.bo_core.aims.front import Front
from overnight.bo_core.aims.limited import Limited
from overnight.bo_core.aims.unlimited import Unlimited
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.limits import Limits
from overnight.bo_core.model import Beliefs
from overnight.campaign import Campaign


def aim_of(campaign: Campaign, encoding: Encoding, beliefs: Beliefs, among: Tensor | None = None) -> Aim:
    """Return the aim of a campaign, given the model of each metric that was measured.

    Only the points `among` [n] those of the first objective's model can be on a front, if it is given.
    """
    limits, objective = Limits.of(campaign, encoding, beliefs), campaign.objective.metric
    if campaign.goal.has_front:
        return Front.of(campaign.goal, beliefs, limits, among)
    outcomes = beliefs[objective].observed.outcomes
    return Unlimited(objective, outcomes) if limits is None else Limited(limits, outcomes)
