"""Where evaluations run: here, on a Prefect work pool, or on a Dask cluster."""
