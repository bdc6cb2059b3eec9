"""Convert the trials of a campaign to stored columns, and back to a history that can be judged again later."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from benchmarks.quality.results import Row
from benchmarks.virtual_time import BEGINNING
from overnight.campaign import Campaign, History, Measurement, Point, Proposal, Trial
from overnight.campaign.history.trial import Attempt, Failure, Observation
from overnight.campaign.history.trials import Trials


def as_told(campaign: Campaign, history: History) -> Row:
    """Return the columns with each trial's point, times, value and cost."""
    trials = [history.trials[i] for i in sorted(history.trials)]
    return {
        "points": [numbers_of(campaign, trial.point) for trial in trials],
        "values": [_value(trial, campaign.objective.metric) for trial in trials],
        "further": [[_value(trial, metric) for metric in campaign.goal.metrics[1:]] for trial in trials],
        "started": [_seconds(trial.attempts[0].started) for trial in trials],
        "ended": [_seconds(trial.outcome.ended) for trial in trials if trial.outcome is not None],
        "costs": [trial.outcome.cost if isinstance(trial.outcome, Observation) else None for trial in trials],
    }


def numbers_of(campaign: Campaign, point: Point) -> list[float | None]:
    """Return the values of a point: the place among its choices if there are any, and None if it lacks a parameter."""
    tuned = campaign.parameters.tuned().items()
    return [
        float(p.listed.index(point[name]) if p.listed else point[name]) if name in point else None for name, p in tuned
    ]


def point_of(campaign: Campaign, numbers: Sequence[float | None]) -> Point:
    """Return the point of stored numbers."""
    pairs = zip(campaign.parameters.tuned().items(), numbers, strict=True)
    return campaign.space.point({name: p.listed[int(n)] if p.listed else n for (name, p), n in pairs if n is not None})


def stored_campaign(row: Row, campaign: Campaign) -> tuple[History, list[History]]:
    """Return a row's finished history and the earlier ones of its curve, as far as a recommendation needs them."""
    order = sorted(row["ended"])
    earlier = [_history(row, campaign, order[k - 1]) for k in row["curve_trials"]]
    return _history(row, campaign, order[-1]), earlier


def _history(row: Row, campaign: Campaign, now: float) -> History:
    trials = {i + 1: _trial(row, campaign, i, now) for i, began in enumerate(row["started"]) if began <= now}
    return History(trials=Trials(trials))


def _trial(row: Row, campaign: Campaign, i: int, now: float) -> Trial:
    point = point_of(campaign, row["points"][i])
    started, ended = _moment(row["started"][i]), _moment(row["ended"][i])
    first, *further = campaign.goal.metrics
    values = {first: row["values"][i], **(dict(zip(further, row["further"][i], strict=True)) if further else {})}
    metrics = {metric: Measurement(mean=value or 0.0) for metric, value in values.items()}
    outcome = Observation(attempt=1, metrics=metrics, ended=ended)
    if row["values"][i] is None:
        outcome = Failure(attempt=1, cause="infrastructure", message="a simulated failure", ended=ended)
    return Trial(
        id=i + 1,
        proposal=Proposal(point=point, generator="manual"),
        proposed=started,
        attempts=(Attempt(number=1, key=str(i + 1), actor="controller", started=started),),
        outcome=outcome if row["ended"][i] <= now else None,
    )


def _value(trial: Trial, metric: str) -> float | None:
    return trial.outcome.metrics[metric].mean if isinstance(trial.outcome, Observation) else None


def _seconds(moment: datetime) -> float:
    return (moment - BEGINNING).total_seconds()


def _moment(seconds: float) -> datetime:
    return BEGINNING + timedelta(seconds=seconds)
