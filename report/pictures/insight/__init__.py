"""The charts of the insight of a model: its beliefs with the trials in front of them."""
