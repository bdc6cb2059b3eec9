"""Show a campaign to people and programs: its story, tables, charts and page; proposes nothing."""
