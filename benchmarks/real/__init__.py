"""The campaigns of `examples/` with real tools, compared with random search and Optuna's TPE."""
