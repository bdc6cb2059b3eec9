"""The model that a campaign's function returns for given observations, checked before it is used."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

from gpytorch.distributions import MultivariateNormal
from linear_operator.utils.errors import NanError, NotPSDError
from torch import Tensor, nn

from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.numerics.threads import same_threads
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.settings.user_code import Unusable, described
from overnight.campaign.errors import ModelFailed


def built(surrogate: GpytorchSurrogate, X: Tensor, outcomes: Outcomes) -> tuple[nn.Module, str]:
    """Return the function's model of outcomes at features X [n, d], in double precision, and the hash of its source.

    Raises Unusable.
    """
    known = not bool(outcomes.variance.isnan().any())
    with same_threads(), surrogate.code.importable():
        function = surrogate.code.found()
        shapes = f"X of shape {tuple(X.shape)} and y of shape {tuple(outcomes.y.shape)}"
        with user_errors(surrogate, f"a model for {shapes}", "it"):
            asks = "noise" in inspect.signature(function).parameters
            more = {"noise": outcomes.variance.clone() if known else None} if asks else {}
            model = function(X.clone(), outcomes.y.clone(), **more)
        source = surrogate.code.source_hash()
    if not isinstance(model, nn.Module):
        raise unusable(surrogate, "a gpytorch `ExactGP` or another module with a posterior", type(model).__name__)
    return model.double(), source


def posterior_of(surrogate: GpytorchSurrogate, model: nn.Module, X: Tensor) -> MultivariateNormal:
    """Return the joint posterior of the latent function at features X [b, d]; call it inside `exactly`."""
    expected, name = f"a posterior at features of shape {tuple(X.shape)}", type(model).__name__
    try:
        with user_errors(surrogate, expected, f"`{name}`"):
            found = getattr(model, "posterior", model)(X)
    except (NotPSDError, NanError) as error:
        raise ModelFailed(f"The gpytorch model {name} has no posterior: {error}") from error
    found = getattr(found, "distribution", found)
    if not isinstance(found, MultivariateNormal) or found.mean.shape != X.shape[:1]:
        shape = f" of shape {tuple(found.mean.shape)}" if isinstance(found, MultivariateNormal) else ""
        expected = f"a `{type(model).__name__}` whose posterior is a `MultivariateNormal` of shape {tuple(X.shape[:1])}"
        raise unusable(surrogate, expected, type(found).__name__ + shape)
    return found


@contextmanager
def user_errors(surrogate: GpytorchSurrogate, expected: str, subject: str) -> Iterator[None]:
    """Raise Unusable for anything that a model's own code raises, including exits, except numerical failures.

    The number of threads is restored afterwards.
    """
    try:
        with same_threads():
            yield
    except (NotPSDError, NanError, Unusable, ModelFailed):
        raise
    except (Exception, SystemExit) as error:
        raise unusable(surrogate, expected, f"that {subject} raised {described(error)}") from error


def unusable(surrogate: GpytorchSurrogate, expected: str, found: str) -> Unusable:
    """Return the error about a model, in one sentence."""
    return Unusable(f"`{surrogate.code.key}`: expected {expected} from `{surrogate.model}`, found {found}.")
