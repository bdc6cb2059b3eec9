"""A recorded proposal beside the one that is made again: the same, different, or as another stack explains."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from overnight.bo_core.appraise import AGREEMENT, Appraisal, NotRecorded
from overnight.campaign import Point, Proposal
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.trial import Provenance

Verdict = Literal["same", "other stack", "cannot be told", "different"]

# What whoever called `propose` added, and what says on which machine and with which versions.
_ADDED = {"events_seen", "seconds", "commit", "unseen", "stand_in", "away"}
_STACK = {"libraries", "threads", "device"}
# What versions before this one did not record.
_LATER = {"expected_gain", "fit_jitter", "instead_of", "predicted_low", "predicted_high"}
# What sums and the ends of climbs decide, so that it may differ where they are rounded otherwise.
_ROUNDED = {
    "hyperparameters",
    "starts",
    "jitter",
    "fit_jitter",
    "acquisition",
    "acquisition_value",
    "instead_of",
    "expected_gain",
    "probability_feasible",
    "feasibility_hyperparameters",
    "predicted_cost",
    "cost_hyperparameters",
    "opinion_hyperparameters",
}
_ROUNDED |= {"predicted_mean", "predicted_sd", "predicted_low", "predicted_high", "tail_width", "points"}
# Powers come from the system's mathematical library, whose last bits may be others.
_OF_POWERS = 1e-12


@dataclass(frozen=True)
class Found:
    """A verdict and why; `same` needs no reason."""

    verdict: Verdict
    why: str = ""


def compared(recorded: Proposal, made: Proposal | None, appraisal: Callable[[], Appraisal]) -> Found:
    """Return the verdict on a recorded proposal; the appraisal is asked for only where a model's bits differ."""
    if made is None or made.provenance is None or recorded.provenance is None:
        return Found("different", "no such proposal is made from these events")
    differ = _differences(recorded, made)
    stack = _other_in(recorded.provenance, made.provenance)
    if not differ:
        return Found("same", f"on another stack ({', '.join(stack)})" if stack else "")
    why = f"{', '.join(differ)} differ"
    if not _explicable(recorded, differ):
        return Found("different", why)
    if not recorded.provenance.libraries:
        return Found("cannot be told", f"{why}, and on which stack it was made is not recorded")
    if recorded.generator == "model":
        return _of_a_model(why, stack, appraisal)
    if not stack or (recorded.generator == "sobol" and not _another_sequence(recorded, made)):
        return Found("different", why)
    return Found("other stack", f"{why}; so do {', '.join(stack)}")


def _of_a_model(why: str, stack: list[str], appraisal: Callable[[], Appraisal]) -> Found:
    try:
        found = appraisal()
    except NotRecorded as missing:
        unknown = f"{why}; so do {', '.join(stack)}, and {missing}"
        return Found("cannot be told", unknown) if stack else Found("different", why)
    except OvernightError as problem:
        return Found("different", f"{why}: {problem}")
    if not stack:
        return Found("different", why if found.objections else f"{why}, by no more than rounding ({_agreement(found)})")
    why = f"{why}; so do {', '.join(stack)}"
    if found.objections:
        return Found("different", f"{why}, which does not explain that {' and '.join(found.objections)}")
    return Found("other stack", f"{why}; {_agreement(found)}")


def _agreement(found: Appraisal) -> str:
    rounding = ", which is rounding" if found.apart > AGREEMENT else ""
    ahead = f"the best point found is {max(found.ahead, 0.0):.1g} ahead"
    return f"mean, sd and score agree to {found.apart:.1g}{rounding}, {ahead}"


def _differences(recorded: Proposal, made: Proposal) -> list[str]:
    before, now = recorded.provenance, made.provenance
    assert before is not None
    assert now is not None
    fields = [name for name in Provenance.model_fields if name not in _ADDED | _STACK]
    fields = [name for name in fields if name not in _LATER or name in before.model_fields_set]
    differ = [name for name in fields if repr(getattr(before, name)) != repr(getattr(now, name))]
    if repr(recorded.point) != repr(made.point):
        differ.insert(0, "points")
    if recorded.generator != made.generator:
        differ.insert(0, "generators")
    return differ


def _explicable(recorded: Proposal, differ: list[str]) -> bool:
    """Tell whether another stack could be why these differ."""
    return set(differ) <= ({"points"} if recorded.generator == "sobol" else _ROUNDED)


def _other_in(before: Provenance, now: Provenance) -> list[str]:
    """Return in what two stacks differ, as far as it was recorded."""
    libraries = [name for name, version in before.libraries.items() if now.libraries.get(name) != version]
    found = [f"libraries ({', '.join(libraries)})"] if libraries else []
    numbers = ("threads", "device")
    return found + [name for name in numbers if getattr(before, name) not in (None, getattr(now, name))]


def _another_sequence(recorded: Proposal, made: Proposal) -> bool:
    """Tell whether a stack may be why Sobol points differ: torch, which has the sequence, or a power's last bits."""
    assert recorded.provenance is not None
    assert made.provenance is not None
    torches = [provenance.libraries.get("torch") for provenance in (recorded.provenance, made.provenance)]
    return torches[0] != torches[1] or _close(recorded.point, made.point)


def _close(a: Point, b: Point) -> bool:
    if a.keys() != b.keys():
        return False
    pairs = [(a[name], b[name]) for name in a]
    return all(
        x == y or (isinstance(x, float) and isinstance(y, float) and math.isclose(x, y, rel_tol=_OF_POWERS))
        for x, y in pairs
    )
