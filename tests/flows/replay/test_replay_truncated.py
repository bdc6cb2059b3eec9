"""Batches that have fewer points than were asked for are proposed again to the last bit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from provenances import altered

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.campaign import Campaign, History
from overnight.campaign.evaluation import Measurement
from overnight.campaign.history.events import CampaignDefined, Event, TrialObserved, TrialProposed
from overnight.campaign.history.provenance import Asked
from overnight.campaign.standing.spending import why_spent
from overnight.flows.replay.again import replay
from overnight.flows.rules.new_trials import attempt_event, proposed_events

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PROPOSER = BayesianProposer(initial=4, raw_points=64, restarts=2)
CAMPAIGN = Campaign.model_validate(
    {
        "name": "walk",
        "parameters": {"x": {"kind": "float", "low": 0.0, "high": 1.0}},
        "fidelity": {"steps": {"low": 1, "high": 9, "scale": "log"}},
        "minimize": "loss",
        "budget": {"trials": 60, "cost": 5.0},
    }
)
AT_ONCE = 4


def run_in_batches(campaign: Campaign) -> list[Event]:
    """Return the events of a campaign that asks for a batch at once, until its budget ends."""
    settings = {"proposer": PROPOSER.model_dump(mode="json")}
    events: list[Event] = [CampaignDefined(time=NOON, actor="test", uid="1", definition=campaign, settings=settings)]
    while True:
        history = History.from_events(events)
        if why_spent(history.trials.values(), campaign.budget) is not None:
            return events
        asked = Asked(events_seen=len(events), points=AT_ONCE)
        made = propose(campaign, history, PROPOSER, AT_ONCE)
        proposed = proposed_events(history, made, NOON, "test", asked)
        events += proposed
        events += [attempt_event(history, each.trial, each.point, 1, NOON, "test") for each in proposed]
        events += [observed(campaign, each) for each in proposed]


def observed(campaign: Campaign, trial: TrialProposed) -> TrialObserved:
    x, steps = float(str(trial.point["x"])), float(str(trial.point["steps"]))
    loss = Measurement(mean=(x - 0.3) ** 2 + 1.0 / steps)
    return TrialObserved(
        time=NOON, actor="test", trial=trial.trial, attempt=1, metrics={"loss": loss}, cost=steps / 9.0
    )


def batches(events: Sequence[Event]) -> list[int]:
    """Return how many points of the model each batch has."""
    found = dict[int, int]()
    for event in events:
        if isinstance(event, TrialProposed) and event.generator == "model" and event.batch is not None:
            found[event.batch] = found.get(event.batch, 0) + 1
    return [*found.values()]


def as_if_rounded_elsewhere(event: Event) -> Event:
    """Return a proposal as another version of torch may have made it; other events as they are."""
    if not isinstance(event, TrialProposed) or event.provenance is None:
        return event
    changes: dict[str, object] = {"stack.libraries": {"torch": "1.0"}}
    value = event.provenance.chosen.value
    if value is not None:
        changes["chosen.value"] = value * (1.0 + 1e-9)
    return event.model_copy(update={"provenance": altered(event.provenance, changes)})


def test_a_batch_that_the_budget_cut_short_is_made_again_to_the_last_bit(tmp_path: Path) -> None:
    events = run_in_batches(CAMPAIGN)
    assert 0 < min(batches(events)) < AT_ONCE
    assert {each.verdict for each in replay(events, tmp_path)} == {"same"}


def test_such_a_batch_of_another_stack_is_appraised_as_one_of_so_many_points(tmp_path: Path) -> None:
    events = run_in_batches(CAMPAIGN)
    by_model = {e.trial for e in events if isinstance(e, TrialProposed) and e.generator == "model"}
    elsewhere = [as_if_rounded_elsewhere(event) for event in events]
    found = {each.verdict for each in replay(elsewhere, tmp_path) if each.trial in by_model}
    assert found == {"other stack"}
