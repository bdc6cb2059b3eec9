"""The place `slurm` in a campaign's file: its keys, and the mistakes refused before anything starts."""

from datetime import timedelta

import pytest
from scripted_slurm import SILENT, ScriptedSlurm

from overnight.campaign.errors import CannotStart, InvalidDefinition
from overnight.flows.clusters.places.on_slurm import OnSlurm
from overnight.flows.clusters.places.slurm.options import OVERHEAD, read_slurm_time, slurm_time
from overnight.flows.clusters.resources import Needs, Resources
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file, read_campaign

HOUR = timedelta(hours=1)
NEEDS = Needs(Resources(), time_limit=HOUR, grace=timedelta(seconds=10))
LEAST = HOUR + timedelta(seconds=10) + OVERHEAD
SMALL = {
    "name": "night",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": {"command": "true", "time_limit": "1h"},
    "budget": {"trials": 2},
}


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> ScriptedSlurm:
    scripted = ScriptedSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", str(scripted.programs))
    return scripted


def problem_of(written: object) -> str:
    with pytest.raises(InvalidDefinition) as raised:
        read_campaign(SMALL | {"run_on": written})
    [problem] = raised.value.problems
    return problem


@pytest.mark.parametrize("options", [{}, {"partition": "night", "time": "8h", "extra": ["--nice=5", "--exclusive"]}])
def test_its_options_are_read_and_a_dump_is_read_again(options):
    file = read_campaign(SMALL | {"run_on": {"slurm": options, "start_within": "2d"}})
    assert isinstance(file.run_on, OnSlurm)
    assert file.run_on.start_within == timedelta(days=2)
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"partition": "--wrap=rm"}, "run_on.slurm.partition: expected a name without spaces that does not begin"),
        ({"partition": "a b"}, "run_on.slurm.partition: expected a name without spaces"),
        ({"account": ""}, "run_on.slurm.account: expected a name without spaces"),
        ({"constraint": "a\nb"}, "run_on.slurm.constraint: expected features of nodes"),
        ({"patition": "a"}, "run_on.slurm.patition: expected one of partition, account"),
        ({"extra": ["--array=0-9"]}, "run_on.slurm.extra.0: expected an option that Overnight does not set itself"),
        ({"extra": ["--arr=0-9"]}, "run_on.slurm.extra.0: expected an option that Overnight does not set itself"),
        ({"extra": ["--export=ALL,A=1"]}, "run_on.slurm.extra.0: expected an option that Overnight does not set"),
        ({"extra": ["--clusters=far"]}, "run_on.slurm.extra.0: expected an option that Overnight does not set itself"),
        ({"extra": ["-N2"]}, "run_on.slurm.extra.0: expected an option such as `--nice=100` or `--exclusive`"),
        ({"extra": ["script.sh"]}, "run_on.slurm.extra.0: expected an option such as"),
        ({"time": "-1h"}, "run_on.slurm.time: expected a duration"),
    ],
)
def test_a_mistake_is_reported_where_it_is_written(options, expected):
    assert problem_of({"slurm": options}).startswith(expected)


def test_a_walltime_shorter_than_a_trial_is_refused_in_its_line(tmp_path):
    path = tmp_path / "campaign.yaml"
    text = "name: night\nparameters: {x: {kind: float, low: 0, high: 1}}\nminimize: loss\nbudget: {trials: 2}\n"
    text += "evaluator: {command: 'true', time_limit: 1h}\nrun_on:\n  slurm:\n    time: 1h3m\n"
    path.write_text(text)
    with pytest.raises(InvalidDefinition) as raised:
        load_campaign_file(path)
    [problem] = raised.value.problems
    assert problem.startswith(f"{path}:8: run_on.slurm.time: expected at least 1h3m10s")
    path.write_text(text.replace("1h3m\n", "1h3m10s\n"))
    assert load_campaign_file(path).run_on.slurm.time == LEAST


def test_the_walltime_is_what_a_trial_needs_in_whole_minutes_unless_it_is_written():
    assert OnSlurm().slurm.walltime(NEEDS) == timedelta(hours=1, minutes=4)
    assert OnSlurm(slurm={"time": "8h"}).slurm.walltime(NEEDS) == 8 * HOUR


@pytest.mark.parametrize("limit", [timedelta(days=300_000_000), timedelta.max])
def test_limits_too_long_for_any_walltime_are_no_error_in_a_sum(limit):
    endless = Needs(Resources(), time_limit=limit, grace=limit)
    assert OnSlurm().misfits(endless) == []
    assert len(OnSlurm(slurm={"time": "8h"}).misfits(endless)) == 1


def test_the_commands_of_slurm_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    [problem] = OnSlurm().problems(NEEDS)
    assert "found no sbatch, squeue, scancel, sinfo" in problem


@pytest.mark.parametrize(
    ("shown", "refused"),
    [
        ("night*|1:04:00\n", False),
        ("night*|1:03:59\n", True),
        ("night*|59:00\n", True),
        ("night*|1-00:00:00\n", False),
        ("night*|infinite\n", False),
        ("other|10:00\nnight*|2:00:00\n", False),
        ("", False),
    ],
)
def test_a_partition_that_ends_jobs_before_a_trial_has_to_end_is_refused(slurm, shown, refused):
    slurm.answer("sinfo", shown)
    assert len(OnSlurm().problems(NEEDS)) == refused


@pytest.mark.parametrize(("long", "refused"), [("2:00:00", False), ("infinite", False), ("50:00", True)])
def test_of_several_partitions_one_that_allows_a_trial_is_enough(slurm, long, refused):
    slurm.answer("sinfo", f"short|30:00\nlong|{long}\n")
    assert len(OnSlurm(slurm={"partition": "short,long"}).problems(NEEDS)) == refused


def test_a_slurm_that_does_not_answer_is_no_mistake_in_the_file(slurm):
    slurm.answer("sinfo", "", problem=SILENT)
    assert OnSlurm(slurm={"partition": "night"}).problems(NEEDS) == []
    assert slurm.calls("sinfo") == [["--noheader", "--format=%P|%l", "--partition=night"]]


async def test_a_job_that_slurm_would_accept_is_tried_out_once_and_not_submitted(slurm):
    told: list[str] = []
    await OnSlurm(slurm={"partition": "night"}).reach(told.append, NEEDS)
    [call] = slurm.calls()
    assert call == ["--test-only", "--partition=night", "--time=0-01:04:00", "--nodes=1", "--ntasks=1"]
    assert told == []


async def test_what_slurm_refuses_is_refused_before_anything_starts(slurm):
    slurm.answer("sbatch", "", problem="allocation failure: Invalid partition name specified")
    with pytest.raises(CannotStart, match=r"refuses them: .*Invalid partition.*Nothing was started") as raised:
        await OnSlurm(slurm={"partition": "nowhere"}).reach(print, NEEDS)
    assert "--partition=nowhere" in str(raised.value)


async def test_a_slurm_that_does_not_answer_is_waited_for(slurm):
    slurm.answer("sbatch", "", problem=SILENT)
    told: list[str] = []
    with pytest.raises(CannotStart, match="Nothing was started"):
        await OnSlurm().reach(told.append, NEEDS, patience=0.01)
    assert len(told) == 1
    assert "Waiting up to 0.01 s" in told[0]


async def test_a_campaign_may_start_while_no_node_is_there(slurm):
    slurm.answer("sbatch", "", problem="allocation failure: Requested node configuration is not available")
    told: list[str] = []
    await OnSlurm().reach(told.append, NEEDS)
    assert len(told) == 1
    assert "no node can take one now" in told[0]


@pytest.mark.parametrize("length", [timedelta(minutes=1), HOUR, timedelta(days=3, hours=4, minutes=5, seconds=6)])
def test_slurm_reads_and_prints_lengths_in_the_same_form(length):
    assert read_slurm_time(slurm_time(length)) == length
