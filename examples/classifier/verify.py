"""Measure the demo's recommendation and the library's default again, on fresh folds: `python verify.py`.

Both configurations use the same ten repetitions of 5 folds, from a seed that the campaign did not use.
"""

from pathlib import Path

from classifier import evaluate

from overnight import AskTell

FRESH_SEED = 987_654_321
REPEATS = 10


def main() -> None:
    """Print the log loss of the library's default and of the recommended configuration."""
    campaign = AskTell(Path(__file__).with_name("campaign.yaml"))
    found = campaign.recommend()
    if found is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    default, _ = evaluate({}, FRESH_SEED, REPEATS)["log_loss"]
    tuned, sem = evaluate(dict(found.point), FRESH_SEED, REPEATS)["log_loss"]
    print(f"default      {default:.4f}")
    measured = "not measured" if found.trial is None else f"trial {found.trial}"
    print(f"recommended  {tuned:.4f} (sem {sem:.4f}), {measured}")
    print(f"change       {tuned / default - 1:+.1%}")


if __name__ == "__main__":
    main()
