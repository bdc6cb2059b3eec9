"""Optuna studies in a journal file, which has a JSON object for each operation."""

import json
from enum import IntEnum
from pathlib import Path
from typing import Any

from overnight.campaign.errors import CannotImport
from overnight.storage.past.optuna_study import METRIC_NAMES, Pick, Study, StudyTrial, decoded

_DIRECTIONS = ("not_set", "minimize", "maximize")
_STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
_OPEN = ("RUNNING", "WAITING")


class _Operation(IntEnum):
    """The operations that matter for an import."""

    CREATE_STUDY = 0
    DELETE_STUDY = 1
    SET_STUDY_SYSTEM_ATTRIBUTE = 3
    CREATE_TRIAL = 4
    SET_PARAMETER = 5
    SET_STATE = 6
    SET_USER_ATTRIBUTE = 8
    SET_SYSTEM_ATTRIBUTE = 9


def read_journal(file: Path, pick: Pick) -> Study:
    """Return the picked study from the journal; raises CannotImport."""
    try:
        replayed = _replayed(file)
    except OSError as problem:
        raise CannotImport(f"{file}: expected to read Optuna's journal, but: {problem.strerror}.") from None
    name = pick([name for name, _ in replayed.studies.values()])
    study, directions = next((i, directions) for i, (other, directions) in replayed.studies.items() if other == name)
    return Study(name, directions, tuple(replayed.trials_of[study]), replayed.metrics_of.get(study, ()))


def _replayed(file: Path) -> "_Replay":
    replayed = _Replay()
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            # While a study is running, its last line may be incomplete.
            if not line.endswith(b"\n"):
                break
            try:
                replayed.apply(json.loads(line))
            except (ValueError, KeyError, IndexError, TypeError, AttributeError) as problem:
                raise CannotImport(
                    f"{file}, line {number}: expected a line of Optuna's journal, found something else "
                    f"({type(problem).__name__}: {problem})."
                ) from None
    return replayed


class _Replay:
    """The studies and trials after some lines; as in Optuna, trials are numbered across all studies."""

    def __init__(self) -> None:
        self.studies: dict[int, tuple[str, tuple[str, ...]]] = {}
        self.trials_of: list[list[StudyTrial]] = []
        self.metrics_of: dict[int, tuple[str, ...]] = {}
        self.trials: list[StudyTrial] = []

    def apply(self, line: dict[str, Any]) -> None:
        """Apply one line. If two workers wrote conflicting lines, the first counts; irrelevant lines are ignored."""
        match line["op_code"]:
            case _Operation.CREATE_STUDY:
                self._create_study(line)
            case _Operation.DELETE_STUDY:
                self.studies.pop(line["study_id"], None)
            case _Operation.SET_STUDY_SYSTEM_ATTRIBUTE if METRIC_NAMES in line["system_attr"]:
                self.metrics_of[line["study_id"]] = tuple(line["system_attr"][METRIC_NAMES])
            case _Operation.CREATE_TRIAL:
                self._create_trial(line)
            case (
                _Operation.SET_PARAMETER
                | _Operation.SET_STATE
                | _Operation.SET_USER_ATTRIBUTE
                | _Operation.SET_SYSTEM_ATTRIBUTE
            ):
                self._change_trial(line)

    def _create_study(self, line: dict[str, Any]) -> None:
        if line["study_name"] in [name for name, _ in self.studies.values()]:
            return
        directions = tuple(_DIRECTIONS[direction] for direction in line["directions"])
        self.studies[len(self.trials_of)] = line["study_name"], directions
        self.trials_of.append([])

    def _create_trial(self, line: dict[str, Any]) -> None:
        if line["study_id"] not in self.studies:
            return
        others, values = self.trials_of[line["study_id"]], line.get("values")
        if values is None and line.get("value") is not None:
            values = [line["value"]]
        distributions = line.get("distributions", {})
        trial = StudyTrial(
            number=len(others),
            state=_STATES[line.get("state", 0)],
            values=tuple(values or ()),
            parameters={name: decoded(number, distributions[name]) for name, number in line.get("params", {}).items()},
            attributes=line.get("user_attrs", {}),
            ended=line.get("datetime_complete"),
        )
        for key in line.get("system_attrs", {}):
            trial.note_system_attribute(key)
        others.append(trial)
        self.trials.append(trial)

    def _change_trial(self, line: dict[str, Any]) -> None:
        if line["trial_id"] >= len(self.trials) or self.trials[line["trial_id"]].state not in _OPEN:
            return
        trial = self.trials[line["trial_id"]]
        match line["op_code"]:
            case _Operation.SET_PARAMETER:
                trial.parameters[line["param_name"]] = decoded(line["param_value_internal"], line["distribution"])
            case _Operation.SET_STATE:
                trial.state = _STATES[line["state"]]
                trial.values = tuple(line.get("values") or trial.values)
                trial.ended = line.get("datetime_complete") or trial.ended
            case _Operation.SET_SYSTEM_ATTRIBUTE:
                for key in line["system_attr"]:
                    trial.note_system_attribute(key)
            case _:
                trial.attributes |= line["user_attr"]
