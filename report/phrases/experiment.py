"""Phrases about an A/B test: its verdict, its traffic, and the difference of an arm to the status quo."""

from collections.abc import Iterator

from overnight.campaign.experiment.effects import Effect
from overnight.report.numbers import number, share_text, with_uncertainty
from overnight.report.phrases.general import trials_text, where
from overnight.report.story import Story
from overnight.report.story.experiment import ArmOfBatch, Experiment
from overnight.report.story.goal.best import Recommended


def traffic_text(experiment: Experiment) -> str:
    """Return how many batches there were, and how much traffic they took."""
    fresh = f", and {experiment.units_fresh:,} to confirm" if experiment.units_fresh else ""
    batches = "1 batch" if experiment.batches == 1 else f"{experiment.batches} batches"
    return f"{batches}: {experiment.units_exploring:,} {experiment.unit} to search{fresh}"


def arm_lines(experiment: Experiment) -> Iterator[str]:
    """Yield a line for each arm of the newest batch."""
    newest = max((arm.batch for arm in experiment.arms), default=None)
    for arm in experiment.arms:
        if arm.batch == newest:
            yield f"trial {arm.trial} ({share_text(arm.share)} of the traffic): {difference_text(arm)}{_when(arm)}"


def best_arm_text(experiment: Experiment, trial: int, *, limited: bool) -> str:
    """Return the best arm so far with its difference; empty once fresh traffic decides, since some arms are lucky."""
    arm = next((each for each in experiment.arms if each.trial == trial), None)
    if arm is None or experiment.candidate is not None:
        return ""
    return f"best {'feasible ' if limited else ''}arm so far: trial {trial}, {difference_text(arm)}"


def recommended_instead(story: Story) -> str:
    """Return why another configuration than the confirmed one is recommended; empty if none is."""
    experiment, found, feasibility = story.experiment, story.best.recommended, story.feasibility
    if experiment is None or experiment.state != "confirmed" or found is None or found.point == experiment.candidate:
        return ""
    if not found.is_baseline:
        return (
            "another configuration than the confirmed one is recommended: it is believed to be the best by the results "
            "of all batches, but fresh traffic has not confirmed it"
        )
    if feasibility is None or feasibility.recommended is None:
        return "the status quo is recommended all the same, because the results of all batches speak for it"
    demanded = share_text(feasibility.recommended.demanded)
    return (
        "the status quo is recommended all the same, because no better configuration is known to meet all constraints "
        f"with the demanded probability of {demanded}"
    )


def where_measured(story: Story, found: Recommended) -> str:
    """Return the trial that measured the recommended configuration, and the arms that confirmed it in an A/B test."""
    candidates = () if story.experiment is None else story.experiment.candidates
    passed = [each for each in candidates if each.state == "confirmed" and each.point == found.point]
    fresh = {trial for each in passed for trial in each.trials} - {found.trial}
    return f"{where(found)}, confirmed by {trials_text(fresh)}" if fresh else where(found)


def difference_text(arm: ArmOfBatch) -> str:
    """Return the difference of an arm to the status quo of its batch, as a share of it if that is known."""
    if arm.difference is None:
        return "not compared yet" if arm.unknown is None else f"not compared: {arm.unknown}"
    return _gap(arm.difference, arm.sem, arm.relative, arm.relative_sem)


def effect_text(effect: Effect) -> str:
    """Return the same for a known effect of an arm on any metric."""
    return _gap(effect.value or 0.0, effect.sem, effect.relative, effect.relative_sem)


def _gap(difference: float, sem: float | None, relative: float | None, relative_sem: float | None) -> str:
    if relative is not None:
        return f"{_signed(100 * relative, None if relative_sem is None else 100 * relative_sem, 3)} %"
    return _signed(difference, sem, 4)


def _signed(value: float, error: float | None, digits: int) -> str:
    """Return a difference with its sign: to the place of its error, or with so many digits if that is unknown."""
    return f"{'+' if value >= 0 else ''}{with_uncertainty(value, error) if error else number(value, digits)}"


def stopped_text(arm: ArmOfBatch) -> str:
    """Return why a look ended an arm; empty if none did."""
    return "" if arm.stopped is None else f"stopped: {arm.stopped}"


def _when(arm: ArmOfBatch) -> str:
    if arm.stopped is not None:
        return f"; {stopped_text(arm)}"
    return "" if arm.look is None else f", at look {arm.look}"
