"""Names and texts as SQL writes them."""


def name_in_sql(name: str) -> str:
    """Return the name of a column."""
    return '"' + name.replace('"', '""') + '"'


def text_in_sql(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("'", "''") + "'"
