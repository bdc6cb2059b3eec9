"""Contradictions between contexts and the rest of a definition, each with its path in the file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from overnight.campaign.contexts.context import Context, Given, agrees
from overnight.campaign.contexts.variables import values_of
from overnight.campaign.goal.objective import metrics_named
from overnight.campaign.problems import Problem, Where, shown
from overnight.campaign.space import Parameters
from overnight.campaign.values.comparison import Comparison

# What a campaign with contexts has in the place of a key of other campaigns.
_INSTEAD = {
    "stop_early": "a rule would compare the curves of trials in different contexts",
    "arms": "an A/B test compares its arms with a status quo in one context; run a test for each",
}
_LEFT_OUT = (None, (), [])


def readable_context(written: Any) -> Context | None:
    """Return the context of a definition; None if there is none, or if it is invalid by itself."""
    try:
        return None if written is None else Context.model_validate(written)
    except ValidationError:
        return None


def context_mistakes(campaign: Mapping[str, Any], context: Context, parameters: Parameters) -> Iterator[Problem]:
    """Yield names that are taken, and keys that campaigns with contexts do not have."""
    for name in context.root:
        if name in parameters.root:
            text = f"expected a name of its own, got `{name}`, which is a parameter; a context is given, never chosen"
            yield Problem(("context", name), text)
        elif name in metrics_named(campaign):
            yield Problem(("context", name), f"expected a name of its own, got `{name}`, which is a metric")
    for key, instead in _INSTEAD.items():
        if campaign.get(key) not in _LEFT_OUT:
            yield Problem(
                (key,), f"expected no `{key}` with a `context`, because {instead}; got {shown(campaign[key])}"
            )


def unlisted_values(context: Context, where: Where, written: Mapping[Any, Any]) -> Iterator[Problem]:
    """Yield each value of a variable that the campaign is not tuned for."""
    for name, variable in context.root.items():
        if name in written and written[name] not in (values := values_of(variable)):
            yield Problem((*where, name), f"expected one of {', '.join(map(repr, values))}, got {shown(written[name])}")


def contexts_of(context: Context | None, written: Mapping[Any, Any] | None = None) -> tuple[Given, ...]:
    """Return the contexts that agree with a written point; an empty one stands for a campaign without contexts."""
    return ({},) if context is None else tuple(each for each in context.every() if agrees(written or {}, each))


def only_about_contexts(constraints: Sequence[tuple[int, Comparison]], context: Context | None) -> Iterator[Problem]:
    """Yield the constraints that limit no parameter, but only contexts."""
    variables = {} if context is None else context.root
    for position, constraint in constraints:
        if all(name in variables for name in constraint.names):
            text = f"expected a constraint on a parameter that is tuned, got `{constraint}`, which is about contexts"
            yield Problem(("parameter_constraints", position), text)
