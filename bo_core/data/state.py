"""Encoded trials and standardised outcomes, from which a proposal is made."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from overnight.bo_core.data.curves import Reported, reported
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.data.noise import with_known_noise
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.data.runs import OWN, Runs
from overnight.bo_core.data.stopped import expected_finals
from overnight.campaign import Campaign, Measurement, ModelView, Objective, Trial
from overnight.campaign.goal.target import Target


@dataclass(frozen=True)
class Observed:
    """The observed trials in the order of their ids, their features X [n, d] and their standardised outcomes.

    They are followed by the stopped trials whose ends can be estimated from reports, with the estimates as
    measurements. If they are `exact`, none of them has noise, by the campaign's definition or because that was learnt.
    `groups` are the features that share a length scale. `noise_unit` is the unit of the prior of the noise, see
    `Prior`: the scale of the outcomes if bad ones are drawn together. If they are `plain`, they never are. In an A/B
    test, `batches` holds the number of each trial's batch; a trial without a batch is one of its own. `missing` holds
    how much of the full fidelity each trial lacked, if the campaign has a fidelity. They are plain then, because low
    fidelities may all be worse than high ones, unless a run may have several outcomes. `runs` holds the number of each
    outcome's run in that case, see `Runs`. With a `target`, the measurements are those of its metric, and the objective
    is the distance.
    """

    trials: tuple[Trial, ...]
    X: Tensor
    outcomes: Outcomes
    measured: tuple[Measurement, ...]
    objective: Objective
    exact: bool
    groups: FeatureGroups
    noise_unit: float = 1.0
    plain: bool = False
    batches: tuple[int, ...] | None = None
    missing: tuple[float, ...] | None = None
    runs: tuple[int, ...] | None = None
    target: Target | None = None

    @classmethod
    def of(
        cls,
        campaign: Campaign,
        view: ModelView,
        X: Tensor,
        groups: FeatureGroups,
        expected: Mapping[int, Measurement],
        curve: Sequence[Reported],
        *,
        learn_noise: bool,
    ) -> "Observed":
        """Return the observations of a single objective, with `expected` ends of stopped trials; features X [n, d].

        Reports of a `curve` are results at lower fidelities. With `learn_noise`, repeats that always agree to the last
        bit mean that there is no noise.
        """
        ended = (*view.observed, *(t for t in view.stopped if t.id in expected))
        trials = (*ended, *(each.trial for each in curve))
        target, exact = learnt_target(campaign, view), campaign.noise == "none"
        values = campaign.goal.values_of(view.observed) if target is None else _metrics_of(target, view.observed)
        known, exact = with_known_noise(view.observed, values, exact=exact, learn=learn_noise)
        on_the_way = _measured_on_the_way(curve, exact=exact)
        measured, objective = (*known, *expected.values(), *on_the_way), campaign.objective
        batches = _batches(campaign, trials)
        relative = any(limit.relative for limit in campaign.constraints if limit.metric == objective.metric)
        missing = _missing(campaign, ended, curve)
        runs = _runs(campaign, view, trials, missing)
        plain = relative or batches is not None or (missing is not None and runs is None)
        outcomes = Outcomes.of(measured, objective, None if plain else 1.0, batches, missing, _wanted(target))
        found = cls(trials, X, outcomes, measured, objective, exact, groups, plain=plain, batches=batches)
        return replace(found, missing=missing, runs=runs, target=target)

    @classmethod
    def of_another(
        cls,
        campaign: Campaign,
        view: ModelView,
        metric: str,
        encoding: Encoding,
        groups: FeatureGroups,
        *,
        learn_noise: bool,
    ) -> "Observed | None":
        """Return a view's measurements of another metric than a single objective; None if there are none.

        A failed trial counts if this metric was measured in it, and so does a stopped one whose end can be estimated.
        Outcomes far from a single limit, on its wrong side, may be drawn together. The others stay as they are: both
        sides of two limits matter, draws of the baseline must move a relative limit in proportion, hypervolumes are
        those of the metrics as measured, and the shifts of batches and of lower fidelities add to the metric itself.
        """
        objective = campaign.goal.wanted(metric)
        is_objective = any(each.metric == metric for each in campaign.goal.objectives)
        found = [
            (trial, value)
            for trial in (*view.observed, *view.failed)
            if (value := _found_in(_measured(trial), objective, is_objective=is_objective)) is not None
        ]
        if not found:
            return None
        measured_in = [trial for trial, _ in found]
        values, exact = [value for _, value in found], campaign.noise == "none"
        known, exact = with_known_noise(measured_in, values, exact=exact, learn=learn_noise)
        expected = expected_finals(campaign, view, metric)
        curve = reported(campaign, view, objective)
        ended = (*measured_in, *(t for t in view.stopped if t.id in expected))
        trials = (*ended, *(each.trial for each in curve))
        known = (*known, *expected.values(), *_measured_on_the_way(curve, exact=exact))
        limits = [constraint for constraint in campaign.constraints if constraint.metric == metric]
        both_sides = any(limit.at_least for limit in limits) and any(limit.at_most for limit in limits)
        batches = _batches(campaign, trials)
        missing = _missing(campaign, ended, curve)
        shares_errors = batches is not None or missing is not None
        plain = is_objective or both_sides or any(limit.relative for limit in limits) or shares_errors
        outcomes = Outcomes.of(known, objective, None if plain else 1.0, batches, missing)
        X = encoding.encode([trial.point for trial in trials])
        runs = _runs(campaign, view, trials, missing)
        result = cls(trials, X, outcomes, known, objective, exact, groups, plain=plain, batches=batches)
        return replace(result, missing=missing, runs=runs)

    def part(self, rows: Sequence[int]) -> "Observed":
        """Return these rows of the observations, standardised without the others."""
        trials, measured = tuple(self.trials[i] for i in rows), tuple(self.measured[i] for i in rows)
        batches = None if self.batches is None else tuple(self.batches[i] for i in rows)
        missing = None if self.missing is None else tuple(self.missing[i] for i in rows)
        return replace(
            self,
            trials=trials,
            X=self.X[list(rows)],
            measured=measured,
            outcomes=self.standardised(measured, None if self.plain else 1.0, batches, missing),
            batches=batches,
            missing=missing,
            runs=None if self.runs is None else tuple(self.runs[i] for i in rows),
        )

    def with_tail_width(self, width: float | None) -> "Observed":
        """Return a copy with bad outcomes drawn together over another width, see `Outcomes.of`."""
        outcomes = self.standardised(self.measured, width, self.batches, self.missing)
        return replace(self, outcomes=outcomes, noise_unit=_share(self.outcomes.scale, outcomes.scale))

    def standardised(
        self,
        measured: Sequence[Measurement],
        width: float | None,
        batches: Sequence[int] | None = None,
        missing: Sequence[float] | None = None,
    ) -> Outcomes:
        """Return such measurements as outcomes, with bad ones drawn together over a width."""
        return Outcomes.of(measured, self.objective, width, batches, missing, _wanted(self.target))


def _found_in(measured: Mapping[str, Measurement], wanted: Objective, *, is_objective: bool) -> Measurement | None:
    """Return a metric of a result: an objective is calculated again, any other metric is as recorded if it is.

    A recorded value may have been moved to the scale of another context.
    """
    recorded = None if is_objective else measured.get(wanted.metric)
    return wanted.found_in(measured) if recorded is None else recorded


def _wanted(target: Target | None) -> float | None:
    return None if target is None else target.value


def _metrics_of(target: Target, trials: Sequence[Trial]) -> list[Measurement]:
    """Return each trial's measurement of the metric of a target; every trial must have one."""
    return [found for trial in trials if (found := target.found_in(trial.measured)) is not None]


def _measured(trial: Trial) -> Mapping[str, Measurement]:
    """Return the metrics that were measured in a trial, even if it failed."""
    if trial.measured or not trial.attempts or trial.attempts[-1].failed is None:
        return trial.measured
    return trial.attempts[-1].failed.metrics


def _batches(campaign: Campaign, trials: Sequence[Trial]) -> tuple[int, ...] | None:
    """Return the number of each trial's batch; None unless the campaign is an A/B test."""
    if not campaign.is_ab_test:
        return None
    return tuple(-trial.id if trial.batch is None else trial.batch for trial in trials)


def _missing(campaign: Campaign, trials: Sequence[Trial], curve: Sequence[Reported]) -> tuple[float, ...] | None:
    """Return how much of the full fidelity each trial and each report lacked; None unless there is a fidelity."""
    fidelity = campaign.fidelity
    if fidelity is None:
        return None
    return (*(fidelity.missing(trial.point) for trial in trials), *(each.missing for each in curve))


def _runs(
    campaign: Campaign, view: ModelView, trials: Sequence[Trial], missing: Sequence[float] | None
) -> tuple[int, ...] | None:
    """Return the number of each outcome's run; None unless a run may have several.

    Results in full have no scatter, so it does not matter which run they are from.
    """
    runs = Runs.of(campaign, view)
    if runs is None or missing is None:
        return None
    return tuple(runs.of_trial(trial) if lacks else OWN for trial, lacks in zip(trials, missing, strict=True))


def _measured_on_the_way(curve: Sequence[Reported], *, exact: bool) -> tuple[Measurement, ...]:
    """Return the measurements of reports, without noise if results have none."""
    return tuple(each.measured.model_copy(update={"sem": 0.0}) if exact else each.measured for each in curve)


def _share(scale: float, larger: float) -> float:
    """Return the ratio of two scales, at most 1 and never 0, even if it is smaller than any float."""
    return min(max(scale / larger, sys.float_info.min), 1.0)


def learnt_target(campaign: Campaign, view: ModelView) -> Target | None:
    """Return the target whose metric is learnt; None if the model learns the objective itself.

    The distance is learnt as any other metric is in A/B tests, at several fidelities and in contexts, all of which
    compare or move values of the objective; if constraints limit the distance itself; and if a result holds the
    distance but not the metric.
    """
    target = campaign.target
    if target is None or campaign.is_ab_test or campaign.fidelity is not None or campaign.context is not None:
        return None
    if target.distance in campaign.goal.limited:
        return None
    known = all(target.found_in(trial.measured) is not None for trial in view.observed)
    return target if known else None


def seed_of(campaign: Campaign, trial: int) -> int:
    """Return the seed of the proposal that begins with this trial: a hash of the campaign's seed and the trial's id."""
    digest = hashlib.sha256(f"overnight proposal {campaign.seed} {trial}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
