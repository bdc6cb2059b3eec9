"""Decide which trials may start now, given the budgets, the window and people's requests."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from overnight.bo_core.experiment.breaches import breach_of
from overnight.campaign import Campaign, History, Trial
from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.definition import lies_in
from overnight.campaign.experiment.phase import Phase, phase_of, runs_of
from overnight.campaign.standing.confirming import Confirming, confirming
from overnight.campaign.standing.ends import Over
from overnight.campaign.standing.enough import why_end_early
from overnight.campaign.standing.room import fitting, nothing_is_paid, pays_for_full, room, why_no_room
from overnight.flows.rules.back_off import seconds_left
from overnight.flows.session.lease import CONTROLLER


@dataclass(frozen=True)
class Allowance:
    """A history at the moment `now`, as seen by a controller with some evaluations running.

    `in_flight` holds the running trials. The controller is `willing` unless it was asked to stop or something went
    wrong. `in_window`: an evaluation that starts now is expected to end in time. `exhausted`: the space holds no other
    point. `rests`: the machine cannot carry out evaluations for now.
    """

    history: History
    now: datetime
    in_flight: frozenset[int]
    running: int
    willing: bool
    in_window: bool
    exhausted: bool
    rests: bool = False

    @property
    def campaign(self) -> Campaign:
        """Return the campaign's definition."""
        return self.history.definition

    @property
    def may_start(self) -> bool:
        """Return whether new evaluations may start."""
        return self.history.paused is None and not self.rests and self._may_go_on

    @property
    def slots(self) -> int:
        """Return how many evaluations may start now, limited by workers and by every budget except that of trials."""
        return min(self.campaign.at_once - self.running, self.room) if self.may_start else 0

    @cached_property
    def room(self) -> int:
        """Return how many more evaluations the budgets of evaluations and of cost allow."""
        return room(self.campaign, self.history)

    @cached_property
    def waiting(self) -> list[Trial]:
        """Return the trials that wait to be started or tried again, those suggested by people first.

        A trial that fails after the bounds were narrowed is not tried again outside them. The arms of a batch wait
        until no arm awaits approval.
        """
        unended = self.history.trials.open
        waiting = [t for t in unended if t.pending and t.open_attempt is None and t.id not in self.in_flight]
        if self.history.revised is not None:
            waiting = [trial for trial in waiting if lies_in(self.campaign, trial.point)]
        if self.campaign.is_ab_test:
            held = {trial.batch for trial in unended if trial.parked}
            waiting = [trial for trial in waiting if trial.batch not in held]
        return sorted(waiting, key=lambda trial: trial.proposal.generator != "manual")

    @cached_property
    def ready(self) -> list[Trial]:
        """Return the waiting trials whose pause before a retry is over."""
        return [trial for trial in self.waiting if not seconds_left(self.campaign, trial, self.now)]

    @cached_property
    def affordable(self) -> list[Trial]:
        """Return the waiting trials whose expected costs fit into the budget after the running ones, each by itself."""
        return [trial for trial in self.waiting if fitting(self.campaign, self.history, [trial])]

    @property
    def to_start(self) -> list[Trial]:
        """Return the trials to start now; the arms of a batch start together."""
        if self.campaign.is_ab_test:
            return self.ready if len(self.ready) == len(self.waiting) <= self.slots else []
        return fitting(self.campaign, self.history, self.ready)[: max(self.slots, 0)]

    @property
    def unproposed(self) -> int:
        """Return how many more trials the budgets leave room for, whether or not workers are free."""
        if self.exhausted or self.why_no_more is not None or not self.may_start:
            return 0
        if self.campaign.is_ab_test:
            return self.phase.may_propose
        awaiting, policy = self.history.awaiting, self.campaign.approve
        left = self.campaign.budget.trials - self.history.taken
        if isinstance(policy, ApprovalPolicy):
            # Any new trial may have to await approval, and only `most_waiting` may do so at a time.
            left = min(left, policy.most_waiting - awaiting)
        # The waiting trials come first if little of a budget is left.
        return max(min(left, self.room - len(self.waiting), self.confirming.may_propose), 0)

    @cached_property
    def phase(self) -> Phase:
        """Return what the next batch of an A/B test is for."""
        return phase_of(self.campaign, self.history, breach_of)

    @cached_property
    def through(self) -> bool:
        """Return whether an arm of an A/B test has passed every stage of the ramp-up."""
        return any(run.is_through for run in runs_of(self.campaign, self.history, breach_of))

    @cached_property
    def confirming(self) -> Confirming:
        """Return how far the campaign has come with its confirming trials."""
        return confirming(self.campaign, self.history)

    @cached_property
    def why_no_more(self) -> str | None:
        """Return why no more trials are proposed although budgets are left; trials already proposed are still tried."""
        return None if self.confirming.begun else why_end_early(self.history)

    @property
    def idle(self) -> int:
        """Return how many workers have nothing to try; if all trials need approval, those that await it are counted."""
        if self.campaign.is_ab_test:
            return self.unproposed
        awaiting = self.history.awaiting if self.campaign.approve == "always" else 0
        return max(self.campaign.at_once - self.running - len(self.ready) - awaiting, 0)

    @property
    def seconds_to_next_start(self) -> float | None:
        """Return the seconds until a free slot retries a failed trial; None without a free slot or a waiting trial."""
        if self.slots <= 0:
            return None
        left = [seconds_left(self.campaign, trial, self.now) for trial in self.affordable]
        # The arms of a batch start together, so they wait for the last of them.
        first = max if self.campaign.is_ab_test else min
        return min(first(left), self.time_left) if left else None

    @property
    def held_back(self) -> bool:
        """Return whether evaluations could start as soon as people allow it or the machine recovers."""
        waits = self.rests or self.history.paused is not None or self.history.awaiting > 0
        return waits and self._may_go_on and self.why_over is None

    @property
    def wants_to_start(self) -> bool:
        """Return whether evaluations should start now or soon, if the machine can carry them out."""
        left = bool(self.waiting) or self.history.taken < self.campaign.budget.trials
        by_people = self.history.paused is not None and self.history.paused.actor != CONTROLLER
        return left and not by_people and self._may_go_on and self.why_over is None

    @property
    def seconds_held_back(self) -> float | None:
        """Return the seconds until the wall-clock budget is spent while trials are held back; None if it never is."""
        waits = self.held_back and not self._waits_for_people
        return self.time_left if waits and math.isfinite(self.time_left) else None

    @property
    def time_left(self) -> float:
        """Return the seconds left of the wall-clock budget; infinite without one."""
        limit = self.campaign.budget.wall_clock
        if limit is None:
            return float("inf")
        spent = timedelta(seconds=self.history.active_seconds)
        last = self.history.active_until
        # A clock that was set back does not return any time to the budget.
        spent += max(self.now - last, timedelta()) if last is not None and not self._waits_for_people else timedelta()
        return (limit - spent).total_seconds()

    @property
    def why_no_candidate(self) -> str:
        """Return why no other arm of an A/B test is worth a batch."""
        if not self.history.trials.observed:
            return "no arm has given a result"
        return "no arm is believed to be better than the status quo and feasible"

    @property
    def why_over(self) -> Over | None:
        """Return why the campaign is over: a budget or the space is spent, or too little is left to gain; else None."""
        if self.campaign.is_ab_test and not self.history.trials.open:
            if self.through and (self.exhausted or self.phase.kind == "over"):
                return Over("trials", "an arm has passed every stage of the ramp-up")
            if self.exhausted:
                return Over("no_candidate", self.why_no_candidate)
            if self.phase.kind == "over":
                return Over("trials", f"its budget of {self.campaign.budget.trials} trials pays for no other batch")
        trials = self.campaign.budget.trials
        if self.history.started >= trials and not self.waiting:
            return Over("trials", f"all {trials} trials of the budget have been tried")
        if self.exhausted and not self.waiting and not self.history.awaiting:
            return Over("space", "every point of the space has been tried")
        if (budget := why_no_room(self.campaign, self.history)) is not None:
            return budget
        if self.confirming.begun and not self.history.trials.open and not pays_for_full(self.campaign, self.history):
            return nothing_is_paid(self.campaign, self.history)
        if self.time_left <= 0:
            return Over("wall_clock", "the wall-clock budget is spent")
        # Trials that await approval may still be worth trying.
        if self.waiting or self.history.awaiting or self.why_no_more is None:
            return None
        return Over("gain", self.why_no_more)

    @property
    def _waits_for_people(self) -> bool:
        return self.history.waits_for_people and not self.running

    @property
    def _may_go_on(self) -> bool:
        return self.willing and self.time_left > 0 and self.in_window
