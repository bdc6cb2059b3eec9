"""Simpler rules at the same traffic: all arms run in all batches, and each arm is tested at each look."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.design import AT_LEAST, DAYS, OTHERS, PER_BATCH, STATUS_QUO_SHARE, UNIT, Design
from overnight.bo_core.experiment.spending import Look, boundaries

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Rival:
    """A rule that calls an arm better if its Z is at least the `boundaries` [looks] at a look."""

    name: str
    boundaries: NDArray[np.float64]


def rivals(design: Design) -> tuple[Rival, ...]:
    """Return the rules that a design is compared with."""
    looks, alpha = design.total * DAYS, 1 - AT_LEAST
    spending = boundaries([Look(look / looks, look / looks) for look in range(1, looks + 1)], alpha / OTHERS)
    return (
        Rival("Bonferroni over arms and looks", np.full(looks, _NORMAL.inv_cdf(1 - alpha / (OTHERS * looks)))),
        Rival("Bonferroni over arms, spending over looks", np.array(spending)),
        Rival("no correction", np.full(looks, _NORMAL.inv_cdf(1 - alpha))),
    )


def z_values(effects: NDArray[np.float64], design: Design, random: np.random.Generator) -> NDArray[np.float64]:
    """Return Z of each campaign, look and arm [n, looks, k], given the true effects [n, k] of its k arms.

    Drift is left out, because it is the same for the arms that are compared.
    """
    looks = design.total * DAYS
    daily = PER_BATCH / DAYS
    shares = (STATUS_QUO_SHARE, (1 - STATUS_QUO_SHARE) / OTHERS)
    errors = [UNIT / np.sqrt(share * daily) for share in shares]
    status_quo = errors[0] * random.standard_normal((len(effects), looks, 1))
    arms = effects[:, None, :] + errors[1] * random.standard_normal((len(effects), looks, OTHERS))
    days = np.arange(1, looks + 1)[:, None]
    return np.cumsum(arms - status_quo, axis=1) / (np.hypot(*errors) * np.sqrt(days))


def claimed(rival: Rival, z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which arms of each campaign [n, k] a rule calls better at any look."""
    return np.any(z >= rival.boundaries[:, None], axis=1)
