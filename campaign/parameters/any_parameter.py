"""The kinds of parameters in a campaign file; each takes one line here."""

from typing import Annotated

from pydantic import Field

from overnight.campaign.parameters.bool_parameter import BoolParameter
from overnight.campaign.parameters.categorical_parameter import CategoricalParameter
from overnight.campaign.parameters.derived_parameter import DerivedParameter
from overnight.campaign.parameters.fidelity_parameter import FidelityParameter
from overnight.campaign.parameters.fixed_parameter import FixedParameter
from overnight.campaign.parameters.float_parameter import FloatParameter
from overnight.campaign.parameters.int_parameter import IntParameter
from overnight.campaign.parameters.ordinal_parameter import OrdinalParameter

Parameter = Annotated[
    FloatParameter
    | IntParameter
    | BoolParameter
    | CategoricalParameter
    | OrdinalParameter
    | FixedParameter
    | DerivedParameter
    | FidelityParameter,
    Field(discriminator="kind"),
]
