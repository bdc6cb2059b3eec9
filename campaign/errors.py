"""The exceptions of Overnight, as a short tree."""


class OvernightError(Exception):
    """The base of all exceptions that Overnight raises; the text is one paragraph for a person."""


class InvalidDefinition(OvernightError):
    """A definition is invalid or contradicts itself; each problem names its path in the user's file.

    A `hint` is a text about all problems, which follows them.
    """

    def __init__(self, problems: list[str], hint: str = "") -> None:
        self.problems, self.hint = problems, hint
        super().__init__("\n".join([*problems, *([hint] if hint else [])]))


class InvalidPoint(OvernightError):
    """A point does not lie in the space."""


class InvalidHistory(OvernightError):
    """The events contradict each other, so no history can be computed from them."""


class CampaignStopped(OvernightError):
    """A campaign tries nothing more in its present state; the text gives the reason and a way to continue."""


class BudgetSpent(CampaignStopped):
    """A budget of the campaign is spent, so nothing more is tried."""


class AskLater(OvernightError):
    """Nothing may be tried now, because of a person, the window or running evaluations; ask again later."""


class CannotStart(OvernightError):
    """A campaign lacks a server, a scheduler, a folder, or the process that opened it."""


class CannotPropose(OvernightError):
    """No further point can be proposed; the text gives the reason."""


class ModelFailed(CannotPropose):
    """The model cannot be computed numerically, through no fault of the campaign; the text gives the reason."""


class SpaceExhausted(CannotPropose, CampaignStopped):
    """Every point of a finite space has been tried or is being tried."""


class LedgerError(OvernightError):
    """The ledger cannot be read or written."""


class LedgerMoved(LedgerError):
    """Another writer appended first: read the new events and decide again."""


class LedgerDamaged(LedgerError):
    """A segment is missing, torn, foreign or of a version that never existed; the text names the file."""


class LedgerTooNew(LedgerError):
    """A newer version of Overnight wrote a file that this version cannot read; the text names the file."""


class CampaignHeld(OvernightError):
    """Another controller acts for this campaign."""


class CannotImport(OvernightError):
    """Past results cannot be imported; the text gives the reason and names each result that does not fit."""


class Refused(OvernightError):
    """A request cannot be carried out in the campaign's present state; the text gives the reason and a remedy."""


class NotUnderWay(Refused):
    """A result was given for a trial that is not under way: unknown, ended, not started, or evaluated elsewhere."""


class InvalidResult(Refused):
    """A result lacks an expected metric, or a value is not a finite number; nothing was written."""
