"""Run a study with TPE and a pruner: JSON lines in, JSON lines out, with `python optuna_pruning.py`.

`begin` starts a new study, `ask` a trial. `report` answers whether the trial is pruned, which then has ended, and
`complete` ends it with its value.
"""

from typing import Any

import optuna
from live_study import answer_lines
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner
from optuna.samplers import TPESampler
from optuna.trial import Trial, TrialState


class Pruning:
    """A study and its running trials."""

    def __init__(self, request: dict[str, Any]):
        self.space = {name: _distribution(each) for name, each in request["parameters"].items()}
        sampler = TPESampler(seed=request["seed"], constant_liar=request["parallel"])
        # Hyperband draws the bracket of a trial from the study's name.
        self.study = optuna.create_study(
            direction="minimize", sampler=sampler, pruner=_pruner(request), study_name=f"study-{request['seed']}"
        )
        self.running: dict[int, Trial] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request about a trial."""
        if request["op"] == "ask":
            trial = self.study.ask(self.space)
            self.running[trial.number] = trial
            return {"number": trial.number, "point": trial.params}
        trial = self.running[request["number"]]
        if request["op"] == "complete":
            self.study.tell(trial, request["value"])
            return {}
        trial.report(request["value"], request["step"])
        if prune := trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
        return {"prune": bool(prune)}


def _distribution(declared: dict[str, Any]) -> BaseDistribution:
    made = IntDistribution if declared["kind"] == "int" else FloatDistribution
    return made(declared["low"], declared["high"], log=declared.get("scale") == "log")


def _pruner(request: dict[str, Any]) -> BasePruner:
    if request["pruner"] == "median":
        return MedianPruner()
    return HyperbandPruner(min_resource=1, max_resource=request["high"], reduction_factor=3)


if __name__ == "__main__":
    answer_lines(Pruning, __doc__)
