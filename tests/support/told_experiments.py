"""A/B tests in virtual time: batches with drift and noise, told as the events that a ledger would hold."""

import math
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import AnyProposer, BayesianProposer
from overnight.campaign import Campaign, History, Measurement, Point, Proposal
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    MeasurementReported,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialStopped,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUICK = BayesianProposer(draws=32, restarts=3, raw_points=64, device="cpu", starts=1)
SQUARE: dict[str, Any] = {f"x{i}": {"kind": "float", "low": 0.0, "high": 1.0} for i in range(2)}
STATUS_QUO: Point = {"x0": 0.2, "x1": 0.8}


def experiment(**more: Any) -> Campaign:
    """Return an A/B test of six arms at once that maximises `rate`; `more` overrides its keys."""
    keys = {"name": "told", "kind": "ab_test", "parameters": SQUARE, "maximize": "rate", "baseline": STATUS_QUO}
    keys |= {"arms": 6, "traffic": {"per_batch": 60_000}, "budget": {"trials": 26}}
    return Campaign.model_validate(keys | more)


def hill(point: Point) -> float:
    """Return a rate that is highest at (0.7, 0.35), with a standard deviation of 0.37 over the square."""
    return -2.0 * ((float(point["x0"]) - 0.7) ** 2 + (float(point["x1"]) - 0.35) ** 2)


class Told:
    """The events of an A/B test so far; each method appends some."""

    def __init__(self, campaign: Campaign, proposer: AnyProposer = QUICK) -> None:
        self.campaign, self.proposer = campaign, proposer
        settings = {"proposer": proposer.model_dump(mode="json")}
        defined = CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign, settings=settings)
        self.events: list[Event] = [defined]

    @property
    def history(self) -> History:
        return History.from_events(self.events)

    def next(self) -> list[Proposal]:
        """Return the next batch, without appending it."""
        return propose(self.campaign, self.history, self.proposer, self.campaign.at_once)

    def propose(self) -> list[int]:
        """Append the next batch, started, and return the ids of its trials."""
        return self.start(self.next())

    def start(self, proposals: Sequence[Proposal]) -> list[int]:
        """Append a batch of these arms, each started."""
        seen, first = len(self.events), self.history.next_trial
        for trial, each in enumerate(proposals, start=first):
            made = each.provenance
            if made is not None:
                made = made.model_copy(update={"asked": made.asked.model_copy(update={"events_seen": seen})})
            self.events.append(
                TrialProposed(
                    time=NOON,
                    actor="test",
                    trial=trial,
                    point=each.point,
                    generator=each.generator,
                    provenance=made,
                    weight=each.weight,
                    batch=first,
                )
            )
        trials = [*range(first, first + len(proposals))]
        keys = ((trial, f"told/{trial}/1") for trial in trials)
        self.events += [AttemptStarted(time=NOON, actor="test", trial=t, attempt=1, key=key) for t, key in keys]
        return trials

    def observe(self, trial: int, mean: float, sem: float | None = 0.1, n: int | None = None, **more: float) -> None:
        """Append the result of an arm; `more` are the means of other metrics, with the same error."""
        metrics = {name: Measurement(mean=each, sem=sem, n=n) for name, each in {"rate": mean, **more}.items()}
        self.events.append(TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics=metrics))

    def report(self, trial: int, step: int, mean: float, sem: float) -> None:
        """Append a report of a running arm."""
        metrics = {"rate": Measurement(mean=mean, sem=sem, n=100 * step)}
        self.events.append(
            MeasurementReported(time=NOON, actor="test", trial=trial, attempt=1, step=step, metrics=metrics)
        )

    def stop(self, trial: int, rule: str = "harm") -> None:
        """Append that a rule stopped an arm."""
        ended = {"metric": "rate", "step": 1, "value": -1.0, "threshold": 0.0, "why": "it is worse"}
        self.events.append(
            TrialStopped.model_validate(
                {"time": NOON, "actor": "test", "trial": trial, "attempt": 1, "rule": rule} | ended
            )
        )

    def fail(self, trial: int, cause: Any = "infeasible") -> None:
        """Append that an arm failed."""
        failed = TrialFailed(time=NOON, actor="test", trial=trial, attempt=1, cause=cause, message="no")
        self.events.append(failed)

    def run(
        self, batches: int, drift: float, rate: Callable[[Point], float] = hill, seed: int = 0, sd: float = 15.0
    ) -> list[list[Proposal]]:
        """Run at most so many batches, each with a shift of its own, and return their arms; `sd` is that of a unit."""
        assert self.campaign.traffic is not None
        noisy, found = random.Random(seed), list[list[Proposal]]()
        while len(found) < batches and (arms := self.next()):
            shift = drift * noisy.gauss(0, 1)
            for trial, arm in zip(self.start(arms), arms, strict=True):
                assert arm.weight is not None
                n = int(arm.weight * self.campaign.traffic.per_batch)
                sem = sd / math.sqrt(n)
                self.observe(trial, rate(arm.point) + shift + sem * noisy.gauss(0, 1), sem, n)
            found.append(arms)
        return found
