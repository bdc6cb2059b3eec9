"""Evaluations that a server carries out: one HTTP exchange, and the meaning of its answer."""
