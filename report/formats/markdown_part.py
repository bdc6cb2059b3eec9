"""The tables of a report in Markdown about one goal: of the whole campaign, or of one context."""

import json
from collections.abc import Iterator

from overnight.campaign import Campaign, History
from overnight.campaign.values.harmless import harmless_json
from overnight.report.formats.markdown_insight import insight_lines
from overnight.report.formats.markdown_text import plain, table
from overnight.report.page.arms_table import arms_table
from overnight.report.page.configuration_table import configuration_table
from overnight.report.page.constraints_table import constraints_table
from overnight.report.page.front_table import front_table
from overnight.report.page.solutions_table import solutions_table
from overnight.report.phrases.experiment import traffic_text, where_measured
from overnight.report.phrases.general import recommended_words, sentence
from overnight.report.story import Story
from overnight.report.story.goal.best import Best
from overnight.report.story.goal.front import Front
from overnight.report.story.goal.solutions import DifferentSolutions


def part_lines(history: History, story: Story, level: str = "##") -> Iterator[str]:
    """Yield the recommendation and the tables of a story and its history, with headings of this level."""
    campaign, words = history.definition, recommended_words(story)
    if (found := story.best.recommended) is not None:
        what = f"{words.capitalize()}{' configuration' if words == 'recommended' else ''}"
        yield from (
            f"{level} {plain(f'{what} ({where_measured(story, found)})')}",
            "",
            *_configuration(campaign, story.best, words),
        )
    if story.solutions is not None:
        yield from (f"{level} Different solutions", "", *_solutions(campaign, story.solutions, words, story))
    if story.front is not None:
        yield from (f"{level} The front", "", *_front(campaign, story.front))
    if story.experiment is not None and (arms := arms_table(story.experiment)):
        unit = story.experiment.unit
        headings = ["trial", "batch", "purpose", "share", unit, story.objective.metric, "status", "stopped because"]
        keys = ["trial", "batch", "kind", "share", "units", "difference", "status", "stopped"]
        yield from (f"{level} The arms", "", *table(headings, [[str(arm[key]) for key in keys] for arm in arms]))
        yield plain(f"{sentence(traffic_text(story.experiment))} Differences are to the status quo of the same batch.")
        yield ""
    if story.feasibility is not None:
        yield from (f"{level} Constraints", "", *_constraints(campaign, story))
    if story.insight is not None:
        yield from insight_lines(campaign, story.insight, level)


def _configuration(campaign: Campaign, best: Best, words: str) -> Iterator[str]:
    """Yield the recommended configuration as a table, and with all digits as JSON."""
    assert best.recommended is not None
    baseline = bool(campaign.baseline)

    def row(line: dict[str, str]) -> list[str]:
        unit = f" {line['unit']}" if line["unit"] else ""
        cells = [line["name"], line["recommended"] and f"{line['recommended']}{unit}"]
        if not baseline:
            return cells
        change = (line["change"] or "changed") if line["changed"] else "–"
        return [*cells, line["baseline"] and f"{line['baseline']}{unit}", change]

    headings = ["parameter", words, *(["baseline", "change"] if baseline else [])]
    yield from table(headings, map(row, configuration_table(campaign, best)))
    # Nothing in it can end the block: each of its lines begins with a bracket or with a quoted name.
    copied = harmless_json(json.dumps(best.recommended.point, indent=2, ensure_ascii=False))
    yield from ("```json", copied, "```", "")


def _solutions(campaign: Campaign, solutions: DifferentSolutions, words: str, story: Story) -> Iterator[str]:
    found = solutions_table(campaign, solutions)
    limited = ["feasible"] if found["limited"] else []
    headings = ["", "measured", story.objective.metric, *limited, "differs by", *found["parameters"]]
    yield from table(
        headings,
        [
            [
                f"{number} {words}" if number == 1 else str(number),
                line["measured"],
                line["value"],
                *([line["feasible"]] if limited else []),
                line["differs"],
                *line["configuration"],
            ]
            for number, line in enumerate(found["lines"], 1)
        ],
    )
    yield from (plain(f"{found['words']} {found['fewer']}"), "")


def _front(campaign: Campaign, front: Front) -> Iterator[str]:
    found = front_table(campaign, front)
    if not found["lines"]:
        yield from ("The front is empty: no feasible result yet.", "")
        return
    known = ["on the front"] if found["known"] else []
    rows = [
        [
            f"{line['trial']}{' recommended' if line['recommended'] else ''}",
            *(value["text"] for value in line["values"]),
            *([line["probability"]] if known else []),
            *line["configuration"],
        ]
        for line in found["lines"]
    ]
    yield from table(["trial", *found["objectives"], *known, *found["parameters"]], rows)
    if found["volume"]:
        yield from (plain(sentence(found["volume"])), "")


def _constraints(campaign: Campaign, story: Story) -> Iterator[str]:
    there = ["probability", "believed there", "90 % between", "measured there"]
    keys = ["probability", "believed", "interval", "measured"]
    chosen = story.best.recommended is not None
    headings = ["constraint", *(there if chosen else []), *(["baseline"] if campaign.baseline else []), "met by"]
    yield from table(
        headings,
        [
            [
                f"{line['constraint']}{' (' + line['limits'] + ')' if line['limits'] else ''}",
                *([line[key] for key in keys] if chosen else []),
                *([line["baseline"]] if campaign.baseline else []),
                f"{line['met']}{'; not measured by ' + str(line['missing']) if line['missing'] else ''}",
            ]
            for line in constraints_table(story.feasibility)
        ],
    )
