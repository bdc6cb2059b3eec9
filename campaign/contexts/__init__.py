"""Contexts: values that a trial is given and that no search chooses, such as the workload."""

from overnight.campaign.contexts.context import Context, Given, given_text

__all__ = ["Context", "Given", "given_text"]
