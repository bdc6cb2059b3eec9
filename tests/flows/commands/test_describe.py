import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from overnight.flows.commands.start.describe import describe
from overnight.flows.definition.campaign_file import read_campaign

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


def described(definition: dict, now: datetime = NOON) -> str:
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(describe(read_campaign(definition), now))
    return console.export_text()


DEFINITION = {
    "name": "oven",
    "description": "Less smoke.",
    "parameters": {
        "heat": {"kind": "float", "low": 0.5, "high": 300, "scale": "log", "unit": "°C"},
        "grains": {"kind": "int", "low": 1, "high": 1_234_567},
        "flour": {"kind": "categorical", "choices": ["rye", "off"]},
    },
    "minimize": "smoke",
    "metrics": ["seconds"],
    "evaluator": {"function": "bakery:bake", "time_limit": "2h30m"},
    "workers": 3,
    "budget": {"trials": 20, "wall_clock": "8h"},
    "baseline": {"heat": 200, "grains": 5, "flour": "rye"},
    "start_with": [{"heat": 100, "grains": 5, "flour": "off"}],
    "proposer": {"kind": "bayesian", "initial": 7},
    "ledger": "/srv/ledger",
}


def test_the_description_says_what_would_be_tried_and_how():
    text = described(DEFINITION)
    for expected in ("oven: Less smoke.", "0.5 to 300 °C, log", "1 to 1234567", "rye, off", "200", "minimize smoke"):
        assert expected in text
    for expected in ("seconds", "python bakery:bake, at most 2h30m each", "20 trials, none started after 8h"):
        assert expected in text
    for expected in ("2 from the file, 5 Sobol points, then the model's", "bayesian", "/srv/ledger"):
        assert expected in text


def test_the_description_says_which_constraints_must_be_met_and_how_surely():
    limited = {"constraints": ["seconds<=1.5*baseline", "ash <= 2"], "feasible_at_least": 0.9}
    text = " ".join(described(DEFINITION | limited).split())
    assert "seconds <= 1.5 * baseline, ash <= 2, to be met with a probability of at least 90 %" in text
    assert "constraints" not in described(DEFINITION)


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ({}, "up to 3 attempts at a trial if the machine failed, after 30s, then up to 10m"),
        ({"max_attempts": 5, "back_off": 0}, "up to 5 attempts at a trial if the machine failed, at once"),
        ({"on_timeout": "retry"}, "if the machine failed or the time limit passed, after 30s"),
        ({"max_attempts": 1}, "nothing is tried again"),
        ({"when_unknown": "ask"}, "you are asked about attempts of unknown fate"),
    ],
)
def test_the_description_says_what_follows_a_failure(failures, words):
    assert words in described(DEFINITION | {"failures": failures})


def test_the_description_says_where_receipts_go_if_they_are_asked_for():
    assert "receipts" not in described(DEFINITION)
    assert "/srv/kept.jsonl" in described(DEFINITION | {"receipts": "/srv/kept.jsonl"})


def test_the_description_of_a_proposer_without_a_model_promises_none():
    text = described(DEFINITION | {"proposer": {"kind": "sobol"}})
    assert "Sobol points" in text
    assert "model" not in text


def test_the_description_says_the_window_and_when_it_opens_or_closes():
    night = DEFINITION | {"window": "22:00-06:00 Europe/Berlin"}
    assert (
        "22:00–06:00 Europe/Berlin, opens Sat 2026-03-28 22:00 CET; evaluations running at its end may finish"
        in described(night)
    )
    at_night = described(night, NOON + timedelta(hours=12))
    assert "22:00–06:00 Europe/Berlin, open until Sun 2026-03-29 06:00 CEST" in at_night
    stopping = {"from": "22:00", "to": "06:00", "zone": "UTC", "days": ["sun", "sat"], "running": "stop"}
    text = described(DEFINITION | {"window": stopping})
    assert (
        "22:00–06:00 UTC on sat, sun, opens Sat 2026-03-28 22:00 UTC; evaluations running at its end are stopped"
        in text
    )
    assert "window" not in described(DEFINITION)


def test_the_description_says_every_budget_that_is_limited():
    text = described(DEFINITION | {"budget": {"trials": 20, "evaluations": 30, "cost": 12.5}})
    assert "20 trials, at most 30 evaluations, at most 12.5 of cost" in text


def test_the_description_says_what_waits_for_a_person():
    when = {"predicted": {"worse_than": 3, "standard_deviations": 2}, "cost": 4}
    text = described(DEFINITION | {"approve": {"when": when, "most_waiting": 5}})
    assert "waits for a person, at most 5 at a time: smoke predicted worse than 3 within 2 standard deviations" in text
    assert "or expected to cost more than 4" in text
    assert "every computed point waits for a person" in described(DEFINITION | {"approve": "always"})
    assert "waits for a person" not in described(DEFINITION)


def test_the_description_says_what_may_end_before_its_time():
    text = described(
        DEFINITION | {"stop_early": {"rule": "successive_halving"}, "stop_when": {"expected_gain_below": 2}}
    )
    assert "trials by the successive halving rule, if the evaluator reports smoke" in text
    assert "it ends when one more trial is expected to gain less than 2, 3 times in a row" in text


def test_the_description_says_how_many_trials_confirm():
    twenty = DEFINITION | {"budget": {"trials": 20}}
    assert "the last 3 trials, one after the other" in described(twenty | {"confirm": 3})
    assert "confirming the last trial" in " ".join(described(twenty | {"confirm": "auto"}).split())
    for nothing in ({"confirm": "never"}, {"confirm": "auto", "proposer": {"kind": "sobol"}}):
        assert "confirming" not in described(twenty | nothing)


SEVERAL = {key: value for key, value in DEFINITION.items() if key != "minimize"} | {
    "objectives": [{"minimize": "smoke", "worst": 12.5}, {"maximize": "crust"}],
}


def test_the_description_names_every_objective_and_how_one_of_the_front_is_recommended():
    text = described(SEVERAL)
    assert "minimize smoke (worst 12.5), maximize crust, recording seconds as well" in text
    assert "the one that alone dominates the largest hypervolume" in text
    text = described(SEVERAL | {"prefer": ["crust >= 5", "smoke <= baseline"]})
    assert "the best in smoke of those that probably meet crust >= 5, smoke <= baseline" in text
    assert "recommends" not in described(DEFINITION)


def test_the_description_says_of_what_several_objectives_gain():
    text = described(SEVERAL | {"stop_when": {"expected_gain_below": 2}})
    assert "one more trial is expected to gain less than 2 of hypervolume (smoke × crust), 3 times in a row" in text


def test_an_ab_test_is_described_with_the_error_of_its_statements():
    arms = {"kind": "ab_test", "arms": 4, "traffic": {"per_batch": 1000}, "decide": {"at_least": 0.9}}
    text = described({name: value for name, value in DEFINITION.items() if name != "workers"} | arms)
    assert "a statement that an arm is better is false in at most 10 % of tests" in text


def test_steps_switches_and_logit_scales_are_described():
    parameters = {
        "share": {"kind": "float", "low": 0, "high": 1, "step": 0.05},
        "batch": {"kind": "int", "low": 8, "high": 512, "step": 8, "scale": "log", "unit": "rows"},
        "dropout": {"kind": "float", "low": 0.001, "high": 0.999, "scale": "logit"},
        "cache": {"kind": "bool"},
    }
    baseline = {"share": 0.1 + 0.05, "batch": 64, "dropout": 0.1, "cache": True}
    lines = described(DEFINITION | {"parameters": parameters, "baseline": baseline, "start_with": []}).splitlines()
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.count("│") == 5]
    assert cells == [
        ["share", "float", "0 to 1 in steps of 0.05", "0.15"],
        ["batch", "int", "8 to 512 rows in steps of 8, log", "64"],
        ["dropout", "float", "0.001 to 0.999, logit", "0.1"],
        ["cache", "bool", "false, true", "true"],
    ]
