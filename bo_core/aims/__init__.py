"""The goal of a campaign on the scale of its models; may import the models, the acquisition and what lies below."""

from overnight.bo_core.aims.aim import Aim
from overnight.bo_core.aims.front import Front
from overnight.bo_core.aims.limited import Limited
from overnight.bo_core.aims.made import aim_of
from overnight.bo_core.aims.unlimited import Unlimited

__all__ = ["Aim", "Front", "Limited", "Unlimited", "aim_of"]
