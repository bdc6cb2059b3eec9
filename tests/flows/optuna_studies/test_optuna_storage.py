"""Studies of Optuna's own are a chain of files: several workers, crashes, damage and verification."""

import gzip
import math
import os
import pickle
from pathlib import Path

import optuna
import pytest
from command_line import overnight_here
from dashboards import append
from killed_workers import judge, storm
from optuna.storages import BaseStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.trial import TrialState
from optuna_ledgers import defined
from typer.testing import CliRunner

from overnight import optuna_storage
from overnight.campaign.errors import InvalidDefinition, LedgerDamaged, LedgerError
from overnight.flows.cli import app
from overnight.flows.optuna_studies.backend import OperationBackend
from overnight.flows.optuna_studies.storage import ChainStorage
from overnight.storage import ObjectStore, open_operations, verify_operations
from overnight.storage.operations.bundles import SIZE
from overnight.storage.operations.operation_file import encode

optuna.logging.set_verbosity(optuna.logging.ERROR)


def optimise(storage: BaseStorage | None, trials: int) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=storage, study_name="bowl", sampler=sampler, load_if_exists=True)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=trials)
    return study


def test_a_study_in_a_chain_is_the_same_as_in_memory(tmp_path):
    kept, in_memory = (optimise(storage, 5) for storage in (optuna_storage(tmp_path / "a"), None))
    found = optuna.load_study(study_name="bowl", storage=optuna_storage(tmp_path / "a"))
    assert [(t.params, t.values, t.distributions) for t in found.trials] == [
        (t.params, t.values, t.distributions) for t in in_memory.trials
    ]
    assert kept.best_trial == found.best_trial


def test_two_workers_share_numbers_and_see_each_others_trials(tmp_path):
    one, other = optimise(optuna_storage(tmp_path / "a"), 2), optimise(optuna_storage(tmp_path / "a"), 2)
    trials = [one.ask(), other.ask(), one.ask()]
    assert [trial.number for trial in trials] == [4, 5, 6]
    assert len(one.trials) == len(other.trials) == 7


def test_a_trial_that_waits_is_taken_by_one_worker_only(tmp_path):
    one, other = optimise(optuna_storage(tmp_path / "a"), 1), optimise(optuna_storage(tmp_path / "a"), 0)
    one.enqueue_trial({"x": 0.25})
    numbers = [study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}).number for study in (one, other)]
    assert numbers == [1, 2]
    one.tell(1, 0.5)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        other._storage.set_trial_user_attr(other.trials[1]._trial_id, "late", True)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["directory", "bucket"])
def test_no_result_is_lost_and_none_is_there_twice_if_workers_are_killed(where, tmp_path, request):
    place = str(tmp_path / "a") if where == "directory" else f"{request.getfixturevalue('bucket')}/a"
    counts = judge(place, storm(place, 4))
    assert counts["kills"] == 4
    assert counts["acknowledged results"] <= counts["complete"]


def test_the_command_verifies_the_chain_and_names_the_file_that_was_altered(tmp_path):
    optimise(optuna_storage(tmp_path / "a"), 3)
    kept = str(tmp_path / "kept.jsonl")
    assert "whole" in overnight_here(tmp_path, "verify", str(tmp_path / "a"), "--receipts", kept).stdout
    files = sorted((tmp_path / "a/operations").rglob("*.jsonl"))
    altered = files[2].read_bytes().replace(b'"x"', b'"y"')
    assert altered != files[2].read_bytes()
    files[2].chmod(0o644)
    files[2].write_bytes(altered)
    assert str(files[2]) in "".join(overnight_here(tmp_path, "verify", str(tmp_path / "a"), code=1).stdout.split("\n"))
    with pytest.raises(LedgerDamaged, match=files[2].name):
        optuna_storage(tmp_path / "a")


def verified(place: Path, receipts: Path, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["verify", str(place), "--receipts", str(receipts)])
    assert done.exit_code == code, done.output
    return done.output


def test_a_study_with_a_receipt_is_whole_until_its_end_is_cut_off(tmp_path):
    optimise(optuna_storage(tmp_path / "a"), 3)
    kept = tmp_path / "kept.jsonl"
    assert "this is the first" in verified(tmp_path / "a", kept)
    assert "receipts: 1 agree" in verified(tmp_path / "a", kept)
    newest = sorted((tmp_path / "a/operations").rglob("*.jsonl"))[-1]
    newest.unlink()
    cut = verified(tmp_path / "a", kept, code=1)
    assert "cut off" in cut
    assert f"operations/00000/{newest.name}" in cut


def test_a_folder_with_events_and_operations_is_not_called_whole(tmp_path):
    optimise(optuna_storage(tmp_path / "net"), 1)
    append(tmp_path, "net", [defined()])
    found = verified(tmp_path / "net", tmp_path / "kept.jsonl", code=2)
    assert "expected events or operations, found both" in found
    assert not (tmp_path / "kept.jsonl").exists()


@pytest.mark.parametrize("damage", ["torn", "missing"])
def test_a_torn_or_missing_file_is_an_error_that_names_it(tmp_path, damage):
    optimise(optuna_storage(tmp_path / "a"), 3)
    file = sorted((tmp_path / "a/operations").rglob("*.jsonl"))[4]
    whole = file.read_bytes()
    file.unlink()
    if damage == "torn":
        file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LedgerDamaged, match=file.name):
        optuna_storage(tmp_path / "a")


def test_nothing_is_appended_after_a_segment_that_was_exchanged(tmp_path):
    study = optimise(optuna_storage(tmp_path / "a"), 1)
    newest = sorted((tmp_path / "a/operations").rglob("*.jsonl"))[-1]
    newest.chmod(0o644)
    newest.write_bytes(newest.read_bytes().replace(b"op_code", b"op_edoc"))
    with pytest.raises(LedgerDamaged, match=newest.name):
        study.ask()


def test_a_bundle_is_only_a_copy_and_a_damaged_one_changes_nothing(tmp_path):
    log = open_operations(str(tmp_path), "a", Path())
    for number in range(SIZE + 3):
        log.append([{"number": number}])
    [bundle] = (tmp_path / "a/operation_bundles").iterdir()
    lines = [*log.read()]
    assert open_operations(str(tmp_path), "a", Path()).read() == lines
    others = gzip.compress(gzip.decompress(bundle.read_bytes()).replace(b'{"number":7}', b'{"number":8}'))
    for spoiled in (b"", bundle.read_bytes()[:-30], others):
        bundle.chmod(0o644)
        bundle.write_bytes(spoiled)
        assert open_operations(str(tmp_path), "a", Path()).read() == lines
        assert bundle.name in overnight_here(tmp_path, "verify", str(tmp_path / "a"), code=1).stdout
    bundle.unlink()
    assert open_operations(str(tmp_path), "a", Path()).read() == lines
    # A file without the whole name of a bundle is none.
    bundle.with_name(f"{SIZE}.jsonl.gz").touch()
    assert log.bundles.numbers() == []
    # The writer of a bundle may be killed before; the next one makes it.
    log.bundles.fill(SIZE)
    assert len(log.bundles.read(SIZE) or ()) == SIZE


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_worker_without_signs_of_life_loses_its_trial_and_one_with_signs_keeps_it(tmp_path):
    dead, living = (optimise(optuna_storage(tmp_path / "a"), 0) for _ in range(2))
    lost, kept, unsigned = dead.ask(), living.ask(), living.ask()
    signs = optuna_storage(tmp_path / "a", heartbeat_interval=60)
    assert isinstance(signs, BaseHeartbeat)
    signs.record_heartbeat(lost._trial_id)
    signs.record_heartbeat(kept._trial_id)
    retry = RetryHeartbeatStaleTrialCallback(max_retry=1)
    watch = ChainStorage(str(tmp_path), "a", 60, grace_period=0, stale_callback=retry)
    watching = optuna.load_study(study_name="bowl", storage=watch)
    # The first look only notes the signs.
    fail_stale_trials(watching)
    assert {trial.state for trial in watching.trials} == {TrialState.RUNNING}
    signs.record_heartbeat(kept._trial_id)
    fail_stale_trials(watching)
    states = [trial.state for trial in watching.trials]
    assert states == [TrialState.FAIL, TrialState.RUNNING, TrialState.RUNNING, TrialState.WAITING]
    assert unsigned.number == 2


class _Refusing:
    """A store that fails once and then works again."""

    def __init__(self, store: ObjectStore) -> None:
        self._store, self.refused = store, 0

    def replace(self, key: str, data: bytes) -> None:
        if not self.refused:
            self.refused += 1
            raise LedgerError("the store does not answer")
        self._store.replace(key, data)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sign_of_life_that_cannot_be_written_is_left_to_the_next_one(tmp_path):
    storage = optuna_storage(tmp_path / "a", heartbeat_interval=60)
    assert isinstance(storage, ChainStorage)
    trial, signs = optimise(optuna_storage(tmp_path / "a"), 0).ask(), storage._signs
    failing = _Refusing(signs._store)
    signs._store = failing  # type: ignore[assignment]
    # Optuna's thread would end with the error, and another worker would take the trial.
    storage.record_heartbeat(trial._trial_id)
    assert failing.refused == 1
    assert not [*tmp_path.rglob("signs_of_life/*")]
    storage.record_heartbeat(trial._trial_id)
    assert len([*tmp_path.rglob("signs_of_life/*")]) == 1


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_process_that_watches_two_studies_in_turn_notices_stale_trials_of_both(tmp_path):
    watch = ChainStorage(str(tmp_path), "a", 60, grace_period=0)
    plain = optuna_storage(tmp_path / "a")
    studies = [optuna.create_study(storage=plain, study_name=name) for name in ("one", "other")]
    lost = [study.ask()._trial_id for study in studies]
    for trial in lost:
        watch.record_heartbeat(trial)
    assert [watch._get_stale_trial_ids(study._study_id) for study in studies] == [[], []]
    assert [watch._get_stale_trial_ids(study._study_id) for study in studies] == [[lost[0]], [lost[1]]]


def test_an_operation_that_is_no_json_is_damage_and_optuna_is_told_so(tmp_path):
    log = open_operations(str(tmp_path), "a", Path())
    log.append([{"number": 1}])
    bad = encode([{"number": 2}], log.newest).data.replace(b'{"number":2}', b'{"number":2 ')
    file = tmp_path / "a/operations/00000" / f"{2:020d}.jsonl"
    file.write_bytes(bad)
    with pytest.raises(LedgerDamaged, match=f"{file.name}.*expected lines of JSON"):
        verify_operations(open_operations(str(tmp_path), "a", Path()))
    with pytest.raises(LedgerDamaged, match="operation 2"):
        OperationBackend(str(tmp_path), "a").read_logs(0)


def test_a_storage_can_be_sent_to_another_process(tmp_path):
    study = optimise(optuna_storage(tmp_path / "a", heartbeat_interval=60), 2)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(lambda trial: 1.0, n_trials=1)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3


def test_a_place_with_campaigns_a_file_and_a_bucket_without_a_folder_are_refused(tmp_path):
    append(tmp_path / "ledger", "net", [defined()])
    (tmp_path / "file").touch()
    for place, expected in (
        (tmp_path / "ledger", "found the ledger of a campaign"),
        (tmp_path / "ledger/net", "found the ledger of a campaign"),
        (tmp_path / "file", "found a file"),
        ("s3://bucket", "expected a folder of a directory or a bucket"),
    ):
        with pytest.raises(LedgerError, match=expected):
            optuna_storage(place)
    assert not any(name.startswith("operations") for _, names, _ in os.walk(tmp_path) for name in names)


@pytest.mark.parametrize(
    "seconds",
    [(0, None), (-1, None), ("60", None), (True, None), (math.inf, None), (60, 0), (60, 60), (None, math.nan)],
)
def test_seconds_with_which_workers_that_are_well_could_lose_their_trials_are_refused(tmp_path, seconds):
    interval, grace = seconds
    with pytest.raises(InvalidDefinition, match=r"heartbeat_interval|grace_period"):
        optuna_storage(tmp_path / "a", heartbeat_interval=interval, grace_period=grace)


def test_a_value_that_is_no_json_is_refused_before_anything_is_written(tmp_path):
    study = optimise(optuna_storage(tmp_path / "a"), 1)
    before = sorted(tmp_path.rglob("*.jsonl"))
    with pytest.raises(TypeError):
        study.set_user_attr("model", object())
    assert sorted(tmp_path.rglob("*.jsonl")) == before
    study.set_user_attr("model", "a name")
    assert study.user_attrs == {"model": "a name"}
