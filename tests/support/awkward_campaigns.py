"""Campaigns whose pages are hard to lay out: long, wide, empty, foreign, or with everything at once."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dashboards import append
from front_stories import OBJECTIVES, several
from limited_stories import limited
from thorough_campaigns import Thorough
from told_arms import ToldArms, measured
from told_stories import POINT, Story, campaign_of

from overnight import minimize
from overnight.campaign.history.events import CampaignDefined, Event

_LONG = "a_name_of_a_value_that_nobody_wanted_to_abbreviate_" * 4
_FOREIGN = "מהירות_הלמידה"


def one_trial() -> Sequence[Event]:
    return Story().tried(1, 1, 0.5).events


def many_trials() -> Sequence[Event]:
    """Return 5,000 trials, a few of which failed."""
    draw, story = random.Random(1), Story(campaign_of(budget={"trials": 5_000}))
    for trial in range(1, 5_001):
        rate = 10 ** draw.uniform(-4, 0)
        point = POINT | {"rate": rate, "depth": draw.randint(1, 9)}
        if trial % 50:
            loss = abs(math.log10(rate) + 2) + draw.gauss(0, 0.2)
            story.tried(trial, trial, loss, point=point, generator="sobol" if trial < 20 else "model")
        else:
            story.proposed(trial, trial, point).started(trial, trial).failed(trial, trial + 1)
    return story.events


def many_parameters() -> Sequence[Event]:
    names, draw = [f"parameter_number_{i}" for i in range(40)], random.Random(2)
    parameters = {name: {"kind": "float", "low": 0, "high": 1} for name in names}
    story = Story(campaign_of(parameters=parameters, baseline=None))
    for trial in range(1, 9):
        story.tried(trial, 2 * trial, draw.random(), point={name: draw.random() for name in names})
    return story.events


def only_failures() -> Sequence[Event]:
    story = Story()
    frame = '  File "train.py", line 12, in train\n'
    for trial in range(1, 7):
        message = f"Traceback (most recent call last):\n{frame * trial}MemoryError"
        story.proposed(trial, 2 * trial).started(trial, 2 * trial).failed(trial, 2 * trial + 1, message=message)
    return story.events


def long_names() -> Sequence[Event]:
    parameters = {_LONG: {"kind": "float", "low": 0, "high": 1, "unit": "kilogram metres per second squared"}}
    parameters["choice"] = {"kind": "categorical", "choices": ["x" * 200, "y"]}
    about: dict[str, Any] = {"minimize": "m_" * 100, "constraints": [f"{'c_' * 100} <= 3"]}
    story = Story(campaign_of(parameters=parameters, baseline=None, description="d" * 300, **about))
    for trial in range(1, 5):
        limited: dict[str, Any] = {"c_" * 100: 2.0 * trial}
        point = {_LONG: trial / 5, "choice": "x" * 200 if trial % 2 else "y"}
        story.tried(trial, 2 * trial, trial / 7, point=point, **limited)
    story.proposed(5, 12, {_LONG: 0.9, "choice": "y"}).started(5, 12)
    return story.failed(5, 13, message="z" * 500).events


def right_to_left() -> Sequence[Event]:
    parameters = {
        _FOREIGN: {"kind": "float", "low": 0, "high": 1},
        "وضع": {"kind": "categorical", "choices": ["سريع", "بطيء"]},
    }
    description = "הקמפיין הזה מחפש את קצב הלמידה הטוב ביותר, עם loss קטן."
    story = Story(campaign_of(parameters=parameters, baseline=None, minimize="שגיאה", description=description))
    for trial in range(1, 6):
        story.tried(trial, 2 * trial, trial / 3, point={_FOREIGN: trial / 9, "وضع": "سريع" if trial % 2 else "بطيء"})
    story.proposed(6, 14, {_FOREIGN: 0.5, "وضع": "سريع"})
    return story.abandoned(6, 15, "الفرن قيد التنظيف (rate 0.5)").events


def nothing_yet() -> Sequence[Event]:
    return Story().events


def arms_with_looks() -> Sequence[Event]:
    told = ToldArms()
    for i in range(4):
        arms = told.batch((0, 0.4), (20 + 7 * i, 0.3), (90 - 9 * i, 0.3))
        for step in (1, 2):
            told.look(
                step, {arm: {"clicks": measured(10.0 + 3 * k + i, 2.0 / step, 300)} for k, arm in enumerate(arms)}
            )
        going = [arm for arm in arms if told.history.trials[arm].outcome is None]
        if i < 3:
            told.observe({arm: {"clicks": measured(10.0 + 3 * k + i, 0.8, 500)} for k, arm in enumerate(going)})
    return told.events


def front_of_three() -> Sequence[Event]:
    draw = random.Random(3)
    rows = []
    for _ in range(24):
        kb = draw.uniform(80, 390)
        rows.append({"kb": kb, "vmaf": 60 + kb / 12 + draw.gauss(0, 4), "wait": 900 / kb + draw.uniform(0, 6)})
    return several(rows, objectives=[*OBJECTIVES, {"minimize": "wait"}]).events


def constraints_and_contexts() -> Sequence[Event]:
    baseline = {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False}
    sites = ["north", "south", "a site with a rather long name of its own"]
    story = Story(campaign_of(context={"site": sites}, baseline=baseline, constraints=["errors <= 2"]))
    for trial in range(1, 13):
        point = baseline | {"site": sites[trial % 3], "depth": 1 + trial % 9}
        story.tried(trial, 2 * trial, trial % 5 + 1.0, point=point, errors=float(trial % 4))
    return story.events


def limits() -> Sequence[Event]:
    rows = [{"loss": 1 / (i + 1), "p99_ms": 10.0 + i, "errors": 1.0 + i / 5} for i in range(12)]
    return limited([*rows, {}]).events


def fidelity_curves() -> Sequence[Event]:
    found = Thorough()
    for i in range(14):
        found.run((i + 1) / 20, (1, 3, 9)[i % 3], loss=2 - i / 12 + (9 - (1, 3, 9)[i % 3]) / 9)
    return found.events


def paused_with_questions() -> Sequence[Event]:
    story = Story().tried(1, 1, 0.5).tried(2, 3, 0.25)
    for trial in (3, 4, 5):
        story.parked(trial, 2 * trial, "its cost of 812 is above the 500 that `approve` allows without a person")
    story.proposed(6, 14).started(6, 14)
    story.proposed(7, 15).started(7, 15).stopped(7, 16)
    return story.paused(20).events


AWKWARD: dict[str, Callable[[], Sequence[Event]]] = {
    "one-trial": one_trial,
    "many-trials": many_trials,
    "many-parameters": many_parameters,
    "only-failures": only_failures,
    "long-names": long_names,
    "right-to-left": right_to_left,
    "nothing-yet": nothing_yet,
    "arms-with-looks": arms_with_looks,
    "front-of-three": front_of_three,
    "contexts": constraints_and_contexts,
    "limits": limits,
    "fidelity-curves": fidelity_curves,
    "paused-with-questions": paused_with_questions,
}


def named(events: Sequence[Event], name: str) -> list[Event]:
    """Return the events of a campaign with another name in its definition."""
    found = []
    for event in events:
        if isinstance(event, CampaignDefined):
            event = event.model_copy(update={"definition": event.definition.model_copy(update={"name": name})})
        found.append(event)
    return found


def write_awkward(place: Path, names: Sequence[str] = (*AWKWARD, "learnt")) -> None:
    """Write these campaigns into a ledger; `learnt` has a recorded recommendation."""
    for name in names:
        if name == "learnt":
            minimize(_valley, {"x": (0, 1), "y": (0, 1), "z": (0, 1)}, trials=12, ledger=str(place), name=name)
        else:
            append(place, name, named(AWKWARD[name](), name))


def _valley(params: dict[str, float]) -> float:
    return (params["x"] - 0.3) ** 2 + 0.2 * (params["y"] - 0.7) ** 2 + 0.1 * params["z"]
