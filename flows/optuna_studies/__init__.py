"""Optuna's tools on our chain of files: campaigns as studies that are only read, and studies of Optuna's own.

Only this room imports Optuna. It may import everything below the commands.
"""
