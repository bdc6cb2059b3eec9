"""The GPUs of this host: two running evaluations never share one, whatever happens to their controller."""

import asyncio
import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from attempts import PREAMBLE, until
from read_ledgers import events_of
from told_experiments import experiment

from overnight.campaign import History
from overnight.campaign.errors import CannotStart, InvalidDefinition
from overnight.campaign.history.events import AttemptFailed
from overnight.flows.assembly import placed
from overnight.flows.clusters.gpu_problems import too_few_gpus
from overnight.flows.clusters.gpus import HeldGpus, HostGpus, find_gpus
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign
from overnight.storage import open_ledger

SUPPORT = Path(__file__).parents[2] / "support"
GPUS = "0,GPU-8d3f,MIG-GPU-8d3f/1/0,3"
PLAIN = {
    "name": "night",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": {"command": "true"},
    "budget": {"trials": 2},
    "resources": {"gpus": 1},
}


@pytest.fixture
def no_driver(monkeypatch, tmp_path):
    """A host without the variable and without `nvidia-smi`; returns the folder in which a test may put one."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("0,1,2,3", ("0", "1", "2", "3")),
        (" 2 , GPU-8d3f ,MIG-GPU-8d3f/1/0", ("2", "GPU-8d3f", "MIG-GPU-8d3f/1/0")),
        ("1,1", ("1",)),
        ("0,-1,2", ("0",)),
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
    ],
)
def test_the_variable_lists_the_gpus_as_cuda_reads_it(monkeypatch, written, found):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", written)
    assert find_gpus() == found


def test_without_the_variable_the_driver_numbers_them(no_driver, tmp_path):
    (no_driver / "nvidia-smi").write_text("#!/bin/sh\necho 0\necho 1\n")
    (no_driver / "nvidia-smi").chmod(0o700)
    assert find_gpus(tmp_path) == ("0", "1")


@pytest.mark.parametrize("script", [None, "#!/bin/sh\necho No devices were found\nexit 6\n"])
def test_without_an_answer_of_the_driver_its_files_are_counted(no_driver, tmp_path, script):
    if script is not None:
        (no_driver / "nvidia-smi").write_text(script)
        (no_driver / "nvidia-smi").chmod(0o700)
    for name in ("nvidia2", "nvidia5", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert find_gpus(tmp_path) == ("0", "1")
    assert find_gpus(tmp_path / "bin") == ()


async def taken(gpus: HostGpus, key: str) -> HeldGpus:
    held = await gpus.take(key)
    assert held is not None
    return held


async def test_attempts_of_one_campaign_never_hold_the_same_gpus(tmp_path):
    gpus = HostGpus(("a", "b", "c", "d"), 2, tmp_path / "gpus", print)
    first, second = await taken(gpus, "night/1/1"), await taken(gpus, "night/2/1")
    assert (first.variable, second.variable) == ("CUDA_VISIBLE_DEVICES=a,b", "CUDA_VISIBLE_DEVICES=c,d")
    third = asyncio.create_task(taken(gpus, "night/3/1"))
    await asyncio.sleep(0)
    assert not third.done()
    second.close()
    assert (await third).names == second.names
    first.close()


async def test_another_controller_finds_the_gpus_of_running_attempts_locked(tmp_path):
    said: list[str] = []
    before = HostGpus(("a", "b", "c"), 1, tmp_path, said.append)
    held = await taken(before, "night/1/1")
    after = HostGpus(("a", "b"), 1, tmp_path, said.append, longest_wait=timedelta())
    assert (await taken(after, "night/2/1")).names == ("b",)
    assert said == []
    assert await after.take("night/3/1") is None
    assert said[0].startswith("An attempt waits until 1 of the GPUs a, b can be held.")
    assert (tmp_path / "gpu-a").read_text() == "night/1/1"
    held.close()
    assert (await taken(after, "night/3/1")).names == ("a",)


async def test_a_retry_gets_another_gpu_than_the_attempt_that_failed(tmp_path):
    gpus = HostGpus(("a", "b"), 1, tmp_path, print)
    seen = list[str]()
    for attempt in range(3):
        held = await taken(gpus, f"night/1/{attempt}")
        seen += held.names
        held.close()
    assert seen == ["a", "b", "a"]


async def test_a_wait_that_is_given_up_holds_nothing(tmp_path):
    gpus = HostGpus(("a", "b"), 2, tmp_path, print)
    held = await taken(gpus, "night/1/1")
    waiting = asyncio.create_task(gpus.take("night/2/1"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    held.close()
    assert (await taken(gpus, "night/3/1")).names == ("a", "b")


async def problems_of(**changes) -> list[str]:
    with pytest.raises(InvalidDefinition) as refused:
        await read_campaign(PLAIN | changes).check()
    return refused.value.problems


async def test_workers_that_could_never_hold_gpus_at_the_same_time_are_refused(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    [problem] = await problems_of(workers=2, resources={"gpus": 2})
    assert problem == (
        "`resources.gpus`: expected at most 3 in use at once, the GPUs of this host (0, 1, 2), found 4 for `workers: "
        "2` with 2 each. Evaluations share no GPU, so some workers would only wait: write at most `workers: 1`, or "
        "name a cluster under `run_on`"
    )
    [problem] = await problems_of(resources={"gpus": 4})
    assert "found 4. Evaluations share no GPU, so some workers would only wait: request fewer" in problem
    await read_campaign(PLAIN | {"workers": 3}).check()


def test_the_arms_of_a_batch_share_one_call_and_its_gpus():
    assert too_few_gpus(2, experiment(arms=6), ("0", "1")) is None
    assert too_few_gpus(2, experiment(arms=6), ("0",)) is not None


async def test_a_host_without_gpus_is_no_place_for_evaluations_that_need_one(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    [problem] = await problems_of()
    assert problem.startswith("`resources.gpus`: expected 1 on this host, where evaluations run, found no GPU: ")
    places = {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")}
    # Deployed from this host, it may run on another one; if it does not, it starts nothing.
    await read_campaign(PLAIN).check(runs_here=False)
    with pytest.raises(CannotStart, match=r"found no GPU: .* Nothing was started\."):
        async with placed(read_campaign(PLAIN | places)):
            pass
    await read_campaign(PLAIN | {"resources": {"gpus": 0}}).check()


@pytest.mark.parametrize(
    ("evaluator", "expected"),
    [
        ({"kind": "simulated", "function": "levy"}, "`resources.gpus`: expected an evaluator that starts a process"),
        ({"command": "true", "environment": ["CUDA_VISIBLE_DEVICES"]}, "`evaluator.environment`: expected no `CUDA_"),
        ({"command": "true", "environment": ["CUDA_VISIBLE_DEVICES=1"]}, "`evaluator.environment`: expected no `CUDA_"),
        ({"command": "true", "polled": {"every": "1h"}}, "`resources.gpus`: expected no `gpus` with `evaluator.polled"),
    ],
)
async def test_evaluators_that_could_not_hold_gpus_are_refused(monkeypatch, evaluator, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    [problem] = await problems_of(evaluator=evaluator)
    assert problem.startswith(expected)


async def test_gpus_of_a_cluster_are_no_matter_of_this_host(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    [here] = await problems_of()
    assert "found no GPU" in here
    elsewhere = read_campaign(PLAIN | {"run_on": {"dask": "tcp://10.0.0.1:8786"}})
    assert await elsewhere.check() is None


CAMPAIGN = f"""
name: gpus
parameters: {{x: {{kind: float, low: 0, high: 1}}}}
minimize: loss
evaluator: {{command: {sys.executable} measure.py, grace: 0.2s}}
proposer: {{kind: sobol}}
workers: 4
budget: {{trials: 14}}
failures: {{back_off: 0s}}
resources: {{gpus: 1}}
"""
# The kernel releases the lock of an evaluation when it ends, however it ends: no second one may meet it before.
MEASURE = (
    PREAMBLE
    + """
import fcntl
seen, trial = os.environ["CUDA_VISIBLE_DEVICES"], request["trial"]
used = open("used-" + seen.replace("/", "_"), "w")
try:
    fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    Path("shared").write_text(f"trial {trial} met another one on {seen}")
with open("seen", "a") as log:
    log.write(f"{trial} {seen} {request['key']}\\n")
if trial in (1, 2) and not Path("go").exists():
    write_pid(f"waits-{trial}")
    wait_for("go")
if trial >= 8:
    wait_for("again")
if trial == 4 and request["attempt"] == 1:
    os.kill(os.getppid(), signal.SIGKILL)
    wait_for("never")
done(metrics={"loss": request["parameters"]["x"]})
"""
)


def controller(folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(SUPPORT / "controller_on_cluster.py"), "campaign.yaml"],
            cwd=folder,
            stdout=output,
            stderr=output,
        )


def seen_by(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "seen").read_text().splitlines()]


def begun(folder: Path) -> int:
    return max(int(trial) for trial, *_ in seen_by(folder))


@pytest.mark.slow
async def test_evaluations_never_share_a_gpu_even_if_their_controller_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", GPUS)
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "measure.py").write_text(MEASURE)
    first = controller(tmp_path)
    # Trials 1 and 2 outlive their controller, and hold the GPUs that the next one would choose first.
    await until(lambda: all((tmp_path / f"waits-{trial}").exists() for trial in (1, 2)))
    await until(lambda: begun(tmp_path) >= 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    (tmp_path / "again").touch()
    second = controller(tmp_path)
    # The other two workers continue on the other two GPUs.
    await until(lambda: begun(tmp_path) >= 12)
    (tmp_path / "go").touch()
    assert await asyncio.to_thread(second.wait, 60) == 0, (tmp_path / "output.log").read_text()

    assert not (tmp_path / "shared").exists(), (tmp_path / "shared").read_text()
    file = load_campaign_file(tmp_path / "campaign.yaml")
    events = await events_of(open_ledger(file.ledger, "gpus", tmp_path))
    assert len(History.from_events(events).model_view().observed) == 14
    assert [e.cause for e in events if isinstance(e, AttemptFailed) and e.trial == 4] == ["infrastructure"]
    seen = seen_by(tmp_path)
    assert {gpu for _, gpu, _ in seen} == set(GPUS.split(","))
    assert len({key for *_, key in seen}) == len(seen), "an attempt was evaluated twice"
    # For people who look for a broken GPU: each attempt's folder names it.
    for trial, gpu, key in seen:
        assert json.loads((Path(file.work) / key / "start.json").read_text())["locks"] == [gpu], trial
