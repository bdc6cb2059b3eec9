"""Compare a recorded proposal with a repeated one: the same, different, or explained by another stack."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from overnight.bo_core.appraisal.appraise import AGREEMENT, Appraisal
from overnight.bo_core.appraisal.recorded import NotRecorded
from overnight.campaign import Point, Proposal
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.provenance import Difference

Verdict = Literal["same", "other stack", "undecided", "different"]

# The generators of points whose proposal can be appraised without a fit.
BY_MODEL = ("model", "confirming")
_POINTS = "points"
# Powers come from the system's mathematical library, whose versions differ in the last bits.
_OF_POWERS = 1e-12


@dataclass(frozen=True)
class Found:
    """A verdict and why; `same` needs no reason."""

    verdict: Verdict
    why: str = ""


def compared(recorded: Proposal, made: Proposal | None, appraisal: Callable[[], Appraisal]) -> Found:
    """Return the verdict on a recorded proposal; the appraisal is computed only if a model's bits differ."""
    if made is None or made.provenance is None or recorded.provenance is None:
        return Found("different", "these events do not lead to such a proposal")
    differ = [*_differences(recorded, made), *recorded.provenance.differences(made.provenance)]
    stack = recorded.provenance.stack.changes(made.provenance.stack)
    if not differ:
        return Found("same", f"on another stack ({', '.join(stack)})" if stack else "")
    why = f"{', '.join(difference.path for difference in differ)} differ"
    if not _explicable(recorded, differ):
        return Found("different", why)
    if not recorded.provenance.stack.libraries:
        return Found("undecided", f"{why}, and its stack is not recorded")
    if recorded.generator in BY_MODEL:
        return _of_a_model(why, stack, appraisal)
    if not stack or (recorded.generator == "sobol" and not _another_sequence(recorded, made)):
        return Found("different", why)
    return Found("other stack", f"{why}; so do {', '.join(stack)}")


def _of_a_model(why: str, stack: list[str], appraisal: Callable[[], Appraisal]) -> Found:
    try:
        found = appraisal()
    except NotRecorded as missing:
        unknown = f"{why}; so do {', '.join(stack)}, and {missing}"
        return Found("undecided", unknown) if stack else Found("different", why)
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


def _differences(recorded: Proposal, made: Proposal) -> Iterator[Difference]:
    if recorded.generator != made.generator:
        yield Difference("generators", "word for word")
    if repr(recorded.point) != repr(made.point):
        yield Difference(_POINTS, "except for rounding")
    if recorded.weight != made.weight:
        yield Difference("weight", "except for rounding")


def _explicable(recorded: Proposal, differ: list[Difference]) -> bool:
    """Return whether another stack could explain these differences."""
    if recorded.generator == "sobol":
        return all(difference.path == _POINTS for difference in differ)
    return all(difference.compared == "except for rounding" for difference in differ)


def _another_sequence(recorded: Proposal, made: Proposal) -> bool:
    """Return whether the stack may explain different Sobol points: another torch, or the last bits of a power."""
    assert recorded.provenance is not None
    assert made.provenance is not None
    torches = [provenance.stack.libraries.get("torch") for provenance in (recorded.provenance, made.provenance)]
    return torches[0] != torches[1] or _close(recorded.point, made.point)


def _close(a: Point, b: Point) -> bool:
    if a.keys() != b.keys():
        return False
    pairs = [(a[name], b[name]) for name in a]
    return all(
        x == y or (isinstance(x, float) and isinstance(y, float) and math.isclose(x, y, rel_tol=_OF_POWERS))
        for x, y in pairs
    )
