"""The evaluation of the arms of an A/B test, which run together."""
