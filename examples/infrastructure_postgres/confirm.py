"""Measure the recommended settings and the defaults again, five times each and in turn: `python confirm.py`."""

from pathlib import Path
from statistics import mean

from postgres import make_cluster, measured, only_one

from overnight import AskTell

TIMES, WARM_UP, SECONDS = 5, 2, 10


def main() -> None:
    """Print the means of fresh measurements, twice as long as those of the campaign."""
    found = AskTell(Path(__file__).with_name("campaign.yaml")).recommend()
    if found is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    results: dict[str, list[dict]] = {"default": [], "recommended": []}
    with only_one():
        make_cluster()
        for _ in range(TIMES):
            results["default"].append(measured({}, WARM_UP, SECONDS))
            results["recommended"].append(measured(dict(found.point), WARM_UP, SECONDS))
    speeds = []
    for name, runs in results.items():
        speeds.append(mean(run["transactions_per_s"] for run in runs))
        slow, written = (mean(run[metric] for run in runs) for metric in ("p99_ms", "wal_bytes"))
        print(
            f"{name:<12} {speeds[-1]:6,.0f} transactions/s   p99 {slow:5.0f} ms   {written:6,.0f} bytes of log for each"
        )
    print(f"speedup      {speeds[1] / speeds[0]:.2f}")


if __name__ == "__main__":
    main()
