"""How often an evaluation is looked at that continues after its process has ended, and for how long it may."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from overnight.campaign.values.duration import Duration


class Polling(BaseModel):
    """The evaluator is called again `every` so often, unless it asks for another pause.

    An evaluation that has not ended after `at_most` since its attempt began is cancelled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Duration = timedelta(hours=1)
    at_most: Duration = timedelta(days=30)
