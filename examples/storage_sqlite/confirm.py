"""Measure the recommended settings and SQLite's own again, five times each and in turn: `python confirm.py`."""

from pathlib import Path
from statistics import mean

from database import evaluate

from overnight import AskTell

TIMES = 5


def main() -> None:
    """Print the means of fresh measurements."""
    campaign = AskTell(Path(__file__).with_name("campaign.yaml"))
    found, default = campaign.recommend(), campaign.file.campaign.baseline
    if found is None or default is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    results: dict[str, list[dict]] = {"default": [], "recommended": []}
    for _ in range(TIMES):
        results["default"].append(evaluate(dict(default)))
        results["recommended"].append(evaluate(dict(found.point)))
    for name, measured in results.items():
        speed, slow = (mean(each[metric] for each in measured) for metric in ("ops_per_s", "p99_ms"))
        print(f"{name:<12} {speed:8,.0f} operations/s   p99 {slow:5.1f} ms")


if __name__ == "__main__":
    main()
