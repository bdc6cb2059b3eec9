"""Decide whether measurements have noise, from the campaign, from reported errors, or from repeats that agree."""

from collections.abc import Sequence

from overnight.bo_core.data.encoding import key_of
from overnight.campaign import Measurement, Trial
from overnight.campaign.standing.repeats import always_agree


def with_known_noise(
    trials: Sequence[Trial], measured: Sequence[Measurement], *, exact: bool, learn: bool
) -> tuple[list[Measurement], bool]:
    """Return measurements of a metric with their known noise, and whether all of them are exact.

    If they are `exact` by definition, reported standard errors do not count. Otherwise exactness can be learnt: if no
    evaluation reported a standard error, and at least three repeats of points all agreed to the last bit.
    """
    if not exact and learn and all(m.sem is None for m in measured):
        exact = always_agree((key_of(t.point), m.mean) for t, m in zip(trials, measured, strict=True))
    return ([m.model_copy(update={"sem": 0.0}) for m in measured] if exact else list(measured)), exact
