"""Let Prefect schedule, execute and show campaigns. The only room, beside clusters and pools, that imports it."""
