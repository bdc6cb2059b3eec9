"""`make chaos` on a small scale: a disturbed campaign on a real Prefect server."""

from collections import Counter

import pytest
from chaos import disturb
from storm import Plan


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_campaign_whose_processes_are_killed_loses_nothing_and_does_nothing_twice(tmp_path):
    plan = Plan(seed=3, kills=4, stops=0, second_starts=0, outage=0.0, everything=False)
    run, faults = disturb(tmp_path, trials=9, plan=plan)
    assert faults == []
    assert Counter(run.kills) == dict.fromkeys(["controller", "evaluator", "server", "worker"], 1)
    assert run.started == 9
    assert run.replayed > 0
    assert run.models > 0
