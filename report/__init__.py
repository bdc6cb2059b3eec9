"""Reading a campaign: numbers, tables and the page that people open in the morning; never proposes."""
