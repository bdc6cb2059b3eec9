"""Compare the campaign with the same one without a fidelity, for the same number of epochs.

    python compare.py 12 8      # the budget in full trainings, and how many seeds

Both recommend a configuration, which is then trained for 81 epochs from five other starts. A seed takes about a minute.
"""

import sys
import tempfile
from pathlib import Path
from statistics import mean

import yaml
from training import trained

from overnight import AskTell, BudgetSpent, Infeasible

HERE = Path(__file__).parent
FULL, STARTS = 81, range(1000, 1005)


def definition(seed: int, cost: float, folder: str, *, fidelity: bool) -> dict:
    """Return the campaign of the file, or the same one without a fidelity."""
    found = yaml.safe_load((HERE / "campaign.yaml").read_text())
    found |= {"seed": seed, "workers": 1, "ledger": f"{folder}/ledger", "work": f"{folder}/work"}
    found["budget"]["cost"] = cost
    if not fidelity:
        del found["fidelity"]
        found["budget"] = {"trials": int(cost)}
    return found


def campaign(seed: int, cost: float, *, fidelity: bool) -> tuple[float, int, int]:
    """Return the loss of the recommended configuration, the epochs that were trained, and the number of trials."""
    with tempfile.TemporaryDirectory() as folder:
        asked, epochs = AskTell(definition(seed, cost, folder, fidelity=fidelity)), 0
        while (trial := _next(asked)) is not None:
            params = {"epochs": FULL} | trial.point
            resumed = trial.attempts[-1].resumed
            earlier = None if resumed is None else Path(folder) / f"{resumed.trial}.npz"
            epochs += int(params["epochs"]) - (0 if resumed is None else int(resumed.fidelity))
            try:
                loss, error = trained(params, 100 * seed + trial.id, earlier, Path(folder) / f"{trial.id}.npz")
                asked.tell(trial, {"loss": loss, "error": error})
            except Infeasible as problem:
                asked.tell(trial, problem)
        found = asked.recommend()
        assert found is not None
        kept = Path(folder) / "recommended.npz"
        losses = [trained({"epochs": FULL} | found.point, start, None, kept)[0] for start in STARTS]
        return mean(losses), epochs, len(asked.history.trials)


def _next(asked: AskTell):
    try:
        return asked.ask()
    except BudgetSpent:
        return None


if __name__ == "__main__":
    cost, seeds = float(sys.argv[1]), int(sys.argv[2])
    for seed in range(seeds):
        for fidelity in (True, False):
            loss, epochs, trials = campaign(seed, cost, fidelity=fidelity)
            name = "with" if fidelity else "without"
            print(f"seed {seed}, {name}: loss {loss:.4f}, {epochs} epochs, {trials} trials", flush=True)
