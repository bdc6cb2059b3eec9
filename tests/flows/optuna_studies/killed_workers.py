"""Kill workers of an Optuna study at random moments, and judge what their storage has kept.

PYTHONPATH=.:tests/support python tests/flows/optuna_studies/killed_workers.py --kills 50 PLACE
"""

import argparse
import multiprocessing
import os
import random
import tempfile
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import optuna
from ending import end_as_by_ctrl_c
from optuna.trial import TrialState
from s3_server import BUCKET, WRITER, s3_server

from overnight import optuna_storage
from overnight.flows.optuna_studies.opening import folder_of
from overnight.storage import open_operations, verify_operations

_STUDY = "killed"
# A worker is killed within so many seconds, and only after it has told a result.
_LONGEST = 0.5
# Nothing is inherited from the process that starts workers: neither connections nor threads.
_WORLD = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Told:
    """An answer of the storage that a worker has seen: a trial that it began, or also ended with a value."""

    number: int
    token: str
    value: float | None = None


@dataclass
class Course:
    """Everything that workers have seen, and how many of them were killed."""

    told: list[Told] = field(default_factory=list)
    kills: int = 0

    @property
    def ended(self) -> dict[int, Told]:
        """Return the trials with a result that a worker knows to be kept."""
        return {each.number: each for each in self.told if each.value is not None}

    @property
    def begun(self) -> dict[int, Told]:
        """Return the trials that a worker knows to have begun."""
        return {each.number: each for each in self.told if each.value is None}


@dataclass
class _Worker:
    process: BaseProcess
    answers: Connection
    at_work: bool = False


def work(place: str, answers: Connection, variables: Mapping[str, str]) -> None:
    """Optimise until the other end is closed, and send each answer of the storage."""
    os.environ.update(variables)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.RandomSampler()
    study = optuna.create_study(storage=optuna_storage(place), study_name=_STUDY, sampler=sampler, load_if_exists=True)
    while True:
        trial, token = study.ask(), uuid.uuid4().hex
        answers.send(Told(trial.number, token))
        value = trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("mode", ["fast", "slow"])
        trial.report(value + 1, 1)
        trial.set_user_attr("token", token)
        study.tell(trial, value)
        answers.send(Told(trial.number, token, value))


def storm(place: str, kills: int, *, workers: int = 4, seed: int = 0) -> Course:
    """Let workers optimise, and kill one after the other at random moments until `kills` are dead."""
    chance, course = random.Random(seed), Course()
    at_work = [_start(place) for _ in range(workers)]
    while course.kills < kills:
        # The answers that arrive until a random moment are read; then a random worker dies, whatever it does.
        for answers in wait([each.answers for each in at_work], timeout=chance.uniform(0, _LONGEST)):
            _read(next(each for each in at_work if each.answers is answers), course)
        if chance.random() < 0.8:
            continue
        victim = chance.choice(at_work)
        if victim.at_work:
            _kill(victim, course)
            course.kills += 1
            at_work[at_work.index(victim)] = _start(place)
    for worker in at_work:
        _kill(worker, course)
    return course


def judge(place: str, course: Course) -> dict[str, int]:
    """Assert that nothing which a worker knew is lost or there twice, and return counts."""
    study = optuna.load_study(study_name=_STUDY, storage=optuna_storage(place))
    trials = {trial.number: trial for trial in study.trials}
    assert sorted(trials) == [*range(len(study.trials))], "numbers are not dense"
    for number, told in course.ended.items():
        kept = trials[number]
        assert (kept.state, kept.value, kept.user_attrs["token"]) == (TrialState.COMPLETE, told.value, told.token), kept
        assert kept.params["x"] == told.value
    assert len(course.begun) == sum(each.value is None for each in course.told), "two workers began the same trial"
    assert course.begun.keys() <= trials.keys()
    tokens = Counter(trial.user_attrs["token"] for trial in study.trials if "token" in trial.user_attrs)
    assert not tokens or max(tokens.values()) == 1, "a result is there twice"
    url, name = folder_of(place)
    found = verify_operations(open_operations(url, name, Path()))
    states = Counter(trial.state.name for trial in study.trials)
    return {
        "kills": course.kills,
        "trials": len(trials),
        "acknowledged results": len(course.ended),
        "complete": states["COMPLETE"],
        "left running": states["RUNNING"],
        "segments": found.segment,
    }


def _start(place: str) -> _Worker:
    mine, its = _WORLD.Pipe(duplex=False)
    variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    process = _WORLD.Process(target=work, args=(place, its, variables), daemon=True)
    process.start()
    its.close()
    return _Worker(process, mine)


def _read(worker: _Worker, course: Course) -> None:
    while worker.answers.poll():
        told = worker.answers.recv()
        worker.at_work |= told.value is not None
        course.told.append(told)


def _kill(worker: _Worker, course: Course) -> None:
    worker.process.kill()
    worker.process.join()
    try:
        _read(worker, course)
    except EOFError:
        # All that it sent has been read; an answer that was cut off counts as not seen.
        return


def main() -> None:
    """Print the counts of a storm on a directory and of one on an S3 server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    kills = parser.parse_args().kills
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, s3_server() as server:
        os.environ.update(WRITER.environment(server.endpoint))
        for place in (f"{folder}/study", f"s3://{BUCKET}/study"):
            counts = judge(place, storm(place, kills))
            print("bucket" if "://" in place else "directory", counts, flush=True)  # noqa: T201


if __name__ == "__main__":
    end_as_by_ctrl_c()
    main()
