"""The summary of a campaign for messages: the finding, its progress, failures, and decisions that people owe."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import escape

from overnight.campaign import History
from overnight.campaign.values.harmless import harmless
from overnight.report.finding import (
    confidence_sentences,
    constraint_sentences,
    finding_sentence,
    progress_sentence,
)
from overnight.report.phrases.general import sentence, warnings
from overnight.report.status import failure_lines, question_lines
from overnight.report.story import Story


@dataclass(frozen=True)
class Summary:
    """The words of a summary, which may come from people and programs; none of the `lists` is empty."""

    campaign: str
    description: str
    finding: str
    confidence: str
    progress: str
    lists: tuple[tuple[str, tuple[str, ...]], ...]


def summary_of(history: History, story: Story) -> Summary:
    """Return the summary of a story."""
    next_step = [] if story.standing.next_step is None else [story.standing.next_step]
    wrong = [*failure_lines(story.failures), *warnings(story), *story.standing.notices]
    lists: list[tuple[str, Iterable[str]]] = [
        ("What went wrong", wrong),
        ("Next", next_step),
        ("Requests of people", map(str, story.people.requests)),
        ("Waiting for a person", question_lines(story.people)),
    ]
    found = ((title, tuple(sentence(line) for line in lines if line)) for title, lines in lists)
    return Summary(
        campaign=story.campaign,
        description=history.definition.description or "",
        finding=finding_sentence(story),
        confidence=confidence_of(story),
        progress=progress_sentence(story),
        lists=tuple(each for each in found if each[1]),
    )


def confidence_of(story: Story) -> str:
    """Return how certain the finding is; empty if nothing is recommended."""
    return " ".join([*confidence_sentences(story), *constraint_sentences(story)])


def html_summary(history: History, story: Story) -> str:
    """Return the summary as a few elements of HTML without any style, for mails and chats; everything is escaped."""
    return "\n".join(_elements(summary_of(history, story))) + "\n"


def _elements(summary: Summary) -> Iterator[str]:
    yield f"<h3>{_escaped(summary.campaign)}</h3>"
    if summary.description:
        yield f"<p>{_escaped(summary.description)}</p>"
    yield f"<p><b>{_escaped(summary.finding)}</b></p>"
    yield from (f"<p>{_escaped(text)}</p>" for text in (summary.confidence, summary.progress) if text)
    for title, lines in summary.lists:
        items = "".join(f"<li>{_escaped(line)}</li>" for line in lines)
        yield f"<p><b>{title}</b></p>\n<ul>{items}</ul>"


def _escaped(text: str) -> str:
    return str(escape(" ".join(harmless(text).split())))
