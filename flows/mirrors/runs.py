"""A campaign as runs of a tracker: a parent run, and one below it for each trial, as its history has them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

from overnight.campaign import History, Measurement, Trial
from overnight.campaign.columns import parameter_names
from overnight.campaign.history.trial import Observation
from overnight.campaign.values.harmless import harmless
from overnight.flows.mirrors.names import accepted_names
from overnight.report.finding import finding_sentence
from overnight.report.formats.markdown import markdown_summary
from overnight.report.story import Story
from overnight.report.tables import metric_names
from overnight.report.trial_facts import ending, generator_of, point_text, reason_of

Status = Literal["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]
# Written into each run, so that a later version of this module writes all runs again.
_VERSION = 1
_LONGEST_PARAM, _LONGEST_TAG = 500, 5000
_STATUS: Mapping[str, Status] = {
    "observed": "FINISHED",
    "failed": "FAILED",
    "stopped": "KILLED",
    "abandoned": "KILLED",
    "rejected": "KILLED",
    "running": "RUNNING",
    "waiting": "SCHEDULED",
    "awaiting approval": "SCHEDULED",
}


@dataclass(frozen=True)
class Metric:
    """One value of a metric, at a time in milliseconds."""

    key: str
    value: float
    timestamp: int
    step: int


@dataclass(frozen=True)
class Run:
    """A run of a tracker; `key` identifies it within its campaign, and is `campaign` for the parent."""

    key: str
    name: str
    status: Status
    start: int
    end: int | None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    metrics: tuple[Metric, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def digest(self) -> str:
        """Return a digest of all that is written, by which a run that is up to date is recognised."""
        text = json.dumps([_VERSION, asdict(self)], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class TrialRuns:
    """The runs of a history's trials; names are computed once for all of them."""

    def __init__(self, history: History) -> None:
        self._history = history
        trials = [trial for _, trial in sorted(history.trials.items())]
        parameters = parameter_names(history.definition, [trial.proposal.point for trial in trials])
        self._params = accepted_names((name, name) for name in parameters)
        metrics = metric_names(history)
        # Metrics that only reports have.
        reported = [name for of in history.reports.values() for report in of for name in report.metrics]
        self._metrics = accepted_names(
            ((name, part), f"{name}{part}") for name in [*metrics, *reported] for part in ("", "_sem", "_n")
        )

    def of(self, trial: Trial) -> Run:
        """Return the run of a trial, with its reports as steps."""
        reports = self._history.reports.get(trial.id, ())
        metrics = [
            metric
            for report in reports
            for metric in self._measured(report.metrics, _milliseconds(report.time), report.step)
        ]
        # After the last report, so that the tracker shows the result as the newest value.
        step = max((report.step for report in reports), default=0)
        if isinstance(trial.outcome, Observation):
            metrics += self._measured(trial.outcome.metrics, _milliseconds(trial.outcome.ended), step)
        metrics += self._spent(trial, step)
        return Run(
            key=str(trial.id),
            name=f"trial {trial.id}",
            status=_STATUS[trial.status],
            start=_milliseconds(trial.attempts[0].started if trial.attempts else trial.proposed),
            end=None if trial.outcome is None else _milliseconds(trial.outcome.ended),
            # The recorded point: a tracker refuses to change a parameter, and a revision may add some to `trial.point`.
            params={self._params[name]: _param(value) for name, value in trial.proposal.point.items()},
            metrics=tuple(dict.fromkeys(metrics)),
            tags=_tags(self._tags(trial)),
        )

    def _measured(self, found: Mapping[str, Measurement], time: int, step: int) -> Iterator[Metric]:
        for name, value in found.items():
            yield Metric(self._metrics[name, ""], value.mean, time, step)
            if value.sem is not None:
                yield Metric(self._metrics[name, "_sem"], value.sem, time, step)
            if value.n is not None:
                yield Metric(self._metrics[name, "_n"], float(value.n), time, step)

    def _spent(self, trial: Trial, step: int) -> Iterator[Metric]:
        if trial.outcome is None:
            return
        time = _milliseconds(trial.outcome.ended)
        if (seconds := trial.seconds) is not None:
            yield Metric("overnight.seconds", seconds, time, step)
        if isinstance(trial.outcome, Observation) and trial.outcome.cost is not None:
            yield Metric("overnight.cost", trial.outcome.cost, time, step)

    def _tags(self, trial: Trial) -> dict[str, str]:
        expected = {each.metric: trial.proposal.prediction(each.metric) for each in self._history.goal.objectives}
        predicted = ", ".join(f"{name} {found}" for name, found in expected.items() if found is not None)
        batch = "" if trial.batch is None else str(trial.batch)
        end = "" if trial.outcome is None or trial.measured else str(ending(trial))
        return {
            "overnight.status": trial.status,
            "overnight.reason": reason_of(trial) or end,
            "overnight.generator": generator_of(trial),
            "overnight.predicted": predicted,
            "overnight.attempts": str(len(trial.attempts)),
            "overnight.batch": batch,
        }


def campaign_run(history: History, story: Story) -> Run:
    """Return the parent run: the finding, the recommendation, and the best result so far as a curve."""
    assert history.defined is not None
    campaign, found, state = history.definition, story.best.recommended, story.standing.state
    started = history.defined.time
    over = state == "finished"
    tags = {
        "overnight.status": str(story.standing),
        "overnight.finding": finding_sentence(story),
        "overnight.objective": ", ".join(map(str, campaign.goal.objectives)),
        "overnight.recommended": "" if found is None else point_text(found, found.point),
        "overnight.recommended_trial": "" if found is None or found.trial is None else str(found.trial),
        # The tracker shows this one as the description of the run.
        "mlflow.note.content": markdown_summary(history, story),
    }
    status: Status = "FINISHED" if over else "RUNNING" if state == "running" else "SCHEDULED"
    return Run(
        key="campaign",
        name=campaign.name,
        status=status,
        start=_milliseconds(started),
        end=_milliseconds(history.last_time or started) if over else None,
        metrics=tuple(_best_so_far(history)),
        tags=_tags(tags),
    )


def _best_so_far(history: History) -> Iterator[Metric]:
    """Yield the best result as measured each time that it changed, by the number of results until then.

    There is no such curve for several objectives, for contexts, and for A/B tests, whose batches drift.
    """
    campaign = history.definition
    if campaign.goal.has_front or campaign.contexts or campaign.is_ab_test:
        return
    observed = sorted(_observed(history), key=lambda each: (each[1].ended, each[0].id))
    metric, last = campaign.objective.metric, None
    key = accepted_names([(metric, f"best_{metric}")])[metric]
    ended = {trial.id: outcome.ended for trial, outcome in observed}
    for step, (trial, best) in enumerate(history.goals.best_so_far([trial for trial, _ in observed]), 1):
        if best is not None and best.id != last:
            last = best.id
            value = history.goals.pooled.value_of(best)
            if value is not None:
                yield Metric(key, value.mean, _milliseconds(ended[trial.id]), step)


def _observed(history: History) -> Iterator[tuple[Trial, Observation]]:
    for trial in history.trials.values():
        if isinstance(trial.outcome, Observation):
            yield trial, trial.outcome


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _param(value: object) -> str:
    text = json.dumps(value) if isinstance(value, bool | int | float) else harmless(str(value))
    return _shortened(text, _LONGEST_PARAM)


def _tags(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the tags as they are written; trackers limit their length."""
    return {name: _shortened(harmless(text), _LONGEST_TAG) for name, text in texts.items()}


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 2]} …"
