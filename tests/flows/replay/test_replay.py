"""Proposals are replayed from the ledger alone, and proposals that cannot be replayed are reported."""

import asyncio
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from costly_campaign import CostlyEvaluator, run_costly
from provenances import altered, value_at
from typer.testing import CliRunner, Result

from overnight.bo_core import SobolProposer
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import recorded_proposer
from overnight.campaign import Campaign, History
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import CampaignDefined, Event, TrialApproved, TrialProposed
from overnight.campaign.history.provenance import Provenance
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.cli import app
from overnight.flows.replay.again import Replayed, replay
from overnight.storage import open_ledger

CAMPAIGN = {
    "name": "own-loop",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}, "mode": {"kind": "categorical", "choices": ["a", "b"]}},
    "maximize": "score",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 9},
    "proposer": {"kind": "bayesian", "initial": 3},
    "baseline": {"x": 0.5, "mode": "a"},
}
TRIALS = 7
# A version that is recorded as the one that made the proposals.
FOREIGN = {"stack.libraries": {"torch": "1.0"}}


@pytest.fixture
def events(tmp_path: Path) -> list[Event]:
    """Return a campaign's events: results arrive in another order, and one trial stays open."""
    return events_of(CAMPAIGN, tmp_path)


def events_of(definition: Mapping[str, object], tmp_path: Path) -> list[Event]:
    (tmp_path / "campaign.yaml").write_text(json.dumps({**definition, "ledger": str(tmp_path / "ledger")}))
    campaign = AskTell(tmp_path / "campaign.yaml")
    late = campaign.ask()
    for _ in range(TRIALS - 1):
        trial = campaign.ask()
        campaign.tell(trial, (1 - (trial.point["x"] - 0.3) ** 2, 0.1))
    campaign.tell(late, 0.5)
    segments = asyncio.run(open_ledger(str(tmp_path / "ledger"), "own-loop", tmp_path).read())
    return [event for segment in segments for event in segment.events]


def changed(events: list[Event], trial: int, changes: Mapping[str, object]) -> list[Event]:
    """Return the events with another provenance of a trial."""
    return [
        e.model_copy(update={"provenance": altered(e.provenance, changes)})
        if isinstance(e, TrialProposed) and e.trial == trial and e.provenance
        else e
        for e in events
    ]


def moved(events: list[Event], trial: int, x: float) -> list[Event]:
    """Return the events with another x for a trial."""
    return [
        e.model_copy(update={"point": {**e.point, "x": x}}) if isinstance(e, TrialProposed) and e.trial == trial else e
        for e in events
    ]


def provenance(events: list[Event], trial: int) -> Provenance:
    """Return the recorded provenance of a trial."""
    [found] = [e.provenance for e in events if isinstance(e, TrialProposed) and e.trial == trial]
    assert found is not None
    return found


def verdicts(found) -> dict[int, str]:
    return {each.trial: each.verdict for each in found}


def test_each_computed_proposal_is_made_again_to_the_last_bit(events, tmp_path):
    by = {e.trial: e.generator for e in events if isinstance(e, TrialProposed)}
    assert set(by.values()) == {"baseline", "sobol", "model"}
    # The baseline was not computed.
    assert verdicts(replay(events, tmp_path)) == dict.fromkeys(sorted(by)[1:], "same")


@pytest.mark.parametrize("categories", ["hamming", "one_hot"])
def test_proposals_are_made_again_to_the_last_bit_however_categories_count(categories, tmp_path):
    events = events_of(CAMPAIGN | {"proposer": {"kind": "bayesian", "initial": 3, "categories": categories}}, tmp_path)
    assert set(verdicts(replay(events, tmp_path)).values()) == {"same"}


def test_a_single_trial_can_be_asked_for(events, tmp_path):
    assert list(replay(events, tmp_path, TRIALS)) == [Replayed(TRIALS, "same")]


def test_a_point_that_was_not_what_these_events_lead_to_is_told(events, tmp_path):
    [found] = replay(moved(events, 6, 0.123), tmp_path, 6)
    assert (found.verdict, found.why) == ("different", "points differ")


def test_words_about_it_that_are_wrong_are_told(events, tmp_path):
    [found] = replay(changed(events, 6, {"predicted.score.mean": 7.0, "chosen.value": 1.0}), tmp_path, 6)
    assert (found.verdict, found.why) == ("different", "predicted.score.mean, chosen.value differ")


def test_another_stack_is_named_where_bits_are_the_same_nevertheless(events, tmp_path):
    [same] = replay(changed(events, 6, FOREIGN), tmp_path, 6)
    assert (same.verdict, same.why) == ("same", "on another stack (libraries (torch))")


def test_what_another_stack_may_round_otherwise_is_its_verdict(events, tmp_path):
    mean = provenance(events, 6).predicted["score"].mean
    assert mean is not None
    [found] = replay(changed(events, 6, {"predicted.score.mean": mean + 1e-9} | FOREIGN), tmp_path, 6)
    assert found.verdict == "other stack"
    assert found.why.startswith(
        "predicted.score.mean differ; so do libraries (torch); mean, sd and score agree to 1e-09, "
    )
    [here] = replay(changed(events, 6, {"predicted.score.mean": mean + 1e-9}), tmp_path, 6)
    assert here.verdict == "different"
    assert here.why.startswith("predicted.score.mean differ, by no more than rounding (")


@pytest.mark.parametrize("name", ["predicted.score.mean", "predicted.score.sd", "chosen.value"])
def test_another_stack_does_not_explain_a_number_that_is_wrong_in_its_fourth_digit(events, tmp_path, name):
    right = value_at(provenance(events, 6), name)
    wrong = right + 1e-4 * max(abs(right), 1.0)
    [found] = replay(changed(events, 6, {name: wrong} | FOREIGN), tmp_path, 6)
    assert found.verdict == "different"
    assert f"does not explain that {name} is recorded as {wrong!r}, here {right!r}"[:90] in found.why


def test_nor_a_point_that_is_much_worse_than_what_is_found(events, tmp_path):
    [found] = replay(moved(changed(events, 6, FOREIGN), 6, 0.95), tmp_path, 6)
    assert found.verdict == "different"
    assert "a point scores " in found.why
    assert "more than the recorded one" in found.why


def test_nor_words_that_no_rounding_changes(events, tmp_path):
    [found] = replay(changed(events, 6, {"knew.observed": 99} | FOREIGN), tmp_path, 6)
    assert (found.verdict, found.why) == ("different", "knew.observed differ")


def test_a_sobol_point_may_differ_in_a_powers_last_bits_or_where_torch_is_another(events, tmp_path):
    x = next(e.point["x"] for e in events if isinstance(e, TrialProposed) and e.trial == 3)
    other_scipy = changed(events, 3, {"stack.libraries": {**provenance(events, 3).stack.libraries, "scipy": "0.1"}})
    why = "points differ; so do libraries"
    for forged, verdict, expected in [
        (moved(other_scipy, 3, x * (1 + 1e-15)), "other stack", f"{why} (scipy)"),
        (moved(other_scipy, 3, x * (1 + 1e-6)), "different", "points differ"),
        (moved(changed(events, 3, FOREIGN), 3, 0.5), "other stack", f"{why} (torch)"),
        (moved(events, 3, x * (1 + 1e-15)), "different", "points differ"),
    ]:
        [found] = replay(forged, tmp_path, 3)
        assert (found.verdict, found.why) == (verdict, expected)


def test_what_older_versions_did_not_record_cannot_be_told(events, tmp_path):
    [sobol] = replay(moved(changed(events, 3, {"stack.libraries": {}}), 3, 0.5), tmp_path, 3)
    assert sobol.verdict == "undecided"
    assert sobol.why == "points differ, and its stack is not recorded"
    unknown = {"chosen.jitter": 1e-6, "models.metrics.score.jitter": None}
    [model] = replay(moved(changed(events, 6, unknown | FOREIGN), 6, 0.5), tmp_path, 6)
    assert model.verdict == "undecided"
    assert model.why.endswith("so do libraries (torch), and the jitter of its fit is not recorded")


def test_an_old_ledger_that_lacks_what_was_added_since_is_the_same(events, tmp_path):
    def old(event: Event) -> Event:
        if not isinstance(event, TrialProposed) or event.provenance is None:
            return event
        added = ("models.metrics.score.jitter",) if event.generator == "model" else ()
        libraries = {name: version for name, version in event.provenance.stack.libraries.items() if name != "processor"}
        changes = {"stack.libraries": libraries if event.generator == "model" else {}}
        written = altered(event.provenance, changes, without=("chosen.instead_of", *added))
        return event.model_copy(update={"provenance": written})

    found = list(replay([old(event) for event in events], tmp_path))
    assert {(each.verdict, each.why) for each in found} == {("same", "")}


def with_failures(folder: Path, feasibility: str) -> list[Event]:
    """Return the events of a campaign in which the points with x above 0.6 fail by their own fault."""
    folder.mkdir()
    proposer = CAMPAIGN["proposer"] | {"feasibility": feasibility}
    (folder / "campaign.yaml").write_text(
        json.dumps(CAMPAIGN | {"ledger": str(folder / "ledger"), "proposer": proposer, "budget": {"trials": 12}})
    )
    campaign = AskTell(folder / "campaign.yaml")
    for _ in range(12):
        trial = campaign.ask()
        x = float(trial.point["x"])
        campaign.tell(trial, ValueError("too hot") if x > 0.6 else (1 - (x - 0.7) ** 2, 0.1))
    segments = asyncio.run(open_ledger(str(folder / "ledger"), "own-loop", folder).read())
    return [event for segment in segments for event in segment.events]


@pytest.mark.slow
def test_proposals_that_were_steered_away_from_failures_are_made_again_to_the_last_bit(tmp_path):
    events = with_failures(tmp_path / "steered", "model")
    assert set(verdicts(replay(events, tmp_path)).values()) == {"same"}
    believed = provenance(events, 12).weights.probability_feasible
    assert believed is not None
    assert 0 < believed < 1


@pytest.mark.slow
def test_a_ledger_from_before_failures_were_learnt_from_replays_without(tmp_path):
    ignoring = with_failures(tmp_path / "ignoring", "ignore")

    def old(event: Event) -> Event:
        if isinstance(event, CampaignDefined):
            settings = event.settings["proposer"].copy()
            del settings["feasibility"]
            return event.model_copy(update={"settings": event.settings | {"proposer": settings}})
        if isinstance(event, TrialProposed) and event.provenance:
            later = ("weights.probability_feasible", "models.feasibility")
            return event.model_copy(update={"provenance": altered(event.provenance, without=later)})
        return event

    assert set(verdicts(replay([old(event) for event in ignoring], tmp_path)).values()) == {"same"}
    # The setting matters: proposals that avoided failures do not replay from such a ledger.
    steered = [old(event) for event in with_failures(tmp_path / "steered", "model")]
    assert "different" in verdicts(replay(steered, tmp_path)).values()


@pytest.mark.slow
def test_another_stack_explains_rounding_of_what_was_believed_of_failures_and_nothing_more(tmp_path):
    events = with_failures(tmp_path / "steered", "model")
    known = provenance(events, 12)
    assert known.weights.probability_feasible is not None
    nearly = known.weights.probability_feasible * (1 + 1e-12)
    [found] = replay(changed(events, 12, {"weights.probability_feasible": nearly} | FOREIGN), tmp_path, 12)
    assert found.verdict == "other stack"
    [found] = replay(changed(events, 12, {"weights.probability_feasible": 0.5 * nearly} | FOREIGN), tmp_path, 12)
    assert found.verdict == "different"
    assert "does not explain that weights.probability_feasible is recorded as" in found.why


def test_an_approval_that_came_while_a_proposal_was_made_is_no_part_of_it(events, tmp_path):
    began = events[0]
    policy = Campaign.model_validate(began.definition.model_dump() | {"approve": {"when": {"cost": 1}}})
    about = {"time": began.time, "actor": "ada@home"}
    point = policy.space.point({"x": 0.4, "mode": "b"})
    waits = TrialProposed(**about, trial=TRIALS + 1, point=point, generator="model", parked=True)
    seen = [began.model_copy(update={"definition": policy}), *events[1:], waits]
    proposer = recorded_proposer(began.settings["proposer"])
    [made] = propose(policy, History.from_events(seen), proposer, 1)
    assert (made.provenance.knew.pending, made.provenance.knew.probability_of_approval) == ((), 0.5)

    as_recorded = made.model_copy(update={"provenance": altered(made.provenance, {"asked.events_seen": len(seen)})})
    approval = TrialApproved(**about, trial=TRIALS + 1, why="fine")
    follows = TrialProposed(**about, trial=TRIALS + 2, **dict(as_recorded))
    for ledger in ([*seen, follows], [*seen, approval, follows]):
        assert verdicts(replay(ledger, tmp_path, TRIALS + 2)) == {TRIALS + 2: "same"}
    # The approval matters to a proposal that has seen it.
    [later] = propose(policy, History.from_events([*seen, approval]), proposer, 1)
    assert (later.provenance.knew.pending, later.provenance.knew.probability_of_approval) == ((TRIALS + 1,), None)


def with_costs(folder: Path) -> list[Event]:
    """Return the events of a cost-aware campaign, whose cost-cooling follows the spending of its budget."""
    proposer = CAMPAIGN["proposer"] | {"cost_aware": True}
    budget = {"trials": 10, "cost": 500}
    return run_costly(CAMPAIGN | {"proposer": proposer, "budget": budget}, folder, CostlyEvaluator())


def test_proposals_that_reckoned_with_costs_are_made_again_to_the_last_bit(tmp_path):
    events = with_costs(tmp_path)
    assert set(verdicts(replay(events, tmp_path)).values()) == {"same"}
    predicted = provenance(events, 10).weights.predicted_cost
    assert predicted is not None
    assert 0 < predicted < 40


def test_another_stack_explains_rounding_of_an_expected_cost_and_nothing_more(tmp_path):
    events = with_costs(tmp_path)
    predicted = provenance(events, 10).weights.predicted_cost
    assert predicted is not None
    [found] = replay(changed(events, 10, {"weights.predicted_cost": predicted * (1 + 1e-12)} | FOREIGN), tmp_path, 10)
    assert found.verdict == "other stack"
    [found] = replay(changed(events, 10, {"weights.predicted_cost": 2 * predicted} | FOREIGN), tmp_path, 10)
    assert found.verdict == "different"
    assert "does not explain that weights.predicted_cost is recorded as" in found.why


def in_a_child(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Replay in a separate process, whose libraries choose other instructions."""
    root = str(Path(__file__).parents[3])
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "overnight",
            "replay",
            str(folder / "campaign.yaml"),
            "--all",
        ],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": root, **environment},
    )


# Without its wide instructions, torch certainly finds other bits. Two kernels of OpenBLAS may agree on a processor.
OTHER_STACKS = {
    "cpu": {"ATEN_CPU_CAPABILITY": "default"},
    "blas": {"OPENBLAS_CORETYPE": "Sandybridge"},
}


@pytest.mark.slow
@pytest.mark.parametrize("what", OTHER_STACKS)
@pytest.mark.usefixtures("events")
def test_a_process_with_other_instructions_finds_other_bits_and_agrees(tmp_path, what):
    here = stack()[what]
    if platform.machine() not in ("x86_64", "AMD64") or here in ("DEFAULT", "openblas Sandybridge", ""):
        pytest.skip(f"{here}: no other instructions to compute with")
    done = in_a_child(tmp_path, **OTHER_STACKS[what])
    lines = [line for line in done.stdout.splitlines() if line.startswith("trial ")]
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines) == TRIALS - 1
    # A Sobol point is the same everywhere; a model's point has other bits, and is accepted.
    assert lines[0].startswith("trial 2 same: on another stack (libraries (")
    other = [line for line in lines if " other stack: " in line]
    assert other or what == "blas"
    assert all(f"so do libraries ({what}); mean, sd and score agree to " in line for line in other)
    assert all(" same: on another stack (libraries (" in line for line in lines if line not in other)


@pytest.mark.usefixtures("events")
def test_one_or_all_is_asked_for(tmp_path):
    assert run(tmp_path, "--all").output == run(tmp_path).output
    both = run(tmp_path, "--all", "--trial", "3")
    assert both.exit_code == 2
    assert "expected one of --all and --trial" in both.output


def test_a_proposer_that_is_no_longer_there_is_told(events, tmp_path):
    defined = events[0].model_copy(
        update={"settings": {"proposer": {"kind": "python", "implementation": "gone:Proposer"}}}
    )
    found = list(replay([defined, *events[1:]], tmp_path))
    assert {each.verdict for each in found} == {"different"}
    assert "gone" in found[-1].why


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", str(folder / "campaign.yaml"), *arguments])


@pytest.mark.usefixtures("events")
def test_the_command_counts_what_it_found(tmp_path):
    done = run(tmp_path)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "trial 2 same"
    assert done.output.splitlines()[-1] == f"{TRIALS - 1} same"
    nothing = run(tmp_path, "--trial", "1")
    assert nothing.exit_code == 1
    assert "expected a computed proposal of trial 1" in str(nothing.exception)


@pytest.mark.parametrize("as_of", ["0", "99999999999999999999", "noon", "1999-01-01T00:00"])
@pytest.mark.usefixtures("events")
def test_a_past_that_never_was_is_refused(tmp_path, as_of):
    done = CliRunner().invoke(app, ["trials", str(tmp_path / "campaign.yaml"), "--as-of", as_of])
    assert isinstance(done.exception, LedgerError)
    assert f"--as-of {as_of}: expected" in str(done.exception)


@pytest.mark.usefixtures("events")
def test_the_past_is_shown_as_it_was_known_then(tmp_path):
    def trials(*as_of: str) -> list[dict]:
        done = CliRunner().invoke(app, ["trials", str(tmp_path / "campaign.yaml"), "--format", "json", *as_of])
        return json.loads(done.output)

    assert len(trials()) == TRIALS
    # The definition, then each trial's proposal, start and result; the first one's result came last.
    assert [row["status"] for row in trials("--as-of", "8")] == ["running", "observed", "running"]
    assert [row["status"] for row in trials("--as-of", "2999-01-01")] == ["observed"] * TRIALS


def with_results(folder: Path, results: list[float], **proposer: str) -> list[Event]:
    """Return the events of a campaign with these results."""
    folder.mkdir()
    budget = {"trials": max(len(results) + 1, 9)}
    written = CAMPAIGN | {
        "budget": budget,
        "ledger": str(folder / "ledger"),
        "proposer": CAMPAIGN["proposer"] | proposer,
    }
    (folder / "campaign.yaml").write_text(json.dumps(written))
    campaign = AskTell(folder / "campaign.yaml")
    for result in results:
        campaign.tell(campaign.ask(), result)
    campaign.ask()
    segments = asyncio.run(open_ledger(str(folder / "ledger"), "own-loop", folder).read())
    return [event for segment in segments for event in segment.events]


WITH_A_TAIL = [0.1, 0.3, 0.2, -90.0, 0.25, -7e5, 0.27]


def test_penalties_of_the_largest_float_end_no_campaign_and_replay(tmp_path):
    most = sys.float_info.max
    events = with_results(tmp_path / "vast", [0.1, -most, 0.2, 0.15, -most, 0.3, 0.25])
    assert [e.generator for e in events if isinstance(e, TrialProposed)][-1] == "model"
    assert set(verdicts(replay(events, tmp_path)).values()) == {"same"}


def test_a_tail_width_that_was_chosen_is_recorded_and_replays(tmp_path):
    events = with_results(tmp_path / "chosen", WITH_A_TAIL)
    assert provenance(events, 8).models.metrics["score"].tail_width == 1.0
    assert set(verdicts(replay(events, tmp_path)).values()) == {"same"}
    [found] = replay(changed(events, 8, {"models.metrics.score.tail_width": 3.0} | FOREIGN), tmp_path, 8)
    assert found.verdict == "different"
    assert "expected one tail width of" in found.why


def test_a_second_opinion_is_recorded_and_replays_also_from_another_stack(tmp_path):
    events = with_results(tmp_path / "asked", WITH_A_TAIL)
    assert provenance(events, 8).models.opinions["score"].hyperparameters
    assert set(verdicts(replay(events, tmp_path)).values()) == {"same"}
    [found] = replay(changed(events, 8, {"predicted.score.low": 0.0} | FOREIGN), tmp_path, 8)
    assert found.verdict == "other stack"


def test_suspects_are_recorded_and_replay_also_from_another_stack(tmp_path):
    usual = [0.21, 0.2, 0.22, 0.19, 0.2, 0.21, 0.18, 0.2]
    events = with_results(tmp_path / "doubted", [*usual[:4], 9.0, *usual[4:], 0.2], outliers="doubt")
    made = [e.generator for e in events if isinstance(e, TrialProposed)]
    assert made[-1] == "model"
    assert made.count("checking") == 1
    assert provenance(events, len(made)).models.metrics["score"].suspects == (5,)
    assert set(verdicts(replay(events, tmp_path)).values()) == {"same"}
    [found] = replay(changed(events, len(made), {"predicted.score.low": 0.0} | FOREIGN), tmp_path, len(made))
    assert found.verdict == "other stack"
    [found] = replay(
        changed(events, len(made), {"models.metrics.score.suspects": (99,)} | FOREIGN), tmp_path, len(made)
    )
    assert found.verdict == "different"
    assert "as suspects in the whole batch" in found.why


def test_a_ledger_from_before_tails_were_chosen_and_noise_was_learnt_replays(tmp_path):
    events = with_results(tmp_path / "before", WITH_A_TAIL, tails="compressed", repeats="ignore", hopeless="ignore")

    def old(event: Event) -> Event:
        if isinstance(event, CampaignDefined):
            later = ("tails", "repeats", "hopeless")
            settings = {k: v for k, v in event.settings["proposer"].items() if k not in later}
            return event.model_copy(update={"settings": event.settings | {"proposer": settings}})
        if isinstance(event, TrialProposed) and event.provenance:
            later = (
                "predicted.score.low",
                "predicted.score.high",
                "models.metrics.score.tail_width",
                "models.opinions",
            )
            later = later if event.generator == "model" else ()
            return event.model_copy(update={"provenance": altered(event.provenance, without=later)})
        return event

    assert set(verdicts(replay([old(event) for event in events], tmp_path)).values()) == {"same"}


def test_points_that_stand_in_for_a_model_which_began_a_batch_replay(tmp_path):
    events = with_results(tmp_path / "failing", [0.1, 0.3, 0.2, 0.25])
    [defined] = [event for event in events if isinstance(event, CampaignDefined)]
    seen = [event for event in events if not (isinstance(event, TrialProposed) and event.trial == 5)]
    seen = [event for event in seen if getattr(event, "trial", 0) != 5]
    history = History.from_events(seen)
    points = propose(defined.definition, history, SobolProposer(), 2)
    news = [
        TrialProposed(
            time=defined.time,
            actor="test",
            trial=5 + i,
            point=proposal.point,
            generator="sobol",
            batch=5,
            provenance=altered(
                proposal.provenance,
                {
                    "asked.events_seen": len(seen),
                    "asked.stand_in": None if i == 0 else "sobol",
                    "asked.away": "it failed",
                },
            ),
        )
        for i, proposal in enumerate(points)
    ]
    assert {verdicts(replay([*seen, *news], tmp_path))[trial] for trial in (5, 6)} == {"same"}


def kept_by_version_2() -> list[Event]:
    """Return a campaign recorded by version 2, with batches, failures, costs, parked trials and a tail."""
    ledger = open_ledger(str(Path(__file__).parents[2] / "storage/old_ledgers/kept-by-version-2"), "kept", Path())
    return [event for segment in asyncio.run(ledger.read()) for event in segment.events]


def test_a_ledger_of_version_2_replays_to_the_same_bits(tmp_path):
    events = kept_by_version_2()
    found = list(replay(events, tmp_path))
    assert [each.trial for each in found] == [e.trial for e in events if isinstance(e, TrialProposed) and e.provenance]
    # The bits may differ on another machine's stack.
    expected = {"same"} if all(not each.why for each in found) else {"same", "other stack"}
    assert {each.verdict for each in found} <= expected
