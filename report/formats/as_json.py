"""The report as JSON, for programs."""

import json
from typing import Any

from overnight.campaign import History
from overnight.campaign.values.harmless import harmless_json
from overnight.report.finding import (
    confidence_sentences,
    constraint_sentences,
    finding_sentence,
    standing_sentence,
)
from overnight.report.story import Story
from overnight.report.tables import trial_rows
from overnight.report.trial_lines import failed_attempts

# Counts changes that break programs: a key that is gone, or that means something else. A new key does not count.
SCHEMA_VERSION = 1


def json_report(history: History, story: Story) -> str:
    """Return the sentences of the page, its story with all numbers, and all trials of its history.

    Numbers that are infinite or undefined are null. The trials have the columns of `overnight trials --format json`.
    """
    # Dumped to text and read again, which turns such numbers into null; a dump to a mapping keeps them.
    told: dict[str, Any] = json.loads(story.model_dump_json())
    document = {
        "schema_version": SCHEMA_VERSION,
        "campaign": story.campaign,
        "finding": finding_sentence(story),
        "confidence": [*confidence_sentences(story), *constraint_sentences(story)],
        "standing": standing_sentence(story),
        "story": told,
        "trials": trial_rows(history),
        "failed_attempts": failed_attempts(history),
    }
    return harmless_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"
