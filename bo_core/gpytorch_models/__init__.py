"""Gpytorch models of a campaign's own: built by its function, fitted by gpytorch, believed like the built-in one."""
