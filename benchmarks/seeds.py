"""Parse the seeds in a command."""


def seeds_of(text: str) -> list[int]:
    """Return the seeds in `0-9`, `3` or `0,2,5`."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds
