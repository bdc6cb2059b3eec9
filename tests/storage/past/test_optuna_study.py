"""Studies are read without Optuna exactly as Optuna itself reads them."""

import json
import os
import sqlite3
from pathlib import Path

import optuna
import pytest
from optuna.distributions import distribution_to_json
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState, create_trial
from told_studies import BREAD, KINDS, storage_in, tell_study

from overnight.campaign import Campaign
from overnight.campaign.errors import CannotImport
from overnight.storage.past.optuna_study import decoded
from overnight.storage.past.source import read_past_results


@pytest.fixture(params=KINDS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


def test_complete_trials_are_read_as_optuna_reads_them(file):
    complete = [t for t in tell_study(file).trials if t.state == TrialState.COMPLETE]
    rows = read_past_results(str(file), BREAD).rows
    assert [row.place for row in rows] == [f"trial {t.number}" for t in complete]
    assert [row.parameters for row in rows] == [t.params for t in complete]
    assert repr([row.parameters["flour"] for row in rows[:-1]]) == repr([t.params["flour"] for t in complete[:-1]])
    assert [row.means["burnt"] for row in rows] == [t.value for t in complete]
    assert {type(row.parameters["turns"]) for row in rows} == {int}


def test_user_attributes_that_are_called_like_metrics_are_taken(file):
    tell_study(file)
    *rows, brought = read_past_results(str(file), BREAD).rows
    assert [row.means["grams"] for row in rows] == [100 + int(row.place.split()[1]) for row in rows]
    assert {row.sems["burnt"] for row in rows} == {0.25}
    assert (dict(brought.means), dict(brought.sems)) == ({"burnt": 7.5, "grams": 1.0}, {})


def test_other_trials_are_counted_by_how_they_stand(file):
    tell_study(file)
    assert read_past_results(str(file), BREAD).left_out == {"pruned": 1, "failed": 2, "running": 1, "waiting": 1}


def test_a_row_says_where_it_is_from_without_a_path_of_this_machine(file):
    tell_study(file)
    origin = read_past_results(str(file), BREAD).rows[0].origin
    assert {name: origin[name] for name in ("source", "study", "trial")} == {
        "source": file.name,
        "study": "first",
        "trial": 0,
    }
    assert origin["ended"].startswith("20")
    assert str(file.parent) not in json.dumps(dict(origin))


def test_one_of_several_studies_is_named(file):
    tell_study(file)
    second = tell_study(file, "second", trials=1)
    with pytest.raises(CannotImport, match=r"found 2: `first`, `second`\. Name one with --study"):
        read_past_results(str(file), BREAD)
    with pytest.raises(CannotImport, match="expected the study `third`, found `first`, `second`"):
        read_past_results(str(file), BREAD, "third")
    rows = read_past_results(str(file), BREAD, "second").rows
    assert [row.parameters for row in rows] == [t.params for t in second.trials if t.state == TrialState.COMPLETE]


def test_a_study_that_was_deleted_is_not_there(file):
    tell_study(file)
    optuna.delete_study(study_name="first", storage=storage_in(file))
    with pytest.raises(CannotImport, match="expected an Optuna study, found none"):
        read_past_results(str(file), BREAD)
    kept = tell_study(file, "second", trials=2)
    assert [row.means["burnt"] for row in read_past_results(str(file), BREAD).rows] == [
        t.value for t in kept.trials if t.state == TrialState.COMPLETE
    ]


def test_a_study_in_the_other_direction_is_refused(file):
    tell_study(file, direction="maximize", trials=1)
    with pytest.raises(CannotImport, match=r"campaign `bread` in their order, `minimize burnt`, found maximize\. Cha"):
        read_past_results(str(file), BREAD)


def test_a_study_of_several_objectives_is_refused_by_a_campaign_of_one(file):
    optuna.create_study(storage=storage_in(file), directions=["minimize", "maximize"])
    with pytest.raises(CannotImport, match="found minimize, maximize"):
        read_past_results(str(file), BREAD)


def with_objectives(*objectives: dict[str, str]) -> Campaign:
    definition = BREAD.model_dump(mode="json", exclude_none=True)
    del definition["minimize"]
    return Campaign.model_validate(definition | {"metrics": [], "objectives": list(objectives)})


def tell_two_objectives(file: Path, *names: str) -> optuna.Study:
    study = optuna.create_study(storage=storage_in(file), directions=["minimize", "maximize"])
    if names:
        with pytest.warns(ExperimentalWarning):
            study.set_metric_names([*names])
    for number in range(3):
        study.add_trial(create_trial(values=[number, 10.5 - number], user_attrs={"grams_sem": 0.5}))
    return study


@pytest.mark.parametrize("names", [(), ("burnt", "grams"), ("loss", "score")])
def test_values_of_several_objectives_come_in_their_order(file, names):
    study = tell_two_objectives(file, *names)
    results = read_past_results(str(file), with_objectives({"minimize": "burnt"}, {"maximize": "grams"}))
    assert [(row.means["burnt"], row.means["grams"]) for row in results.rows] == [tuple(t.values) for t in study.trials]
    assert [dict(row.sems) for row in results.rows] == [{"grams": 0.5}] * 3
    assert results.names == ("burnt", "grams")


def test_objectives_that_the_study_names_are_found_by_their_names(file):
    study = tell_two_objectives(file, "burnt", "grams")
    results = read_past_results(str(file), with_objectives({"maximize": "grams"}, {"minimize": "burnt"}))
    assert [(row.means["burnt"], row.means["grams"]) for row in results.rows] == [tuple(t.values) for t in study.trials]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), "minimize, maximize"),
        (("burnt", "grams"), "minimize burnt, maximize grams"),
        (("grams", "price"), "minimize grams, maximize price"),
    ],
)
def test_a_study_of_other_objectives_is_refused(file, names, found):
    tell_two_objectives(file, *names)
    campaign = with_objectives({"minimize": "grams"}, {"minimize": "burnt"})
    with pytest.raises(CannotImport, match=f"order, `minimize grams`, `minimize burnt`, found {found}\\."):
        read_past_results(str(file), campaign)


def test_a_study_of_too_few_objectives_is_refused(file):
    tell_study(file, trials=1)
    campaign = with_objectives({"minimize": "burnt"}, {"maximize": "grams"})
    with pytest.raises(CannotImport, match=r"`minimize burnt`, `maximize grams`, found minimize\."):
        read_past_results(str(file), campaign)


def test_an_infinite_value_stays_infinite(file):
    study = tell_study(file, trials=0)
    study.add_trial(optuna.trial.create_trial(value=float("-inf")))
    assert read_past_results(str(file), BREAD).rows[-1].means == {"burnt": float("-inf")}


def test_parameters_that_the_campaign_does_not_know_are_not_used(file):
    tell_study(file)
    narrow = BREAD.model_dump(mode="json", exclude_none=True)
    del narrow["parameters"]["salt"]
    results = read_past_results(str(file), Campaign.model_validate(narrow))
    assert results.unused == ("salt",)
    assert "salt" not in results.rows[0].parameters


LIMITED = Campaign.model_validate(
    BREAD.model_dump(mode="json", exclude_none=True) | {"metrics": [], "constraints": ["p99 (ms) <= 15", "grams >= 2"]}
)


def test_metrics_of_constraints_are_read_from_user_attributes_and_may_be_missing(file):
    study = tell_study(file, trials=2)
    study.add_trial(create_trial(value=1.5, user_attrs={"p99 (ms)": 12.0, "p99 (ms)_sem": 0.5}))
    results = read_past_results(str(file), LIMITED)
    assert [sorted(row.means) for row in results.rows] == [["burnt", "grams"]] * 3 + [["burnt", "p99 (ms)"]]
    assert results.rows[-1].sems == {"p99 (ms)": 0.5}
    assert results.unused == ()


def test_constraints_of_optuna_are_not_read_and_the_trials_that_have_some_are_counted(file):
    study = tell_study(file, trials=2)
    for number in range(3):
        trial = study.ask()
        if number < 2:
            trial.set_constraint("p99", number - 0.5)
        study.tell(trial, 1.0)
    study.add_trial(create_trial(value=1.5, system_attrs={"constraints": [0.5]}))
    study.add_trial(create_trial(state=TrialState.FAIL, system_attrs={"constraints": [0.5]}))
    results = read_past_results(str(file), LIMITED)
    assert results.unused == (
        "the values of Optuna's constraints of 3 trials (only user attributes are read as metrics)",
    )
    assert all("p99" not in row.means for row in results.rows)


def test_an_address_as_optuna_takes_it_leads_to_the_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind, scheme in zip(KINDS, ("sqlite", "journal"), strict=True):
        tell_study(Path(kind))
        for address in (f"{scheme}:///{kind}", f"{scheme}:////{tmp_path / kind}"):
            assert len(read_past_results(address, BREAD).rows) == 11


def test_reading_a_database_writes_nothing(tmp_path):
    tell_study(tmp_path / "study.db", trials=1)
    before = (tmp_path / "study.db").read_bytes()
    os.chmod(tmp_path / "study.db", 0o444)
    read_past_results(str(tmp_path / "study.db"), BREAD)
    assert (tmp_path / "study.db").read_bytes() == before
    assert os.listdir(tmp_path) == ["study.db"]


def test_a_database_that_is_not_optunas_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("create table cakes (name text)")
    connection.close()
    with pytest.raises(CannotImport, match=r"expected a database of Optuna.*no such table: studies"):
        read_past_results(str(tmp_path / "other.db"), BREAD)


def test_the_last_line_of_a_journal_may_be_torn_and_another_may_not(tmp_path):
    file = tmp_path / "optuna.log"
    tell_study(file)
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":4,"stu')
    assert len(read_past_results(str(file), BREAD).rows) == 11
    lines = whole.splitlines(keepends=True)
    lines[6] = b'{"op_code":4,"stu\n'
    file.write_bytes(b"".join(lines))
    with pytest.raises(CannotImport, match=r"optuna\.log, line 7: expected a line of Optuna's journal"):
        read_past_results(str(file), BREAD)


def test_of_two_workers_that_end_a_trial_the_first_counts(tmp_path):
    file = tmp_path / "optuna.log"
    tell_study(file, trials=1)
    value = read_past_results(str(file), BREAD).rows[0].means["burnt"]
    with file.open("a") as journal:
        journal.write('{"op_code":6,"worker_id":"other","trial_id":0,"state":1,"values":[-5.0]}\n')
    assert read_past_results(str(file), BREAD).rows[0].means["burnt"] == value


@pytest.mark.parametrize(
    ("distribution", "internal", "value"),
    [
        (distribution_to_json(optuna.distributions.FloatDistribution(0, 1)), 1, 1.0),
        (distribution_to_json(optuna.distributions.IntDistribution(0, 9)), 3.0, 3),
        (distribution_to_json(optuna.distributions.CategoricalDistribution(["1", 1])), 0.0, "1"),
        ('{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 1}}', 3.0, 3),
        ('{"name": "LogUniformDistribution", "attributes": {"low": 1, "high": 9}}', 3.0, 3.0),
        ('{"type": "categorical", "choices": [null, "a"]}', 1.0, "a"),
        ('{"type": "int", "low": 1, "high": 9}', 3.0, 3),
    ],
)
def test_a_value_is_decoded_by_its_distribution_also_of_old_versions(distribution, internal, value):
    assert repr(decoded(internal, distribution)) == repr(value)


@pytest.mark.parametrize(
    "distribution", ['{"name": "Cauchy"}', "{}", "[]", '{"type": "categorical", "choices": ["a"]}']
)
def test_a_distribution_that_is_none_is_told(distribution):
    with pytest.raises(ValueError, match=r"."):
        decoded(3.0, distribution)
