"""Measures afterwards, on the same fresh folds, what the demo's recommendation is worth: `python verify.py`.

Ten repetitions of 5 folds from a seed that the campaign did not use, the same ones for both configurations.
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
    print(f"recommended  {tuned:.4f} (sem {sem:.4f}), trial {found.trial}")
    print(f"change       {tuned / default - 1:+.1%}")


if __name__ == "__main__":
    main()
