"""Choose the point that a confirming trial measures: the best of the whole space, to the model's present knowledge."""

from dataclasses import replace

from overnight.bo_core.choice.asked import Asked


def to_confirm(asked: Asked) -> Asked:
    """Return the request for one confirming point: the one with the highest posterior mean, measured before or not.

    Only the mean, the probability of a result and that of meeting constraints decide. Beliefs are averaged over
    hyperparameters whenever those of the recommendation are.
    """
    averaged = asked.proposer.averages_beliefs(len(asked.everything.observed))
    settings = {
        "acquisition": "simple_regret",
        "hyperparameters": "average" if averaged else "map",
        "hopeless": "ignore",
        "cost_aware": False,
    }
    return replace(asked, proposer=asked.proposer.model_copy(update=settings), q=1, confirming=True)
