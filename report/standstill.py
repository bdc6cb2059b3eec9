"""Trials in a row that ended without a result: how many, how they ended, and what to check."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from overnight.campaign import History, Trial
from overnight.campaign.evaluation import Cause, cause_text
from overnight.campaign.history.trial import Failure, Observation, Stopped

_End = Cause | Literal["stopped early"]

_FEW = 5
# Rules are there to stop most trials, so that a longer row of those is nothing unusual.
_PATIENCE_WITH_RULES = 4
_LONGEST_MESSAGE = 200
_STOPPED: Literal["stopped early"] = "stopped early"
_LOOK_AT: dict[_End, str] = {
    "infeasible": "what the evaluator takes for infeasible, and the parameters' bounds; a `baseline` or a point in "
    "`start_with` that is known to be feasible shows the way",
    "timeout": "`evaluator.time_limit`, and what the evaluations wait for",
    "invalid_result": "what the evaluator returns or prints as its result",
    "configuration": "the evaluator: `overnight trials` shows why each one failed",
    "infrastructure": "the machine or the workers that evaluate",
    "cancelled": "what ends the evaluations",
    _STOPPED: "`stop_early`, which lets no trial come to its end",
}


@dataclass(frozen=True)
class Standstill:
    """The trials without a result since the last one with a result, trial `since`, which is None if there is none.

    `ends` counts them by cause; `last` is the latest of them.
    """

    ends: Counter[_End]
    since: int | None
    last: Trial

    @property
    def trials(self) -> int:
        """Return how many they are."""
        return self.ends.total()

    def __str__(self) -> str:
        """Return it in words, with what to look at."""
        counted = ", ".join(
            f"{count} {end if end == _STOPPED else cause_text(end)}" for end, count in self.ends.most_common()
        )
        since = "no trial has given one yet" if self.since is None else f"the last one was trial {self.since}'s"
        [(main, _)] = self.ends.most_common(1)
        row = "1 trial" if self.trials == 1 else f"{self.trials} trials in a row"
        return (
            f"{row} gave no result ({counted}); {since}. Trial {self.last.id}: {_why(self.last)}. "
            f"Look at {_LOOK_AT[main]}"
        )


def standstill(history: History) -> Standstill | None:
    """Return the standstill in which a campaign is or has ended; None if its results come in as usual.

    Trials that people have ended say nothing, and neither do imported results.
    """
    ended = [t for t in history.trials.values() if isinstance(t.outcome, Observation | Failure | Stopped)]
    ended = sorted((t for t in ended if t.counted), key=_ended, reverse=True)
    ends, since = Counter[_End](), None
    for trial in ended:
        if isinstance(trial.outcome, Observation):
            since = trial.id
            break
        ends[_end(trial)] += 1
    many = max(_FEW, history.definition.workers) * (_PATIENCE_WITH_RULES if _STOPPED in ends else 1)
    if history.finished is not None and since is None:
        many = 1
    return Standstill(ends, since, ended[0]) if ends.total() >= many else None


def _ended(trial: Trial) -> tuple[float, int]:
    assert trial.outcome is not None
    return trial.outcome.ended.timestamp(), trial.id


def _end(trial: Trial) -> _End:
    return trial.outcome.cause if isinstance(trial.outcome, Failure) else _STOPPED


def _why(trial: Trial) -> str:
    text = trial.outcome.message if isinstance(trial.outcome, Failure) else ""
    text = trial.outcome.why if isinstance(trial.outcome, Stopped) else text
    line = text.partition("\n")[0].strip().rstrip(".")
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]} …"
