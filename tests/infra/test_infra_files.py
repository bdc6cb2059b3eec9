"""Promises about the files in infra/ that can be checked without containers."""

import re
from pathlib import Path
from typing import Any

import yaml
from prefect.events.schemas.automations import AutomationCore

INFRA = Path(__file__).parents[2] / "infra"
SECRET = re.compile("AUTH|PASSWORD|SECRET|KEY|CONNECTION")


def compose() -> dict[str, Any]:
    return yaml.safe_load((INFRA / "compose.yaml").read_text())


def test_containers_are_reached_from_their_own_machine_only():
    ports = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_is_written_in_the_compose_file():
    secrets = {
        (name, variable): value
        for name, service in compose()["services"].items()
        for variable, value in service.get("environment", {}).items()
        if SECRET.search(variable)
    }
    assert len(secrets) >= 5
    assert {where: value for where, value in secrets.items() if "${" not in value} == {}


def test_the_gpu_worker_reserves_a_gpu_and_serves_one_at_a_time():
    gpu = compose()["services"]["gpu"]
    [device] = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert gpu["command"][-2:] == ["--limit", "1"]


def test_the_examples_of_automations_are_some_once_their_block_has_an_id():
    text = (INFRA / "automation.yaml").read_text()
    told = yaml.safe_load(text.replace("OVERNIGHT_NOTIFICATION", "00000000-0000-0000-0000-000000000001"))
    automations = [AutomationCore.model_validate(written) for written in told["automations"]]
    assert [automation.trigger.match.root["prefect.resource.id"] for automation in automations] == [
        "overnight.campaign.*",
        "prefect.flow-run.*",
    ]


def test_the_deployment_names_a_flow_that_is_there():
    [deployment] = yaml.safe_load((INFRA / "prefect.yaml").read_text())["deployments"]
    file, _, function = deployment["entrypoint"].partition(":")
    assert f"async def {function}(" in (INFRA.parent / file).read_text()
