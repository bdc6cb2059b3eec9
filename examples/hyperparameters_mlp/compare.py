"""Compare the campaign with the same one in which every training is finished: `python compare.py 0 5`, for five seeds.

Both have the same number of trials. What they recommend, and the baseline, are then trained on ten fresh splits into
folds. A seed takes a few minutes.
"""

import sys
import tempfile
from pathlib import Path
from statistics import mean

import yaml
from network import EPOCHS, evaluate

from overnight import AskTell, BudgetSpent, Infeasible

HERE = Path(__file__).parent
FRESH = range(987_000, 987_010)


class Ended(Exception):
    """A rule ended the trial."""


def main(first: int, end: int) -> None:
    """Print the epochs and the fresh log losses of both for each seed from the first one up to the end."""
    for seed in range(first, end):
        found = {stops: campaign(seed, stops=stops) for stops in (True, False)}
        (loss, epochs), (loss_in_full, epochs_in_full) = found[True], found[False]
        print(
            f"seed {seed}: {epochs} of {epochs_in_full} epochs, {1 - epochs / epochs_in_full:.0%} saved; "
            f"log loss {loss:.4f}, in full {loss_in_full:.4f}, baseline {fresh(definition(seed, '')['baseline']):.4f}",
            flush=True,
        )


def campaign(seed: int, *, stops: bool) -> tuple[float, int]:
    """Return the fresh log loss of the recommendation, and the epochs of all trials."""
    with tempfile.TemporaryDirectory() as folder:
        file = definition(seed, folder)
        if not stops:
            del file["stop_early"]
        asked, epochs = AskTell(file), 0
        while (trial := next_of(asked)) is not None:
            heard = list[int]()

            def report(epoch: int, metrics: dict, trial=trial, heard=heard) -> None:
                heard.append(epoch)
                # Only the campaign that stops needs to know.
                if stops and epoch < EPOCHS and asked.report(trial, epoch, metrics) is not None:
                    raise Ended

            try:
                asked.tell(trial, evaluate(dict(trial.point), 100 * seed + trial.id, report))
            except Infeasible as problem:
                asked.tell(trial, problem)
            except Ended:
                pass
            epochs += len(heard)
        found = asked.recommend()
        assert found is not None
        return fresh(found.point), epochs


def definition(seed: int, folder: str) -> dict:
    """Return the campaign of the file with another seed and with a ledger in a folder."""
    file = yaml.safe_load((HERE / "campaign.yaml").read_text())
    return file | {"seed": seed, "workers": 1, "ledger": f"{folder}/ledger", "work": f"{folder}/work"}


def next_of(asked: AskTell):
    """Return the next trial; None after the last one."""
    try:
        return asked.ask()
    except BudgetSpent:
        return None


def fresh(point) -> float:
    """Return the mean log loss of a configuration on splits that no campaign used."""
    return mean(evaluate(dict(point), seed, lambda epoch, metrics: None)["log_loss"]["mean"] for seed in FRESH)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
