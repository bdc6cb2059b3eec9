"""Campaigns whose evaluations have a fidelity: what the fidelity gains, and how rivals with pruners compare."""
