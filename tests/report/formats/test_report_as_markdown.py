"""The report as Markdown: as CommonMark reads it, it has the numbers of the ledger and no markup of others."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from standing import story_about
from told_kinds import KINDS, MARKUP, learnt
from told_stories import Story

from overnight.campaign.values.harmless import harmless
from overnight.report.finding import confidence_sentences, finding_sentence
from overnight.report.formats.markdown import markdown_report, markdown_summary
from overnight.report.formats.markdown_text import plain
from overnight.report.formats.summary import html_summary
from overnight.report.trial_lines import trial_lines

_READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_OURS = {"heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "fence"}


def tokens(text: str) -> list[Token]:
    return _READER.parse(text)


def text_of(inline: Token) -> str:
    return "".join(
        each.content for each in inline.children or [] if each.type in ("text", "code_inline", "text_special")
    )


def texts(markdown: str) -> list[str]:
    return [text_of(token) for token in tokens(markdown) if token.type == "inline"]


def rows(markdown: str) -> Iterator[list[str]]:
    row: list[str] = []
    found = tokens(markdown)
    for i, token in enumerate(found):
        if token.type == "tr_open":
            row = []
        if token.type in ("td_open", "th_open"):
            row.append(text_of(found[i + 1]))
        if token.type == "tr_close":
            yield row


def shown(text: str) -> str:
    """Return text as Markdown shows it: on one line, and without the spaces at its ends."""
    return " ".join(harmless(text).split())


@pytest.mark.parametrize("kind", KINDS)
def test_the_finding_comes_first_and_is_that_of_the_page(kind: str):
    history, story = KINDS[kind]()
    found = texts(markdown_report(history, story))
    assert found[0] == shown(story.campaign)
    first = found.index(shown(finding_sentence(story)))
    assert first <= 2
    for sentence in confidence_sentences(story):
        assert shown(sentence) in found[first + 1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_trials_has_the_numbers_of_the_ledger(kind: str):
    history, story = KINDS[kind]()
    lines = trial_lines(history)
    expected = [lines["headings"], *([str(line["trial"]), line["status"], *line["cells"]] for line in lines["lines"])]
    found = [*rows(markdown_report(history, story))]
    for row in expected if history.trials else []:
        assert [shown(cell) for cell in row] in found


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_our_own_markup_is_markup(kind: str):
    for token in tokens(markdown_report(*KINDS[kind]())):
        assert token.type.removesuffix("_open").removesuffix("_close") in _OURS | {"inline"}
        for child in token.children or []:
            assert child.type in ("text", "text_special", "strong_open", "strong_close", "html_inline", "code_inline")
            assert child.type != "html_inline" or child.content == "<!-- -->"
            assert child.type != "code_inline" or child.content.startswith("overnight ")


def test_hostile_names_keep_every_character_that_can_be_seen():
    found = [*rows(markdown_report(*KINDS["hostile"]()))]
    name = shown(MARKUP)
    assert any(name in row for row in found)
    assert any(row[1:2] == [f"{name} |"] for row in found)
    assert {"trial", "status", name} <= set(next(row for row in found if row[0] == "trial" and "generator" in row))


@pytest.mark.parametrize(
    "text", ["- x", "1. y", "+ z", "12) a", "=== b", "# c", "> d", "| e |", "---", "a\n\n# b", "*"]
)
def test_no_text_begins_a_block(text: str):
    [opened, inline, closed] = tokens(plain(text))
    assert (opened.type, closed.type) == ("paragraph_open", "paragraph_close")
    assert text_of(inline) == shown(text)


@pytest.mark.parametrize("text", ["0.01", "-5", "+7.5 %", "12.5)", "3 - x"])
def test_a_number_is_left_as_it_is(text: str):
    assert plain(text) == text


def test_no_name_notifies_a_person():
    for text in ("ask @ada", "联系@ada", "ada@home.org"):
        assert "@a" not in plain(text)
        assert "@h" not in plain(text)
        assert text_of(tokens(plain(text))[1]) == text


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("see #12", "#12"),
        ("gh-12", "gh-12"),
        ("https://evil.example", "://"),
        ("www.evil.example", "www."),
        ("train.py:100: ValueError", ":100:"),
        (":white_check_mark:", ":white"),
    ],
)
def test_no_text_becomes_a_link_or_an_emoji(text: str, link: str):
    assert link not in plain(text).replace("\\", "")
    assert text_of(tokens(plain(text))[1]) == text


def test_the_summary_has_what_went_wrong_and_what_waits():
    found = texts(markdown_summary(*learnt()))
    assert found.index("What went wrong") < found.index("Waiting for a person")
    assert "Trial 3 failed (evaluator error): out of memory." in found
    assert "Trial 4 awaits approval: far." in found


@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_as_html_has_the_same_words_and_only_our_elements(kind: str):
    html, marked = html_summary(*KINDS[kind]()), texts(markdown_summary(*KINDS[kind]()))
    assert set(re.findall(r"</?(\w+)[^>]*>", html)) <= {"h3", "p", "b", "ul", "li"}
    found = [unescape(text) for text in re.findall(r"<(?:h3|p|p><b|li)>([^<]+)<", html)]
    assert found == marked
    assert "\x1b" not in html


def test_a_campaign_without_trouble_has_no_part_about_trouble():
    story = Story().tried(1, 0, mean=1.0)
    found = texts(markdown_summary(story.history, story_about(story.history)))
    assert not {"What went wrong", "Waiting for a person", "Next"} & set(found)


def test_what_the_model_has_learnt_is_a_table_and_sentences():
    text = markdown_report(*learnt())
    assert ["rate", "60 % (56.7 % to 63.3 %)", "70 % (66.7 % to 73.3 %)"] in [*rows(text)]
    found = texts(text)
    assert "loss is lowest near rate = 0.01 1/s" in found
    assert any(line.startswith("loss is predictable: 80 % of the differences") for line in found)


@pytest.mark.parametrize(
    ("kind", "heading"),
    [("front", "The front"), ("constraints", "Constraints"), ("ab_test", "The arms"), ("contexts", "site = north")],
)
def test_each_kind_of_campaign_has_its_table(kind: str, heading: str):
    assert heading in texts(markdown_report(*KINDS[kind]()))


def test_a_long_campaign_lists_its_best_and_newest_trials_and_says_so():
    story = Story()
    for trial in range(1, 301):
        story.tried(trial, trial, mean=1.0 + abs(trial - 100))
    text = markdown_report(story.history, story_about(story.history))
    listed = {int(row[0]) for row in rows(text) if len(row) > 5 and row[0].isdigit()}
    assert {100, 300} <= listed
    assert len(listed) == 50
    assert re.search(r"50 of 300: the best and the newest", text)
    assert len(text) < 65_536
