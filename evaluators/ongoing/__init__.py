"""Evaluations that go on after their processes have ended."""
