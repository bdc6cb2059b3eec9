"""The space of a campaign: its parameters, when each is active, and which points are allowed."""

from overnight.campaign.space.parameters import Parameters
from overnight.campaign.space.space import Point, Space, SpaceText
from overnight.campaign.space.written_point import WrittenPoint

__all__ = ["Parameters", "Point", "Space", "SpaceText", "WrittenPoint"]
