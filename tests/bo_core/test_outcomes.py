import pytest
import torch

from bo_core.outcomes import Outcomes
from campaign import Measurement, Objective

LESS = Objective(metric="loss", direction="minimize")
MORE = Objective(metric="gain", direction="maximize")


def measured(*means: float, sem: float | None = None) -> list[Measurement]:
    return [Measurement(mean=mean, sem=sem) for mean in means]


@pytest.mark.parametrize("objective", [LESS, MORE])
def test_outcomes_are_standardised_to_maximize_and_come_back_in_their_unit(objective: Objective) -> None:
    means = [3.0, 1.0, 8.0, -2.0]
    outcomes = Outcomes.of(measured(*means), objective)
    assert float(outcomes.y.mean()) == pytest.approx(0.0, abs=1e-15)
    assert float(outcomes.y.std()) == pytest.approx(1.0)
    assert int(outcomes.y.argmax()) == (2 if objective is MORE else 3)
    assert [outcomes.mean_in_units(float(y)) for y in outcomes.y] == pytest.approx(means)
    assert outcomes.sd_in_units(1.0) == pytest.approx(float(torch.tensor(means).std()))


def test_a_known_noise_is_scaled_with_its_outcome_and_an_unknown_one_stays_unknown() -> None:
    mixed = [Measurement(mean=0.0, sem=0.3), Measurement(mean=6.0, sem=None), Measurement(mean=3.0, sem=0.0)]
    variance = Outcomes.of(mixed, LESS).variance.tolist()
    assert variance == pytest.approx([(0.3 / 3.0) ** 2, torch.nan, 0.0], nan_ok=True)


@pytest.mark.parametrize("means", [(5.0, 5.0, 5.0), (0.0, 0.0), (7.0,), (1.0, 1.0 + 2e-16), (-1e200, -1e200)])
def test_outcomes_that_are_alike_stay_small(means: tuple[float, ...]) -> None:
    outcomes = Outcomes.of(measured(*means), LESS)
    assert float(outcomes.y.abs().max()) < 1e-9
    assert outcomes.mean_in_units(float(outcomes.y[0])) == pytest.approx(means[0])


@pytest.mark.parametrize("size", [1e-300, 1e-9, 1e9, 1e200])
def test_the_size_of_the_numbers_does_not_matter(size: float) -> None:
    expected = Outcomes.of(measured(1.0, 2.0, 4.0), LESS).y
    torch.testing.assert_close(Outcomes.of(measured(size, 2 * size, 4 * size), LESS).y, expected)
