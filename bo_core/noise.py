"""Whether measurements have noise: as the campaign says, as evaluations report, or as repeats that agree show."""

from collections.abc import Sequence

from bo_core.encoding import key_of
from campaign import Campaign, Measurement, Trial

# With fewer, values of a coarse metric may agree by accident.
_AGREEING_REPEATS = 3


def with_known_noise(
    campaign: Campaign, trials: Sequence[Trial], measured: Sequence[Measurement], *, learn: bool
) -> tuple[list[Measurement], bool]:
    """Return the objective's measurements with what is known of their noise, and whether all of them are exact.

    With `noise: none` they are, whatever standard errors were reported. Otherwise it can be learnt: if no evaluation
    reported a standard error and repeats of points always agreed to the last bit, three times at least.
    """
    exact = campaign.noise == "none"
    if not exact and learn and all(m.sem is None for m in measured):
        exact = _always_agree(trials, measured)
    return ([m.model_copy(update={"sem": 0.0}) for m in measured] if exact else list(measured)), exact


def _always_agree(trials: Sequence[Trial], measured: Sequence[Measurement]) -> bool:
    """Tell whether points that were measured again always gave the same value, three times at least."""
    first: dict[object, float] = {}
    agreed = 0
    for trial, measurement in zip(trials, measured, strict=True):
        if first.setdefault(key_of(trial.point), measurement.mean) != measurement.mean:
            return False
        agreed += 1
    return agreed - len(first) >= _AGREEING_REPEATS
