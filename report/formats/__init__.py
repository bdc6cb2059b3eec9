"""The report in other formats than the page: Markdown for people, and JSON for programs."""
