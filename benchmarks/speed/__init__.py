"""The time of a whole proposal, compared with the peers at equal quality: `python -m benchmarks.speed`."""
