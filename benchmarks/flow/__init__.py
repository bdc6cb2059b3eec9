"""How busy a campaign keeps its workers, and the cost of running it: `make bench-flow`."""
