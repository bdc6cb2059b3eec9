"""Propose the next point: pure, without input and output, clock or global random state; maximizes on the unit cube.

This package exports the settings of a campaign file. `propose` and `recommend` import torch and are modules of their
own, so that checking a file stays fast. The same holds for the model (`overnight.bo_core.model`) and for its beliefs
after sampled outcomes of the pending trials (`overnight.bo_core.acquisition.fantasies`).
"""

from overnight.bo_core.custom_proposer import CustomProposer
from overnight.bo_core.proposer import AnyProposer, BayesianProposer, SobolProposer

__all__ = ["AnyProposer", "BayesianProposer", "CustomProposer", "SobolProposer"]
