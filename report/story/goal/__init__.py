"""The sections about the goal: the best result, the front, feasibility, the gain that is left, and suspects."""
