"""Run two campaigns that want one GPU at once, one with the local slot and one with a work pool.

Both are run by the `overnight` command against a Prefect server, a worker of the pool, and a Dask cluster that has one
GPU to give. Their proposals are computed on the device, and every evaluation wants the GPU.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dask_on_loopback import dask_cluster
from prefect_on_sqlite import PrefectOnSqlite

from benchmarks.speed.gpu.lines import Line
from benchmarks.speed.gpu.setting import Findings, Setting
from overnight.campaign.history.events import Event
from overnight.campaign.history.history import History
from overnight.storage import open_ledger

_PART, _POOL, _CARD = "service", "gpu", "0"
_TRIALS = 4
_CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: 0, high: 1}}
  y: {{kind: float, low: 0, high: 1}}
minimize: loss
evaluator: {{function: "on_the_card:evaluate", environment: [CUDA_VISIBLE_DEVICES]}}
proposer: {{kind: bayesian, initial: 2, device: {device}}}
proposing: {{{proposing}}}
workers: 2
budget: {{trials: {trials}}}
run_on: {{dask: "{address}"}}
resources: {{gpus: 1}}
"""
# Each evaluation records its own start and end, and the GPU that it was given.
_EVALUATOR = """
import json, os, time

def evaluate(params):
    began = time.time()
    {work}
    time.sleep(0.5)
    line = json.dumps([began, time.time(), os.environ.get("CUDA_VISIBLE_DEVICES")]) + "\\n"
    log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line.encode())
    return (params["x"] - 0.3) ** 2 + (params["y"] - 0.6) ** 2
"""
_ON_CUDA = "import torch; assert torch.ones(1000, 1000, device='cuda').sum().item() == 1e6"
# With no device to see, CUDA is not available.
_NO_CARD = {"CUDA_VISIBLE_DEVICES": ""}
Interval = tuple[float, float]


def slot_and_pool(setting: Setting) -> Findings:
    """Yield what the ledgers, the evaluations and the server show after both campaigns have ended."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _services(folder) as (prefect, address):
            ran = _run_both(folder, prefect.environment, address, setting.device)
            runs = prefect.ask("/flow_runs/filter", {"work_pools": {"name": {"any_": [_POOL]}}})
        for each in ran:
            yield from _of_campaign(each, setting.device, prefect.environment)
        yield from of_evaluations(folder / "evaluations.log", len(ran) * _TRIALS, os.environ["CUDA_VISIBLE_DEVICES"])
        yield from of_pool(runs)


@contextmanager
def _services(folder: Path) -> Iterator[tuple[PrefectOnSqlite, str]]:
    """Yield a Prefect server with a worker of the pool, and the address of a Dask scheduler."""
    # Everything inherits the variable, as it would from the host's service manager.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", _CARD)
    prefect = PrefectOnSqlite(folder, _POOL, {"PYTHONPATH": os.environ["PYTHONPATH"]})
    with ExitStack() as parts:
        parts.callback(prefect.kill_everything)
        prefect.start_server()
        address = parts.enter_context(dask_cluster(folder, "--nthreads", "2", "--resources", "gpus=1", workers=1))
        prefect.wait_for_server()
        prefect.start_worker()
        yield prefect, address


@dataclass(frozen=True)
class _Ran:
    """A campaign that has ended: the place of its proposer, its folder, the exit code and the last words."""

    place: str
    folder: Path
    code: int
    said: str


def _run_both(folder: Path, environment: Mapping[str, str], address: str, device: str) -> list[_Ran]:
    homes = {place: campaign_file(folder, place, address, device).parent for place in ("slot", "pool")}
    running = {place: _overnight(home, environment, "run") for place, home in homes.items()}
    said = {place: process.communicate()[0].strip()[-300:] for place, process in running.items()}
    return [_Ran(place, homes[place], process.returncode, said[place]) for place, process in running.items()]


def campaign_file(folder: Path, place: str, address: str, device: str) -> Path:
    """Write a campaign and its evaluator into a folder of its own; return the campaign's file."""
    (home := folder / place).mkdir()
    proposing = f"pool: {_POOL}" if place == "pool" else ""
    asked = {"name": f"by-{place}", "device": device, "proposing": proposing, "address": address}
    (path := home / "campaign.yaml").write_text(_CAMPAIGN.format(**asked, trials=_TRIALS))
    work = _ON_CUDA if device == "cuda" else "pass"
    (home / "on_the_card.py").write_text(_EVALUATOR.format(work=work, log=str(folder / "evaluations.log")))
    return path


def _overnight(folder: Path, environment: Mapping[str, str], command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "overnight", command, "campaign.yaml"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _of_campaign(ran: _Ran, device: str, environment: Mapping[str, str]) -> Findings:
    """Yield whether the campaign ended well, the devices of its proposals, and a replay of them on the CPU."""
    where, events = f"campaign with the {ran.place}", _events(ran)
    observed = len(History.from_events(events).model_view().observed) if events else 0
    found = f"{observed} observed, code {ran.code}" + (f": {ran.said}" if ran.code else "")
    yield Line(_PART, where, found, f"{_TRIALS} observed, code 0", held=(observed, ran.code) == (_TRIALS, 0))
    made = [event.provenance for event in events if event.kind == "trial_proposed" and event.generator == "model"]
    devices = [provenance.stack.device for provenance in made if provenance is not None]
    found = ", ".join(map(str, devices)) or "none"
    right = bool(devices) and set(devices) == {device}
    yield Line(_PART, f"{where}: devices of the model's proposals", found, f"only {device}", held=right)
    away = [e.provenance.asked.away for e in events if e.kind == "trial_proposed" and e.provenance]
    reasons = sorted({why for why in away if why})
    yield Line(_PART, f"{where}: points of a stand-in", "; ".join(reasons) or "none", "none", held=not reasons)
    replayed = _overnight(ran.folder, {**environment, **_NO_CARD}, "replay")
    said = replayed.communicate()[0].strip().splitlines()
    what = f"{where}: its proposals replayed without a GPU"
    yield Line(_PART, what, said[-1] if said else "nothing", "none different", held=replayed.returncode == 0)


def _events(ran: _Ran) -> list[Event]:
    segments = asyncio.run(open_ledger("ledger", f"by-{ran.place}", ran.folder).read())
    return [event for segment in segments for event in segment.events]


def of_evaluations(log: Path, expected: int, card: str) -> Findings:
    """Yield whether two evaluations ever had the GPU at once, and the GPU that they saw."""
    records = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    yield from _never_at_once("evaluations", [(began, ended) for began, ended, _ in records], expected)
    seen = sorted({str(card) for *_, card in records})
    what = "CUDA_VISIBLE_DEVICES in evaluations"
    yield Line(_PART, what, ", ".join(seen) or "none", f"only {card}", held=seen == [card])


def of_pool(runs: Sequence[Mapping[str, Any]]) -> Findings:
    """Yield whether two questions were ever computed at once on the pool, and how their runs ended."""
    states = sorted({run["state_type"] for run in runs})
    yield Line(
        _PART, "runs on the pool", f"{len(runs)}, {', '.join(states)}", "COMPLETED", held=states == ["COMPLETED"]
    )
    tagged = sum("gpu" in run["tags"] for run in runs)
    yield Line(_PART, "runs with the tag `gpu`", f"{tagged} of {len(runs)}", "all", held=0 < tagged == len(runs))
    intervals = [tuple(_moment(run[name]) for name in ("start_time", "end_time")) for run in runs if run["end_time"]]
    yield from _never_at_once("questions on the pool", [(began, ended) for began, ended in intervals], 1)


def _never_at_once(what: str, intervals: Sequence[Interval], expected: int) -> Findings:
    found, enough = overlaps(intervals), len(intervals) >= expected
    text = f"{found} of {len(intervals)}"
    yield Line(_PART, f"{what} that began before the last one had ended", text, "0", held=enough and not found)


def overlaps(intervals: Sequence[Interval]) -> int:
    """Return how many intervals begin before an earlier one has ended."""
    latest, count = float("-inf"), 0
    for began, ended in sorted(intervals):
        count += began < latest
        latest = max(latest, ended)
    return count


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
