"""The sections of a story about the insight of the model, and the rules that judge it."""
