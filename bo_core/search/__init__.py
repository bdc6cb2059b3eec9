"""Find the maximum of a surface over a space of mixed parameters. Knows no model and no acquisition."""
