"""The events that people append: requests, approvals, revisions, results of their own. Knows no Prefect."""
