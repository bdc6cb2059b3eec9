"""`overnight schema`: the JSON Schema of campaign files, on standard output."""

import typer

from overnight.flows.definition.json_schema import schema_text


def schema() -> None:
    """Print the schema."""
    typer.echo(schema_text(), nl=False)
