"""A/B tests: the arms of the next batch, the candidate of a ramp-up, and what may be stated about it."""
