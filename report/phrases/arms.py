"""Phrases about one arm of an A/B test: why it was tried, its traffic, and its difference to the status quo."""

import importlib
from collections.abc import Iterator, Sequence

from overnight.campaign import History, Trial
from overnight.campaign.experiment.arms import units_of
from overnight.campaign.experiment.candidates import RAMP_UP, candidates
from overnight.campaign.experiment.effects import newest_effect
from overnight.campaign.experiment.phase import Judge
from overnight.campaign.experiment.status_quo import is_status_quo
from overnight.report.numbers import number, share_text
from overnight.report.phrases.experiment import effect_text
from overnight.report.phrases.general import counted, trials_text


def purpose(then: History, trial: Trial, batch: Sequence[Trial]) -> Iterator[str]:
    """Yield why an arm was tried, in sentences; `then` is the history before its `batch`, which has all arms."""
    if is_status_quo(trial):
        yield f"It is the status quo of batch {trial.batch}, as in every batch, because results drift between batches."
    elif trial.proposal.generator == RAMP_UP:
        yield from _of_stage(then, trial)
    else:
        yield from _again(then, trial, batch)
    yield _traffic(then, trial)


def difference_sentence(history: History, trial: Trial) -> str | None:
    """Return how an arm differs from the status quo of its batch; None for the status quo and in other campaigns."""
    if not history.definition.is_ab_test or trial.batch is None or is_status_quo(trial):
        return None
    found = [newest_effect(history, trial, metric) for metric in history.definition.goal.metrics]
    known = [f"{each.metric} {effect_text(each)}" for each in found if each.value is not None]
    if not known:
        return f"It is not compared with the status quo of its batch: {found[0].unknown}."
    when = "" if found[0].step is None else f" at look {found[0].step}"
    return f"Compared with the status quo of its batch{when}: {', '.join(known)}."


def _of_stage(then: History, trial: Trial) -> Iterator[str]:
    # It needs NumPy, which other campaigns do not have to wait for.
    judge: Judge = importlib.import_module("overnight.bo_core.experiment.breaches").breach_of
    stages, before = then.definition.stages, candidates(then, judge)
    goes_on = before and before[-1].run.candidate == trial.proposal.point and before[-1].run.rolled_back is None
    earlier = before[-1].trials if goes_on and len(before[-1].trials) < len(stages) else ()
    at = stages.index(trial.proposal.weight) + 1 if trial.proposal.weight in stages else len(earlier) + 1
    yield f"It is the candidate in stage {at} of {len(stages)} of the ramp-up, on fresh traffic."
    if earlier:
        yield f"It was in the ramp-up before, in {trials_text(each.id for each in earlier)}."
    else:
        best = "best feasible arm" if then.definition.constraints else "best arm"
        yield f"It was believed to be the {best}, after {counted(len(then.model_view().observed), 'result')}."


def _again(then: History, trial: Trial, batch: Sequence[Trial]) -> Iterator[str]:
    before = [each.id for each in then.model_view().observed if each.point == trial.proposal.point]
    if not before:
        return
    tried = [each.point for each in then.trials.values()]
    new = [each.proposal.weight for each in batch if not is_status_quo(each) and each.point not in tried]
    share, of_new = trial.proposal.weight, min((weight for weight in new if weight), default=None)
    more = ""
    if share is not None and of_new is not None:
        more = f", with {number(share / of_new, 2)} times the traffic of a new arm"
    yield f"It is measured again, after {trials_text(before)}{more}."


def _traffic(then: History, trial: Trial) -> str:
    traffic = then.definition.traffic
    assert traffic is not None, "expected traffic, which every A/B test has"
    units = f"{units_of(then.definition, trial):,} of {traffic.per_batch:,} {traffic.unit}"
    return f"It gets {share_text(trial.proposal.weight or 0.0)} of the traffic of batch {trial.batch} ({units})."
