"""Batches of an A/B test are replayed from the ledger alone: their arms, shares and stages."""

import pytest
from told_experiments import QUICK, Told, experiment, hill

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


def test_arms_from_the_reports_of_stopped_ones_are_appraised_on_another_stack(tmp_path) -> None:
    told = Told(experiment())
    for trial in told.propose():
        told.report(trial, 1, hill(told.history.trials[trial].point), 0.01)
        told.stop(trial)
    told.propose()
    *_, last = [event for event in told.events if isinstance(event, TrialProposed)]
    found = {each.trial: each.verdict for each in replay(told.events, tmp_path)}
    assert set(found.values()) == {"same"}
    [found_elsewhere] = replay([_from_elsewhere(e) if e is last else e for e in told.events], tmp_path, last.trial)
    assert found_elsewhere.verdict == "other stack", found_elsewhere.why


def test_arms_that_an_older_version_spread_out_because_all_were_stopped_are_the_same(tmp_path) -> None:
    # With `initial`, a newer version spreads them out as well.
    told = Told(experiment(), QUICK.model_copy(update={"initial": 20}))
    told.events[0] = Told(experiment()).events[0]
    for _ in range(2):
        for trial in told.propose():
            told.report(trial, 1, hill(told.history.trials[trial].point), 0.01)
            told.stop(trial)
    assert {trial.proposal.generator for trial in told.history.trials.values()} == {"baseline", "sobol"}
    assert {each.verdict for each in replay(told.events, tmp_path)} == {"same"}


def _from_elsewhere(event: TrialProposed) -> TrialProposed:
    """Return a proposal as another version of torch may have made it."""
    assert event.provenance is not None
    foreign = event.provenance.stack.model_copy(update={"libraries": {"torch": "1.0"}})
    mean = event.provenance.predicted["rate"]
    predicted = {"rate": mean.model_copy(update={"mean": mean.mean + 1e-9})}
    moved = event.provenance.model_copy(update={"stack": foreign, "predicted": predicted})
    return event.model_copy(update={"provenance": moved})


def test_repeated_variants_are_appraised_on_another_stack_if_no_new_one_is_left(tmp_path) -> None:
    variants = {"variant": {"kind": "categorical", "choices": ["a", "b", "c", "d"]}}
    told = Told(experiment(parameters=variants, baseline={"variant": "a"}))
    told.run(2, 1.0, lambda point: 0.1 * "abcd".index(str(point["variant"])), sd=60.0)
    [*_, last] = [event for event in told.events if isinstance(event, TrialProposed)]
    assert last.provenance is not None
    assert last.provenance.chosen.acquisition == "replication"
    assert last.provenance.chosen.instead_of is None
    events = [_from_elsewhere(e) if e is last else e for e in told.events]
    [found] = replay(events, tmp_path, last.trial)
    assert found.verdict == "other stack", found.why
