"""Build the one story of how a campaign stands; imports the campaign and facts about single trials, no renderer."""

from overnight.report.story.story import OfContext, Story, story_of

__all__ = ["OfContext", "Story", "story_of"]
