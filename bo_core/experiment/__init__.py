"""Statements about the arms of an A/B test that stay true however often people look; may import data and numerics."""
