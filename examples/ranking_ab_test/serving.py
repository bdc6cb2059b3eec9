"""A batch of an A/B test of a feed: new users with real tastes come on each of three days."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from catalogue import Array, Catalogue, catalogue
from numpy.typing import NDArray
from ranking import feeds

DAYS, PAGES, ON_A_PAGE = 3, 3, 10
LIKED, DISLIKED = 3.9, 2.6
# How much better or worse everything is received on a day, alike for all arms.
MOOD_OF_DAY = 0.1

Report = Callable[[int, Any], None]


def run(arms: list[dict[str, Any]], seed: int, report: Report) -> dict[str, Any]:
    """Serve a batch: report every arm's metrics after each day, and return them."""
    return served(arms, [arm["parameters"] for arm in arms], seed, report)


def run_alike(arms: list[dict[str, Any]], seed: int, report: Report) -> dict[str, Any]:
    """Serve a batch of an A/A test: all arms get the feed of the status quo."""
    [quo] = [arm["parameters"] for arm in arms if arm["status_quo"]]
    return served(arms, [quo for _ in arms], seed, report)


def served(arms: list[dict[str, Any]], parameters: list[dict[str, Any]], seed: int, report: Report) -> dict[str, Any]:
    """Serve a batch in which each arm has these parameters; each day brings new users."""
    films, chance = catalogue(), np.random.default_rng(seed)
    ranked = [feeds(films, each, PAGES * ON_A_PAGE) for each in parameters]
    counted: list[list[Visits]] = [[] for _ in arms]
    found: dict[str, Any] = {}
    for day in range(1, DAYS + 1):
        mood = chance.normal(0.0, MOOD_OF_DAY)
        for arm, of_arm, feed, visits in zip(arms, parameters, ranked, counted, strict=True):
            users = arm["traffic"] * day // DAYS - arm["traffic"] * (day - 1) // DAYS
            visits.append(visited(films, feed, of_arm["explore"], users, mood, chance))
        found = {"arms": {arm["trial"]: metrics(visits) for arm, visits in zip(arms, counted, strict=True)}}
        report(day, found)
    return found


@dataclass(frozen=True)
class Visits:
    """The numbers of films that each user of a day saw, liked and hid."""

    views: Array
    likes: Array
    hides: Array


def visited(
    films: Catalogue, feed: NDArray[np.int64], explore: float, users: int, mood: float, chance: np.random.Generator
) -> Visits:
    """Return the visits of so many users, each with the taste of a random person of the ratings.

    A user reads a page from the top and may lose interest after each film. Watched films may be liked, and annoying
    ones hidden. Users who liked more are more likely to turn the page. A share of the films is shown at random, so that
    the recommender learns about others.
    """
    person = chance.integers(0, len(feed), users)
    stays, easy_to_please = chance.beta(9.0, 2.2, users), chance.normal(0.0, 0.35, users)
    views, likes, hides = np.zeros(users), np.zeros(users), np.zeros(users)
    had, turns = np.zeros((users, films.genres.shape[1])), np.ones(users, dtype=bool)
    for page in range(PAGES):
        reads, pleased = turns.copy(), np.zeros(users)
        for place in range(page * ON_A_PAGE, (page + 1) * ON_A_PAGE):
            random = chance.integers(0, len(films.popular), users)
            film = np.where(chance.random(users) < explore, random, feed[person, place])
            enjoyed = films.taste[person, film] + easy_to_please + mood
            tired = (had * films.genres[film]).sum(1)
            appeal = 1.3 * (enjoyed - LIKED) + 0.35 * films.popular[film] - 0.55 * tired - 1.0
            watched = reads & (chance.random(users) < logistic(appeal))
            after = enjoyed + chance.normal(0.0, 0.6, users)
            liked = watched & (after >= LIKED)
            put_off = reads & ~watched & (chance.random(users) < 0.03 * logistic(2.5 * (3.1 - enjoyed)))
            hidden = put_off | (watched & (after < DISLIKED) & (chance.random(users) < 0.5))
            views += reads
            likes += liked
            hides += hidden
            had += np.where(watched[:, None], films.genres[film], 0.0)
            pleased += liked - 1.5 * hidden
            reads &= chance.random(users) < stays
        turns &= chance.random(users) < logistic(0.4 + 0.5 * pleased)
    return Visits(views, likes, hides)


def metrics(visits: list[Visits]) -> dict[str, dict[str, float]]:
    """Return the metrics of all users so far; users are the units of chance."""
    views, likes, hides = (
        np.concatenate([getattr(each, name) for each in visits]) for name in ("views", "likes", "hides")
    )
    return {"likes_per_user": ratio(likes, np.ones_like(likes)), "hide_rate": ratio(hides, views)}


def logistic(x: Array) -> Array:
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


def ratio(parts: Array, wholes: Array) -> dict[str, float]:
    """Return the ratio of two means over users, with its standard error by the delta method."""
    found = parts.mean() / wholes.mean()
    sem = np.std(parts - found * wholes, ddof=1) / wholes.mean() / np.sqrt(len(parts))
    return {"mean": float(found), "sem": float(sem), "n": len(parts)}
