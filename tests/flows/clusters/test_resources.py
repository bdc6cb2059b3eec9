"""The resources of an evaluation, as they are written and as they are passed on."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from overnight.evaluators import CommandEvaluator, SimulatedEvaluator
from overnight.evaluators.secrets.environment import child_environment
from overnight.flows.clusters.places.pool_launcher import job_variables
from overnight.flows.clusters.resources import Resources


@pytest.mark.parametrize(
    ("written", "found"),
    [("4GB", 4 * 10**9), ("512MiB", 512 * 2**20), ("1.5 G", 1.5 * 10**9), ("8Gi", 8 * 2**30), ("100", 100), (7, 7)],
)
def test_sizes_are_read_as_people_write_them(written, found):
    assert Resources(memory=written).memory == found


@pytest.mark.parametrize("written", ["4 apples", "GB", "-1GB", 0, "0GB"])
def test_what_is_no_size_is_refused(written):
    with pytest.raises(ValidationError, match="expected a size"):
        Resources(memory=written)


def test_libraries_are_kept_to_the_cpus_unless_the_evaluator_says_otherwise(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    evaluator = CommandEvaluator(command="true", environment=("OMP_NUM_THREADS=7", "OPENBLAS_NUM_THREADS"))
    kept = child_environment(evaluator.with_variables(Resources(cpus=2.5).variables()).environment)
    assert [kept[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL")] == ["7", "8", "2"]


def test_without_resources_nothing_is_set():
    evaluator = CommandEvaluator(command="true")
    assert evaluator.with_variables(Resources().variables()) == evaluator
    simulated = SimulatedEvaluator(function="levy")
    assert simulated.with_variables(Resources(cpus=2).variables()) == simulated


def test_the_template_for_kubernetes_has_a_variable_for_each_resource():
    template = json.loads((Path(__file__).parents[3] / "infra/kubernetes/job-template.json").read_text())
    resources = Resources(cpus=2, gpus=1, memory="4GB")
    assert set(job_variables(resources, template["variables"]["properties"])) == set(resources.named())


def test_a_pool_gets_what_its_template_has_a_variable_for():
    resources = Resources(cpus=2, gpus=1, memory="4GB")
    assert job_variables(resources, {"cpus": {}, "gpus": {}, "memory": {}}) == {
        "cpus": "2",
        "gpus": "1",
        "memory": "4000000000",
    }
    assert job_variables(resources, {"mem_limit": {}, "env": {}}) == {"mem_limit": "4000000000"}
    assert job_variables(resources, {"env": {}}) == {}
