"""Serve the recommended feed and today's to fresh users in turn: `python confirm.py`.

Each of ten rounds has 150,000 users for each feed. The difference of every round is one number, so the probability does
not rest on the standard errors that the campaign used.
"""

import math
from pathlib import Path
from statistics import NormalDist, mean, stdev

from serving import served

from overnight import AskTell

ROUNDS, USERS, FIRST_SEED = 10, 300_000, 987_654


def main() -> None:
    """Print the difference on fresh traffic, and the probability that the recommended feed is better."""
    campaign = AskTell(Path(__file__).with_name("campaign.yaml"))
    found, today = campaign.recommend(), campaign.file.campaign.baseline
    if found is None or today is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    likes, hides = list[float](), list[float]()
    arms = [{"trial": name, "traffic": USERS // 2} for name in ("today", "recommended")]
    for seed in range(FIRST_SEED, FIRST_SEED + ROUNDS):
        result = served(arms, [dict(today), dict(found.point)], seed, lambda day, metrics: None)["arms"]
        before, after = result["today"], result["recommended"]
        likes.append(after["likes_per_user"]["mean"] / before["likes_per_user"]["mean"] - 1)
        hides.append(after["hide_rate"]["mean"] / before["hide_rate"]["mean"] - 1)
    sem = stdev(likes) / math.sqrt(ROUNDS)
    print(f"likes per user {mean(likes):+.2%} (sem {sem:.2%} of {ROUNDS} rounds)")
    print(f"hide rate      {mean(hides):+.1%}")
    print(f"probability that it is better: {NormalDist().cdf(mean(likes) / sem):.4f}")


if __name__ == "__main__":
    main()
