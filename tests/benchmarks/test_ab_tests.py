from statistics import NormalDist

import numpy as np
import pytest

from benchmarks.experiments.design import DESIGNS, OTHERS
from benchmarks.experiments.rivals import claimed, rivals, z_values
from benchmarks.experiments.virtual import VirtualTest

_NORMAL = NormalDist()


def _verdict(best: float, seed: int):
    effects = np.array([0.0, best, *[0.0] * (OTHERS - 1)])
    return VirtualTest(DESIGNS[0], effects, np.random.default_rng(seed)).run()


def test_a_virtual_campaign_confirms_an_arm_that_is_much_better_and_repeats_itself() -> None:
    found = _verdict(0.1, seed=3)

    assert found.state == "confirmed"
    assert found.candidate is not None
    assert found.candidate.point == {"arm": 1}
    assert (found.units_exploring, found.units_fresh) == (pytest.approx(140_000, abs=8), 140_000)
    assert _verdict(0.1, seed=3) == found


def test_arms_that_are_much_worse_are_stopped_and_none_is_tried_on_fresh_traffic() -> None:
    test = VirtualTest(DESIGNS[0], np.array([0.0, *[-0.2] * OTHERS]), np.random.default_rng(1))
    found = test.run()

    assert found.candidates == ()
    assert {trial.status for trial in test.history.trials.values()} == {"stopped"}


def test_the_rules_for_comparison_have_the_errors_of_their_formulas() -> None:
    # With one look of one arm, each rule would have its own error; Z itself is a standard normal at every look.
    z = z_values(np.zeros((4000, OTHERS)), DESIGNS[0], np.random.default_rng(0))

    assert z[:, -1, 0].std() == pytest.approx(1, abs=0.05)
    assert np.corrcoef(z[:, 6, 0], z[:, -1, 0])[0, 1] == pytest.approx(0.5, abs=0.05)
    bonferroni, spending, naive = rivals(DESIGNS[0])
    assert bonferroni.boundaries[0] == pytest.approx(-_NORMAL.inv_cdf(0.05 / (OTHERS * 28)))
    shares = [claimed(rule, z).any(1).mean() for rule in (bonferroni, spending, naive)]
    assert shares[0] < shares[1] < 0.06 < 0.6 < shares[2]
