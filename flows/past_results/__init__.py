"""Match past results against a campaign and import them. Imports no Prefect."""
