"""The space of a campaign: its parameters, when each is active, and which points are allowed."""

from overnight.campaign.space.earlier import unknown_values, with_past_values
from overnight.campaign.space.parameters import Parameters
from overnight.campaign.space.space import Point, Space, SpaceText
from overnight.campaign.space.written_point import WrittenPoint

__all__ = ["Parameters", "Point", "Space", "SpaceText", "WrittenPoint", "unknown_values", "with_past_values"]
