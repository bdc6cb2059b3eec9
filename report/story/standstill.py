"""Trials in a row without a result, counted by their end, and the setting to check."""

from collections import Counter
from typing import Literal

from overnight.campaign import History, Trial
from overnight.campaign.evaluation import Cause, cause_text
from overnight.campaign.history.trial import Failure, Observation, Stopped
from overnight.campaign.values.harmless import first_line
from overnight.campaign.values.read_only import ReadOnly
from overnight.report.story.section import Section
from overnight.report.trial_facts import ending

End = Cause | Literal["stopped early"]

_FEW = 5
# Rules exist to stop most trials, so that a longer row of stopped ones is usual.
_PATIENCE_WITH_RULES = 4
_LONGEST_MESSAGE = 200
_STOPPED: Literal["stopped early"] = "stopped early"
_LOOK_AT: dict[End, str] = {
    "infeasible": "what the evaluator takes for infeasible, and the parameters' bounds; a `baseline` or a point in "
    "`start_with` that is known to be feasible shows the way",
    "timeout": "`evaluator.time_limit`, and what the evaluations wait for",
    "invalid_result": "what the evaluator returns or prints as its result",
    "configuration": "the evaluator: `overnight trials` shows why each one failed",
    "infrastructure": "the machine or the workers that evaluate",
    "cancelled": "what ends the evaluations",
    _STOPPED: "`stop_early`, which lets no trial come to its end",
}


class Standstill(Section):
    """The trials without a result since trial `since`, the last one with a result; None is the campaign's beginning.

    `ends` counts them, the most frequent end first. `latest` is the newest of them, and `why` it ended.
    """

    trials: int
    ends: ReadOnly[dict[End, int]]
    since: int | None
    latest: int
    why: str
    look_at: str

    def __str__(self) -> str:
        """Return it in words."""
        counted = ", ".join(
            f"{count} × {end if end == _STOPPED else cause_text(end)}" for end, count in self.ends.items()
        )
        since = "no trial has given one yet" if self.since is None else f"the last one was trial {self.since}'s"
        row = "1 trial" if self.trials == 1 else f"{self.trials} trials in a row"
        why = f"Trial {self.latest}: {self.why}. "
        return f"{row} gave no result ({counted}); {since}. {why}Look at {self.look_at}"


def standstill(history: History) -> Standstill | None:
    """Return the standstill in which a campaign is or has ended; None if it gives results.

    Trials that people have ended do not count, and neither do imported results.
    """
    ended = [t for t in history.trials.values() if isinstance(t.outcome, Observation | Failure | Stopped)]
    ended = sorted((t for t in ended if t.counted), key=_ended, reverse=True)
    counts, since = Counter[End](), None
    for trial in ended:
        if isinstance(trial.outcome, Observation):
            since = trial.id
            break
        counts[_end(trial)] += 1
    many = max(_FEW, history.definition.at_once) * (_PATIENCE_WITH_RULES if _STOPPED in counts else 1)
    if history.finished is not None and since is None:
        many = 1
    return _standstill(counts, since, ended[0]) if counts.total() >= many else None


def _standstill(counts: Counter[End], since: int | None, latest: Trial) -> Standstill:
    ends = counts.most_common()
    return Standstill(
        trials=counts.total(),
        ends=dict(ends),
        since=since,
        latest=latest.id,
        why=_shortened(first_line(ending(latest).why).rstrip(".")),
        look_at=_LOOK_AT[ends[0][0]],
    )


def _ended(trial: Trial) -> tuple[float, int]:
    assert trial.outcome is not None
    return trial.outcome.ended.timestamp(), trial.id


def _end(trial: Trial) -> End:
    return trial.outcome.cause if isinstance(trial.outcome, Failure) else _STOPPED


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]} …"
