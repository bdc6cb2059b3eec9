"""Time asks as a campaign grows: points of the Sobol sequence, and points of the default model with few results.

`python -m benchmarks.asks_by_size` takes two minutes on an idle machine. Times are processor time with one thread,
among six floats with four trials outstanding. Each ask is of a history that has grown since the one before it.
"""

import math
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import torch

from overnight.bo_core import AnyProposer, BayesianProposer, SobolProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Measurement, Proposal
from overnight.campaign.history.events import CampaignDefined, Event, TrialObserved, TrialProposed

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_OF_SEQUENCE, _OF_MODEL = (10, 100, 1_000, 10_000), (10, 25, 50, 100)
_ASKS, _SEEDS, _TRIES, _PENDING = 20, 12, 5, 4


def main() -> None:
    """Print a row for each number of trials with Sobol points, then one for each number of results with a model."""
    torch.set_num_threads(1)
    print("| trials | the first ask of a process | a later ask |\n|---|---|---|")
    for trials in _OF_SEQUENCE:
        first, later = _of_sequence(trials)
        print(f"| {trials:,} | {1000 * first:.2f} ms | {1000 * later:.3f} ms |", flush=True)
    print("\n| results | cold | warm |\n|---|---|---|")
    for results in _OF_MODEL:
        times = [_of_model(results, seed) for seed in range(_SEEDS)]
        cold, warm = (1000 * statistics.median(of_all) for of_all in zip(*times, strict=True))
        print(f"| {results} | {cold:.1f} ms | {warm:.1f} ms |", flush=True)


def _of_sequence(trials: int) -> tuple[float, float]:
    """Return the seconds of the first ask after so many trials, and the median of the following ones."""
    campaign, proposer = _campaign(0), SobolProposer()
    history = _begun(campaign, trials)
    taken: list[float] = []
    for _ in range(1 + _ASKS):
        seconds, proposal = _timed(campaign, history, proposer)
        taken.append(seconds)
        history = history.extended(_trial(history.next_trial, proposal, ended=True))
    return taken[0], statistics.median(taken[1:])


def _of_model(results: int, seed: int) -> tuple[float, float]:
    """Return the seconds of a cold ask after so many results, and of one that finds an earlier proposal of the model.

    Each is the least of a few tries.
    """
    campaign, proposer = _campaign(seed), BayesianProposer()
    history = _begun(campaign, results + _PENDING)
    before = _begun(campaign, results + _PENDING - 1)
    _, proposal = _timed(campaign, before, proposer)
    warm = before.extended([*_trial(before.next_trial, proposal, ended=False), _result(results, 0.5)])
    cold_s, warm_s = (min(_timed(campaign, each, proposer)[0] for _ in range(_TRIES)) for each in (history, warm))
    return cold_s, warm_s


def _timed(campaign: Campaign, history: History, proposer: AnyProposer) -> tuple[float, Proposal]:
    start = time.process_time()
    [proposal] = propose(campaign, history, proposer, 1)
    return time.process_time() - start, proposal


def _campaign(seed: int) -> Campaign:
    return Campaign.model_validate(
        {
            "name": "asks",
            "parameters": {f"x{i}": {"kind": "float", "low": 0, "high": 1} for i in range(6)},
            "minimize": "loss",
            "budget": {"trials": 1_000_000},
            "seed": seed,
        }
    )


def _begun(campaign: Campaign, trials: int) -> History:
    """Return a history of Sobol points, of which the last ones are outstanding."""
    history = History.from_events([CampaignDefined(time=_NOON, actor="benchmark", uid="asks", definition=campaign)])
    proposals = enumerate(propose(campaign, history, SobolProposer(), trials), start=1)
    ended = trials - _PENDING
    return history.extended(event for i, made in proposals for event in _trial(i, made, ended=i <= ended))


def _trial(number: int, proposal: Proposal, *, ended: bool) -> Iterator[Event]:
    made, point = proposal.provenance, proposal.point
    yield TrialProposed(
        time=_NOON, actor="benchmark", trial=number, point=point, generator=proposal.generator, provenance=made
    )
    if ended:
        numbers = [value for value in point.values() if isinstance(value, float)]
        yield _result(number, sum((value - 0.3) ** 2 for value in numbers) + math.sin(5.0 * sum(numbers)))


def _result(trial: int, loss: float) -> Event:
    metrics = {"loss": Measurement(mean=loss)}
    return TrialObserved(time=_NOON, actor="benchmark", trial=trial, attempt=1, metrics=metrics)


if __name__ == "__main__":
    main()
