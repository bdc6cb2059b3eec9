"""A/B tests: the arms of the next batch, and the candidate of a ramp-up."""
