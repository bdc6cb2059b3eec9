"""Turn trials into tensors: encoded points, standardised outcomes, the noise that is known. Knows no model."""
