"""The end of an evaluation's output, redacted, for display elsewhere."""

from pathlib import Path

from overnight.campaign.values.harmless import harmless
from overnight.evaluators.evaluator import Evaluator
from overnight.evaluators.processes.attempt_folder import last_text
from overnight.evaluators.secrets.environment import Redaction

_MOST = 32_768


def printed(evaluator: Evaluator, folder: Path) -> dict[str, str]:
    """Return the last part of `stdout` and `stderr` of the attempt in this folder; streams without text are left out.

    Up to 32 KiB of each, as a terminal may show it. The evaluator's secrets are replaced by their names.
    """
    redaction = Redaction(evaluator.secrets())
    # Hidden before it is cut: half of a secret is a secret, too.
    texts = {name: redaction.text(last_text(folder / name))[-_MOST:].strip() for name in ("stdout", "stderr")}
    return {name: harmless(text) for name, text in texts.items() if text}
