"""Past results from tables and Optuna studies, as rows for a new campaign."""
