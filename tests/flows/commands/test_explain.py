"""The explanation of a point, from the ledger alone."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from costly_campaign import CostlyEvaluator, run_costly
from dashboards import append
from limited_stories import limited
from told_stories import POINT, Story
from typer.testing import CliRunner

from overnight.campaign import Campaign, History, Measurement, Point, Proposal
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import CampaignDefined, Event, TrialObserved, TrialProposed
from overnight.campaign.history.provenance import Chosen, FittedModel, MadeBy, Models, Prediction, Provenance, Weights
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.cli import app
from overnight.report.explanation import explanation, feasible_sentence, suspect_sentence

CAMPAIGN: dict[str, Any] = {
    "name": "own-loop",
    "parameters": {
        "x": {"kind": "float", "low": 0, "high": 1},
        "nothing": {"kind": "float", "low": 0, "high": 1},
        "mode": {"kind": "categorical", "choices": ["a", "b", "c"]},
    },
    "maximize": "score",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 30},
    "proposer": {"kind": "bayesian", "initial": 8, "feasibility": "ignore"},
    "baseline": {"x": 0.5, "nothing": 0.5, "mode": "a"},
}


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Return the file of a campaign with 14 trials: one has failed and two have not ended."""
    path = tmp_path / "campaign.yaml"
    path.write_text(json.dumps(CAMPAIGN | {"ledger": str(tmp_path / "ledger")}))
    campaign = AskTell(path)
    for n in range(14):
        trial = campaign.ask()
        if n == 4:
            campaign.tell(trial, ValueError("no oven"))
        elif n not in (9, 13):
            campaign.tell(trial, (1 - (trial.point["x"] - 0.3) ** 2 - 0.5 * (trial.point["mode"] == "b"), 0.01))
    return path


def explained(path: Path, trial: int) -> str:
    done = CliRunner().invoke(app, ["explain", str(trial), str(path)], catch_exceptions=False)
    return done.output


def test_a_models_point_says_what_was_known_expected_and_found(told):
    said = explained(told, 13)
    assert "Proposed by log noisy expected improvement" in said
    assert "It knew 10 results, the best of them score" in said
    assert "and 1 failure." in said
    assert "It took into account trial 10, still outstanding." in said
    assert "It expected score" in said
    assert "Parameters that mattered" in said
    assert max(said.rindex("mode ("), said.rindex("x (")) < said.rindex("nothing")
    assert "It turned out to be score" in said
    assert "standard deviations" in said


@pytest.mark.parametrize("categories", ["hamming", "one_hot"])
def test_a_category_is_among_the_parameters_that_mattered(categories: str):
    scales = {"hamming": (-1.0, 3.0, 0.0), "one_hot": (-1.0, 3.0, 2.0, 0.0, 2.0)}[categories]
    doubled = {"log_length_scales": scales + scales, "log_noise_variance": (-3.0, -3.0)}
    said = far_from_the_best(
        0.3, features={"x": slice(0, 1), "nothing": slice(1, 2), "mode": slice(2, 5)}, record=doubled
    )
    assert "by length scale in widths of the range: x (0.37), mode (1)." in said
    assert "Parameters that hardly mattered: nothing." in said


SCALES = {"log_length_scales": (-1.0, -2.0, 0.0), "log_noise_variance": (-3.0,)}
COLUMNS = {"x": slice(0, 1), "nothing": slice(1, 2), "mode": slice(2, 5)}


def what_mattered(**known: Any) -> list[str]:
    """Return the parameters that the explanation of the fourth point names as those that mattered."""
    said = far_from_the_best(0.3, features=COLUMNS, record=SCALES, **known)
    return [name for line in said.splitlines() if "mattered" in line for name in COLUMNS if f"{name} (" in line]


def test_a_parameter_with_a_single_value_in_all_results_cannot_have_mattered():
    assert what_mattered() == ["x", "nothing", "mode"]
    assert what_mattered(points=[point | {"nothing": 0.5} for point in POINTS]) == ["x", "mode"]
    # That of the proposed point has no result yet.
    assert what_mattered(points=[*(p | {"nothing": 0.5} for p in POINTS[:3]), POINTS[3]]) == ["x", "mode"]


def test_a_parameter_that_is_fixed_cannot_have_mattered():
    assert what_mattered(changes={"fix": {"x": 0.4}}) == ["nothing", "mode"]


def test_a_parameter_that_is_inactive_at_the_point_cannot_have_mattered():
    parameters: dict[str, Any] = {**CAMPAIGN["parameters"]}
    parameters["nothing"] = parameters["nothing"] | {"when": {"mode": "b"}}
    points = [{name: value for name, value in p.items() if name != "nothing" or p["mode"] == "b"} for p in POINTS]
    assert what_mattered(points=points, changes={"parameters": parameters}) == ["x", "mode"]
    points[3] = POINTS[3] | {"mode": "b"}
    assert what_mattered(points=points, changes={"parameters": parameters}) == ["x", "nothing", "mode"]


def test_length_scales_of_another_space_are_not_shown():
    record = {"log_length_scales": (-1.0, 3.0), "log_noise_variance": (-3.0,)}
    said = far_from_the_best(
        0.3, features={"x": slice(0, 1), "nothing": slice(1, 2), "mode": slice(2, 5)}, record=record
    )
    assert "mattered" not in said


def test_a_point_that_may_fail_says_how_likely_that_was_thought(tmp_path):
    path = tmp_path / "campaign.yaml"
    proposer = {"kind": "bayesian", "initial": 6}
    path.write_text(json.dumps(CAMPAIGN | {"ledger": str(tmp_path / "ledger"), "proposer": proposer}))
    campaign = AskTell(path)
    for _ in range(7):
        trial = campaign.ask()
        x = float(trial.point["x"])
        campaign.tell(trial, ValueError("no oven") if x > 0.5 else (x, 0.01))
    assert "It gave the point a chance of 0." in explained(path, 7)
    assert "It gave the point a chance" not in explained(path, 3)


@pytest.mark.parametrize(("told_costs", "says"), [(True, "to cost "), (False, "to take ")], ids=["costs", "seconds"])
def test_a_point_chosen_with_an_eye_on_costs_says_what_it_was_expected_to_cost(tmp_path, told_costs, says):
    proposer = {"kind": "bayesian", "initial": 6, "cost_aware": True}
    definition = CAMPAIGN | {"proposer": proposer, "budget": {"trials": 7}}
    run_costly(definition, tmp_path, CostlyEvaluator(costs_are_told=told_costs))
    said = explained(tmp_path / "campaign.yaml", 7)
    assert f"It expected the point {says}" in said
    assert "which counts against what it may gain." in said
    assert "It expected the point" not in explained(tmp_path / "campaign.yaml", 3)


@pytest.mark.parametrize(
    ("trial", "says"),
    [
        (1, "It is the baseline"),
        (2, "a point of the Sobol sequence"),
        (5, "It failed after 0s (evaluator error): ValueError: no oven"),
        (10, "It has not ended yet."),
    ],
)
def test_other_points_say_where_they_come_from_and_how_they_ended(told, trial, says):
    assert says in explained(told, trial)


def test_a_failure_is_explained_in_a_line_and_its_whole_message_follows(tmp_path):
    message = 'Traceback (most recent call last):\n  File "bake.py", line 12, in bake\nMemoryError: full'
    append(tmp_path, "rates", Story().proposed(1, 1).started(1, 2).failed(1, 4, message=message).events)
    said = explained(tmp_path / "rates", 1)
    assert any(line.startswith("It failed ") and line.endswith(": MemoryError: full") for line in said.splitlines())
    assert said.endswith(f"\n\nThe whole message:\n{message}\n")


def test_the_trial_comes_before_the_campaigns_file(told):
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["explain", str(told), "3"])
    assert done.exit_code == 2
    assert "expected the number of a trial, and the campaign's file after it, got" in done.output


def test_a_trial_that_is_not_there_is_refused(told):
    with pytest.raises(LedgerError, match="expected a trial up to 14, found no trial 15"):
        explained(told, 15)


POINTS: list[Point] = [{"x": 0.1 * n, "nothing": 0.2 * n, "mode": "ab"[n % 2]} for n in range(1, 5)]


def far_from_the_best(
    outcome: float | None = None,
    tail_width: float | None = None,
    features: Mapping[str, slice] | None = None,
    record: dict[str, tuple[float, ...]] | None = None,
    points: Sequence[Point] = POINTS,
    changes: Mapping[str, Any] | None = None,
    **known: float,
) -> str:
    """Return the explanation of a point whose prediction was far worse than the best of three results."""
    definition = {key: CAMPAIGN[key] for key in ("name", "parameters", "budget")}
    campaign = Campaign.model_validate(definition | {"minimize": "loss"} | {**(changes or {})})
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    provenance = Provenance(
        made_by=MadeBy(seed=1),
        models=Models(metrics={"loss": FittedModel(hyperparameters=record or {}, tail_width=tail_width)}),
        predicted={"loss": Prediction(mean=47.8, **known)},
        chosen=Chosen(acquisition="log_noisy_expected_improvement", expected_gain=3e-4),
    )
    events: list[Event] = [CampaignDefined(time=noon, actor="test", uid="u", definition=campaign)]
    for trial, loss in enumerate((0.2, 0.3, 0.21, outcome), start=1):
        point = points[trial - 1]
        how = {"generator": "model", "provenance": provenance} if trial == 4 else {"generator": "manual"}
        events.append(TrialProposed(time=noon, actor="test", trial=trial, point=point, **how))
        if loss is not None:
            metrics = {"loss": Measurement(mean=loss)}
            events.append(TrialObserved(time=noon, actor="test", trial=trial, attempt=1, metrics=metrics))
    history = History.from_events(events)
    then = History.from_events(events[:7])
    return "\n".join(explanation(then, history.trials[4], features or {}))


def test_a_point_far_from_the_best_says_that_it_explores_and_how_unsure_its_prediction_was():
    said = far_from_the_best(sd=102.0, low=5.7, high=583.0, tail_width=16.0)
    assert "with 90 % between 5.7 and 583." in said
    assert "It explores: " in said
    assert "Results far worse than most were drawn together" in said
    assert "It explores" not in far_from_the_best(sd=80.0, low=-83.0, high=180.0)


@pytest.mark.parametrize(("outcome", "deviations"), [(-1.7e308, "1 × 10³⁰⁸"), (1.7e308, "1 × 10³⁰⁸")])
def test_a_surprise_at_the_ends_of_the_floats_is_told(outcome: float, deviations: str):
    assert f", {deviations} standard deviations " in far_from_the_best(outcome, sd=1.7)
    opposite = far_from_the_best(outcome, sd=1.7e308, low=-1.7e308, high=1.7e308)
    assert ", 1.6 standard deviations " in opposite


def test_a_surprise_is_measured_on_its_own_side_of_the_prediction():
    known = {"sd": 102.0, "low": 5.7, "high": 583.0}
    above, below = (583.0 - 47.8) / 1.645, (47.8 - 5.7) / 1.645
    assert f"{(200.0 - 47.8) / above:.2f} standard deviations above" in far_from_the_best(200.0, **known)
    assert f"{(47.8 - 1.0) / below:.1f} standard deviations below" in far_from_the_best(1.0, **known)


@pytest.mark.parametrize(
    ("outcome", "distance"),
    [
        (57.8, "1 standard deviation above"),
        (37.8, "1 standard deviation below"),
        (58.2, "1 standard deviation above"),
        (58.8, "1.1 standard deviations above"),
        (67.8, "2 standard deviations above"),
        (48.8, "0.1 standard deviations above"),
    ],
)
def test_a_surprise_of_one_standard_deviation_is_singular(outcome: float, distance: str):
    assert f", {distance} what was expected." in far_from_the_best(outcome, sd=10.0)


def test_a_check_names_the_trial_that_looks_too_good_and_a_suspect_is_named_with_its_repetition():
    definition = {key: CAMPAIGN[key] for key in ("name", "parameters", "budget")}
    campaign = Campaign.model_validate(definition | {"minimize": "loss"})
    noon, points = (
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        [{"x": 0.1 * i, "nothing": 0.5, "mode": "a"} for i in (1, 2, 3, 2)],
    )
    believed = FittedModel(hyperparameters={}, suspects=(2,))
    provenance = Provenance(made_by=MadeBy(seed=1), models=Models(metrics={"loss": believed}))
    events: list[Event] = [CampaignDefined(time=noon, actor="test", uid="u", definition=campaign)]
    for trial, (point, loss) in enumerate(zip(points, (0.2, -9.0, 0.21, 0.22), strict=True), start=1):
        how = {"generator": "checking", "provenance": provenance} if trial == 4 else {"generator": "manual"}
        events.append(TrialProposed(time=noon, actor="test", trial=trial, point=point, **how))
        metrics = {"loss": Measurement(mean=loss)}
        events.append(TrialObserved(time=noon, actor="test", trial=trial, attempt=1, metrics=metrics))
    history, then = History.from_events(events), History.from_events(events[:7])
    said = "\n".join(explanation(then, history.trials[4], {}))
    assert "It checks trial 2, which looks too good to be true (loss −9)." in said
    assert "It knew 2 results, the best of them loss 0.2 in trial 1, and 0 failures." in said
    assert "It did not believe trial 2: " in said
    of_suspect = suspect_sentence(history, history.trials[2])
    assert of_suspect == "Trial 2 looks like a glitch and does not count: loss −9; measured again: 0.22 (trial 4)."
    assert suspect_sentence(history, history.trials[1]) is None


def test_a_point_under_constraints_is_explained_with_its_chances_the_floor_and_its_verdict():
    trials = [{"loss": 2.0, "p99_ms": 14.0, "errors": 0.1}, {"loss": 1.0, "p99_ms": 16.5, "errors": 0.1}]
    history = limited(trials).history
    made = Provenance(
        made_by=MadeBy(seed=1),
        weights=Weights(constraints={"p99_ms <= 15": 0.97, "errors <= 2 * baseline": 0.005}),
        chosen=Chosen(floor=3.5),
    )
    proposal = Proposal(point=POINT, generator="model", provenance=made)
    trial = history.trials[2].model_copy(update={"proposal": proposal})
    lines = list(explanation(history, trial, {}))
    assert "It knew 2 results, the best feasible one of them loss 2 in trial 1, and 0 failures." in lines
    assert "It gave the point a chance of 97 % to meet p99_ms <= 15." in lines
    assert "It gave the point a chance of 0.5 % to meet errors <= 2 * baseline." in lines
    assert "In draws of the model without a feasible point, it had to beat loss 3.5 instead." in lines
    assert feasible_sentence(history, trial) == "It is infeasible as measured: p99_ms <= 15 (16.5)."
    assert feasible_sentence(history, history.trials[1]) == "It is feasible as measured."


def test_a_result_whose_limit_is_unknown_has_no_verdict_and_one_without_constraints_no_sentence():
    first = {"loss": 2.0, "p99_ms": 14.0}
    history = limited([first, first | {"errors": 1}]).history
    unknown = "Whether it is feasible is unknown, because the baseline has no errors yet."
    assert feasible_sentence(history, history.trials[2]) == unknown
    plain = limited([first], constraints=[]).history
    assert feasible_sentence(plain, plain.trials[1]) is None
