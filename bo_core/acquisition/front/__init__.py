"""Scores of several objectives: a room of the acquisition, which knows objectives only on the scale of the models."""

from overnight.bo_core.acquisition.front.boxes import on_front
from overnight.bo_core.acquisition.front.front_incumbents import could_be_on_front
from overnight.bo_core.acquisition.front.hypervolume import HypervolumeImprovement

__all__ = ["HypervolumeImprovement", "could_be_on_front", "on_front"]
