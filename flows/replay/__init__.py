"""Compute recorded proposals again and compare them. Imports no Prefect."""
