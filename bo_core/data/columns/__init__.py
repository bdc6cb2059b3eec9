"""The features of the kinds of parameters, a file for each geometry; each takes one line here."""

from typing import Any

from overnight.bo_core.data.columns.column import Column
from overnight.bo_core.data.columns.conditional import ConditionalColumn
from overnight.bo_core.data.columns.corners import CornersColumn
from overnight.bo_core.data.columns.grid import GridColumn
from overnight.bo_core.data.columns.real import RealColumn
from overnight.bo_core.data.columns.steps import StepsColumn
from overnight.bo_core.data.columns.whole import WholeColumn
from overnight.campaign.parameters import Parameter

__all__ = ["Column", "ConditionalColumn", "column_of"]
_COLUMNS: dict[str, Any] = {
    "real": RealColumn,
    "whole": WholeColumn,
    "grid": GridColumn,
    "steps": StepsColumn,
    "corners": CornersColumn,
}


def column_of(parameter: Parameter) -> Column:
    """Return the column of a tuned parameter."""
    assert parameter.geometry is not None
    column = _COLUMNS[parameter.geometry](parameter)
    return column if parameter.when is None else ConditionalColumn(column)
