"""Let Prefect schedule, execute and show campaigns. Only `clusters/` and `proposing/pool.py` import it as well."""
