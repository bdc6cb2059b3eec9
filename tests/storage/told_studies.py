"""Studies written by Optuna itself, in each kind of storage that can be imported."""

from pathlib import Path

import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from overnight.campaign import Campaign

KINDS = ("study.db", "optuna.log")
CHOICES = ["rye", True, 3, 2.5, "2"]
BREAD = Campaign.model_validate(
    {
        "name": "bread",
        "parameters": {
            "heat": {"kind": "float", "low": 0.001, "high": 10, "scale": "log"},
            "salt": {"kind": "float", "low": 0, "high": 1},
            "turns": {"kind": "int", "low": 1, "high": 64, "scale": "log"},
            "flour": {"kind": "categorical", "choices": CHOICES},
        },
        "minimize": "burnt",
        "metrics": ["grams"],
        "budget": {"trials": 9},
    }
)

optuna.logging.set_verbosity(optuna.logging.ERROR)


def storage_in(file: Path) -> BaseStorage:
    """Return Optuna's storage in the file, of the kind given by its suffix."""
    if file.suffix == ".log":
        return JournalStorage(JournalFileBackend(str(file)))
    return RDBStorage(f"sqlite:///{file}")


def bake(trial: optuna.Trial) -> float:
    heat = trial.suggest_float("heat", 1e-3, 10, log=True)
    salt = trial.suggest_float("salt", 0, 1, step=0.1)
    trial.suggest_int("turns", 1, 64, log=True)
    trial.suggest_categorical("flour", CHOICES)
    trial.set_user_attr("grams", 100.0 + trial.number)
    trial.set_user_attr("burnt_sem", 0.25)
    trial.set_user_attr("oven", {"door": "left"})
    trial.report(heat, step=1)
    if trial.number == 3:
        raise optuna.TrialPruned
    if trial.number == 4:
        raise ValueError("no oven")
    return heat + salt


def tell_study(file: Path, name: str = "first", direction: str = "minimize", trials: int = 12) -> optuna.Study:
    """Let Optuna write a study in which one trial was pruned, one failed, one is still running and one is waiting."""
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=storage_in(file), study_name=name, direction=direction, sampler=sampler)
    study.optimize(bake, n_trials=trials, catch=ValueError)
    brought = {"heat": 0.5, "turns": 4}
    kinds = {"heat": FloatDistribution(1e-3, 10, log=True), "turns": IntDistribution(1, 64, log=True)}
    study.add_trial(create_trial(value=7.5, params=brought, distributions=kinds, user_attrs={"grams": 1.0}))
    study.add_trial(create_trial(state=TrialState.FAIL))
    study.ask()
    study.enqueue_trial({"heat": 0.25})
    return study
