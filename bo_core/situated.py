"""View and encode the trials of a history as the settings of a proposer demand."""

from overnight.bo_core.data.across import on_scale
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.inside import view_across, view_around
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.proposer import BayesianProposer
from overnight.campaign import Campaign, History, ModelView


def viewed(campaign: Campaign, history: History, encoding: Encoding, proposer: BayesianProposer) -> ModelView:
    """Return the trials from which the proposer's model learns: within a context, from those of all contexts."""
    around = proposer.learns_outside_in(campaign)
    if campaign.given:
        return on_scale(campaign, view_across(campaign, history, encoding, around=around))
    return view_around(campaign, history, encoding, learn=around)


def situated(campaign: Campaign, view: ModelView, encoding: Encoding, proposer: BayesianProposer) -> Situation:
    """Return the contents of a view, which must hold at least one observation, as tensors."""
    learn_noise, hamming = proposer.repeats == "learn", proposer.categories == "hamming"
    return Situation.of(campaign, view, encoding, learn_noise=learn_noise, hamming=hamming)
