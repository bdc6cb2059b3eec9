"""Benchmarks of quality and speed; `benchmarks/README.md` lists each result with its command."""
