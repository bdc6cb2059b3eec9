"""The expected final results of stopped trials, from ended trials that reported at the same steps."""

from datetime import UTC, datetime

import numpy as np
import pytest

from overnight.bo_core import BayesianProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.stopped import expected_finals
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.bo_core.situated import situated
from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.goal.constraint import read_constraint
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    MeasurementReported,
    TrialObserved,
    TrialProposed,
    TrialStopped,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def a_campaign(direction: str = "minimize") -> Campaign:
    return Campaign.model_validate(
        {
            "name": "curves",
            "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
            direction: "loss",
            "budget": {"trials": 30},
            "stop_early": {"rule": "median"},
        }
    )


def begun(trial: int, x: float, reports: list[float]) -> list[Event]:
    about = {"time": NOW, "actor": "controller", "trial": trial}
    told = [
        MeasurementReported(**about, attempt=1, step=step, metrics={"loss": Measurement(mean=value)})
        for step, value in enumerate(reports, start=1)
    ]
    started = AttemptStarted(**about, attempt=1, key=str(trial))
    return [TrialProposed(**about, point={"x": x}, generator="sobol"), started, *told]


def ended(trial: int, x: float, reports: list[float], final: float) -> list[Event]:
    measured = {"loss": Measurement(mean=final)}
    end = TrialObserved(time=NOW, actor="controller", trial=trial, attempt=1, metrics=measured)
    return [*begun(trial, x, reports), end]


def stopped(trial: int, x: float, reports: list[float]) -> list[Event]:
    about = {"time": NOW, "actor": "controller", "trial": trial, "attempt": 1}
    why = "it fell behind"
    end = TrialStopped(
        **about, rule="median", metric="loss", step=len(reports), value=reports[-1], threshold=0.0, why=why
    )
    return [*begun(trial, x, reports), end]


def told(*rows: list[Event], campaign: Campaign | None = None) -> History:
    defined = CampaignDefined(time=NOW, actor="ada", uid="u", definition=campaign or a_campaign())
    return History.from_events([defined, *(event for row in rows for event in row)])


def five_ended() -> list[list[Event]]:
    early, final = (5.0, 4.0, 6.0, 5.5, 4.2), (2.1, 1.4, 2.9, 2.4, 1.6)
    return [ended(i + 1, i / 9, [9.0, early[i], final[i]], final[i]) for i in range(5)]


def situation(history: History) -> Situation:
    campaign = history.definition
    encoding = Encoding(campaign.space)
    return Situation.of(campaign, history.model_view(), encoding, learn_noise=False, hamming=False)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_end_of_a_stopped_trial_is_predicted_as_by_ordinary_least_squares(direction):
    campaign = a_campaign(direction)
    history = told(*five_ended(), stopped(6, 0.9, [9.0, 7.0]), campaign=campaign)
    early, final = np.array([5.0, 4.0, 6.0, 5.5, 4.2]), np.array([2.1, 1.4, 2.9, 2.4, 1.6])
    design = np.column_stack([np.ones(5), early])
    coefficients, residual, *_ = np.linalg.lstsq(design, final, rcond=None)
    asked = np.array([1.0, 7.0])
    variance = residual[0] / 3 * (1 + asked @ np.linalg.inv(design.T @ design) @ asked)
    expected = expected_finals(campaign, history.model_view(), "loss")
    assert expected[6].mean == pytest.approx(asked @ coefficients)
    assert expected[6].sem == pytest.approx(np.sqrt(variance))


def test_a_bad_report_is_no_reason_to_expect_a_good_end():
    rows = [ended(i + 1, i / 9, [float(i), -float(i)], -float(i)) for i in range(5)]
    [expected] = expected_finals(a_campaign(), told(*rows, stopped(6, 0.9, [50.0])).model_view(), "loss").values()
    assert expected.mean == pytest.approx(-2.0)


def test_what_diverged_is_expected_to_be_bad_and_breaks_nothing():
    history = told(*five_ended(), stopped(6, 0.9, [9.0, 1e300]))
    [expected] = expected_finals(a_campaign(), history.model_view(), "loss").values()
    assert expected.mean > 1e200
    assert len(propose(a_campaign(), history, BayesianProposer(initial=2), 1)) == 1


def test_where_too_few_have_ended_a_stopped_point_counts_like_one_that_failed():
    campaign, history = a_campaign(), told(*five_ended()[:3], stopped(6, 0.9, [9.0, 7.0]))
    assert expected_finals(campaign, history.model_view(), "loss") == {}
    assert situation(history).without_value.tolist() == [[0.9]]


def test_the_model_learns_from_a_stopped_trial_and_recommends_none():
    campaign, rows = a_campaign(), five_ended()
    history = told(*rows, stopped(6, 0.9, [9.0, 3.0]))
    assert [trial.id for trial in situation(history).observed["loss"].trials] == [1, 2, 3, 4, 5, 6]
    assert len(situation(history).without_value) == 0
    found = recommend(campaign, history)
    assert found is not None
    assert found.trial == 2
    [proposal] = propose(campaign, history, BayesianProposer(initial=2), 1)
    assert proposal.provenance is not None
    assert proposal.provenance.knew.observed == 6


def test_reports_change_nothing_while_no_trial_was_stopped():
    campaign = a_campaign()
    silent = [[e for e in row if not isinstance(e, MeasurementReported)] for row in five_ended()]
    proposer = BayesianProposer(initial=2)
    assert propose(campaign, told(*five_ended()), proposer, 1) == propose(campaign, told(*silent), proposer, 1)


def test_a_proposal_says_what_it_expects_to_gain_in_the_metrics_unit():
    large = a_campaign()
    rows = [[e for e in row if not isinstance(e, MeasurementReported)] for row in five_ended()]
    [small] = propose(large, told(*rows), BayesianProposer(initial=2), 1)
    times = [
        [
            e.model_copy(update={"metrics": {"loss": Measurement(mean=1024 * e.metrics["loss"].mean)}})
            if isinstance(e, TrialObserved)
            else e
            for e in row
        ]
        for row in rows
    ]
    [big] = propose(large, told(*times), BayesianProposer(initial=2), 1)
    assert small.provenance is not None
    assert big.provenance is not None
    assert small.provenance.chosen.expected_gain is not None
    assert small.provenance.chosen.expected_gain > 0
    assert big.provenance.chosen.expected_gain == pytest.approx(1024 * small.provenance.chosen.expected_gain, rel=1e-6)


def test_the_ends_of_stopped_trials_are_expected_once_a_proposal(monkeypatch):
    asked = []

    def counted(campaign, view, metric):
        asked.append(view)
        return expected_finals(campaign, view, metric)

    monkeypatch.setattr("overnight.bo_core.data.situation.expected_finals", counted)
    propose(a_campaign(), told(*five_ended(), stopped(6, 0.9, [9.0, 3.0])), BayesianProposer(initial=2), 2)
    assert len(asked) == 1


def test_a_metric_that_is_limited_is_learnt_from_stopped_trials_as_well():
    campaign = a_campaign().model_copy(update={"constraints": (read_constraint("grams <= 2"),)})
    with_grams = [[_with_grams(event) for event in row] for row in (*five_ended(), stopped(6, 0.9, [9.0, 3.0]))]
    view = told(*with_grams, campaign=campaign).model_view()
    situation = situated(campaign, view, Encoding(campaign.space), BayesianProposer())
    of_loss, of_grams = situation.observed["loss"], situation.observed["grams"]
    assert [trial.id for trial in of_grams.trials] == [trial.id for trial in of_loss.trials] == [1, 2, 3, 4, 5, 6]
    assert of_grams.measured[-1].mean == pytest.approx(2 * of_loss.measured[-1].mean)
    assert of_grams.measured[-1].sem == pytest.approx(2 * of_loss.measured[-1].sem)


def _with_grams(event: Event) -> Event:
    """Return the event with grams, twice the loss."""
    if not isinstance(event, MeasurementReported | TrialObserved):
        return event
    grams = Measurement(mean=2 * event.metrics["loss"].mean)
    return event.model_copy(update={"metrics": {**event.metrics, "grams": grams}})
