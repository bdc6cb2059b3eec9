"""Contradictions between a campaign and the parts that it is run with."""

from datetime import timedelta

from overnight.bo_core import AnyProposer, BayesianProposer
from overnight.bo_core.settings.acquisitions import AGAINST_BEST
from overnight.campaign.definition import Confirm, StopWhen
from overnight.campaign.problems import Problem
from overnight.campaign.values.duration import format_duration
from overnight.campaign.window import Window


def window_problems(window: Window | None, time_limit: timedelta) -> list[Problem]:
    """Return a problem if not even the first evaluation would fit into the window."""
    if window is None or time_limit <= window.length:
        return []
    limit, length = format_duration(time_limit), format_duration(window.length)
    text = (
        f"expected at most {length}, the length of the window {window}, got {limit}: until five evaluations are known, "
        "each is expected to take that long, so none would ever start"
    )
    return [Problem(("evaluator", "time_limit"), text)]


def gain_problems(stop_when: StopWhen | None, proposer: AnyProposer) -> list[Problem]:
    """Return a problem if the campaign ends by its expected gain and its proposer reports none."""
    tells = isinstance(proposer, BayesianProposer) and proposer.acquisition in AGAINST_BEST
    if stop_when is None or tells:
        return []
    found = f"`{proposer.acquisition}`" if isinstance(proposer, BayesianProposer) else f"`kind: {proposer.kind}`"
    text = (
        f"expected a proposer that computes the expected gain of one more trial, got {found}: use `proposer.kind: "
        f"bayesian` with one of {', '.join(AGAINST_BEST)}, or leave `stop_when` out"
    )
    return [Problem(("stop_when", "expected_gain_below"), text)]


def confirm_problems(confirm: Confirm, proposer: AnyProposer) -> list[Problem]:
    """Return a problem if a number of trials is to confirm and no model knows which point."""
    if not isinstance(confirm, int) or isinstance(proposer, BayesianProposer):
        return []
    text = (
        f"expected `never` or `auto` with `proposer.kind: {proposer.kind}`, which has no model that knows the point to "
        f"confirm, got {confirm}"
    )
    return [Problem(("confirm",), text)]
