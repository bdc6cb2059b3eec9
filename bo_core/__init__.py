"""Which point next: pure, without input and output, clock or global random state; maximizes on the unit cube."""

from bo_core.propose import propose
from bo_core.proposer import AnyProposer, BayesianProposer, SobolProposer
from bo_core.recommend import recommend

__all__ = ["AnyProposer", "BayesianProposer", "SobolProposer", "propose", "recommend"]
