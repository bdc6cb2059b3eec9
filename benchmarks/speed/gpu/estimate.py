"""What a run is expected to take, from operation counts and the data sheet of an H200, printed before it starts."""

from benchmarks.speed.gpu.setting import Setting
from benchmarks.speed.table import markdown

# Of 67 · 10¹² operations a second in float64 (NVIDIA's data sheet, tensor cores), a Cholesky factorisation and
# triangular solutions may reach a third. Below a few thousand rows they reach far less.
_OPERATIONS, _SMALL_OPERATIONS, _SMALL = 67e12 / 3.0, 67e12 / 20.0, 2500
# A fit calls about 40 kernels per evaluation, and a whole ask makes a few hundred small evaluations.
_LAUNCHES = 1.5
# Evaluations at all observations in a cold and a warm fit, as counted on a CPU at n = 1,000 and 2,500.
_COLD, _WARM = 10, 13
# A refit of 64 campaigns of 180 to 200 observations took 12 rounds.
_ROUNDS = 15
# A fit climbs from two places at once, and holds about eight matrices for each.
_MATRICES = 16
_START_SECONDS = 15.0


def estimate(setting: Setting) -> str:
    """Return the expected seconds of each part in Markdown."""
    body = [[f"{n:,}", *(f"{ask_seconds(n, k):.1f}" for k in (_COLD, _WARM))] for n in setting.sizes]
    ours = 2.0 * sum(ask_seconds(n, k) for n in setting.sizes for k in (_COLD, _WARM)) + _START_SECONDS
    rival = setting.rival_seconds * len(setting.sizes)
    batch = _ROUNDS * setting.campaigns * evaluation_operations(setting.campaign_size) / _SMALL_OPERATIONS
    memory = _MATRICES * 8.0 * max(setting.sizes) ** 2 / 1e9
    return "\n".join(
        [
            markdown(["n", "a cold ask, s", "a warm ask, s"], body),
            "",
            f"Estimated on an H200: {ours:.0f} s for all asks of ours, at most {rival:.0f} s more for BoTorch, and "
            f"{batch:.1f} s for refitting {setting.campaigns} campaigns together. Starting a part takes about "
            f"{_START_SECONDS:.0f} s. The largest fit needs about {memory:.0f} GB of the card's memory.",
        ]
    )


def evaluation_operations(n: int) -> float:
    """Return the operations of one log posterior with its gradient: n³/3 to factorise and 2n³ to invert."""
    return 7.0 / 3.0 * float(n) ** 3


def ask_seconds(n: int, evaluations: int) -> float:
    """Return the expected seconds of an ask: its evaluations, 4n³ to condition and to draw, and the launches."""
    speed = _SMALL_OPERATIONS if n < _SMALL else _OPERATIONS
    return (evaluations * evaluation_operations(n) + 4.0 * float(n) ** 3) / speed + _LAUNCHES
