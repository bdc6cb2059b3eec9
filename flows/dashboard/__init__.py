"""The dashboard: a local web page that follows campaigns, and through which people steer them.

It only renders stories of `report` and hands requests to `flows.people`.
"""
