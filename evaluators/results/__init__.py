"""Read the results, reports and output of an evaluation, and decide how an attempt ended."""
