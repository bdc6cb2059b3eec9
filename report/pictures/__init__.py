"""Draw a campaign: charts for the page, a timeline, and a small picture that needs no script."""
