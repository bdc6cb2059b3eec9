"""Stores of named objects: a directory or a bucket. They know nothing about events."""
