"""The place of evaluations, as written in a campaign's file."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from overnight.campaign import EvaluationRequest
from overnight.campaign.errors import CannotStart, InvalidDefinition
from overnight.flows.assembly import placed
from overnight.flows.clusters.order import SENT, Pulse
from overnight.flows.clusters.places.here import Here
from overnight.flows.clusters.places.on_dask import OnDask
from overnight.flows.clusters.places.on_pool import OnPool
from overnight.flows.clusters.places.on_slurm import OnSlurm
from overnight.flows.clusters.resources import Needs, Resources
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file, read_campaign

PLAIN = {
    "name": "night",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": {"command": "true"},
    "budget": {"trials": 2},
}

NEEDS = Needs(Resources(), timedelta(hours=1), timedelta(seconds=10))


def problem_of(tmp_path: Path, line: str) -> str:
    path = tmp_path / "campaign.yaml"
    text = "name: night\nparameters: {x: {kind: float, low: 0, high: 1}}\nminimize: loss\n"
    path.write_text(f"{text}evaluator: {{command: 'true'}}\nbudget: {{trials: 2}}\n{line}\n")
    with pytest.raises(InvalidDefinition) as raised:
        load_campaign_file(path)
    [problem] = raised.value.problems
    return problem.removeprefix(f"{path}:")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ({}, Here()),
        ({"run_on": "here"}, Here()),
        ({"run_on": {"pool": "hall"}}, OnPool(pool="hall")),
        ({"run_on": {"dask": "tcp://10.0.0.1:8786"}}, OnDask(dask="tcp://10.0.0.1:8786")),
        ({"run_on": {"slurm": {"qos": "low"}}}, OnSlurm(slurm={"qos": "low"})),
    ],
    ids=["nothing", "here", "pool", "dask", "slurm"],
)
def test_one_line_says_where_and_a_dump_is_read_again(written, place):
    file = read_campaign(PLAIN | written)
    assert file.run_on == place
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "run_on: hall",
            "6: run_on: expected `here`, `{pool: NAME}` of a Prefect work pool, `{dask: tcp://HOST:PORT}` of a "
            "scheduler or `{slurm: {partition: NAME}}`",
        ),
        ("run_on: {pol: hall}", "6: run_on: expected `here`, `{pool: NAME}`"),
        ("run_on: {pool: hall, dask: 'tcp://h:1'}", "6: run_on: expected `here`"),
        ("run_on: {kind: moon}", "6: run_on.kind: expected one of here, pool, dask, slurm, got 'moon'"),
        ("run_on: {pool: hall, wait: 1h}", "6: run_on.wait: expected one of kind, pool, start_within, got the unknown"),
        (
            "run_on: {dask: localhost}",
            "6: run_on.dask: expected `tcp://HOST:PORT` of a Dask scheduler, got 'localhost'",
        ),
        ("run_on: {pool: a/b}", "6: run_on.pool: expected the name of a work pool, without `/`, `%`, `&`, `<` and `>`"),
        ("resources: {gpu: 1}", "6: resources.gpu: expected one of cpus, gpus, memory, got the unknown key `gpu`; did"),
        ("resources: {cpus: 0}", "6: resources.cpus: expected more than 0"),
        ("resources: {memory: lots}", "6: resources.memory: expected a size such as 512MB, 4GB or 4GiB, got 'lots'"),
    ],
)
def test_what_is_wrong_is_told_where_it_is_written(tmp_path, line, expected):
    assert problem_of(tmp_path, line).startswith(expected)


def test_what_was_recorded_before_there_were_places_has_not_changed():
    assert set(read_campaign(PLAIN).settings()) == {"evaluator", "proposer"}
    settings = read_campaign(PLAIN | {"run_on": {"pool": "hall"}, "resources": {"memory": "1kB"}}).settings()
    assert settings["run_on"]["pool"] == "hall"
    assert settings["resources"] == {"memory": 1000}


async def test_a_pool_needs_a_server_that_workers_can_ask(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(InvalidDefinition, match=r"run_on\.pool.*PREFECT_API_URL"):
        await read_campaign(PLAIN | {"run_on": {"pool": "hall"}}).check()


async def test_an_attempt_is_found_where_it_was_sent_whatever_the_file_says_now(tmp_path):
    request = EvaluationRequest(
        campaign="night",
        trial=1,
        attempt=1,
        key="night-u/1/1",
        parameters={},
        seed=1,
        expected_metrics=("loss",),
        objective="loss",
    )
    kept = {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")}
    async with placed(read_campaign(PLAIN | kept), Pulse(beat=0.05, silence=0.5)) as here:
        assert await here.recover(request, tmp_path / "work" / request.key, print) is None
        elsewhere = OnDask(dask="tcp://127.0.0.1:9", start_within="0.1s")
        await here.mailboxes.of(request.key).put(SENT, elsewhere.model_dump_json())
        here.launchers[elsewhere] = Gone()
        outcome = await here.recover(request, tmp_path / "work" / request.key, print)
    assert outcome.message.startswith("it could not be sent to the Dask cluster tcp://127.0.0.1:9")


class Gone:
    """A cluster that does not answer."""

    async def launch(self, order, avoid):
        raise ConnectionRefusedError("nobody there")

    async def ended(self, key, worker):
        return None

    async def withdraw(self, key):
        pass

    async def close(self):
        pass


@pytest.mark.slow
async def test_a_dask_scheduler_that_is_not_there_is_waited_for_and_then_named_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    told: list[str] = []
    with pytest.raises(CannotStart, match=rf"run_on.dask: expected a Dask scheduler at {address}.*Nothing was started"):
        await OnDask(dask=address).reach(told.append, NEEDS, patience=0.01)
    assert len(told) == 1
    assert "Waiting up to 0.01 s for it" in told[0]


async def test_a_scheduler_that_listens_is_asked_once_and_nothing_is_told():
    asked, told = asyncio.Queue[None](), list[str]()

    def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.put_nowait(None)
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    async with server:
        await OnDask(dask=f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}").reach(told.append, NEEDS, patience=0)
        await asyncio.wait_for(asked.get(), 60)
    assert (asked.qsize(), told) == (0, [])
