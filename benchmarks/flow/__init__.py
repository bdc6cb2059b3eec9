"""How busy a campaign keeps its workers, and what it costs to run one: `make bench-flow`."""
