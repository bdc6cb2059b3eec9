"""A refusal to run a campaign is one paragraph, without any error of the engine."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from overnight.campaign.errors import CampaignHeld, InvalidDefinition
from overnight.campaign.history.events import LeaseTaken
from overnight.flows.definition.campaign_file import CampaignFile, read_campaign
from overnight.flows.engine.campaign_flow import Surroundings, campaign_flow, surroundings
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.identity import process_started
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import CONTROLLER
from overnight.flows.session.opening import open_campaign
from overnight.storage import open_ledger


@pytest.fixture
def file(tmp_path: Path) -> CampaignFile:
    return read_campaign(
        {
            "name": "held",
            "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
            "minimize": "loss",
            "budget": {"trials": 1},
            "evaluator": {"kind": "python", "function": "no_such_module:f"},
            "ledger": str(tmp_path / "ledger"),
            "work": str(tmp_path / "work"),
        }
    )


@pytest.fixture
def holder() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


async def test_a_refusal_inside_the_flow_is_handed_on_and_no_error_of_the_engine(file: CampaignFile, holder: int):
    journal = Journal(open_ledger(file.ledger, "held", Path()))
    await open_campaign(journal, file.campaign, file.settings(), SystemClock())
    started = process_started(holder)
    assert started is not None
    now = SystemClock().now()
    await journal.append(
        [LeaseTaken(time=now, actor=CONTROLLER, epoch=1, host=os.uname().nodename, pid=holder, started=started)]
    )
    surroundings.set(Surroundings(shown=False))
    state = await campaign_flow.fn(file)
    assert state.type is StateType.COMPLETED
    refusal = await state.aresult()
    assert isinstance(refusal, CampaignHeld)
    assert str(refusal).startswith(
        f"The campaign is held by process {holder} on this host, since {now:%Y-%m-%d %H:%M:%S}"
    )
    assert "\n" not in str(refusal)


async def test_what_else_ends_a_campaign_is_no_traceback_of_the_engine_either(file: CampaignFile):
    changed = file.model_copy(update={"campaign": file.campaign.model_copy(update={"minimize": "other"})})
    journal = Journal(open_ledger(file.ledger, "held", Path()))
    await open_campaign(journal, changed.campaign, changed.settings(), SystemClock())
    surroundings.set(Surroundings(shown=False))
    state = await campaign_flow.fn(file)
    assert state.type is StateType.FAILED
    with pytest.raises(InvalidDefinition, match="another `name`"):
        await state.aresult()
