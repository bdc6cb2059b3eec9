"""Run one campaign in plain asyncio: keep the workers busy, record everything. Knows neither Prefect nor the file."""
