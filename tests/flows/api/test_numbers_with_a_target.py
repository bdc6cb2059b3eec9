"""A result that is a number without a name is the metric of a target, not its distance, at every door."""

import pytest
from scripted_campaign import a_campaign

from overnight.campaign import EvaluationSucceeded, Measurement
from overnight.campaign.errors import InvalidResult
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.people.read_outcome import read_outcome, read_report

AIMING = {"minimize": None, "target": {"metric": "gain", "value": 60}}


@pytest.mark.parametrize(("result", "sem"), [(58.0, None), ((58.0, 0.5), 0.5)], ids=["a number", "a pair"])
def test_a_number_or_a_pair_of_a_person_is_the_gain(result, sem):
    found = read_outcome(a_campaign(**AIMING), result)
    assert isinstance(found, EvaluationSucceeded)
    assert found.metrics["gain"] == Measurement(mean=58.0, sem=sem)


@pytest.mark.parametrize("distance", [-3.0, -1e-300])
def test_a_distance_below_0_is_no_result(distance):
    with pytest.raises(InvalidResult, match=r"expected a distance of 0 or more as `abs\(gain - 60\)`, found -"):
        read_outcome(a_campaign(**AIMING), {"abs(gain - 60)": distance})
    found = read_outcome(a_campaign(**AIMING), {"abs(gain - 60)": 0.0})
    assert isinstance(found, EvaluationSucceeded)


@pytest.mark.parametrize("distance", [-3.0, -1e-300])
def test_a_distance_below_0_is_no_report(distance):
    with pytest.raises(InvalidResult, match=r"expected a distance of 0 or more as `abs\(gain - 60\)`, found -"):
        read_report(a_campaign(**AIMING), {"abs(gain - 60)": distance})
    assert read_report(a_campaign(**AIMING), {"abs(gain - 60)": 0.0})


def test_a_number_that_is_reported_is_the_gain():
    assert read_report(a_campaign(**AIMING), 58.0)["gain"] == Measurement(mean=58.0)


def test_a_loop_of_ones_own_records_the_gain_and_its_distance(tmp_path):
    definition = a_campaign(**AIMING).model_dump(mode="json", exclude_none=True)
    parts = {"evaluator": {"kind": "command", "command": ["true"]}, "proposer": {"kind": "sobol"}}
    campaign = AskTell(definition | {"ledger": str(tmp_path)} | parts)
    campaign.tell(campaign.ask(), 58.0)
    measured = campaign.history.trials[1].measured
    assert {name: value.mean for name, value in measured.items()} == {"gain": 58.0, "abs(gain - 60)": 2.0}
