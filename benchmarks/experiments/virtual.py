"""One A/B test in virtual time: its events, and the decisions that follow from them at each daily look."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.design import (
    ARMS,
    AT_LEAST,
    DAYS,
    PER_BATCH,
    STATUS_QUO_SHARE,
    UNIT,
    Design,
    daily_means,
)
from overnight.bo_core.experiment.verdicts import verdict
from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.experiment.effects import newest_effect
from overnight.campaign.experiment.verdict import Verdict
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    MeasurementReported,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.history.trial import Generator
from overnight.flows.rules.looks import arm_stops

_START = datetime(2000, 1, 1, tzinfo=UTC)
_ACTOR = "benchmark"


def ab_test(design: Design, per_batch: int = PER_BATCH, direction: str = "maximize") -> Campaign:
    """Return the definition of a campaign that improves `value` over arms that are numbered."""
    return Campaign.model_validate(
        {
            "name": "arms",
            "kind": "ab_test",
            "parameters": {"arm": {"kind": "int", "low": 0, "high": ARMS - 1}},
            direction: "value",
            "arms": ARMS,
            "traffic": {"per_batch": per_batch},
            "decide": {"at_least": AT_LEAST},
            "ramp_up": {"stages": list(design.stages)},
            "baseline": {"arm": 0},
            "budget": {"trials": 1000},
        }
    )


@dataclass
class VirtualTest:
    """A campaign whose arms have these true `effects` on the metric, that of the status quo first."""

    design: Design
    effects: NDArray[np.float64]
    random: np.random.Generator
    history: History = field(init=False)
    day: int = 0

    def __post_init__(self) -> None:
        defined = CampaignDefined(time=_START, actor=_ACTOR, uid="u", definition=self._definition())
        self.history = History.from_events([defined])

    def _definition(self) -> Campaign:
        return ab_test(self.design)

    def _served(self, arms: Sequence[int], shares: Sequence[float]) -> list[list[Measurement]]:
        """Return for each day what each arm has measured since the batch began."""
        units = np.array(shares) * PER_BATCH
        means = daily_means(self.effects[list(arms)], units, self.random)
        return [
            [
                Measurement(mean=mean, sem=UNIT / n**0.5, n=round(n))
                for mean, n in zip(of_day.tolist(), (units * day / DAYS).tolist(), strict=True)
            ]
            for day, of_day in enumerate(means, 1)
        ]

    def run(self, most_candidates: int = 1) -> Verdict:
        """Explore, then try the best candidates until so many were tried or one is called better."""
        others = [(1 - STATUS_QUO_SHARE) / (ARMS - 1)] * (ARMS - 1)
        for _ in range(self.design.batches):
            self._batch(range(ARMS), [STATUS_QUO_SHARE, *others], "sobol")
        found = verdict(self.history)
        for arm in self._best_first()[:most_candidates]:
            for share in self.design.stages:
                self._batch((0, arm), (1 - share, share), "ramp_up")
                found = verdict(self.history)
                if found.candidates[-1].state == "rolled back":
                    break
            if found.state == "confirmed":
                break
        return found

    def _best_first(self) -> list[int]:
        """Return the arms with a positive measured difference that were not stopped, the greatest first."""
        found: dict[int, list[float]] = {}
        for trial in self.history.trials.values():
            value = newest_effect(self.history, trial, "value").value
            if value is not None and trial.status == "observed":
                found.setdefault(int(trial.point["arm"]), []).append(value)
        means = {arm: float(np.mean(values)) for arm, values in found.items() if len(values) == self.design.batches}
        return sorted((arm for arm, mean in means.items() if mean > 0), key=lambda arm: -means[arm])

    def _batch(self, arms: Sequence[int], shares: Sequence[float], generator: Generator) -> None:
        first = self.history.next_trial
        trials = [*range(first, first + len(arms))]
        self._append(
            *(
                self._proposed(trial, first, arm, share, generator)
                for trial, arm, share in zip(trials, arms, shares, strict=True)
            ),
            *(AttemptStarted(time=self._now, actor=_ACTOR, trial=trial, attempt=1, key=str(trial)) for trial in trials),
        )
        now = dict[int, Measurement]()
        for look, served in enumerate(self._served(arms, shares), 1):
            self.day += 1
            known = zip(trials, served, strict=True)
            now = {trial: measured for trial, measured in known if self.history.trials[trial].outcome is None}
            heard = [
                MeasurementReported(
                    time=self._now, actor=_ACTOR, trial=trial, attempt=1, step=look, metrics={"value": measured}
                )
                for trial, measured in now.items()
            ]
            self._append(*heard)
            self._append(*arm_stops(self.history, heard, self._now, _ACTOR))
        self._append(
            *(
                TrialObserved(time=self._now, actor=_ACTOR, trial=trial, attempt=1, metrics={"value": measured})
                for trial, measured in now.items()
                if self.history.trials[trial].outcome is None
            )
        )

    def _proposed(self, trial: int, batch: int, arm: int, share: float, generator: Generator) -> TrialProposed:
        return TrialProposed(
            time=self._now,
            actor=_ACTOR,
            trial=trial,
            point={"arm": arm},
            generator="baseline" if trial == batch else generator,
            batch=batch,
            weight=share,
        )

    @property
    def _now(self) -> datetime:
        return _START + timedelta(days=self.day)

    def _append(self, *events: Event) -> None:
        self.history = self.history.extended(events)
