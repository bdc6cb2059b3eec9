"""The feed under test: candidates, a blend of scores, and variety."""

from typing import Any

import numpy as np
from catalogue import Array, Catalogue
from numpy.typing import NDArray

NEVER = -1e9


def feeds(films: Catalogue, parameters: dict[str, Any], length: int) -> NDArray[np.int64]:
    """Return the films [p, length] that each person is shown, the first one on top."""
    p = parameters
    blend = (
        p["w_similar"] * films.similar
        + p["w_genre"] * films.genre
        + p["w_popular"] * films.popular
        + p["w_quality"] * films.quality
        + p["w_fresh"] * films.fresh
    )
    pool = candidates(films, p["pool"])
    scores = np.take_along_axis(blend, pool, 1)
    scores = (scores - scores.mean(1, keepdims=True)) / (scores.std(1, keepdims=True) + 1e-9)
    chosen = varied(scores, films.genres[pool], p["diversity"], length)
    return np.take_along_axis(pool, chosen, 1)


def candidates(films: Catalogue, count: int) -> NDArray[np.int64]:
    """Return the films [p, count] that a fast first stage finds: well-known ones of liked genres, not yet seen."""
    first = 0.7 * films.popular + 0.3 * films.quality + 0.3 * films.genre
    first = np.where(films.rated, NEVER, first)
    return np.argpartition(-first, count, axis=1)[:, :count]


def varied(scores: Array, genres: Array, diversity: float, length: int) -> NDArray[np.int64]:
    """Return the places [p, length] of the best candidates, each less wanted the more it is like an earlier one.

    That is maximal marginal relevance (Carbonell and Goldstein 1998), with the cosine of genres [p, c, g] as likeness.
    """
    everyone = np.arange(len(scores))
    chosen = np.empty((len(scores), length), dtype=np.int64)
    left, alike = scores.copy(), np.zeros_like(scores)
    for place in range(length):
        best = np.argmax(left - diversity * alike, axis=1)
        chosen[:, place] = best
        left[everyone, best] = NEVER
        if diversity:
            likeness = np.matmul(genres, genres[everyone, best][:, :, None])[:, :, 0]
            alike = np.maximum(alike, likeness)
    return chosen
