"""False and missed claims of A/B tests, compared with simpler rules at equal traffic."""
