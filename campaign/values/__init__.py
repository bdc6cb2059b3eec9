"""Plain values with no knowledge of campaigns: durations, read-only mappings, places between bounds, safe text."""
