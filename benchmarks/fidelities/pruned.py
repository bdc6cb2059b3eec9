"""Run a study of Optuna with a pruner on a task, with workers in virtual time.

A trial costs what the last step it reached costs, as if trainings were stopped there and nothing were lost. A trial
begins if less than the budget is spent, and is then not cut off at the budget's end. That favours Optuna a little.
"""

import heapq
from dataclasses import dataclass, field

from benchmarks.fidelities.found import Found, Measured, best_in_full
from benchmarks.fidelities.task import Point, Task, high_of
from benchmarks.peers import PeerProcess


@dataclass
class _Running:
    number: int
    point: Point
    began: float
    reached: int = 0


@dataclass
class _Study:
    """A study in another process, and its trials."""

    process: PeerProcess
    task: Task
    spent: float = 0.0
    measured: list[Measured] = field(default_factory=list)

    def begin(self, now: float) -> _Running:
        """Ask for a trial."""
        asked = self.process.request({"op": "ask"})
        return _Running(asked["number"], asked["point"], now)

    def report(self, trial: _Running, step: int) -> bool:
        """Report a step; return whether the trial has ended."""
        loss, number = self.task.loss(trial.point, step), trial.number
        self.spent += self.task.cost(step) - (self.task.cost(trial.reached) if trial.reached else 0.0)
        trial.reached = step
        if step == high_of(self.task):
            self.process.request({"op": "complete", "number": number, "value": loss})
        elif not self.process.request({"op": "report", "number": number, "step": step, "value": loss})["prune"]:
            return False
        self.measured.append(Measured(trial.point, step, loss, self.task.cost(step)))
        return True


@dataclass(frozen=True)
class Pruned:
    """Optuna's TPE with a pruner."""

    pruner: str

    def run(self, process: PeerProcess, task: Task, budget: int, seed: int, workers: int) -> Found:
        """Run a study that may cost so many full evaluations; the best trial in full is recommended."""
        settings = {"parameters": task.parameters, "pruner": self.pruner, "seed": seed}
        process.request({"op": "begin", **settings, "high": high_of(task), "parallel": workers > 1})
        study, steps = _Study(process, task), sorted({*task.steps, high_of(task)})
        # When each running trial reaches its next step; ties are broken by the trial's number.
        due: list[tuple[float, int, int, _Running]] = []

        def begin(now: float) -> None:
            trial = study.begin(now)
            heapq.heappush(due, (now + task.cost(steps[0]), trial.number, 0, trial))

        for _ in range(workers):
            begin(0.0)
        while due:
            now, number, place, trial = heapq.heappop(due)
            if study.report(trial, steps[place]):
                if study.spent < budget - 1e-9:
                    begin(now)
                continue
            heapq.heappush(due, (trial.began + task.cost(steps[place + 1]), number, place + 1, trial))
        return Found(study.measured, best_in_full(task, study.measured))


PRUNED = {"optuna-hyperband": Pruned("hyperband"), "optuna-median": Pruned("median")}
