"""Try a campaign's own model on a few made-up results before the campaign starts."""

import torch

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.gpytorch_models.belief import GpytorchBelief
from overnight.bo_core.gpytorch_models.built import unusable
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.search.even import even_features
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.settings.user_code import Unusable
from overnight.campaign import Campaign, Measurement
from overnight.campaign.errors import InvalidDefinition, ModelFailed

_RESULTS, _CANDIDATES, _DRAWS = 8, 3, 4


@own_state()
def check(surrogate: GpytorchSurrogate, campaign: Campaign) -> None:
    """Raise InvalidDefinition if the model cannot be built, fitted, or asked for a posterior with gradients."""
    try:
        _try(surrogate, campaign)
    except (Unusable, ModelFailed) as problem:
        raise InvalidDefinition([str(problem)]) from problem.__cause__


def _try(surrogate: GpytorchSurrogate, campaign: Campaign) -> None:
    encoding = Encoding(campaign.space)
    X = even_features(encoding, _RESULTS + _CANDIDATES, 0)[: _RESULTS + _CANDIDATES]
    results = [Measurement(mean=value) for value in X[:_RESULTS].square().sum(1).tolist()]
    outcomes = Outcomes.of(results, campaign.objective)
    belief = GpytorchBelief.fitted(surrogate, X[:_RESULTS], outcomes, X[:_RESULTS])
    GpytorchBelief.recalled(surrogate, X[:_RESULTS], outcomes, X[:_RESULTS], belief.as_record())
    normals = torch.zeros(1, _DRAWS, _CANDIDATES, dtype=torch.float64)
    at, pull_back = belief.drawn(X[:_CANDIDATES], normals).at_with_pull_back(X[_RESULTS:])
    try:
        gradient = pull_back(torch.ones_like(at.mean), torch.ones_like(at.sd[:, :, 0]))
    except RuntimeError as error:
        found = f"{' '.join(str(error).split())[:300]}"
        raise unusable(surrogate, "a posterior that autograd can differentiate by the features", found) from error
    if not all(bool(part.isfinite().all()) for part in (at.mean, at.sd, gradient)):
        raise unusable(surrogate, "finite means, standard deviations and gradients", "others after a fit to 8 results")
