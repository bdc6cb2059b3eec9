"""What is believed of the hyperparameters before any result: log-normal priors, and their bounds.

Length scales grow with the root of the dimension (Hvarfner et al. 2024), so that the same prior serves 2 and
200 features. The noise prior has its median at a standard deviation of e⁻² of the outcomes' spread.
"""

import math

LENGTH_SCALE_SPREAD = math.sqrt(3.0)
NOISE_LOCATION, NOISE_SPREAD = -4.0, 1.0
LENGTH_SCALE_BOUNDS = (0.025, 1e4)
NOISE_BOUNDS = (1e-4, 10.0)


def length_scale_location(d: int) -> float:
    """Return the mean of log length scale for d features."""
    return math.sqrt(2.0) + 0.5 * math.log(d)
