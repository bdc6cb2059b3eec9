"""Run campaigns from Python: a whole campaign in one call, or a loop of your own."""
