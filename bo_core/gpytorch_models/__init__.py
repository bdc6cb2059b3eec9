"""Gpytorch models of a campaign's own: built by its function, fitted by gpytorch, used like the built-in one."""
