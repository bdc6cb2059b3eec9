"""The reference of the exit codes, from the enumeration that `overnight run` uses."""

from generated.tables import table
from overnight.flows.commands.start.exit_codes import ExitCode

_HEAD = """# Exit codes

The exit codes of `overnight run`, for cron and for scripts:

"""
_MEANING = {
    ExitCode.WELL: "the campaign finished with at least one result; or a person, a signal or the end of its window "
    "drained it; or there was nothing to do",
    ExitCode.STOPPED: "it could not continue: too many trials failed in a row (`failures.max_in_a_row`), another "
    "controller holds it, or the ledger cannot be used",
    ExitCode.WRONG_DEFINITION: "its definition is wrong, or `evaluator_changed: refuse` met a changed evaluator",
    ExitCode.NO_RESULT: "it finished, trials were tried, and none gave a result; imported results do not count",
    ExitCode.INTERRUPTED: "Ctrl-C came before it was at work or after it; at work, Ctrl-C drains it",
}
_OTHERS = """
All other commands exit with 0 if they did what they were asked, with 1 if they could not, and with 2 if the campaign
file or an argument is wrong. Two of them also answer a question with their exit code:

"""
_ANSWERS = (
    ("`overnight verify`", "the ledger is whole", "it is damaged, cut or rewritten", "that cannot be determined"),
    ("`overnight replay`", "every proposal stands", "one is different, or none can be compared", ""),
)


def page() -> str:
    """Return the page."""
    rows = [(str(code.value), _MEANING[code]) for code in ExitCode]
    return _HEAD + table(("exit code", "meaning"), rows) + _OTHERS + table(("command", "0", "1", "2"), _ANSWERS)
