"""The history of a campaign, and the view of it from which a proposal is made."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from overnight.campaign.contexts import Given
from overnight.campaign.definition import Campaign, has_space_of
from overnight.campaign.errors import InvalidHistory
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.experiment.status_quo import status_quos
from overnight.campaign.goal import Goal, Measured, pooled
from overnight.campaign.history.evaluator_version import EvaluatorVersion
from overnight.campaign.history.events import (
    CampaignAskedToStop,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    CampaignPaused,
    CampaignRevised,
    Event,
    LeaseTaken,
    MeasurementReported,
    RecommendationMade,
)
from overnight.campaign.history.fold import Fold
from overnight.campaign.history.trial import Failure, Observation, Stopped, Trial
from overnight.campaign.history.trials import Trials
from overnight.campaign.values import garbage
from overnight.campaign.values.harmless import harmless
from overnight.campaign.values.printed import Printed


@dataclass(frozen=True)
class ModelView:
    """Everything a proposal may depend on: the trials by status, each group in the order of trial ids.

    If trials were stopped early, `reports` holds the reports of these and of the observed ones. If
    reports are results at lower fidelities, it holds those of all. The `withheld` trials
    await approval or were rejected; `approvals` and `rejections` count these decisions of people. Of those that ended,
    the ones whose ids are `outside` do not lie in the present space: a model may learn from them, but their points are
    not chosen. The view is the same for every order of the events that keeps each trial's own order.
    """

    observed: tuple[Trial, ...]
    pending: tuple[Trial, ...]
    failed: tuple[Trial, ...]
    stopped: tuple[Trial, ...] = ()
    withheld: tuple[Trial, ...] = ()
    reports: Mapping[int, tuple[MeasurementReported, ...]] = field(default_factory=lambda: MappingProxyType({}))
    approvals: int = 0
    rejections: int = 0
    outside: frozenset[int] = frozenset()

    @property
    def inside(self) -> tuple[Trial, ...]:
        """Return the observed trials whose points may be chosen."""
        return tuple(trial for trial in self.observed if trial.id not in self.outside)


@dataclass(frozen=True)
class History(Printed):
    """The state of a campaign after some events.

    `active_seconds` is the time during which a controller was at work, up to its last event at `active_until`. The gaps
    between sessions do not count, nor does time spent waiting for people, and the events of people do not extend it.
    `superseded` holds the definitions that were valid before the newest one, `revisions` are the events that replaced
    them, and `revised_after` is the last trial that had been proposed before the newest one. `closed_under` is the
    revision that was valid when a controller closed the campaign. `paused` is a pause that has not been resumed,
    `asked_to_stop` a request to the controller that holds the lease, and `requests` the number of the last request.
    `events` counts the events that changed the state; duplicates and late events do not count. `evaluators` lists the
    versions of the evaluator in order; a version that came back is listed again.

    `recommended` is the newest recorded recommendation, which `recommendation` returns if it still holds. `events_read`
    counts all events, including those that changed nothing; `evidence_until` is the number of the last one that may
    change a recommendation.
    """

    defined: CampaignDefined | None = None
    revised: CampaignRevised | None = None
    revised_after: int = 0
    superseded: tuple[Campaign, ...] = ()
    revisions: tuple[CampaignRevised, ...] = ()
    lease: LeaseTaken | None = None
    closed_by: CampaignDrained | CampaignFinished | None = None
    closed_under: CampaignRevised | None = None
    paused: CampaignPaused | None = None
    asked_to_stop: CampaignAskedToStop | None = None
    requests: int = 0
    trials: Trials = field(default_factory=Trials)
    reports: Mapping[int, tuple[MeasurementReported, ...]] = field(default_factory=lambda: MappingProxyType({}))
    active_seconds: float = 0.0
    active_until: datetime | None = None
    last_time: datetime | None = None
    events: int = 0
    evaluators: tuple[EvaluatorVersion, ...] = ()
    recommended: RecommendationMade | None = None
    # Where events stand among duplicates is no difference between two histories.
    events_read: int = field(default=0, compare=False)
    evidence_until: int = field(default=0, compare=False)

    def __str__(self) -> str:
        if self.defined is None:
            return "history of no campaign yet"
        counts = Counter(trial.status for trial in self.trials.values())
        shown = ", ".join(f"{count} {status}" for status, count in counts.items())
        lines = [f"history of campaign {harmless(self.definition.name)}: {_trials(len(self.trials))}"]
        lines[0] += f" ({shown})" if shown else ""
        goals, observed = self.goals, [trial for trial in self.trials.values() if trial.measured]
        if goals.pooled.has_front:
            lines.append(f"on the front as measured: {_trials(len(goals.front(observed)))}")
        elif (best := goals.best(observed)) is not None:
            lines.append(f"best as measured: {best}")
        return "\n".join(lines)

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> "History":
        """Fold events in ledger order; duplicate events change nothing.

        Raises InvalidHistory if an event refers to a trial that no earlier event proposed.
        """
        return cls().extended(events)

    def extended(self, events: Iterable[Event]) -> "History":
        """Return the history after some more events, in ledger order."""
        fold = Fold(**vars(self))
        with garbage.left_alone():
            for event in events:
                fold.apply(event)
            return History(**fold.state())

    @property
    def definition(self) -> Campaign:
        """Return the latest definition; raises InvalidHistory if nothing has been defined."""
        latest = self.revised or self.defined
        if latest is None:
            raise InvalidHistory("Expected the ledger to begin with a `campaign_defined` event, found none.")
        return latest.definition

    @property
    def goal(self) -> Goal:
        """Return the goal of the latest definition, beside what was measured at the baseline.

        A metric that was measured there several times has the mean of its means.
        """
        goal = self.definition.goal
        return goal.beside(self.at_baseline) if any(constraint.relative for constraint in goal.constraints) else goal

    @property
    def goals(self) -> Goals:
        """Return the goal by which each trial is judged: in an A/B test by its batch, and with contexts by its own.

        It compares results in the present space only.
        """
        campaign = self.definition
        contexts = tuple((given, self._goal_in(given)) for given in campaign.contexts)
        own = status_quos(self.trials.values()) if campaign.is_ab_test else None
        space = None if self.always_had_space_of(campaign) else campaign.space
        return Goals(self.goal, own, contexts, campaign.fidelity, space)

    def always_had_space_of(self, campaign: Campaign) -> bool:
        """Return whether every definition that has held has the points of this one, so that all trials lie inside."""
        definitions = (*self.superseded, self.definition) if self.defined is not None else ()
        return all(has_space_of(each, campaign) for each in definitions)

    @property
    def at_baseline(self) -> Measured:
        """Return the mean of each metric that was measured at the baseline; none without one, or with contexts."""
        return self._measured_at_baseline(self.definition)

    def _goal_in(self, given: Given) -> Goal:
        """Return the goal beside what was measured at the baseline in a context."""
        goal = self.definition.goal
        relative = any(constraint.relative for constraint in goal.constraints)
        return goal.beside(self._measured_at_baseline(self.definition.within(given))) if relative else goal

    def _measured_at_baseline(self, campaign: Campaign) -> Measured:
        point = campaign.status_quo
        if point is None:
            return {}
        return pooled(trial.measured for trial in self.trials.values() if trial.point == point)

    @property
    def next_trial(self) -> int:
        """Return the id of the next proposed trial; ids start at 1."""
        return self.trials.last + 1

    def batches(self) -> dict[int, tuple[Trial, ...]]:
        """Return the trials of each request for proposals in the order of their ids, by the first trial's id.

        Trials that did not come from a proposer belong to no batch.
        """
        found: dict[int, list[Trial]] = {}
        for _, trial in sorted(self.trials.items()):
            if trial.batch is not None:
                found.setdefault(trial.batch, []).append(trial)
        return {batch: tuple(trials) for batch, trials in found.items()}

    @property
    def started(self) -> int:
        """Return how many trials have started, which is what the budget counts."""
        return self.trials.started

    @property
    def budgeted(self) -> int:
        """Return how many proposed trials count in the budget already, or will once they start."""
        return self.started + sum(1 for t in self.trials.open if t.pending and not t.counted and not t.imported)

    @property
    def awaiting(self) -> int:
        """Return how many trials wait for a person's approval."""
        return sum(1 for trial in self.trials.open if trial.parked)

    @property
    def taken(self) -> int:
        """Return how many trials have a place in the budget, including those that await approval."""
        return self.budgeted + self.awaiting

    @property
    def waits_for_people(self) -> bool:
        """Return whether people must act: it is paused, or only trials that await approval are outstanding."""
        return self.paused is not None or 0 < self.awaiting == len(self.trials.open)

    @property
    def finished(self) -> CampaignFinished | None:
        """Return the event that finished the campaign; None if it is not finished or was revised since."""
        closed = self.closed_by
        return closed if isinstance(closed, CampaignFinished) and self.closed_under == self.revised else None

    @property
    def recommendation(self) -> RecommendationMade | None:
        """Return the recorded recommendation; None if nothing was recorded or a later event may have changed it."""
        made = self.recommended
        return made if made is not None and made.events_seen >= self.evidence_until else None

    @property
    def _has_curves(self) -> bool:
        """Return whether reports on the way are results at lower fidelities."""
        latest = self.revised or self.defined
        fidelity = None if latest is None else latest.definition.fidelity
        return fidelity is not None and fidelity.parameter.curve

    def model_view(self) -> ModelView:
        """Return the view of the trials that a proposal may depend on."""
        trials = [self.trials[i] for i in sorted(self.trials)]
        observed = tuple(t for t in trials if isinstance(t.outcome, Observation))
        stopped = tuple(t for t in trials if isinstance(t.outcome, Stopped))
        pending = tuple(t for t in trials if t.pending)
        reported = [t.id for t in (*observed, *stopped) if t.id in self.reports] if stopped or self._has_curves else []
        reported += [t.id for t in pending if t.id in self.reports] if self._has_curves else []
        return ModelView(
            observed=observed,
            pending=pending,
            failed=tuple(t for t in trials if isinstance(t.outcome, Failure)),
            stopped=stopped,
            withheld=tuple(t for t in trials if t.status in ("awaiting approval", "rejected")),
            reports=MappingProxyType({trial: self.reports[trial] for trial in reported}),
            approvals=sum(1 for t in trials if t.approved),
            rejections=sum(1 for t in trials if t.status == "rejected"),
        )


def _trials(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"
