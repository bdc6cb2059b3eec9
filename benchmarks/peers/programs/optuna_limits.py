"""Run a study with TPE as a user would write it, with conditions and limits: JSON lines in, JSON lines out.

`begin` starts a new study, whose first trial is `first`. `ask` answers a point. `tell` ends its trial with a value, or
without one as failed, and with `excess`: by how much each limit is exceeded, at most 0 if it is met.
"""

from typing import Any

import optuna
from live_study import answer_lines
from optuna.samplers import TPESampler
from optuna.trial import Trial, TrialState


class Limited:
    """A study and its running trials."""

    def __init__(self, request: dict[str, Any]):
        self.parameters: dict[str, dict[str, Any]] = request["parameters"]
        self.study = optuna.create_study(direction=request["direction"], sampler=TPESampler(seed=request["seed"]))
        self.study.enqueue_trial(dict(self._suggested_as(name, value) for name, value in request["first"].items()))
        self.running: dict[int, Trial] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request about a trial."""
        if request["op"] == "ask":
            trial = self.study.ask()
            self.running[trial.number] = trial
            return {"number": trial.number, "point": self.suggested(trial)}
        trial = self.running.pop(request["number"])
        for i, excess in enumerate(request["excess"]):
            trial.set_constraint(f"c{i}", excess)
        if request["value"] is None:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, request["value"])
        return {}

    def _suggested_as(self, name: str, value: Any) -> tuple[str, Any]:
        """Return a parameter's name and value as `_suggest` asks the study for them."""
        each = self.parameters[name]
        return (_place_of(name), each["choices"].index(value)) if each["kind"] == "ordinal" else (name, value)

    def suggested(self, trial: Trial) -> dict[str, Any]:
        """Suggest each parameter that is active, given those before it."""
        values: dict[str, Any] = {}
        for name, each in self.parameters.items():
            if all(values.get(other) in _listed(wanted) for other, wanted in (each.get("when") or {}).items()):
                values[name] = _suggest(trial, name, each)
        return values


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _place_of(name: str) -> str:
    return f"{name} (place)"


def _suggest(trial: Trial, name: str, each: dict[str, Any]) -> Any:
    match each["kind"]:
        case "float":
            return trial.suggest_float(name, each["low"], each["high"], log=each.get("scale") == "log")
        case "int":
            return trial.suggest_int(name, each["low"], each["high"], log=each.get("scale") == "log")
        case "bool":
            return trial.suggest_categorical(name, [False, True])
        case "categorical":
            return trial.suggest_categorical(name, each["choices"])
        case "ordinal":
            # Optuna has no ordered choices of uneven steps; their place in the list keeps the order.
            return each["choices"][trial.suggest_int(_place_of(name), 0, len(each["choices"]) - 1)]
        case other:
            raise ValueError(f"expected a kind that a study can suggest, got {other!r}")


if __name__ == "__main__":
    answer_lines(Limited, __doc__)
