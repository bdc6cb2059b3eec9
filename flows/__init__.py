"""Run campaigns: the controller, the Prefect flows, the command line."""
