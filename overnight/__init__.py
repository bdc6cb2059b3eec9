"""Overnight: tuning campaigns that run unattended."""
