"""How long a whole proposal takes, beside the peers and at equal quality: `python -m benchmarks.speed`."""
