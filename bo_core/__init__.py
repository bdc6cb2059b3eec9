"""Which point next: pure, without input and output, clock or global random state; maximizes on the unit cube.

What a campaign file may say is here; `propose` and `recommend`, which import torch, are in the modules of
these names, so that checking a file stays fast. So are the model behind them (`overnight.bo_core.model`) and what it
believes after sampled outcomes of the pending trials (`overnight.bo_core.acquisition.fantasies`), for who wants to look at them.
"""

from overnight.bo_core.custom_proposer import CustomProposer
from overnight.bo_core.proposer import AnyProposer, BayesianProposer, SobolProposer

__all__ = ["AnyProposer", "BayesianProposer", "CustomProposer", "SobolProposer"]
