"""Optuna studies in an SQLite database."""

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from overnight.campaign.errors import CannotImport
from overnight.storage.past.optuna_study import METRIC_NAMES, Pick, Study, StudyTrial, decoded

_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}
_STUDIES = "select study_id, study_name from studies order by study_id"
_DIRECTIONS = "select direction from study_directions where study_id = ? order by objective"
_TRIALS = "select trial_id, number, state, datetime_complete from trials where study_id = ? order by number"
_VALUES = """
    select trial_id, value, value_type from trial_values join trials using (trial_id)
    where study_id = ? order by trial_id, objective
"""
_PARAMETERS = """
    select trial_id, param_name, param_value, distribution_json from trial_params join trials using (trial_id)
    where study_id = ? order by param_id
"""
_ATTRIBUTES = """
    select trial_id, "key", value_json from trial_user_attributes join trials using (trial_id) where study_id = ?
"""
_SYSTEM_ATTRIBUTES = """
    select trial_id, "key" from trial_system_attributes join trials using (trial_id) where study_id = ?
"""
_STUDY_ATTRIBUTE = 'select value_json from study_system_attributes where study_id = ? and "key" = ?'


def read_database(file: Path, pick: Pick) -> Study:
    """Return the picked study from the database, which is only read; raises CannotImport."""
    try:
        with _reading(file) as connection:
            ids = {name: number for number, name in connection.execute(_STUDIES)}
            name = pick(list(ids))
            return _study(connection, ids[name], name)
    except (sqlite3.Error, ValueError, TypeError) as problem:
        raise CannotImport(
            f"{file}: expected a database of Optuna, version 3 or later, but: {problem}. Upgrade a database of an "
            "older version with: optuna storage upgrade."
        ) from None


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection that sees one state of the database, even while a study is running."""
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("begin")
        yield connection


def _study(connection: sqlite3.Connection, study: int, name: str) -> Study:
    trials = {
        trial: StudyTrial(number, state, ended=ended)
        for trial, number, state, ended in connection.execute(_TRIALS, (study,))
    }
    for trial, value, kind in connection.execute(_VALUES, (study,)):
        trials[trial].values += (_INFINITE[kind] if kind in _INFINITE else float(value),)
    for trial, parameter, internal, distribution in connection.execute(_PARAMETERS, (study,)):
        trials[trial].parameters[parameter] = decoded(internal, distribution)
    for trial, key, value in connection.execute(_ATTRIBUTES, (study,)):
        trials[trial].attributes[key] = json.loads(value)
    for trial, key in connection.execute(_SYSTEM_ATTRIBUTES, (study,)):
        trials[trial].note_system_attribute(key)
    directions = tuple(str(direction).lower() for (direction,) in connection.execute(_DIRECTIONS, (study,)))
    metrics = connection.execute(_STUDY_ATTRIBUTE, (study, METRIC_NAMES)).fetchone()
    return Study(name, directions, tuple(trials.values()), tuple(json.loads(metrics[0])) if metrics else ())
