"""Contradictions between the keys of an A/B test and the rest of a definition, each with its path in the file."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from overnight.campaign.experiment.settings import RampUp, Traffic
from overnight.campaign.problems import Problem, shown

AB_TEST = "ab_test"
# The least units of an arm.
LEAST_UNITS = 30
_ONLY_FOR_AB_TESTS = ("arms", "traffic", "decide", "ramp_up")
# What an A/B test has in the place of a key of other campaigns.
_INSTEAD = {
    "objectives": "an A/B test compares its arms by one metric: write `minimize` or `maximize`, and limit the others "
    "under `constraints`",
    "stop_early": "arms of an A/B test end early by their looks (`decide`)",
    "stop_when": "an A/B test ends with its `budget`",
    "confirm": "the best arm of an A/B test is confirmed on fresh traffic (`ramp_up`)",
    "solutions": "an A/B test recommends one of its arms, and its table compares all of them",
}
_LEFT_OUT = (None, (), [], "never")


def contradictory_experiment(campaign: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the contradictions of an A/B test, and its keys in a campaign of another kind."""
    if campaign.get("kind") != AB_TEST:
        for key in _ONLY_FOR_AB_TESTS:
            if campaign.get(key) is not None:
                yield Problem((key,), f"expected `kind: {AB_TEST}`, which alone has `{key}`, found a campaign without")
        return
    for key in ("arms", "traffic", "baseline"):
        if campaign.get(key) is None:
            what = "the status quo, which is an arm of every batch" if key == "baseline" else "it in an A/B test"
            yield Problem((key,), f"expected {what}, found nothing")
    for key, instead in _INSTEAD.items():
        if campaign.get(key) not in _LEFT_OUT:
            yield Problem((key,), f"expected no `{key}`, because {instead}; got {shown(campaign[key])}")
    if campaign.get("noise") not in (None, "known"):
        text = "expected `known`, because every arm reports a standard error"
        yield Problem(("noise",), f"{text}, got {shown(campaign['noise'])}")
    if (workers := campaign.get("workers")) not in (None, 1):
        text = "expected 1, because the batches of an A/B test run one after the other; `arms` is how many run at once"
        yield Problem(("workers",), f"{text}, got {shown(workers)}")
    for key in ("evaluations", "cost"):
        if (found := _budget(campaign, key)) is not None:
            text = f"expected no `{key}`, because a batch is started as a whole or not at all; limit `trials`"
            yield Problem(("budget", key), f"{text}, got {shown(found)}")
    yield from _sizes(campaign)


def _sizes(campaign: Mapping[str, Any]) -> Iterator[Problem]:
    arms, trials = campaign.get("arms"), _budget(campaign, "trials")
    if not isinstance(arms, int) or arms < 2:
        return
    shares = RampUp().stages
    with suppress(ValidationError):
        shares = RampUp.model_validate(campaign.get("ramp_up") or {}).stages
    stages = len(shares)
    if isinstance(trials, int) and trials < (least := arms + 2 * stages):
        text = f"expected at least {least}: a batch of {arms} arms, and two arms in each stage of `ramp_up`"
        yield Problem(("budget", "trials"), f"{text}, got {trials}")
    with suppress(ValidationError):
        traffic = Traffic.model_validate(campaign.get("traffic"))
        share = traffic.share_of_status_quo(arms - 1)
        smallest = min(share, (1 - share) / (arms - 1), *shares, *(1 - each for each in shares))
        if traffic.per_batch * smallest < LEAST_UNITS:
            text = (
                f"expected at least {math.ceil(LEAST_UNITS / smallest)}, so that each arm of each batch and stage has "
            )
            text += f"{LEAST_UNITS} units: the standard errors of fewer are too rough to decide by"
            yield Problem(("traffic", "per_batch"), f"{text}, got {traffic.per_batch}")


def _budget(campaign: Mapping[str, Any], key: str) -> Any:
    budget = campaign.get("budget")
    return budget.get(key) if isinstance(budget, Mapping) else getattr(budget, key, None)
