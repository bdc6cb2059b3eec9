"""The places where evaluations run: this machine, a Prefect work pool, a Dask cluster."""
