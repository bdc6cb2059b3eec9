"""Match past results against a campaign and import them. Knows no Prefect."""
