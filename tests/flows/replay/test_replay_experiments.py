"""Batches of an A/B test are replayed from the ledger alone: their arms, shares and stages."""

import pytest
from told_experiments import QUICK, Told, experiment

from overnight.bo_core.proposer import AnyProposer, SobolProposer
from overnight.campaign.history.events import Event, TrialProposed
from overnight.flows.replay.again import replay


@pytest.mark.parametrize("proposer", [QUICK, SobolProposer()])
def test_every_arm_is_proposed_again_to_the_last_bit(proposer: AnyProposer, tmp_path) -> None:
    told = Told(experiment(budget={"trials": 16}, ramp_up={"stages": [0.2, 0.5]}), proposer)
    told.run(4, 1.0, sd=60.0)
    found = {each.trial: each.verdict for each in replay(told.events, tmp_path)}
    assert found == dict.fromkeys(range(1, 17), "same")


def test_an_arm_that_got_another_share_is_told(tmp_path) -> None:
    told = Told(experiment())
    told.run(2, 1.0)
    events = [_with_share(event, 0.9) if getattr(event, "trial", 0) == 8 else event for event in told.events]
    found = {each.trial: (each.verdict, each.why) for each in replay(events, tmp_path) if each.trial >= 7}
    assert found[8][0] == "different"
    assert "weight differ" in found[8][1]
    assert {found[trial][0] for trial in (7, 9, 10, 11, 12)} == {"same"}


def _with_share(event: Event, share: float) -> Event:
    return event.model_copy(update={"weight": share}) if isinstance(event, TrialProposed) else event


def test_repeated_variants_are_appraised_on_another_stack_if_no_new_one_is_left(tmp_path) -> None:
    variants = {"variant": {"kind": "categorical", "choices": ["a", "b", "c", "d"]}}
    told = Told(experiment(parameters=variants, baseline={"variant": "a"}))
    told.run(2, 1.0, lambda point: 0.1 * "abcd".index(str(point["variant"])), sd=60.0)
    [*_, last] = [event for event in told.events if isinstance(event, TrialProposed)]
    assert last.provenance is not None
    assert last.provenance.chosen.acquisition == "replication"
    assert last.provenance.chosen.instead_of is None
    foreign = last.provenance.stack.model_copy(update={"libraries": {"torch": "1.0"}})
    mean = last.provenance.predicted["rate"]
    moved = last.provenance.model_copy(
        update={"stack": foreign, "predicted": {"rate": mean.model_copy(update={"mean": mean.mean + 1e-9})}}
    )
    events = [e.model_copy(update={"provenance": moved}) if e is last else e for e in told.events]
    [found] = replay(events, tmp_path, last.trial)
    assert found.verdict == "other stack", found.why
