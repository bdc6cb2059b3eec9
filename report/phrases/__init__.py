"""Phrases for people, which lines of a terminal and sentences of a page have in common."""
