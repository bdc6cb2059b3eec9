"""Kill the controller of a campaign and Slurm's own controller at random moments: `make chaos-slurm`, some minutes.

Every trial must have a result, no trial may be evaluated to its end twice, and no two evaluations of a trial may run at
once. A Slurm that was killed before it saved a job kills that job as an orphan when it is back. Its evaluation may then
begin again.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import controller_on_cluster
from read_ledgers import events_of
from slurm_cluster import SlurmCluster, slurm_cluster

from overnight.campaign import History
from overnight.flows.host.attempt_key import trial_part
from overnight.storage import open_ledger

_SECONDS_TO_FINISH = 600
_CAMPAIGN = """
name: killed
parameters:
  x: {{kind: float, low: 0, high: 1}}
minimize: loss
evaluator: {{command: ["{python}", "evaluate.py", "{folder}"], grace: 1s, time_limit: 2m}}
proposer: {{kind: sobol}}
workers: 6
budget: {{trials: {trials}}}
failures: {{back_off: 0}}
run_on: {{slurm: {{partition: night, time: {time}}}}}
"""
# It is slow for as long as the storm lasts, and writes one line when it begins and another when it ends.
_EVALUATION = """
import fcntl, json, os, random, sys, time
folder = sys.argv[1]
request = json.load(open(os.environ["EVAL_REQUEST"]))
log = os.open(folder + "/evaluations.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
lock = open(f"{folder}/trial-{request['trial']}", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    os.write(log, f"overlapped {request['key']}\\n".encode())
os.write(log, f"began {request['key']}\\n".encode())
until = time.monotonic() + random.uniform(3, 12)
while os.path.exists(folder + "/storm") and time.monotonic() < until:
    time.sleep(0.1)
with open(os.environ["EVAL_RESULT"], "w") as result:
    json.dump({"metrics": {"loss": (request["parameters"]["x"] - 0.3) ** 2}}, result)
os.write(log, f"ended {request['key']}\\n".encode())
"""


def main() -> int:
    """Disturb one campaign, print what was found, and return 1 if anything was lost or done twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    # With the longer time a job evaluates many trials, with the shorter one a single trial.
    parser.add_argument("--time", default="50m")
    asked = parser.parse_args()
    seed = random.randrange(1_000_000) if asked.seed is None else asked.seed
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, tempfile.TemporaryDirectory() as place:
        path = _write(Path(place), asked.trials, asked.time)
        with slurm_cluster(Path(folder)) as cluster:
            os.environ.update(cluster.variables)
            killed = _storm(cluster, path, asked.kills, random.Random(seed))
            orphans = (Path(folder) / "slurmctld.log").read_text().lower().count("orphan")
        found = _judged(path, asked.trials)
    _say(f"seed {seed}, {asked.trials} trials, {time.monotonic() - began:.0f} s, killed: {dict(killed)}")
    _say(f"found: {found}; jobs that Slurm killed as orphans: {orphans}")
    return 1 if any(found.values()) or sum(killed.values()) < asked.kills else 0


def _write(folder: Path, trials: int, length: str) -> Path:
    (folder / "evaluate.py").write_text(_EVALUATION)
    (folder / "storm").touch()
    path = folder / "campaign.yaml"
    path.write_text(_CAMPAIGN.format(python=sys.executable, folder=folder, trials=trials, time=length))
    return path


def _storm(cluster: SlurmCluster, path: Path, kills: int, dice: random.Random) -> Counter[str]:
    """Kill until it was done so often, and return how often each process was killed; then let the campaign finish."""
    killed = Counter[str]()
    controller = _controller(path)
    while sum(killed.values()) < kills:
        time.sleep(dice.uniform(0.5, 12))
        if controller.poll() is not None:
            _say(path.with_name("output.log").read_text()[-2000:])
            break
        if dice.random() < 0.5:
            cluster.kill_controller()
            killed["slurmctld"] += 1
            time.sleep(dice.uniform(0, 4))
            cluster.start_controller()
        else:
            controller.kill()
            controller.wait()
            killed["controller"] += 1
            controller = _controller(path)
        cluster.resume_node()
    path.with_name("storm").unlink()
    until = time.monotonic() + _SECONDS_TO_FINISH
    while controller.poll() is None and time.monotonic() < until:
        cluster.resume_node()
        time.sleep(5)
    if controller.poll() != 0:
        _say(cluster.command("scontrol", "show", "node", "--oneliner"))
        _say(path.with_name("output.log").read_text()[-2000:])
        controller.kill()
    return killed


def _controller(path: Path) -> "subprocess.Popen[bytes]":
    with path.with_name("output.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, controller_on_cluster.__file__, str(path)], stdout=output, stderr=output
        )


def _judged(path: Path, trials: int) -> dict[str, int]:
    """Return how many trials and attempts broke a promise, by promise."""
    ledger = open_ledger(str(path.with_name("ledger")), "killed", path.parent)
    history = History.from_events(asyncio.run(events_of(ledger)))
    log = path.with_name("evaluations.log")
    lines = log.read_text().split("\n") if log.exists() else []
    begun = Counter(line.removeprefix("began ") for line in lines if line.startswith("began "))
    ended = Counter(line.removeprefix("ended ") for line in lines if line.startswith("ended "))
    measured = [trial for trial in history.trials.values() if trial.status == "observed"]
    for attempt in (attempt for trial in history.trials.values() for attempt in trial.attempts):
        if attempt.failed is not None:
            _say(f"failed: {attempt.failed.message}")
    of_trial = Counter(trial_part(key) for key in ended.elements())
    again = sum(count - 1 for count in begun.values())
    _say(f"attempts: {len(begun)}; begun again under their key after Slurm had killed their job: {again}")
    return {
        "trials without a result": trials - len(measured),
        "trials evaluated to the end twice": sum(count > 1 for count in of_trial.values()),
        "evaluations of a trial at once": sum(line.startswith("overlapped ") for line in lines),
    }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
