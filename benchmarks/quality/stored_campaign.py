"""Convert the trials of a campaign to stored columns, and back to a history that can be judged again later."""

from datetime import datetime, timedelta

from benchmarks.quality.results import Row
from benchmarks.virtual_time import BEGINNING
from overnight.campaign import Campaign, History, Measurement, Proposal, Trial
from overnight.campaign.history.trial import Attempt, Failure, Observation
from overnight.campaign.history.trials import Trials


def as_told(history: History) -> Row:
    """Return the columns with each trial's point, times, value and cost."""
    trials = [history.trials[i] for i in sorted(history.trials)]
    return {
        "points": [list(trial.point.values()) for trial in trials],
        "values": [_value(trial) for trial in trials],
        "started": [_seconds(trial.attempts[0].started) for trial in trials],
        "ended": [_seconds(trial.outcome.ended) for trial in trials if trial.outcome is not None],
        "costs": [trial.outcome.cost if isinstance(trial.outcome, Observation) else None for trial in trials],
    }


def stored_campaign(row: Row, campaign: Campaign) -> tuple[History, list[History]]:
    """Return a row's finished history and the earlier ones of its curve, as far as a recommendation needs them."""
    order = sorted(row["ended"])
    earlier = [_history(row, campaign, order[k - 1]) for k in row["curve_trials"]]
    return _history(row, campaign, order[-1]), earlier


def _history(row: Row, campaign: Campaign, now: float) -> History:
    trials = {i + 1: _trial(row, campaign, i, now) for i, began in enumerate(row["started"]) if began <= now}
    return History(trials=Trials(trials))


def _trial(row: Row, campaign: Campaign, i: int, now: float) -> Trial:
    point = campaign.parameters.point(dict(zip(campaign.parameters.tuned(), row["points"][i], strict=True)))
    started, ended = _moment(row["started"][i]), _moment(row["ended"][i])
    metrics = {campaign.objective.metric: Measurement(mean=row["values"][i] or 0.0)}
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


def _value(trial: Trial) -> float | None:
    return next(iter(trial.outcome.metrics.values())).mean if isinstance(trial.outcome, Observation) else None


def _seconds(moment: datetime) -> float:
    return (moment - BEGINNING).total_seconds()


def _moment(seconds: float) -> datetime:
    return BEGINNING + timedelta(seconds=seconds)
