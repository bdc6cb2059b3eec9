"""Peers that get the parameters of a campaign themselves; they import what the programs next to this folder import."""
