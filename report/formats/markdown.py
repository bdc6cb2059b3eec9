"""The report as Markdown, for a pull request or a chat: the finding first, then tables."""

from collections.abc import Iterator

from overnight.campaign import History
from overnight.campaign.standing.in_context import in_context
from overnight.campaign.values.harmless import first_line
from overnight.report.finding import finding_sentence
from overnight.report.formats.markdown_part import part_lines
from overnight.report.formats.markdown_text import bullets, plain, table
from overnight.report.formats.summary import confidence_of, summary_of
from overnight.report.page.facts import facts_of
from overnight.report.page.revisions_table import revisions_table
from overnight.report.selection import worth_listing
from overnight.report.story import Story
from overnight.report.trial_lines import failed_attempts, trial_lines, without_result

# A comment on GitHub holds 65,536 characters.
_MOST_TRIALS, _MOST_LINES, _LONGEST_MESSAGE = 50, 20, 200


def markdown_report(history: History, story: Story) -> str:
    """Return the finding, and the tables of the page; everything that comes from the campaign is escaped."""
    lines = [*_top(history, story), *_parts(history, story), *_tables(history, story)]
    return "\n".join(lines).rstrip() + "\n"


def markdown_summary(history: History, story: Story) -> str:
    """Return the finding, failures and warnings, the next step, and the trials that wait for a person."""
    return "\n".join(_top(history, story)).rstrip() + "\n"


def _top(history: History, story: Story) -> Iterator[str]:
    summary = summary_of(history, story)
    yield from (f"# {plain(summary.campaign)}", "")
    if summary.description:
        yield from (plain(summary.description), "")
    yield from _finding(summary.finding, summary.confidence)
    yield from (plain(summary.progress), "")
    for title, lines in summary.lists:
        yield from (f"**{title}**", "", *bullets(lines))


def _finding(finding: str, confidence: str) -> Iterator[str]:
    yield from (f"**{plain(finding)}**", "")
    if confidence:
        yield from (plain(confidence), "")


def _parts(history: History, story: Story) -> Iterator[str]:
    """Yield the tables of the whole campaign, or of each context after its finding."""
    if not story.contexts:
        yield from part_lines(history, story)
    for each in story.contexts:
        yield from (f"## {plain(each.called)}", "", *_finding(finding_sentence(each.story), confidence_of(each.story)))
        yield from part_lines(in_context(history, each.given), each.story, "###")


def _tables(history: History, story: Story) -> Iterator[str]:
    if revisions := revisions_table(story.revisions):
        cells = [[line["number"], line["at"], line["by"], line["why"], line["changes"]] for line in revisions]
        yield from ("## Revisions", "", *table(["", "when", "by", "why", "changes"], cells))
    if failed := failed_attempts(history):
        headings = ["trial", "attempt", "cause", "message", "then"]
        cells = [[_short(str(line[each])) for each in headings] for line in failed[-_MOST_LINES:]]
        yield from ("## Attempts that failed", "", *table(headings, cells), *_last(len(cells), len(failed)))
    if without := without_result(history):
        headings = ["trial", "status", "why"]
        cells = [[_short(str(line[each])) for each in headings] for line in without[-_MOST_LINES:]]
        yield from ("## Stopped early, withdrawn or waiting", "", *table(headings, cells))
        yield from _last(len(cells), len(without))
    yield from _trials(history, story)
    yield from ("## Where this comes from", "")
    yield from bullets(f"{name}: {fact}" for name, fact in facts_of(history, story).items())


def _trials(history: History, story: Story) -> Iterator[str]:
    stories = [each.story for each in story.contexts] or [story]
    found = {each.best.recommended.trial for each in stories if each.best.recommended is not None}
    recommended = {trial for trial in found if trial is not None}
    listed = worth_listing(history, recommended, _MOST_TRIALS)
    if not listed:
        return
    lines = trial_lines(history, listed)
    cells = [[str(line["trial"]), line["status"], *line["cells"]] for line in lines["lines"]]
    whole = len(listed) == len(history.trials)
    yield from (f"## {'All trials' if whole else 'Trials'}", "", *table(lines["headings"], cells))
    if not whole:
        yield f"{len(listed)} of {len(history.trials)}: the best and the newest. `overnight trials` lists all of them."
        yield ""


def _last(shown: int, of: int) -> tuple[str, ...]:
    return (f"The last {shown} of {of}.", "") if shown < of else ()


def _short(message: str) -> str:
    """Return the first line of a message, which may be long."""
    line = first_line(message)
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]} …"
