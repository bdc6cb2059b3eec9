"""Measure the recommended settings and the library's own again, on fresh folds: `python confirm.py`.

Both use the same ten repetitions of 3 folds, from a seed that the campaign did not use.
"""

from pathlib import Path

from boosted import evaluate

from overnight import AskTell

FRESH_SEED = 987_654_321
REPEATS = 10


def main() -> None:
    """Print the means of fresh measurements."""
    campaign = AskTell(Path(__file__).with_name("campaign.yaml"))
    found, default = campaign.recommend(), campaign.file.campaign.baseline
    if found is None or default is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    losses = []
    for name, point in (("default", default), ("recommended", found.point)):
        measured = evaluate(dict(point), FRESH_SEED, REPEATS)
        loss, sem = measured["log_loss"]
        losses.append(loss)
        print(
            f"{name:<12} log loss {loss:.4f} (sem {sem:.4f})   {measured['model_kib']:,.0f} KiB   "
            f"{measured['predict_us']:.0f} us an image"
        )
    print(f"change       {losses[1] / losses[0] - 1:+.1%}")


if __name__ == "__main__":
    main()
