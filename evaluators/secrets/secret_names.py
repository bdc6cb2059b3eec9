"""Find secrets that are part of a campaign's own names and therefore cannot be redacted."""

from collections.abc import Iterable, Iterator, Mapping

from overnight.campaign import Campaign
from overnight.evaluators.secrets.environment import Redaction, passed_on


def name_problems(variables: Iterable[str], campaign: Campaign) -> list[str]:
    """Return a sentence for each passed-on variable whose value is part of one of the campaign's names.

    Names are recorded as they are, so such a value could not be kept out of the ledger.
    """
    return [
        f"`evaluator.environment`: the value of `{name}` is part of {what}. Names are written to the ledger as they "
        f"are, so this value cannot be kept out of it. If it is not a secret, write `{name}=` with the value; if it "
        f"is, rename {what}"
        for name, what in hidden_names(passed_on(variables), campaign)
    ]


def hidden_names(secrets: Mapping[str, str], campaign: Campaign) -> Iterator[tuple[str, str]]:
    """Yield the name of each secret, with the campaign's name or value of which it is part."""
    for name, value in secrets.items():
        redaction = Redaction({name: value})
        yield from ((name, what) for what, text in _names(campaign) if redaction.hides(text))


def _names(campaign: Campaign) -> Iterator[tuple[str, str]]:
    """Return the names that a campaign relies on, each with its place in the campaign's file."""
    yield f"the campaign's `name`, `{campaign.name}`", campaign.name
    for metric in campaign.expected_metrics:
        yield f"the metric `{metric}`", metric
    for name, parameter in campaign.parameters_of_point.items():
        yield f"the parameter `{name}`", name
        yield from (
            (f"the choice `{value}` of `{name}`", value) for value in parameter.listed if isinstance(value, str)
        )
