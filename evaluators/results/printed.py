"""The end of an evaluation's output, redacted, for display elsewhere."""

from pathlib import Path

from overnight.campaign.values.harmless import harmless
from overnight.evaluators.evaluator import Evaluator
from overnight.evaluators.processes.attempt_folder import last_text
from overnight.evaluators.secrets.environment import Redaction

_MOST = 32_768


def printed(evaluator: Evaluator, folder: Path) -> dict[str, str]:
    """Return the end of `stdout` and `stderr` of the attempt in this folder, without streams that have no text.

    Each text has at most 32 KiB and is safe to show in a terminal. Secrets are replaced by their names.
    """
    redaction = Redaction(evaluator.secrets())
    # Redacted before it is truncated, since half of a secret would remain otherwise.
    texts = {name: redaction.text(last_text(folder / name))[-_MOST:].strip() for name in ("stdout", "stderr")}
    return {name: harmless(text) for name, text in texts.items() if text}
