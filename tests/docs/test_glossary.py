from collections import Counter

import pytest
import typer
from generated.events import models
from generated.glossary import COLUMNS, COMMANDS, EVENTS, KEYS, rows
from generated.views import columns

from overnight.flows.cli import app
from overnight.flows.definition.json_schema import campaign_schema


def words(section: str) -> set[str]:
    return {word for word, _ in rows(section)}


def keys_of_the_campaign_file() -> set[str]:
    schema = campaign_schema()
    models = [schema, *schema["$defs"].values()]
    models += [form for model in models for form in model.get("anyOf", ())]
    models.append(schema["properties"]["objectives"]["items"])
    return {key for model in models for key in model.get("properties", {})}


def test_every_kind_of_event_is_in_the_glossary():
    assert words(EVENTS) == set(models())


def test_every_key_of_a_campaign_file_is_in_the_glossary():
    assert words(KEYS) == keys_of_the_campaign_file()


def test_every_column_and_every_field_of_an_event_is_in_the_glossary():
    found = {name for view in columns().values() for name, _ in view}
    found |= {name for model in models().values() for name in model.model_fields}
    assert words(COLUMNS) == found - {"burnt", "burnt_sem", "taste", "taste_sem", "heat"} | {"hash"}


def test_every_command_is_in_the_glossary():
    command = typer.main.get_command(app)
    assert words(COMMANDS) == set(command.commands)


@pytest.mark.parametrize("section", ["Ideas", EVENTS, KEYS, COLUMNS, COMMANDS])
def test_a_word_has_one_line_in_the_order_of_the_alphabet(section):
    listed = [word for word, _ in rows(section)]
    assert [word for word, count in Counter(listed).items() if count > 1] == []
    if section != EVENTS:
        assert listed == sorted(listed)
