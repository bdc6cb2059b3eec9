"""The kinds of parameters, a file each; it imports only `overnight.campaign.values` and the words of problems."""

from overnight.campaign.parameters.any_parameter import Parameter
from overnight.campaign.parameters.bool_parameter import BoolParameter
from overnight.campaign.parameters.categorical_parameter import CategoricalParameter
from overnight.campaign.parameters.derived_parameter import DerivedParameter
from overnight.campaign.parameters.fidelity_parameter import FidelityParameter
from overnight.campaign.parameters.fixed_parameter import FixedParameter
from overnight.campaign.parameters.float_parameter import FloatParameter
from overnight.campaign.parameters.int_parameter import IntParameter
from overnight.campaign.parameters.kind import Listed, Value
from overnight.campaign.parameters.number import Bounded, Stepped
from overnight.campaign.parameters.ordinal_parameter import OrdinalParameter

__all__ = [
    "BoolParameter",
    "Bounded",
    "CategoricalParameter",
    "DerivedParameter",
    "FidelityParameter",
    "FixedParameter",
    "FloatParameter",
    "IntParameter",
    "Listed",
    "OrdinalParameter",
    "Parameter",
    "Stepped",
    "Value",
]
