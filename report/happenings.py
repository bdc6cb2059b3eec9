"""The events of a running campaign that people want to hear of, found by comparing its history with an earlier one."""

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from overnight.campaign import History, Trial
from overnight.campaign.contexts import Given, given_text
from overnight.campaign.contexts.context import in_it
from overnight.campaign.evaluation import cause_text
from overnight.campaign.experiment.candidates import RAMP_UP, Candidate, candidates
from overnight.campaign.experiment.effects import newest_effect
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.experiment.phase import Judge
from overnight.campaign.history.events import CampaignFinished
from overnight.campaign.history.trial import Failure
from overnight.campaign.standing.in_context import in_context
from overnight.report.numbers import measured
from overnight.report.phrases.experiment import effect_text
from overnight.report.phrases.general import counted, trials_text
from overnight.report.story.experiment import CandidateOfTest, experiment_of
from overnight.report.story.goal.best import best_measured
from overnight.report.story.goal.suspects import doubted_now
from overnight.report.trial_facts import best_words, objectives_text, point_text


@dataclass(frozen=True)
class Happening:
    """Something that happened to a campaign or to one of its trials; `text` is a sentence about it."""

    kind: str
    text: str
    trial: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class News:
    """Compares each history with the one before; nothing in the first one is news."""

    def __init__(self) -> None:
        self._known: History | None = None
        self._best: Trial | None = None
        self._front: list[Trial] = []
        self._goals: Goals | None = None
        self._doubted: frozenset[int] = frozenset()
        self._confirmed: set[int] = set()
        # The news of each context, by its values in words.
        self._contexts: dict[str, News] = {}

    def of(self, history: History) -> list[Happening]:
        """Return what has happened since the last call, in the order in which a reader expects it."""
        known, self._known = self._known, history
        if history.defined is None:
            return []
        if known is None:
            self._begin(history)
            return []
        ended = history.trials.ended_since(known.trials)
        return [
            *_started(known, history),
            *(_failed(history, t) for t in ended if isinstance(t.outcome, Failure)),
            *self._better(history, ended),
            *_rolled_back(known, history),
            *self._newly_confirmed(history),
            *(_needs_approval(history, t) for t in history.trials.open if t.parked and t.id > known.trials.last),
            *_closed(known, history),
        ]

    def _begin(self, history: History) -> None:
        """Take in the first history, in which nothing is news."""
        self._goals = history.goals
        self._doubted = doubted_now(history)
        self._best = history.goals.best(t for t in history.trials.values() if t.id not in self._doubted)
        self._front = history.goals.front(history.trials.values())
        self._confirmed = {number for number, _ in _confirmed(history)}
        for given in history.definition.contexts:
            self._in(given)._begin(in_context(history, given))

    def _in(self, given: Given) -> "News":
        return self._contexts.setdefault(given_text(given), News())

    def _better(self, history: History, ended: Sequence[Trial]) -> list[Happening]:
        if history.definition.contexts:
            of_contexts = (
                (given, [trial for trial in ended if in_it(trial.point, given)])
                for given in history.definition.contexts
            )
            return [
                happening
                for given, here in of_contexts
                if here
                for happening in self._in(given)._better(in_context(history, given), here)
            ]
        if history.goal.has_front:
            return self._new_on_front(history, ended)
        return self._new_best_arm(history) if history.definition.is_ab_test else self._new_best(history, ended)

    def _new_best_arm(self, history: History) -> list[Happening]:
        """Return the arm that is the best one so far; once fresh traffic decides, there is no such news."""
        known, best = self._best, history.goals.best(history.trials.values())
        self._best = best
        if best is None or (known is not None and best.id == known.id) or _ramps_up(history):
            return []
        metric = history.definition.objective.metric
        value, effect = best.measured[metric], newest_effect(history, best, metric)
        before = "" if known is None else effect_text(newest_effect(history, known, metric))
        than = "" if known is None else f", before {before} (trial {known.id})"
        what = f"{history.definition.name}: new {best_words(history.goal)} arm"
        return [
            Happening(
                "campaign.new-best",
                f"{what}: trial {best.id}, {metric} {effect_text(effect)} compared with its status quo{than}",
                best.id,
                {
                    "metric": metric,
                    "mean": value.mean,
                    "sem": value.sem,
                    "difference": effect.value,
                    "relative": effect.relative,
                    "point": dict(best.point),
                },
            )
        ]

    def _newly_confirmed(self, history: History) -> list[Happening]:
        """Return the candidates of an A/B test that fresh traffic has confirmed since the last call."""
        found = [(number, each) for number, each in _confirmed(history) if number not in self._confirmed]
        self._confirmed |= {number for number, _ in found}
        return [_is_better(history, each) for _, each in found]

    def _new_best(self, history: History, ended: Iterable[Trial]) -> list[Happening]:
        goals, goal = history.goals, history.goal
        doubted = doubted_now(history)
        # Compare with no best that is infeasible under other limits, outside another space, or looks like a glitch.
        known = goals.best_first([] if self._best is None else [self._best])
        known = [trial for trial in known if trial.id not in doubted]
        # Other limits and another space judge every trial afresh, and so do other doubts.
        afresh = goals != self._goals or doubted != self._doubted
        trials = history.trials.values() if afresh else [*known, *ended]
        best = goals.best(trial for trial in trials if trial.id not in doubted)
        self._doubted = doubted
        self._goals = goals
        self._best = best
        if best is None or best.id in [trial.id for trial in known]:
            return []
        [value], before = goal.values_of([best]), goal.values_of(known)
        name, metric = history.definition.name, history.definition.objective.metric
        than = "".join(f", before {measured(m)} (trial {t.id})" for t, m in zip(known, before, strict=True))
        return [
            Happening(
                "campaign.new-best",
                f"{name}: new {best_words(goal)} {metric} {measured(value)} in trial {best.id}{_where(history)}{than}",
                best.id,
                {
                    "metric": metric,
                    "mean": value.mean,
                    "sem": value.sem,
                    "before": before[0].mean if before else None,
                    "point": dict(best.point),
                },
            )
        ]

    def _new_on_front(self, history: History, ended: Iterable[Trial]) -> list[Happening]:
        goals, goal, known = history.goals, history.goal, self._front
        # Other limits and another space judge every trial afresh.
        self._front = front = goals.front([*known, *ended] if goals == self._goals else history.trials.values())
        self._goals = goals
        before, now = ({trial.id for trial in trials} for trials in (known, front))
        joined = [trial for trial in front if trial.id not in before]
        if not joined:
            return []
        name, values = history.definition.name, objectives_text(goal, joined[-1])
        text = f"{trials_text(trial.id for trial in joined)} joined the front"
        text += f" ({values})" if len(joined) == 1 else ""
        facts = {
            "joined": [trial.id for trial in joined],
            "left": sorted(before - now),
            "front": sorted(now),
            "metrics": {metric: found.mean for metric, found in joined[-1].measured.items()},
            "point": dict(joined[-1].point),
        }
        text = f"{name}{_where(history)}: {text}; it holds {counted(len(front), 'configuration')}"
        return [Happening("campaign.joined-front", text, joined[-1].id, facts)]


def _where(history: History) -> str:
    """Return the context in words, within one."""
    given = history.definition.given
    return f" ({given_text(given)})" if given else ""


def _started(known: History, history: History) -> list[Happening]:
    lease = history.lease
    if lease is None or (known.lease is not None and lease.epoch <= known.lease.epoch):
        return []
    name, budget, count = history.definition.name, history.definition.budget.trials, len(history.trials)
    how = f"continues after {count} of {budget} trials" if count else f"starts, with a budget of {budget} trials"
    facts = {"resumed": count > 0, "trials": count, "budget": budget, "host": lease.host, "pid": lease.pid}
    return [Happening("campaign.started", f"{name}: {how}, on {lease.host}", facts=facts)]


def _failed(history: History, trial: Trial) -> Happening:
    end = trial.outcome
    assert isinstance(end, Failure)
    quarantined = ", and its point is quarantined" if end.quarantined else ""
    return Happening(
        "trial.failed",
        f"{history.definition.name}: trial {trial.id} failed ({cause_text(end.cause)}){quarantined}: {end.message}",
        trial.id,
        {
            "cause": end.cause,
            "message": end.message,
            "quarantined": end.quarantined,
            "attempts": len(trial.attempts),
            "point": dict(trial.point),
        },
    )


def _rolled_back(known: History, history: History) -> list[Happening]:
    """Return the candidates of an A/B test that were rolled back; the news of a failure has said so of a failed one."""
    if not history.definition.is_ab_test:
        return []
    # It needs NumPy, which other campaigns do not have to wait for.
    judge: Judge = importlib.import_module("overnight.bo_core.experiment.breaches").breach_of
    before, now = candidates(known, judge), candidates(history, judge)
    told = {each.number for each in before if each.run.rolled_back is not None}
    ended = (each for each in now if each.run.rolled_back is not None and each.number not in told)
    return [_back(history, each) for each in ended if not isinstance(each.trials[-1].outcome, Failure)]


def _back(history: History, candidate: Candidate) -> Happening:
    trial, stage, stages = candidate.trials[-1], candidate.stages[-1], candidate.run.stages
    where = f"stage {stage} of {stages} of the ramp-up"
    return Happening(
        "campaign.rolled-back",
        f"{history.definition.name}: trial {trial.id} was rolled back in {where}: {candidate.run.rolled_back}",
        trial.id,
        {"reason": candidate.run.rolled_back, "stage": stage, "stages": stages, "point": dict(trial.point)},
    )


def _confirmed(history: History) -> list[tuple[int, CandidateOfTest]]:
    """Return the confirmed candidates of an A/B test with their numbers."""
    if not history.definition.is_ab_test or not _ramps_up(history):
        return []
    experiment = experiment_of(history)
    every = () if experiment is None else experiment.candidates
    return [(number, each) for number, each in enumerate(every, 1) if each.state == "confirmed"]


def _is_better(history: History, found: CandidateOfTest) -> Happening:
    experiment = experiment_of(history)
    assert experiment is not None
    return Happening(
        "campaign.confirmed",
        f"{history.definition.name}: {experiment.verdict}",
        found.trials[-1],
        {
            "metric": history.definition.objective.metric,
            "effect": None if found.effect is None else found.effect.model_dump(),
            "relative": None if found.relative is None else found.relative.model_dump(),
            "units": found.units,
            "point": dict(found.point),
        },
    )


def _needs_approval(history: History, trial: Trial) -> Happening:
    point = point_text(trial, trial.point)
    decide = f"overnight approve {trial.id}, or overnight reject {trial.id}"
    because = "" if trial.parked_because is None else f" because {trial.parked_because}"
    return Happening(
        "approval.needed",
        f"{history.definition.name}: trial {trial.id} waits for approval ({point}){because}: {decide}",
        trial.id,
        {"point": dict(trial.point), "awaiting": history.awaiting, "because": trial.parked_because},
    )


def _closed(known: History, history: History) -> list[Happening]:
    end = history.closed_by
    if end is None or end == known.closed_by:
        return []
    over = isinstance(end, CampaignFinished)
    doubted = doubted_now(history)
    best = best_measured(history, (trial for trial in history.trials.values() if trial.id not in doubted))
    front = history.goals.front(history.trials.values()) if history.goal.has_front else []
    facts: dict[str, Any] = {
        "reason": end.reason,
        "trials": len(history.trials),
        "best_trial": None if best is None else best.trial,
        "best_mean": None if best is None else best.measurement.mean,
    }
    text = f"{history.definition.name}: {'finished' if over else 'drained'}: {end.reason}"
    if front:
        facts["front"] = sorted(trial.id for trial in front)
        text += f"; {counted(len(front), 'configuration')} on the front"
    if (experiment := experiment_of(history)) is not None:
        text += f"; {experiment.verdict}"
    elif best is not None:
        text += f"; best {history.definition.objective.metric} {measured(best.measurement)} (trial {best.trial})"
    closed = [Happening("window.closed", text, facts=facts)] if end.because == "window_closed" else []
    return [*closed, Happening(f"campaign.{'finished' if over else 'drained'}", text, facts=facts)]


def _ramps_up(history: History) -> bool:
    return any(trial.proposal.generator == RAMP_UP for trial in history.trials.values())
