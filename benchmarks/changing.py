"""Count evaluations after a revision of the bounds: `python -m benchmarks.changing`, in ten minutes.

A campaign without noise begins in one box and is revised half-way to another one, which holds an optimum. It is
narrowed (from the whole domain), moved (half of each range is new), or moved and widened (from a box without the
optimum, which may leave the usual domain, to the whole domain), or gets one more parameter. Counted are the evaluations
after the revision until the regret is small. The models that learn from trials outside of the new box, or ignore them,
see the same first half. They are compared with a campaign that had the new box from the start, after as many trials,
and with a new campaign.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from benchmarks.quality.problems import BRANIN, HARTMANN3
from benchmarks.quality.problems.problem import Problem
from benchmarks.seeds import seeds_of
from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.history.events import CampaignDefined, CampaignRevised, TrialObserved, TrialProposed

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_HALF = 20
# Regrets of about a hundredth of the spread.
PROBLEMS: Mapping[str, tuple[Problem, float]] = {"branin": (BRANIN, 0.5), "hartmann3": (HARTMANN3, 0.01)}
LEARN, IGNORE = BayesianProposer(outside="learn"), BayesianProposer(outside="ignore")
ROWS = ("learn", "ignore", "known from the start", "a new campaign")


@dataclass(frozen=True)
class Change:
    """The boxes before and after, as shares of the domain beside the optimum; None is the whole domain.

    With `adds`, the last parameter is added by the revision; before, it was in the middle of its domain.
    """

    before: tuple[float, float] | None
    after: tuple[float, float] | None
    adds: bool = False


CHANGES = {
    "narrowed": Change(None, (-0.3, 0.2)),
    "moved": Change((-0.55, -0.05), (-0.3, 0.2)),
    "moved and widened": Change((0.05, 0.55), None),
    "a parameter added": Change(None, None, adds=True),
}


def campaign_in(
    problem: Problem,
    box: tuple[float, float] | None,
    trials: int,
    seed: int,
    *,
    adds: bool = False,
    lacks: bool = False,
) -> Campaign:
    """Return a campaign in a box, which `adds` the last parameter with its past value, or `lacks` it."""
    parameters = dict[str, dict[str, object]]()
    for name, declared in problem.parameters.items():
        low, high, at = (float(str(each)) for each in (declared["low"], declared["high"], problem.best[name]))
        ends = (low, high) if box is None else tuple(at + share * (high - low) for share in box)
        parameters[name] = {"kind": "float", "low": ends[0], "high": ends[1]}
    if adds:
        *_, last = problem.parameters
        parameters[last]["was"] = middle(problem, last)
    if lacks:
        parameters.popitem()
    definition = {"name": "changing", "minimize": "loss", "noise": "none", "seed": seed}
    return Campaign.model_validate({**definition, "parameters": parameters, "budget": {"trials": trials}})


def middle(problem: Problem, name: str) -> float:
    """Return the middle of the domain of a parameter."""
    return (float(str(problem.parameters[name]["low"])) + float(str(problem.parameters[name]["high"]))) / 2


def begun(campaign: Campaign) -> History:
    """Return a history without trials."""
    return History.from_events([CampaignDefined(time=_NOON, actor="benchmark", uid="changing", definition=campaign)])


def revised(history: History, campaign: Campaign) -> History:
    """Return the history after a revision."""
    return history.extended([CampaignRevised(time=_NOON, actor="benchmark", revision=1, definition=campaign)])


def one_more(problem: Problem, history: History, proposer: BayesianProposer) -> tuple[History, float]:
    """Run one trial, and return its regret."""
    trial, [proposal] = history.next_trial, propose(history.definition, history, proposer, 1)
    middles = {name: middle(problem, name) for name in problem.parameters}
    loss = problem.value({**middles, **proposal.point})
    asked = TrialProposed(
        time=_NOON,
        actor="benchmark",
        trial=trial,
        point=proposal.point,
        generator=proposal.generator,
        provenance=proposal.provenance,
    )
    metrics = {"loss": Measurement(mean=loss)}
    seen = TrialObserved(time=_NOON, actor="benchmark", trial=trial, attempt=1, metrics=metrics)
    return history.extended([asked, seen]), loss - problem.minimum


def count(problem: Problem, regret: float, history: History, proposer: BayesianProposer, most: int) -> int:
    """Return how many more trials reach a regret; one more than `most` if so many do not."""
    for number in range(1, most + 1):
        history, found = one_more(problem, history, proposer)
        if found <= regret:
            return number
    return most + 1


def counts(problem: Problem, regret: float, change: Change, seed: int) -> list[int]:
    """Return the evaluations after the revision of each row."""
    after = campaign_in(problem, change.after, 2 * _HALF, seed, adds=change.adds)
    history = begun(campaign_in(problem, change.before, 2 * _HALF, seed, lacks=change.adds))
    for _ in range(_HALF):
        history, _ = one_more(problem, history, LEARN)
    changed = revised(history, after)
    known = count(problem, regret, begun(after), LEARN, 2 * _HALF)
    new = begun(campaign_in(problem, change.after, _HALF, seed))
    return [
        count(problem, regret, changed, LEARN, _HALF),
        count(problem, regret, changed, IGNORE, _HALF),
        max(known - _HALF, 0),
        count(problem, regret, new, LEARN, _HALF),
    ]


def table(found: Mapping[str, Sequence[Sequence[int]]]) -> list[str]:
    """Return the medians as a table, with the quartiles."""
    lines = ["| | " + " | ".join(ROWS) + " |", "|---|" + "---|" * len(ROWS)]
    for name, each in found.items():
        columns = [sorted(column) for column in zip(*each, strict=True)]
        cells = [
            f"{median(column):g} ({column[len(column) // 4]} to {column[-1 - len(column) // 4]})" for column in columns
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0-11")
    parser.add_argument("--changes", default=",".join(CHANGES))
    parser.add_argument("--problems", default=",".join(PROBLEMS))
    asked = parser.parse_args()
    found = dict[str, list[list[int]]]()
    for seed in seeds_of(asked.seeds):
        for problem in asked.problems.split(","):
            for change in asked.changes.split(","):
                found.setdefault(f"{problem}, {change}", []).append(counts(*PROBLEMS[problem], CHANGES[change], seed))
        print(f"after seed {seed}:", *table(found), sep="\n", flush=True)


if __name__ == "__main__":
    main()
