"""Turn trials into tensors: encoded points, standardised outcomes, known noise. Knows no model."""
