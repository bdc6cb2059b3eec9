"""Quality and speed, measured; what a benchmark prints stands in `benchmarks/README.md` beside its command."""
