"""Make recorded proposals again and compare them. Knows no Prefect."""
