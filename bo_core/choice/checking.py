"""Choose the points that checking trials measure: those of results that look too good to be true, each once."""

from collections import Counter

from overnight.bo_core.choice.asked import Asked
from overnight.bo_core.choice.candidate import Candidate
from overnight.bo_core.data.encoding import key_of


def to_check(asked: Asked) -> list[Candidate]:
    """Return the points, tried once, of suspects that would be the best result if they were believed.

    If a repetition agrees, both results are believed. There are none if the proposer forbids replication.
    """
    if asked.proposer.replication == "never" or not asked.suspects:
        return []
    goal, trials = asked.history.goal, asked.history.trials
    best, tried = goal.best(asked.view.inside), Counter(key_of(trial.point) for trial in trials.values())
    once = (
        (trial, suspect.off)
        for suspect in asked.suspects
        if tried[key_of((trial := trials[suspect.trial]).point)] == 1
        and trial.id not in asked.view.outside
        and asked.campaign.space.agrees(trial.point)
    )
    return [
        Candidate(trial.point, off, "checking", checks=True)
        for trial, off in once
        if off > 0.0 and (best is None or goal.better(trial.measured, best.measured))
    ]
