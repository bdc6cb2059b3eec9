"""What can go wrong, as a short tree of exceptions, one sentence each."""


class OvernightError(Exception):
    """Anything that Overnight itself raises; its text is one paragraph for a person."""


class InvalidDefinition(OvernightError):
    """What was asked for contradicts itself; each problem names its path in the user's file."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class InvalidPoint(OvernightError):
    """A point does not lie in the space."""


class InvalidHistory(OvernightError):
    """The events contradict each other, so that no history can be folded from them."""


class CampaignStopped(OvernightError):
    """A campaign tries nothing more as it stands; says why, and what would let it go on."""


class BudgetSpent(CampaignStopped):
    """A budget of the campaign is spent, so that nothing more is tried."""


class AskLater(OvernightError):
    """Nothing may be tried at the moment, as people, the window or running evaluations hold it up; ask again later."""


class CannotStart(OvernightError):
    """Something that a campaign needs is not there: a server, a scheduler, a folder, or the process that opened it."""


class CannotPropose(OvernightError):
    """No further point can be proposed; says why."""


class ModelFailed(CannotPropose):
    """The model's numbers cannot be computed, for no fault of the campaign's; says why."""


class SpaceExhausted(CannotPropose, CampaignStopped):
    """Every point of a finite space has been tried or is being tried."""


class LedgerError(OvernightError):
    """The ledger cannot be read or written."""


class LedgerMoved(LedgerError):
    """Somebody else appended first: read what is new and decide again."""


class LedgerDamaged(LedgerError):
    """A segment is missing, torn, foreign or of a version that never was; names the file."""


class LedgerTooNew(LedgerError):
    """A newer version of Overnight wrote this, and what it says cannot be told by this one; names the file."""


class CampaignHeld(OvernightError):
    """Another controller acts for this campaign."""


class CannotImport(OvernightError):
    """Past results cannot be taken in; says why, and names each that does not fit."""


class Refused(OvernightError):
    """What a person asks for cannot be done as the campaign stands; says why and what to do."""


class NotUnderWay(Refused):
    """A result was given for a trial that nobody waits for: unknown, ended, not started, or evaluated elsewhere."""


class InvalidResult(Refused):
    """A result lacks a metric that was asked for, or has a value that is none; nothing was written."""
