"""Words of a command that only a shell would interpret, or that look like placeholders for values."""

import pytest
from attempts import campaign

from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import CommandEvaluator
from overnight.evaluators.processes.command_words import word_problems

PARAMETERS = ("x", "learning_rate")


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (("./measure.sh", "|", "tee", "log"), "|"),
        (("./measure.sh", "-q", "&&", "./other"), "&&"),
        (("./measure.sh", ";", "./other"), ";"),
        (("./measure.sh", "&"), "&"),
        (("./measure.sh", ">", "log"), ">"),
        (("./measure.sh", ">>log"), ">>log"),
        (("./measure.sh", "2>&1"), "2>&1"),
        (("./measure.sh", "2>/dev/null"), "2>/dev/null"),
        (("./measure.sh", "<input.txt"), "<input.txt"),
        (("./measure.sh | tee log",), "./measure.sh | tee log"),
        (("./measure.sh;", "./other"), "./measure.sh;"),
        (("./measure.sh", "$DATA"), "$DATA"),
        (("./measure.sh", "--data=${DATA}/night"), "--data=${DATA}/night"),
        (("./measure.sh", "$(date)"), "$(date)"),
        (("./measure.sh", "`date`"), "`date`"),
        (("THREADS=4", "./measure.sh"), "THREADS=4"),
    ],
)
def test_what_only_a_shell_understands_is_refused_by_its_word(command: tuple[str, ...], word: str):
    [problem] = word_problems(command, PARAMETERS)
    assert problem.startswith("`evaluator.command`: expected ")
    assert f"found `{word}`" in problem
    assert "No shell runs the command" in problem


@pytest.mark.parametrize(
    ("command", "placeholder"),
    [
        (("./measure.sh", "{x}"), "{x}"),
        (("./measure.sh", "--lr={learning_rate}"), "--lr={learning_rate}"),
        (("./measure.sh", "--lr", "{{learning_rate}}"), "{{learning_rate}}"),
        (("./measure.sh", "--lr={lr}"), "--lr={lr}"),
        (("./measure.sh", "out-{trial}.json"), "{trial}"),
        (("./measure.sh", "%(x)s"), "%(x)s"),
        (("./measure.sh", "<x>"), "<x>"),
        (("sh", "-c", "./measure.sh --x {x} | tee log"), "{x}"),
    ],
)
def test_a_placeholder_is_refused_with_where_the_values_are(command: tuple[str, ...], placeholder: str):
    [problem] = word_problems(command, PARAMETERS)
    assert f"`{placeholder}`" in problem
    assert "EVAL_REQUEST" in problem


async def test_check_refuses_a_pipeline_before_it_looks_for_the_program():
    evaluator = CommandEvaluator.model_validate({"command": "./measure.sh | tee log"})
    with pytest.raises(InvalidDefinition, match=r"found `\|`, which only a shell understands") as refused:
        await evaluator.check(campaign())
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(
    "command",
    [
        ("./measure.sh", "--fast", "-n", "4"),
        ("sh", "-c", "./measure.sh --x ${x} | tee log 2>&1"),
        ("/bin/bash", "-e", "-c", "a && b > log"),
        ("python3", "-c", "import json; x = 1; print(f'{x}' if x > 0 else '|')"),
        ("cut", "-d|", "-f1", "file"),
        ("awk", "{print $1}", "file"),
        ("grep", "^x$", "file"),
        ("psql", "-c", "select 1;"),
        ("find", ".", "-name", "*.json"),
        ("run", "x>=1", "--define", '{"x": 1}', "{}"),
    ],
)
def test_words_that_a_program_may_get_are_accepted(command: tuple[str, ...]):
    assert word_problems(command, PARAMETERS) == []
