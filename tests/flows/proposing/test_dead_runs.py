"""A run of the proposing pool is given up once it has outlived its time limit, and not before."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from overnight.flows.proposing.pool import is_dead

SINCE = datetime(2026, 3, 1, 22, tzinfo=UTC)


def a_run(parameters: dict[str, object]) -> FlowRun:
    return FlowRun(flow_id=uuid4(), parameters=parameters, state=State(type=StateType.RUNNING, timestamp=SINCE))


@pytest.mark.parametrize(("seconds", "dead"), [(299, False), (301, False), (600, True)])
def test_a_run_is_dead_once_its_time_limit_and_the_time_to_report_its_end_have_passed(seconds, dead):
    assert is_dead(a_run({"time_limit_seconds": 300}), SINCE + timedelta(seconds=seconds)) is dead


def test_a_run_without_a_time_limit_is_never_given_up():
    assert not is_dead(a_run({}), SINCE + timedelta(days=365))
