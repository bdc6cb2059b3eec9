"""Run campaigns from Python: the whole of one, or a loop of your own."""
