"""Proposals that wait for a person, and the reasons given."""

import math
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign, History, Measurement, Proposal
from overnight.campaign.history.events import AttemptStarted, CampaignDefined, TrialObserved, TrialProposed
from overnight.campaign.history.provenance import MadeBy, Prediction, Provenance, Weights
from overnight.campaign.standing.parking import why_parked

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARAMETERS = {
    "heat": {"kind": "float", "low": 0.0, "high": 1.0},
    "rate": {"kind": "float", "low": 1e-4, "high": 1.0, "scale": "log"},
    "turns": {"kind": "int", "low": 1, "high": 11},
    "size": {"kind": "ordinal", "choices": ["s", "m", "l", "xl", "xxl"]},
    "oven": {"kind": "categorical", "choices": ["gas", "wood", "coal", True]},
    "cache": {"kind": "bool"},
    "keep": {"kind": "float", "low": 0.01, "high": 0.99, "scale": "logit"},
    "share": {"kind": "float", "low": 0, "high": 1, "step": 0.05},
    "flour": {"kind": "fixed", "value": 2},
}
BASELINE = {"heat": 0.5, "rate": 0.01, "turns": 6, "size": "m", "oven": "gas"}
BASELINE |= {"cache": False, "keep": 0.5, "share": 0.15}


def campaign_of(when: object, **changes: object) -> Campaign:
    approve = when if isinstance(when, str) else {"when": when}
    data = {
        "name": "bread",
        "parameters": PARAMETERS,
        "minimize": "loss",
        "budget": {"trials": 9},
        "baseline": BASELINE,
        "approve": approve,
    }
    return Campaign.model_validate(data | changes)


def proposal_of(
    campaign: Campaign, *, generator: str = "model", mean=None, sd=None, cost=None, **values: object
) -> Proposal:
    predicted = {} if mean is None else {"loss": Prediction(mean=mean, sd=sd)}
    made = Provenance(made_by=MadeBy(seed=1), predicted=predicted, weights=Weights(predicted_cost=cost))
    point = campaign.space.point(BASELINE | values)
    return Proposal.model_validate({"point": point, "generator": generator, "provenance": made})


def why(when: object, *, history: History = History(), minimize: bool = True, **proposed: object) -> str | None:  # noqa: B008
    campaign = campaign_of(when, **({} if minimize else {"minimize": None, "maximize": "loss"}))
    return why_parked(campaign, history, proposal_of(campaign, **proposed))


@pytest.mark.parametrize(
    ("name", "inside", "beyond"),
    [
        ("heat", 0.8, 0.81),
        # Three tenths of four decades, starting from 0.01.
        ("rate", 0.15, 0.17),
        ("turns", 9, 10),
        ("size", "l", "xl"),
        ("oven", "gas", "wood"),
        ("cache", False, True),
        # From even odds, three tenths of the range from 1:99 to 99:1 lead to 15.8:1.
        ("keep", 0.94, 0.941),
        ("share", 0.45, 0.5),
    ],
)
def test_one_number_limits_how_far_every_parameter_may_change_on_its_own_scale(name, inside, beyond):
    assert why({"change": 0.3}, **{name: inside}) is None
    assert name in why({"change": 0.3}, **{name: beyond})


def test_a_switch_is_turned_in_the_words_of_the_campaign_file():
    said = "cache is true, and false in the baseline (`approve.when.change`)"
    assert why({"change": 0.3}, cache=True) == why({"change": {"cache": "any"}}, cache=True) == said


def test_the_reason_says_how_far_from_the_baseline_a_value_is_and_which_rule_says_so():
    said = "heat is 0.9, 0.4 of its range away from 0.5 in the baseline, more than 0.3 (`approve.when.change`)"
    assert why({"change": 0.3}, heat=0.9) == said
    assert (
        why({"change": {"oven": "any"}}, oven="coal") == "oven is coal, and gas in the baseline (`approve.when.change`)"
    )


@pytest.mark.parametrize(
    ("limits", "values", "named"),
    [
        ({"heat": 0.1}, {"turns": 11, "oven": "wood"}, []),
        ({"heat": 0.1, "turns": 0.1}, {"heat": 0.7, "turns": 8}, ["heat", "turns"]),
        ({"heat": "any"}, {"heat": 0.5001}, ["heat"]),
        ({"heat": 0}, {"heat": 0.5001}, ["heat"]),
        ({"oven": ["coal", True]}, {"oven": "wood"}, []),
        ({"oven": ["coal", True]}, {"oven": True}, ["oven"]),
        ({"oven": ["gas", "coal"]}, {"oven": "gas"}, []),
        ({"size": ["xl", "xxl"]}, {"size": "xxl"}, ["size"]),
        ({"cache": [True]}, {"cache": True}, ["cache"]),
        ({"cache": [False]}, {"cache": True}, []),
    ],
    ids=str,
)
def test_a_mapping_limits_the_parameters_that_it_names_and_no_others(limits, values, named):
    reasons = why({"change": limits}, **values)
    assert [part.split(" is ")[0] for part in reasons.split("; ")] == named if named else reasons is None


@pytest.mark.parametrize(
    ("name", "limit", "reason"),
    [
        ("heat", 0.9, "heat is not active, and 0.5 in the baseline (`approve.when.change`)"),
        ("heat", {"heat": "any"}, "heat is not active, and 0.5 in the baseline (`approve.when.change`)"),
        ("heat", {"turns": 0.9}, None),
        # A list names the choices that need approval, and the point has none of them.
        ("oven", {"oven": ["wood", "coal"]}, None),
    ],
    ids=str,
)
def test_a_parameter_that_is_active_only_in_the_baseline_has_changed_beyond_every_limit(name, limit, reason):
    campaign = campaign_of({"change": limit})
    point = {other: value for other, value in campaign.space.point(BASELINE).items() if other != name}
    assert why_parked(campaign, History(), Proposal(point=point, generator="model")) == reason


@pytest.mark.parametrize(("minimize", "mean", "waits"), [(True, 2.1, True), (True, 1.9, False), (False, 1.9, True)])
def test_a_point_waits_if_it_is_predicted_worse_than_the_limit_in_the_direction_of_the_objective(minimize, mean, waits):
    reason = why({"predicted": {"worse_than": 2.0}}, minimize=minimize, mean=mean, sd=0.5)
    assert (reason is not None) == waits
    assert reason is None or reason == f"loss is predicted {mean:g}, worse than 2 (`approve.when.predicted`)"


@pytest.mark.parametrize(("minimize", "edge"), [(True, 2.5), (False, 0.5)])
def test_standard_deviations_are_counted_on_the_bad_side(minimize, edge):
    limit = {"worse_than": edge - 0.1 if minimize else edge + 0.1}
    assert why({"predicted": limit}, minimize=minimize, mean=1.5, sd=0.5) is None
    reason = why({"predicted": limit | {"standard_deviations": 2}}, minimize=minimize, mean=1.5, sd=0.5)
    assert f"loss is predicted {edge:g} within 2 standard deviations" in reason


@pytest.mark.parametrize(("mean", "sd"), [(None, None), (1.0, None)], ids=["no-prediction", "no-uncertainty"])
def test_what_is_not_predicted_waits(mean, sd):
    limit = {"worse_than": 2.0, "standard_deviations": 1}
    assert "loss is not predicted there" in why({"predicted": limit}, mean=mean, sd=sd)


def test_a_prediction_that_is_no_number_waits():
    assert why({"predicted": {"worse_than": 2.0}}, mean=math.nan, sd=1.0) is not None


def history_that_cost(*costs: float | None) -> History:
    campaign = campaign_of("never")
    events = [CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)]
    for number, cost in enumerate(costs, start=1):
        point = campaign.space.point(BASELINE | {"heat": number / 10})
        about = {"time": NOON, "actor": "test", "trial": number}
        events += [
            TrialProposed(**about, point=point, generator="sobol"),
            AttemptStarted(**about, attempt=1, key=str(number)),
            TrialObserved(**about, attempt=1, metrics={"loss": Measurement(mean=1.0)}, cost=cost),
        ]
    return History.from_events(events)


def test_where_no_cost_is_predicted_a_point_is_expected_to_cost_what_others_did():
    assert why({"cost": 3.0}, history=history_that_cost(1.0, 5.0)) is None
    reason = why({"cost": 3.0}, history=history_that_cost(1.0, 5.5))
    assert reason == "its expected cost is 3.25 (the average of the others), more than 3 (`approve.when.cost`)"


def test_a_predicted_cost_counts_rather_than_what_others_cost():
    reason = why({"cost": 3.0}, history=history_that_cost(1.0, 1.0), cost=4.5)
    assert reason == "its expected cost is 4.5 (predicted), more than 3 (`approve.when.cost`)"
    assert why({"cost": 3.0}, history=history_that_cost(9.0, 9.0), cost=1.5) is None


def test_a_cost_that_is_predicted_in_seconds_says_nothing_of_a_limit_in_the_evaluators_unit():
    assert "its cost is unknown" in why({"cost": 3.0}, history=history_that_cost(None, None), cost=1.5)


def test_a_point_of_which_no_cost_is_known_waits():
    assert why({"cost": 3.0}) == "its cost is unknown (`approve.when.cost`)"


def test_every_rule_that_a_point_breaks_is_named():
    reason = why({"change": 0.1, "predicted": {"worse_than": 1.0}, "cost": 2.0}, heat=0.9, mean=3.0)
    assert [part.split("`")[1] for part in reason.split("; ")] == [
        "approve.when.change",
        "approve.when.predicted",
        "approve.when.cost",
    ]


@pytest.mark.parametrize("generator", ["baseline", "manual"])
@pytest.mark.parametrize("when", ["always", {"change": 0.1, "cost": 0}], ids=["always", "when"])
def test_what_people_chose_does_not_wait(generator, when):
    assert why(when, generator=generator, heat=1.0) is None


def test_the_words_mean_none_and_all():
    assert why("never", heat=1.0) is None
    assert why("always") == "every computed point needs approval (`approve: always`)"


def test_a_policy_survives_its_own_dump():
    campaign = campaign_of({"change": {"heat": 0.25, "oven": ["coal", True], "size": "any"}, "cost": 2})
    assert Campaign.model_validate_json(campaign.model_dump_json()) == campaign


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"baseline": None}, r"approve.when.change: expected a `baseline` .*, found a campaign without one"),
        ({"approve": {"when": {"change": {"flour": "any"}}}}, r"approve.when.change.flour: .*found a fixed parameter"),
    ],
    ids=["no-baseline", "fixed"],
)
def test_a_change_needs_a_baseline_and_something_that_changes(changes, problem):
    with pytest.raises(ValidationError, match=problem):
        campaign_of({"change": 0.1}, **changes)


def test_a_derived_parameter_cannot_be_limited_because_it_follows_others():
    parameters = PARAMETERS | {"warmth": {"kind": "derived", "value": "2 * heat"}}
    with pytest.raises(ValidationError, match=r"approve.when.change.warmth: expected one of heat, .* found a derived"):
        campaign_of({"change": {"warmth": 0.1}}, parameters=parameters)
