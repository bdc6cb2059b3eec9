"""Plain values that know nothing of campaigns: durations, read-only mappings, places between bounds, safe text."""
