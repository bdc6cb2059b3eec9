"""Evaluations as processes of the controller's own machine."""

from typing import ClassVar, Literal

from overnight.flows.clusters.places.kind import PlaceKind


class Here(PlaceKind):
    """On the controller's machine, which starts a supervisor for each evaluation."""

    form: ClassVar[str] = "`here`"

    kind: Literal["here"] = "here"

    def __str__(self) -> str:
        return "this machine"
