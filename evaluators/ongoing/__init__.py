"""Evaluations that continue after their processes have ended."""
