"""Campaigns are studies for Optuna, which only reads them."""

import pickle
import shutil
from pathlib import Path

import optuna
import pytest
from dashboards import append
from optuna import visualization
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState
from optuna_ledgers import CAMPAIGN, at, defined, every_state, observed, proposed, started

from overnight import open_campaign, optuna_view
from overnight.campaign import Campaign
from overnight.campaign.errors import LedgerError, Refused
from overnight.campaign.history.events import CampaignRevised


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    append(tmp_path, "net", every_state())
    return tmp_path


@pytest.fixture
def study(ledger: Path) -> optuna.Study:
    return optuna.load_study(study_name="net", storage=optuna_view(ledger))


def of(study: optuna.Study, trial: int) -> optuna.trial.FrozenTrial:
    """Return a trial by its number in the campaign."""
    [found] = [each for each in study.trials if each.user_attrs["trial"] == trial]
    return found


def test_a_trial_has_its_state_and_values_that_optuna_itself_finds_consistent(study):
    states = {trial.user_attrs["trial"]: trial.state.name for trial in study.trials}
    assert states == {
        1: "COMPLETE",
        2: "RUNNING",
        3: "PRUNED",
        4: "FAIL",
        5: "WAITING",
        6: "WAITING",
        7: "FAIL",
        8: "COMPLETE",
    }
    for trial in study.trials:
        trial._validate()


def test_numbers_are_places_because_optunas_charts_use_them_as_such(study):
    assert [trial.number for trial in study.trials] == [*range(8)]
    assert [trial.user_attrs["trial"] for trial in study.trials] == [*range(1, 9)]


def test_parameters_are_those_of_the_ledger_and_inactive_ones_are_missing(study, ledger):
    trials = open_campaign(ledger / "net").history.trials
    for trial in study.trials:
        assert trial.params == dict(trials[trial.number + 1].point)
    assert "momentum" not in of(study, 1).params
    assert of(study, 2).params["momentum"] == 0.9


def test_distributions_have_the_scales_steps_and_choices_of_the_campaign(study):
    assert (
        of(study, 2).distributions.items()
        >= {
            "rate": FloatDistribution(0.001, 1, log=True),
            "drop": FloatDistribution(0, 0.5, step=0.1),
            "keep": FloatDistribution(0.1, 0.9),
            "layers": IntDistribution(2, 8, step=2),
            "width": IntDistribution(1, 1024, log=True),
            "optimizer": CategoricalDistribution(["adam", "sgd"]),
            "momentum": FloatDistribution(0, 1),
            "bias": CategoricalDistribution([False, True]),
            "size": CategoricalDistribution([16, 32, 128]),
            "epochs": CategoricalDistribution([30]),
        }.items()
    )


def test_reports_are_intermediate_values_and_the_last_one_is_the_value_of_a_trial_that_was_stopped(study):
    assert of(study, 1).intermediate_values == {1: 0.9, 2: 0.6}
    assert of(study, 3).intermediate_values == {1: 2.0, 4: 1.75}
    assert of(study, 3).value == 1.75
    assert of(study, 1).value == 0.5


def test_times_are_local_and_a_waiting_trial_has_none(study):
    assert of(study, 1).datetime_start == at(1.25).astimezone().replace(tzinfo=None)
    assert of(study, 1).datetime_complete == at(1.5).astimezone().replace(tzinfo=None)
    assert of(study, 5).datetime_start is None


def test_the_violation_of_a_constraint_is_kept_as_optuna_keeps_it_and_decides_the_best_trial(study):
    assert of(study, 1).constraints["memory <= 4"] == -1.0
    assert of(study, 8).constraints["memory <= 4"] == 0.5
    # Trial 8 has the lower loss, but needs too much memory.
    assert study.best_trial.user_attrs["trial"] == 1


def test_attributes_have_the_other_columns_of_the_trial(study):
    attributes = of(study, 8).user_attrs
    assert attributes["status"] == "observed"
    assert attributes["generator"] == "sobol"
    assert attributes["loss_sem"] == 0.01
    assert attributes["memory"] == 4.5
    assert attributes["feasible"] is False
    assert attributes["repeats_trial"] == 1
    assert of(study, 4).user_attrs["message"] == "no memory left"
    assert of(study, 6).user_attrs["parked_because"] == "it is hot"
    assert of(study, 7).user_attrs["status"] == "abandoned"


def test_a_study_has_the_directions_and_names_of_all_objectives(tmp_path):
    campaign = Campaign.model_validate(
        {
            "name": "two",
            "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
            "objectives": [{"minimize": "cost"}, {"maximize": "speed"}],
            "budget": {"trials": 9},
        }
    )
    append(
        tmp_path, "two", [defined(campaign), proposed(1, campaign, x=0.5), started(1), observed(1, cost=2.0, speed=7)]
    )
    study = optuna.load_study(study_name="two", storage=optuna_view(tmp_path))
    assert study.directions == [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE]
    assert study.metric_names == ["cost", "speed"]
    assert study.best_trials[0].values == [2.0, 7.0]


def test_a_view_shows_events_that_are_appended_later(study, ledger):
    assert of(study, 2).state is TrialState.RUNNING
    append(ledger, "net", [observed(2, loss=0.1, memory=1.0)])
    assert study.best_trial.user_attrs["trial"] == 2


def test_every_campaign_of_a_directory_is_a_study_that_keeps_its_id(ledger):
    view = optuna_view(ledger)
    before = view.get_study_id_from_name("net")
    append(ledger, "early", [defined(CAMPAIGN.model_copy(update={"name": "early"}))])
    assert {study.study_name for study in view.get_all_studies()} == {"net", "early"}
    assert view.get_study_id_from_name("net") == before
    assert len({study._study_id for study in view.get_all_studies()}) == 2
    assert [trial.number for trial in view.get_all_trials(view.get_study_id_from_name("early"))] == []


def test_a_damaged_ledger_is_a_study_with_the_reason_and_hides_no_other(ledger):
    append(ledger, "torn", [defined(CAMPAIGN.model_copy(update={"name": "torn"}))])
    [file] = (ledger / "torn").rglob("*.parquet")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-20])
    studies = {study.study_name: study for study in optuna_view(ledger).get_all_studies()}
    assert str(file) in studies["torn"].user_attrs["damaged"]
    assert studies["net"].directions == [StudyDirection.MINIMIZE]


def test_unknown_names_numbers_and_ids_are_key_errors_as_optuna_expects(ledger):
    view = optuna_view(ledger / "net")
    study = view.get_study_id_from_name("net")
    assert view.get_trial(view.get_trial_id_from_study_id_trial_number(study, 3)).number == 3
    for ask in (
        lambda: view.get_study_id_from_name("other"),
        lambda: view.get_study_name_from_id(study + 1),
        lambda: view.get_all_trials(study + 1),
        lambda: view.get_trial(12),
        lambda: view.get_trial_id_from_study_id_trial_number(study, 99),
    ):
        with pytest.raises(KeyError):
            ask()


def test_every_write_is_refused_with_one_sentence_and_the_ledger_stays_as_it_was(study, ledger):
    before = {file: file.read_bytes() for file in ledger.rglob("*.parquet")}
    view, number = study._storage, of(study, 2)._trial_id
    some = FloatDistribution(0, 1)
    for write in (
        lambda: study.ask(),
        lambda: study.set_user_attr("a", 1),
        lambda: study.enqueue_trial({"rate": 0.1}),
        lambda: optuna.create_study(storage=view, study_name="new"),
        lambda: optuna.delete_study(study_name="net", storage=view),
        lambda: view.set_study_system_attr(1, "a", 1),
        lambda: view.set_trial_param(number, "rate", 0.5, some),
        lambda: view.set_trial_state_values(number, TrialState.FAIL),
        lambda: view.set_trial_intermediate_value(number, 1, 1.0),
        lambda: view.set_trial_user_attr(number, "a", 1),
        lambda: view.set_trial_system_attr(number, "a", 1),
    ):
        with pytest.raises(Refused, match="only reads, so nothing was written"):
            write()
    assert {file: file.read_bytes() for file in ledger.rglob("*.parquet")} == before


def test_a_place_without_a_campaign_is_an_error(tmp_path):
    with pytest.raises(LedgerError, match="expected the ledger of a campaign, found none"):
        optuna_view(tmp_path)


def test_a_view_can_be_sent_to_another_process(study):
    view = pickle.loads(pickle.dumps(study._storage))
    assert len(view.get_all_trials(view.get_study_id_from_name("net"))) == 8


def small(name: str, **x: float) -> Campaign:
    """Return a campaign with one parameter, from 0 to 1 with steps of 0.1 unless `x` changes that."""
    x_parameter = {"kind": "float", "low": 0, "high": 1, "step": 0.1, **x}
    return Campaign.model_validate(
        {"name": name, "parameters": {"x": x_parameter}, "minimize": "loss", "budget": {"trials": 20}}
    )


def test_a_view_in_another_process_keeps_the_id_of_each_study(tmp_path):
    late, early = small("late"), small("early")
    append(tmp_path, "late", [defined(late), proposed(1, late, x=0.5), started(1), observed(1, loss=1.0)])
    study = optuna.load_study(study_name="late", storage=optuna_view(tmp_path))
    append(tmp_path, "early", [defined(early), proposed(1, early, x=0.5), started(1), observed(1, loss=99.0)])
    again = pickle.loads(pickle.dumps(study))
    assert (again.study_name, again.best_value) == ("late", 1.0)
    names = {found.study_name: found._study_id for found in again._storage.get_all_studies()}
    assert names == {"late": 1, "early": 2}


def test_values_that_are_off_the_grid_of_a_bound_that_was_moved_still_lie_in_their_distributions(tmp_path):
    before, moved = small("net"), small("net", low=0.05, high=0.95)
    revision = CampaignRevised(time=at(9), actor="ada", revision=1, definition=moved)
    append(
        tmp_path,
        "net",
        [defined(before), proposed(1, before, x=0.5), started(1), observed(1, loss=1.0), revision],
    )
    [trial] = optuna.load_study(study_name="net", storage=optuna_view(tmp_path)).trials
    trial._validate()
    assert trial.distributions["x"] == FloatDistribution(0.05, 0.95)


def test_the_attributes_of_trials_are_complete_if_parameters_have_their_names(tmp_path):
    ends = {"kind": "float", "low": 0, "high": 1}
    names = {
        "name": "d",
        "parameters": {"status": ends, "generator": ends},
        "minimize": "loss",
        "budget": {"trials": 9},
    }
    campaign = Campaign.model_validate(names)
    append(tmp_path, "d", [defined(campaign), proposed(1, campaign, status=0.5, generator=0.25)])
    [trial] = optuna.load_study(study_name="d", storage=optuna_view(tmp_path)).trials
    assert trial.params == {"status": 0.5, "generator": 0.25}
    assert (trial.user_attrs["status"], trial.user_attrs["generator"]) == ("waiting", "sobol")


def test_a_campaign_that_was_deleted_and_begun_again_is_shown_as_it_is_now(ledger):
    append(ledger, "net", [observed(2, loss=0.1, memory=1.0)])
    view = optuna_view(ledger)
    assert len(view.get_all_trials(1)) == 8
    shutil.rmtree(ledger / "net")
    append(ledger, "net", [defined(), proposed(1)])
    [study] = view.get_all_studies()
    assert "damaged" not in study.user_attrs
    assert len(view.get_all_trials(1)) == 1


def test_another_ledger_of_as_many_segments_is_shown_as_it_is_now(ledger):
    append(ledger, "other", [defined(), proposed(1)])
    view = optuna_view(ledger)
    number = view.get_study_id_from_name("other")
    assert len(view.get_all_trials(number)) == 1
    shutil.rmtree(ledger / "other")
    append(ledger, "other", [defined(), proposed(1), proposed(2)])
    assert len(view.get_all_trials(number)) == 2


def test_values_outside_of_a_range_that_was_narrowed_still_lie_in_their_distributions(tmp_path):
    narrow = CAMPAIGN.model_dump(mode="json", by_alias=True)
    narrow["parameters"]["width"]["high"] = 32
    revised = Campaign.model_validate(narrow)
    append(tmp_path, "net", [*every_state(), CampaignRevised(time=at(9), actor="ada", revision=1, definition=revised)])
    for trial in optuna.load_study(study_name="net", storage=optuna_view(tmp_path)).trials:
        trial._validate()
        assert trial.distributions["width"] == IntDistribution(1, 64, log=True)


def test_optunas_charts_are_drawn_from_a_ledger(study):
    for plot in ("optimization_history", "intermediate_values", "parallel_coordinate", "slice", "contour", "rank"):
        arguments = {} if plot in ("optimization_history", "intermediate_values") else {"params": ["rate", "layers"]}
        figure = getattr(visualization, f"plot_{plot}")(study, **arguments)
        assert figure.data, plot
    assert visualization.plot_timeline(study).data
    values = visualization.plot_optimization_history(study).to_dict()["data"][0]
    assert ([*values["x"]], [*values["y"]]) == ([0], [0.5])
