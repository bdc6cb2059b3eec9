"""The JSON Schema of a campaign file, for editors and for the reference."""

import json
from typing import Any

from overnight.campaign.goal.objective import WAYS_TO_AIM
from overnight.campaign.goal.objective_contradictions import MOST_OBJECTIVES
from overnight.flows.definition.campaign_file import CampaignFile

# The first line of the template names this file to editors.
SCHEMA_FILE = "campaign.schema.json"


def campaign_schema() -> dict[str, Any]:
    """Return the schema of the file as a person writes it, with the definition's keys at the top level."""
    schema = CampaignFile.model_json_schema()
    definition = schema["$defs"].pop("Campaign")
    definition["properties"]["objectives"] |= {"minItems": 2, "maxItems": MOST_OBJECTIVES}
    plugged_in = {key: value for key, value in schema["properties"].items() if key != "campaign"}
    required = [key for key in schema["required"] if key != "campaign"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An Overnight campaign",
        "type": "object",
        "additionalProperties": False,
        "required": [*definition["required"], *required],
        "oneOf": [{"required": [key]} for key in WAYS_TO_AIM],
        "properties": {**definition["properties"], **plugged_in},
        "$defs": schema["$defs"],
    }


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(campaign_schema(), indent=2, ensure_ascii=False) + "\n"
