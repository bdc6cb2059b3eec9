"""Rules that stop a running trial, judging its reports against those of other trials."""

from typing import Annotated

from pydantic import Field

from overnight.campaign.stopping.curve import Curve
from overnight.campaign.stopping.improbable import ImprobableRule
from overnight.campaign.stopping.median import MedianRule
from overnight.campaign.stopping.reason import Reason
from overnight.campaign.stopping.successive_halving import SuccessiveHalvingRule

AnyStoppingRule = Annotated[MedianRule | SuccessiveHalvingRule | ImprobableRule, Field(discriminator="rule")]

__all__ = ["AnyStoppingRule", "Curve", "ImprobableRule", "MedianRule", "Reason", "SuccessiveHalvingRule"]
