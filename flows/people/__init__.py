"""The events that people append: requests, approvals, revisions, results of their own. Imports no Prefect."""
