"""Evaluations that run elsewhere: how they are sent, followed and carried out."""
