"""The utility of an acquisition that a campaign names."""

import importlib

from overnight.bo_core.acquisition.utility import Utility
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.settings.acquisitions import ACQUISITIONS


def utility_of(proposer: BayesianProposer) -> Utility | None:
    """Return the utility of the proposer's acquisition; None for Thompson sampling, which climbs a path instead."""
    asked = ACQUISITIONS[proposer.acquisition]
    if asked.utility is None:
        return None
    module, _, name = asked.utility.partition(":")
    found = getattr(importlib.import_module(module), name)
    return found(**{setting: getattr(proposer, setting) for setting in asked.settings})
