"""Run campaigns: the controller, the Prefect flows, the command line."""

from flows.own_packages import find_our_packages_first

find_our_packages_first()
