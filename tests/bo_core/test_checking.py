"""Results that look too good are measured again, once; if they are confirmed, they are believed."""

import math
import random

import pytest
from told_campaigns import (
    NOON,
    add,
    bowl,
    campaign_of,
    cube,
    defined,
    failed,
    history_of,
    observed,
    proposed,
    provenance_of,
    some_points,
    told,
)

from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, SobolProposer, recorded_proposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement, Point, Proposal
from overnight.campaign.history.events import Event, TrialObserved, TrialRejected

DOUBT = BayesianProposer(initial=2, draws=64, restarts=4, raw_points=128, device="cpu")
BELIEVE = DOUBT.model_copy(update={"outliers": "believe"})
SPACE = campaign_of(cube(2))
GLITCHED = 6


def glitched(error: float, campaign: Campaign = SPACE, count: int = 16) -> History:
    """Return readings of a noisy bowl, one of which is off by the error."""
    rng, points = random.Random(0), some_points(campaign, count)
    values = [bowl(p) + rng.gauss(0.0, 0.02) for p in points]
    values[GLITCHED - 1] += error
    return history_of(campaign, points, values)


def suspects_of(proposal: Proposal) -> tuple[int, ...]:
    return provenance_of(proposal).models.metrics["loss"].suspects


def generators(history: History, proposer: BayesianProposer = DOUBT, campaign: Campaign = SPACE) -> list[str]:
    return [proposal.generator for proposal in propose(campaign, history, proposer, 2)]


def recommended(history: History, campaign: Campaign = SPACE) -> Point:
    found = recommend(campaign, history, DOUBT)
    assert found is not None
    return found.point


def test_a_result_that_looks_too_good_is_measured_again_and_not_believed_before() -> None:
    history = glitched(-2.0)
    check, new = propose(SPACE, history, DOUBT, 2)
    assert (check.generator, check.point) == ("checking", history.trials[GLITCHED].point)
    assert (new.generator, suspects_of(check), suspects_of(new)) == ("model", (GLITCHED,), (GLITCHED,))
    predicted = check.prediction("loss")
    assert predicted is not None
    assert predicted.mean == pytest.approx(bowl(check.point), abs=0.05)
    assert recommended(history) != check.point


@pytest.mark.parametrize("ends", ["pending", "failed", "rejected", "observed"])
def test_it_is_measured_again_once_however_that_ends(ends) -> None:
    history = add(glitched(-2.0), propose(SPACE, glitched(-2.0), DOUBT, 1))
    last = history.next_trial - 1
    truth = bowl(history.trials[last].point)
    rejected = TrialRejected(time=NOON, actor="test", trial=last, why="no")
    end = {"pending": [], "failed": [failed(last)], "rejected": [rejected], "observed": [observed(last, truth)]}
    assert generators(history.extended(end[ends])) == ["model", "model"]


def test_a_result_that_is_confirmed_counts_and_one_that_is_not_does_not() -> None:
    [check] = propose(SPACE, glitched(-2.0), DOUBT, 1)
    history = add(glitched(-2.0), [check])
    confirmed = history.extended([observed(history.next_trial - 1, bowl(check.point) - 2.01)])
    refuted = history.extended([observed(history.next_trial - 1, bowl(check.point))])
    assert suspects_of(propose(SPACE, confirmed, DOUBT, 1)[0]) == ()
    assert recommended(confirmed) == check.point
    assert suspects_of(propose(SPACE, refuted, DOUBT, 1)[0]) == (GLITCHED,)
    assert recommended(refuted) != check.point


def test_a_good_result_without_neighbours_is_checked_once_the_search_has_looked_beside_it() -> None:
    def waves(point: Point) -> float:
        return sum(math.sin(5.0 * float(x) + i) for i, x in enumerate(point.values()))

    campaign = campaign_of(cube(6))
    points = some_points(campaign, 30)
    history = history_of(campaign, points, [waves(p) - 12.0 * (p == points[GLITCHED - 1]) for p in points])
    made: list[Proposal] = []
    for _ in range(4):
        made += propose(campaign, history, DOUBT, 1)
        history = add(history, made[-1:]).extended([observed(history.next_trial, waves(made[-1].point))])
    [check] = [proposal for proposal in made if proposal.generator == "checking"]
    assert made[0] != check
    assert suspects_of(made[0]) == ()
    assert check.point == points[GLITCHED - 1]
    assert suspects_of(propose(campaign, history, DOUBT, 1)[0]) == (GLITCHED,)
    assert recommended(history, campaign) != check.point


def test_a_result_that_looks_too_bad_is_doubted_and_not_measured_again() -> None:
    made = propose(SPACE, glitched(2.0), DOUBT, 2)
    assert [(each.generator, suspects_of(each)) for each in made] == [("model", (GLITCHED,))] * 2


def test_without_suspects_no_bit_changes() -> None:
    history = told(SPACE, 16, pending=2)
    assert propose(SPACE, history, DOUBT, 3) == propose(SPACE, history, BELIEVE, 3)
    assert recommend(SPACE, history, DOUBT) == recommend(SPACE, history, BELIEVE)


def test_a_suspect_is_doubted_by_default_and_believed_under_settings_of_older_versions() -> None:
    assert BayesianProposer().outliers == "doubt"
    assert generators(glitched(-2.0), BELIEVE) == ["model", "model"]
    assert suspects_of(propose(SPACE, glitched(-2.0), BELIEVE, 1)[0]) == ()
    older = recorded_proposer({"kind": "bayesian"})
    assert isinstance(older, BayesianProposer)
    assert older.outliers == "believe"


def test_the_same_history_gives_the_same_bits_also_with_suspects_before() -> None:
    history = add(glitched(-2.0), propose(SPACE, glitched(-2.0), DOUBT, 2))
    assert propose(SPACE, history, DOUBT, 2) == propose(SPACE, history, DOUBT, 2)
    assert suspects_of(propose(SPACE, history, DOUBT, 1)[0]) == (GLITCHED,)


def test_the_proposals_know_as_little_of_the_suspect_as_if_it_had_not_been_observed() -> None:
    value = provenance_of(propose(SPACE, glitched(-2.0), DOUBT, 2)[1]).models
    assert value == provenance_of(propose(SPACE, glitched(-5.0), DOUBT, 2)[1]).models


def test_a_recommendation_believes_all_results_if_the_proposer_has_no_model() -> None:
    history = glitched(-2.0)
    believing = recommend(SPACE, history, BELIEVE)
    assert believing is not None
    assert believing.suspects == {}
    usual = BayesianProposer(outliers="believe")
    for proposer in (SobolProposer(), None):
        assert recommend(SPACE, history, proposer) == recommend(SPACE, history, usual)


def test_with_constraints_the_objective_alone_is_judged_and_the_limited_metrics_of_a_suspect_are_unknown_too() -> None:
    campaign, points = campaign_of(cube(2), constraints=["heat <= 1.5"]), some_points(SPACE, 16)
    rng = random.Random(0)

    def heat(trial: int, vast: float) -> Measurement:
        return Measurement(mean=float(points[trial - 1]["x0"]) + rng.gauss(0.0, 0.02) + (vast if trial == 9 else 0.0))

    def asked(error: float, vast: float) -> Asked:
        events = list[Event]([defined(campaign)])
        for trial, point in enumerate(points, start=1):
            loss = bowl(point) + rng.gauss(0.0, 0.02) + (error if trial == GLITCHED else 0.0)
            metrics = {"loss": Measurement(mean=loss), "heat": heat(trial, vast)}
            seen = TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics=metrics)
            events += [proposed(trial, point), seen]
        return Asked(campaign, History.from_events(events), DOUBT, Encoding(campaign.space), [], 1)

    with_glitch = asked(-2.0, 0.0)
    assert with_glitch.doubted == (GLITCHED,)
    known = [[trial.id for trial in each.trials] for each in with_glitch.situation.observed.values()]
    assert known == [[i for i in range(1, 17) if i != GLITCHED]] * 2
    assert asked(0.0, 50.0).doubted == ()


def test_nothing_is_measured_again_if_replication_is_forbidden() -> None:
    never = DOUBT.model_copy(update={"replication": "never"})
    assert generators(glitched(-2.0), never) == ["model", "model"]


def test_exact_results_are_believed() -> None:
    exact = campaign_of(cube(2), noise="none")
    assert generators(glitched(-2.0, exact), campaign=exact) == ["model", "model"]


def test_while_the_last_trials_confirm_a_check_comes_first() -> None:
    campaign = campaign_of(cube(2), budget={"trials": 20}, confirm=4)
    history = glitched(-2.0, campaign)
    [check] = propose(campaign, history, DOUBT, 4)
    assert check.generator == "checking"
    pending = add(history, [check])
    assert propose(campaign, pending, DOUBT, 4) == []
    refuted = pending.extended([observed(17, bowl(check.point))])
    assert [each.generator for each in propose(campaign, refuted, DOUBT, 4)] == ["confirming"]


def test_a_better_region_that_few_points_show_is_found_after_one_check() -> None:
    def with_pit(point: Point) -> float:
        away = math.dist([float(x) for x in point.values()], [0.8, 0.75])
        return bowl(point) - 1.5 * math.exp(-((away / 0.08) ** 2))

    rng, points = random.Random(3), [p for p in some_points(SPACE, 20) if with_pit(p) > -0.1]
    points.append({"x0": 0.78, "x1": 0.76})
    history = history_of(SPACE, points, [with_pit(p) + rng.gauss(0.0, 0.02) for p in points])
    made: list[str] = []
    for _ in range(8):
        [proposal] = propose(SPACE, history, DOUBT, 1)
        made.append(proposal.generator)
        value = with_pit(proposal.point) + rng.gauss(0.0, 0.02)
        history = add(history, [proposal]).extended([observed(history.next_trial, value)])
    assert made[0] == "checking"
    assert made.count("checking") == 1
    assert with_pit(recommended(history)) < -0.7


def test_a_baseline_that_looks_like_a_glitch_is_still_compared_with() -> None:
    point = some_points(SPACE, GLITCHED)[-1]
    campaign = campaign_of(cube(2), baseline=point)
    found = recommend(campaign, glitched(-2.0, campaign), DOUBT)
    assert found is not None
    assert [*found.suspects] == [GLITCHED]
    assert found.baseline_mean == pytest.approx(bowl(point), abs=0.1)
    assert found.suspects[GLITCHED].mean == pytest.approx(found.baseline_mean)
    assert found.probability_better_than_baseline is not None
